// What the server decided, in words. Pure: parts of the `jeton` object in, sentences out.

import { count, duration, money, plural, setting } from "./format.js";

/** Who set a value, as a person would say it. */
const WHO = /** @type {Record<string, string>} */ ({
  request: "you",
  preset: "preset",
  scenario: "scenario",
  tag: "tag",
  default: "default",
  learned: "learned default",
  admin: "admin",
  server: "server",
  key: "your key",
  plan: "your plan",
  route: "route",
  budget: "budget",
  model: "model",
  context: "context window",
  profile: "profile",
});

/** @param {string | undefined} setBy */
export function who(setBy) {
  return setBy === undefined ? "unknown" : (WHO[setBy] ?? setBy);
}

/** @typedef {{by: string, value: string, rule: string, kind: "asked" | "step"}} ProvenanceStep */

/**
 * The way of a limit from what was asked to what was in force.
 * @param {any} decision  an entry of `jeton.limits`
 * @returns {ProvenanceStep[]}
 */
export function provenance(decision) {
  if (!decision) return [];
  /** @type {ProvenanceStep[]} */
  const steps = [];
  for (const step of decision.steps ?? []) {
    steps.push({
      by: who(step.by),
      value: setting(step.value),
      rule: step.rule ?? "",
      kind: steps.length === 0 && isWish(step.by) ? "asked" : "step",
    });
  }
  const isAskedMissing =
    decision.asked !== null && decision.asked !== undefined && steps[0]?.kind !== "asked";
  if (isAskedMissing)
    steps.unshift({ by: "you", value: setting(decision.asked), rule: "", kind: "asked" });
  const last = steps[steps.length - 1];
  if (decision.effective !== undefined && last?.value !== setting(decision.effective)) {
    steps.push({
      by: who(decision.set_by),
      value: setting(decision.effective),
      rule: decision.rule ?? "",
      kind: "step",
    });
  }
  return steps.filter(
    (step, index) =>
      index === 0 || step.value !== steps[index - 1].value || step.by !== steps[index - 1].by,
  );
}

/** @param {string} by */
function isWish(by) {
  return by === "request" || by === "preset";
}

/**
 * Why an answer ended.
 * @param {any} stop  `jeton.stop`
 * @param {string | null} finishReason
 * @returns {string}
 */
export function stopInWords(stop, finishReason) {
  switch (stop?.kind) {
    case "eos":
      return "Ended by itself.";
    case "stop_token":
      return `Ended at the stop token ${stop.token ?? stop.token_id}.`;
    case "stop_string":
      return `Ended at the stop text “${stop.text}”.`;
    case "grammar_complete":
      return "Ended when its shape was complete.";
    case "max_tokens":
      return stop.limit
        ? `Cut at ${plural(stop.limit, "token")}, a limit set by ${article(who(stop.set_by))}.`
        : "Cut at the token limit.";
    case "context_full":
      return "Cut because the context window is full.";
    case "deadline":
      return "Cut at its deadline.";
    case "cancelled":
      return "Stopped.";
    case "failed":
      return `Failed: ${stop.message ?? "the server gave no reason"}.`;
    default:
      break;
  }
  if (finishReason === "stop") return "Ended by itself.";
  if (finishReason === "length") return "Cut at the token limit.";
  return finishReason ? `Ended: ${finishReason}.` : "";
}

/** @param {string} name */
function article(name) {
  return name === "you" || name.startsWith("your") ? name : `the ${name}`;
}

/**
 * What was cut, as a sentence.
 * @param {any} truncation  `jeton.truncation`
 */
export function truncationInWords(truncation) {
  const words = truncation?.explanation;
  if (!words) return "";
  const sentence = words.charAt(0).toUpperCase() + words.slice(1);
  return /[.!?]$/.test(sentence) ? sentence : `${sentence}.`;
}

/**
 * The limit that would probably have been enough.
 * @param {any} truncation
 * @returns {number | null}
 */
export function enoughTokens(truncation) {
  const limit = truncation?.suggestion?.max_tokens ?? truncation?.suggestion?.at_least;
  return typeof limit === "number" ? limit : null;
}

/** How a thought ended. */
const CLOSINGS = /** @type {Record<string, string>} */ ({
  natural: "",
  soft: "ended near its budget",
  hard: "ended at its budget",
  open: "not finished",
});

/**
 * The line over a folded thought.
 * @param {number} tokens
 * @param {any} thinking  `jeton.thinking`
 * @param {{isRunning: boolean, isExact: boolean}} state
 */
export function thinkingInWords(tokens, thinking, state) {
  const about = state.isExact ? "" : "about ";
  if (state.isRunning) return `Thinking… ${about}${plural(tokens, "token")}`;
  const closing = CLOSINGS[thinking?.closed] ?? "";
  return `Thought for ${about}${plural(tokens, "token")}${closing ? `, ${closing}` : ""}`;
}

/**
 * @param {{total: number, thinking: number, answer: number, isExact: boolean}} counts
 */
export function countsInWords(counts) {
  const total = plural(counts.total, "token");
  if (counts.thinking === 0) return total;
  return `${total} (${count(counts.thinking)} thinking, ${count(counts.answer)} answer)`;
}

/**
 * @param {any} parameters  `jeton.parameters`
 * @returns {{name: string, value: string, by: string, asked: string | null}[]}
 */
export function parameterRows(parameters) {
  return Object.entries(parameters ?? {}).map(([name, entry]) => {
    const asked = entry?.asked !== undefined && entry.asked !== null ? setting(entry.asked) : null;
    return { name, value: setting(entry?.value), by: who(entry?.set_by), asked };
  });
}

/**
 * What an answer will likely take, before it is asked for.
 * @param {any} quote  of `/v1/quote`
 */
export function quoteInWords(quote) {
  const { tokens, ms, cost } = quote ?? {};
  if (typeof tokens?.p50 !== "number") return "";
  const isGuess = tokens.basis !== "bound";
  const parts = [
    isGuess ? `about ${plural(tokens.p50, "token")}` : `up to ${plural(tokens.p90, "token")}`,
  ];
  if (isGuess && typeof ms?.p50 === "number") parts.push(duration(ms.p50));
  const paid = isGuess ? cost?.p50 : cost?.p90;
  if (paid > 0) parts.push(money(paid, cost.currency));
  return parts.join(", ");
}
