// The parameter table as the server tells it, and what a person set. Pure.

/**
 * @typedef {object} Knob
 * @property {string} name
 * @property {"float" | "integer" | "bool" | "choice" | "texts" | "json"} kind
 * @property {number | null} min
 * @property {number | null} max
 * @property {number} low  smallest value of the slider
 * @property {number} high  largest value of the slider; slider and range differ where the range is vast
 * @property {number} step
 * @property {boolean} hasSlider
 * @property {string[]} names  of a choice
 * @property {unknown} neutral
 * @property {unknown} fallback  the value in use when it is not set
 * @property {string} help
 * @property {string} source
 * @property {string | null} lockedBecause
 * @property {string[]} aliases
 */

/** Spans that people move in, where the allowed range is far wider. */
const SPANS = /** @type {Record<string, [number, number]>} */ ({
  temperature: [0, 2],
  top_k: [0, 100],
  top_n_sigma: [0, 4],
  repetition_penalty: [0.8, 1.6],
  frequency_penalty: [-2, 2],
  presence_penalty: [-2, 2],
  typical_p: [0.05, 1],
  no_repeat_ngram_size: [0, 8],
  min_tokens: [0, 200],
  thinking_budget: [0, 512],
  answer_reserve: [0, 512],
  dry_multiplier: [0, 3],
  dry_base: [1, 4],
  mirostat_tau: [0, 10],
});

/** Knobs that a chat shows without asking for more. */
export const MAIN_KNOBS = [
  "temperature",
  "top_p",
  "top_k",
  "min_p",
  "repetition_penalty",
  "frequency_penalty",
  "presence_penalty",
  "stop",
];

/** Knobs of the thought. */
export const THINKING_KNOBS = [
  "enable_thinking",
  "reasoning_effort",
  "thinking_budget",
  "answer_reserve",
];

/** Knobs that have a place of their own on the page, or no sense in one answer. */
export const OWN_PLACE = [
  "max_tokens",
  "max_new_tokens",
  "seed",
  "n",
  "best_of",
  "num_return_sequences",
  "logprobs",
  "top_logprobs",
  "prompt_logprobs",
  "logprobs_mode",
];

/**
 * The table of `/v1/parameters`.
 * @param {any} json
 * @returns {Knob[]}
 */
export function knobsOf(json) {
  const list = json?.data ?? [];
  const locked = json?.model?.locked;
  return list.map((/** @type {any} */ entry) => {
    const isLocked = locked?.parameters?.includes(entry.name) === true;
    return knobOf(
      entry,
      isLocked ? (locked.reason ?? "This model does not let it be changed.") : null,
    );
  });
}

/**
 * @param {any} entry
 * @param {string | null} lockedBecause
 * @returns {Knob}
 */
function knobOf(entry, lockedBecause) {
  const min = numberOr(entry.min, null);
  const max = numberOr(entry.max, null);
  const kind = kindOf(entry);
  const known = SPANS[entry.name];
  const low = Math.max(known?.[0] ?? min ?? 0, min ?? -Infinity);
  const high = Math.min(known?.[1] ?? max ?? 1, max ?? Infinity);
  const isNumber = kind === "float" || kind === "integer";
  const isNarrow =
    isNumber && (known !== undefined || (min !== null && max !== null && max - min <= 10));
  return {
    name: entry.name,
    kind,
    min,
    max,
    low,
    high,
    step: kind === "integer" ? 1 : high - low <= 0.2 ? 0.001 : high - low <= 4 ? 0.01 : 0.1,
    hasSlider: isNarrow && high > low,
    names: entry.names ?? [],
    neutral: entry.neutral ?? null,
    fallback: entry.recommended ?? entry.default ?? null,
    help: entry.help ?? "",
    source: entry.source ?? "",
    lockedBecause,
    aliases: entry.aliases ?? [],
  };
}

/**
 * @param {any} entry
 * @returns {Knob["kind"]}
 */
function kindOf(entry) {
  switch (entry.kind) {
    case "number":
      return "float";
    case "boolean":
      return "bool";
    case "integer":
    case "choice":
    case "texts":
      return entry.kind;
    default:
      return "json";
  }
}

/**
 * @param {unknown} value
 * @param {number | null} fallback
 */
function numberOr(value, fallback) {
  return typeof value === "number" && Number.isFinite(value) ? value : fallback;
}

/**
 * Reads what a person typed.
 * @param {Knob} knob
 * @param {string} text
 * @returns {{value: unknown} | {problem: string}} the value `undefined` is "not set"
 */
export function readKnob(knob, text) {
  const trimmed = text.trim();
  if (trimmed === "") return { value: undefined };
  if (knob.kind === "float" || knob.kind === "integer") return readNumber(knob, trimmed);
  if (knob.kind === "texts")
    return {
      value: text
        .split("\n")
        .filter((line) => line !== "")
        .map(unescapeText),
    };
  if (knob.kind === "bool") return { value: trimmed === "true" };
  if (knob.kind === "choice") return { value: trimmed };
  try {
    return { value: JSON.parse(trimmed) };
  } catch {
    return { problem: 'This is not JSON: lists look like [1, 2], maps like {"text": -1}.' };
  }
}

/**
 * @param {Knob} knob
 * @param {string} text
 */
function readNumber(knob, text) {
  const number = Number(text.replace(",", "."));
  if (!Number.isFinite(number)) return { problem: "This is not a number." };
  if (knob.kind === "integer" && !Number.isInteger(number))
    return { problem: "This has to be a whole number." };
  const isOutside =
    (knob.min !== null && number < knob.min) || (knob.max !== null && number > knob.max);
  return isOutside ? { problem: `Allowed: ${knob.min} to ${knob.max}.` } : { value: number };
}

/** @param {string} line  "\n" stands for a line break */
function unescapeText(line) {
  return line.replace(/\\(n|t|\\)/g, (_, letter) =>
    letter === "n" ? "\n" : letter === "t" ? "\t" : "\\",
  );
}

/**
 * How a value is written in its field; `readKnob` reads it again.
 * @param {Knob} knob
 * @param {unknown} value
 */
export function writeKnob(knob, value) {
  if (value === undefined || value === null) return "";
  if (knob.kind === "texts") {
    const list = Array.isArray(value) ? value : [value];
    return list
      .map((text) =>
        String(text).replace(/\\/g, "\\\\").replace(/\n/g, "\\n").replace(/\t/g, "\\t"),
      )
      .join("\n");
  }
  return knob.kind === "json" ? JSON.stringify(value) : String(value);
}

/**
 * The names of settings in which lanes differ.
 * @param {Record<string, unknown>[]} settings
 * @returns {string[]}
 */
export function differing(settings) {
  const names = new Set(settings.flatMap((one) => Object.keys(one)));
  return [...names].filter(
    (name) => new Set(settings.map((one) => JSON.stringify(one[name]) ?? "")).size > 1,
  );
}
