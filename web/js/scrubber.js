// One run, every limit (N1): which limits to ask for, and what each of them would have given. Pure.

/** Limits that one request may ask for. */
export const LIMITS_MAX = 64;

/**
 * Limits from 1 to `largest`, at most `LIMITS_MAX`, with all `wanted` among them. Small ones lie
 * closer together: an answer may end long before the largest.
 * @param {number} largest
 * @param {number[]} [wanted]
 * @returns {number[]} ascending
 */
export function spreadLimits(largest, wanted = []) {
  const top = Math.max(1, Math.floor(largest));
  const chosen = new Set([top]);
  for (const limit of wanted)
    if (limit >= 1 && limit <= top && chosen.size < LIMITS_MAX) chosen.add(Math.floor(limit));
  const room = LIMITS_MAX - chosen.size;
  const isAll = top <= LIMITS_MAX;
  const places = isAll ? top : room;
  for (let place = 1; place <= places && chosen.size < LIMITS_MAX; place += 1) {
    chosen.add(isAll ? place : Math.max(1, Math.round(top * (place / (room + 1)) ** 1.5)));
  }
  return [...chosen].sort((a, b) => a - b);
}

/**
 * @typedef {object} Stop  what one limit would have given
 * @property {number} limit
 * @property {string} text
 * @property {string} thinking
 * @property {number} tokens
 * @property {number} thinkingTokens
 * @property {string | null} finishReason
 * @property {any} stop
 * @property {any} truncation
 * @property {any} cost
 * @property {number | null} latencyMs
 */

/**
 * The views of an answer, ascending. Limits beyond the end give the same text: the first that lets
 * the answer end stays, the others go.
 * @param {any[]} views  `jeton.views`
 * @returns {Stop[]}
 */
export function stopsOf(views) {
  const stops = views.map((view) => ({
    limit: view.max_tokens,
    text: view.text ?? "",
    thinking: view.thinking?.text ?? "",
    tokens: view.usage?.completion_tokens ?? view.ids?.length ?? 0,
    thinkingTokens:
      view.usage?.thinking_tokens ??
      view.usage?.completion_tokens_details?.reasoning_tokens ??
      view.thinking?.tokens ??
      0,
    finishReason: view.finish_reason ?? null,
    stop: view.stop_reason ?? view.stop ?? null,
    truncation: view.truncation ?? null,
    cost: view.cost ?? null,
    latencyMs: view.latency_ms ?? null,
  }));
  stops.sort((a, b) => a.limit - b.limit);
  const firstWhole = stops.findIndex((stop) => stop.finishReason !== "length");
  return firstWhole < 0 ? stops : stops.slice(0, firstWhole + 1);
}

/**
 * Splits the whole text where a limit would have cut it.
 * @param {string} whole
 * @param {string} part  what the limit gives: a start of the whole, but for text that was held back
 * @returns {{kept: string, cut: string}}
 */
export function splitAt(whole, part) {
  let same = 0;
  const top = Math.min(whole.length, part.length);
  while (same < top && whole[same] === part[same]) same += 1;
  return { kept: part, cut: whole.slice(same === part.length ? part.length : same) };
}

/**
 * The index of the stop nearest to a limit.
 * @param {Stop[]} stops
 * @param {number} limit
 */
export function nearestStop(stops, limit) {
  let best = 0;
  stops.forEach((stop, index) => {
    if (Math.abs(stop.limit - limit) < Math.abs(stops[best].limit - limit)) best = index;
  });
  return best;
}

/**
 * Where several lists of tokens first differ.
 * @param {number[][]} lists  ids per lane
 * @returns {number | null} index of the first token that is not the same everywhere; null if none
 */
export function firstDifference(lists) {
  if (lists.length < 2) return null;
  const longest = Math.max(...lists.map((list) => list.length));
  for (let at = 0; at < longest; at += 1) {
    if (lists.some((list) => list[at] !== lists[0][at])) return at;
  }
  return null;
}
