// One step of a trace: candidates, stages, the draw.

import { element, fill, iconButton, tokenText, visible } from "./dom.js";
import { finite, nats, percent } from "./format.js";

/** @typedef {import("./answer.js").Step} Step */

/** Why a token stands in place of the model's own choice. */
const FORCED = /** @type {Record<string, string>} */ ({
  thinking_soft: "the thought ends at a natural place near its budget",
  thinking_end: "the thought ends",
  thinking_hard: "the thought ends at its budget",
  grammar: "the only token that the grammar allows",
});

/** The panel beside the heat map. */
export class StepView {
  /** @param {(move: 1 | -1) => void} onmove */
  constructor(onmove) {
    this.place = element("span", { class: "number quiet" });
    this.back = iconButton("back", "Previous step", () => onmove(-1), { class: "outlined round" });
    this.on = iconButton("on", "Next step", () => onmove(1), { class: "outlined round" });
    this.title = element("h2");
    this.how = element("p");
    this.facts = element("dl", { class: "step-facts" });
    this.details = element("div");
    this.root = element(
      "section",
      { class: "card step-card", "aria-label": "Step" },
      element("div", { class: "walk" }, this.back, this.place, this.on),
      element("div", { "aria-live": "polite" }, this.title, this.how),
      this.facts,
      this.details,
    );
    this.clear();
  }

  clear() {
    this.back.disabled = true;
    this.on.disabled = true;
    this.place.textContent = "no step yet";
    fill(this.title, "One token at a time");
    this.how.textContent = "Trace a prompt, then choose a token.";
    fill(this.facts);
    fill(this.details);
  }

  /**
   * @param {Step} step
   * @param {number} index
   * @param {number} total
   */
  show(step, index, total) {
    this.place.textContent = `step ${index + 1} of ${total}`;
    this.back.disabled = index === 0;
    this.on.disabled = index + 1 >= total;
    fill(
      this.title,
      tokenText(step.token),
      element("span", { class: "quiet number id" }, ` id ${step.id}`),
    );
    this.how.textContent = how(step);
    fill(this.facts, ...facts(step));
    if (step.raw)
      fill(this.details, ...drawFigure(step), ...candidateTable(step), ...stageList(step));
    else fill(this.details, element("p", { class: "quiet" }, "No trace was taken at this step."));
  }
}

/** @param {Step} step */
function how(step) {
  let text;
  if (step.forced)
    text = `Forced (${FORCED[step.forced] ?? step.forced}): it stands in place of the model's choice.`;
  else if (!step.draw) text = "Greedy: the best candidate was taken.";
  else if (step.nucleus_size === 1) text = "The stages left one candidate only.";
  else text = `Drawn among ${step.nucleus_size} candidates.`;
  if (step.draft)
    text += step.draft.accepted
      ? " The draft had guessed it."
      : ` The draft had guessed “${visible(step.draft.token)}”, in vain.`;
  return text;
}

/** @param {Step} step */
function facts(step) {
  /** @type {[string, string][]} */
  const list = [];
  if (step.raw)
    list.push(
      ["model's probability", percent(step.raw.probability)],
      ["rank", `${step.raw.rank} of ${step.raw.possible}`],
    );
  if (!step.forced)
    list.push(
      ["after stages", percent(step.probability)],
      ["candidates left", String(step.nucleus_size)],
    );
  if (step.raw)
    list.push(
      ["surprise", nats(-Math.log(finite(step.raw.probability)) + 0)],
      ["entropy", nats(step.raw.entropy)],
    );
  return list.map(([name, value]) =>
    element("div", {}, element("dt", {}, name), element("dd", {}, value)),
  );
}

/**
 * The line from 0 to 1, cut among the candidates in order of their ids, and where the draw fell.
 * @param {Step} step
 */
function drawFigure(step) {
  const { draw } = step;
  if (!draw) return [];
  const line = element("div", { class: "draw", "aria-hidden": "true" });
  const final = step.final ?? [];
  if (final.length === step.nucleus_size) {
    let from = 0;
    for (const entry of [...final].sort((a, b) => a.id - b.id)) {
      line.append(
        element("i", {
          class: entry.id === step.id ? "chosen" : "",
          "--from": from,
          "--part": entry.probability,
          title: visible(entry.token),
        }),
      );
      from += finite(entry.probability);
    }
  } else
    line.append(
      element("i", { class: "chosen", "--from": draw.low, "--part": draw.high - draw.low }),
    );
  line.append(element("b", { "--from": draw.u }));
  const whose = step.forced
    ? "the interval of another token, which was passed over."
    : "the interval of this token.";
  return [
    element("h3", {}, "The draw"),
    line,
    element(
      "div",
      { class: "ends quiet number", "aria-hidden": "true" },
      element("span", {}, "0"),
      element("span", {}, "1"),
    ),
    element(
      "p",
      { class: "quiet number" },
      `u = ${draw.u.toFixed(6)} fell into [${draw.low.toFixed(6)}, ${draw.high.toFixed(6)}), ${whose}`,
    ),
  ];
}

/** @param {Step} step */
function candidateTable(step) {
  const final = new Map((step.final ?? []).map((entry) => [entry.id, entry]));
  const removedBy = new Map();
  for (const stage of step.stages ?? []) {
    for (const entry of stage.removed) if (!removedBy.has(entry.id)) removedBy.set(entry.id, stage);
  }
  const known = new Set();
  /** @type {HTMLElement[]} */
  const rows = [];
  const own = { id: step.id, token: step.token, probability: step.raw.probability };
  for (const entry of [
    ...step.raw.top,
    own,
    ...(step.final ?? []).map((entry) => ({ ...entry, probability: null })),
  ]) {
    if (known.has(entry.id)) continue;
    known.add(entry.id);
    const isTiny =
      rows.length >= 5 &&
      !final.has(entry.id) &&
      entry.id !== step.id &&
      finite(entry.probability) < 0.0001;
    if (!isTiny) rows.push(candidateRow(step, entry, final.get(entry.id), removedBy.get(entry.id)));
  }
  const heads = ["Token", "Model", "After stages"].map((name) =>
    element("th", { scope: "col" }, name),
  );
  const table = element(
    "table",
    { class: "candidates", "aria-label": "Best candidates" },
    element("thead", {}, element("tr", {}, ...heads)),
    element("tbody", {}, ...rows),
  );
  const more = step.raw.possible - rows.length;
  return [
    element("h3", {}, "Candidates"),
    table,
    ...(more > 0 ? [element("p", { class: "quiet number" }, `and ${more} other tokens`)] : []),
  ];
}

/**
 * @param {Step} step
 * @param {any} entry
 * @param {any} left
 * @param {any} stage
 */
function candidateRow(step, entry, left, stage) {
  const isChosen = entry.id === step.id;
  let fate = "";
  if (isChosen) fate = step.forced ? "forced" : "chosen";
  else if (stage) fate = `removed by ${stage.name}`;
  else if (!left && (step.final ?? []).length === step.nucleus_size)
    fate = step.draw ? "removed" : "not the best";
  const isGone = !isChosen && fate !== "";
  const cell = (/** @type {number | null} */ share) =>
    element(
      "td",
      {},
      element("span", { class: "number" }, share === null ? "–" : percent(share)),
      meter(share),
    );
  return element(
    "tr",
    { class: isChosen ? "chosen" : isGone ? "gone" : "" },
    element(
      "th",
      { scope: "row" },
      tokenText(entry.token),
      fate ? element("small", {}, fate) : null,
    ),
    cell(entry.probability),
    cell(left ? left.probability : null),
  );
}

/** @param {unknown} share */
function meter(share) {
  const part = finite(share);
  return element(
    "span",
    { class: part > 0 ? "meter" : "meter none", "aria-hidden": "true" },
    element("i", { "--part": part > 0 ? part : 0 }),
  );
}

/** @param {Step} step */
function stageList(step) {
  const stages = step.stages ?? [];
  if (stages.length === 0) return [];
  let before = step.raw.entropy;
  const items = stages.map((stage) => {
    const item = stageItem(stage, before);
    before = stage.entropy;
    return item;
  });
  return [element("h3", {}, "Stages, in order"), element("ol", { class: "stages" }, ...items)];
}

/**
 * @param {any} stage
 * @param {unknown} entropyBefore
 */
function stageItem(stage, entropyBefore) {
  const cut = stage.before - stage.kept;
  const facts = [`entropy ${finite(entropyBefore).toFixed(3)} → ${nats(stage.entropy)}`];
  if (stage.threshold !== null && stage.threshold !== undefined)
    facts.unshift(`threshold ${Number(finite(stage.threshold).toPrecision(6))}`);
  const item = element(
    "li",
    {},
    element(
      "div",
      { class: "stage-head" },
      element("b", {}, stage.name),
      element(
        "span",
        { class: "number" },
        cut === 0 ? `kept all ${stage.kept}` : `kept ${stage.kept} of ${stage.before}`,
      ),
    ),
    element("div", { class: "quiet number" }, facts.join(" · ")),
  );
  if (cut <= 0) return item;
  const named = stage.removed.slice(0, 8);
  const chips = named.map((/** @type {any} */ entry) =>
    element("span", { class: "chip" }, tokenText(entry.token), ` ${percent(entry.probability)}`),
  );
  const more = cut - named.length;
  item.append(
    meter(stage.mass),
    element("div", { class: "quiet number" }, `${percent(stage.mass)} of the mass kept`),
    element(
      "div",
      { class: "removed" },
      element("span", { class: "quiet" }, "removed "),
      ...chips,
      more > 0 ? element("span", { class: "quiet" }, `and ${more} more`) : "",
    ),
  );
  return item;
}
