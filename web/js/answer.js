// An answer as it comes in, chunk by chunk. Pure: a chunk of the API changes an `Answer`.

/**
 * @typedef {object} Step  one token of a traced answer, as `jeton trace --json` has it
 * @property {number} index
 * @property {number} id
 * @property {string} token
 * @property {string} text  what the token added to the text
 * @property {string} part  answer, thinking or marker
 * @property {number} probability
 * @property {number} nucleus_size
 * @property {string} [forced]
 * @property {any} [draft]
 * @property {any} [raw]
 * @property {any[]} [stages]
 * @property {any[]} [final]
 * @property {{u: number, low: number, high: number} | null} [draw]
 */
/**
 * @typedef {object} Answer
 * @property {string} text
 * @property {string} thinking
 * @property {number} chunks  chunks with text: about the number of tokens, until the usage is told
 * @property {number} thinkingChunks
 * @property {Step[]} steps  only when a trace was asked for
 * @property {any} usage
 * @property {string | null} finishReason
 * @property {any} jeton  all parts of the `jeton` object that have come, merged
 * @property {string | null} model
 * @property {string | null} id
 * @property {number | null} startedMs  when it was asked, by the caller's clock
 * @property {number | null} firstMs  when the first text came
 * @property {number | null} endedMs
 * @property {boolean} stopped  by the person
 * @property {{text: number, thinking: number}} before  characters of the answer that is gone on with
 * @property {{message: string, code: string | null, param: string | null, status: number} | null} error
 */

/**
 * @param {number | null} startedMs
 * @returns {Answer}
 */
export function newAnswer(startedMs = null) {
  return {
    text: "",
    thinking: "",
    chunks: 0,
    thinkingChunks: 0,
    steps: [],
    usage: null,
    finishReason: null,
    jeton: {},
    model: null,
    id: null,
    startedMs,
    firstMs: null,
    endedMs: null,
    stopped: false,
    before: { text: 0, thinking: 0 },
    error: null,
  };
}

/**
 * An answer that goes on from an older one: only what is new comes, and at the end `jeton.resumed`
 * says what stands before it.
 * @param {Answer} old
 * @param {number} startedMs
 * @returns {Answer}
 */
export function continued(old, startedMs) {
  const counts = tokenCounts(old);
  const { text, thinking, model } = old;
  const chunks = { chunks: counts.total, thinkingChunks: counts.thinking };
  const before = { text: text.length, thinking: thinking.length };
  return { ...newAnswer(startedMs), ...chunks, text, thinking, before, model };
}

/**
 * Takes one chunk of the stream.
 * @param {Answer} answer
 * @param {any} chunk
 * @param {number} nowMs
 */
export function take(answer, chunk, nowMs) {
  if (chunk.model) answer.model = chunk.model;
  if (chunk.id) answer.id = chunk.id;
  if (chunk.usage) answer.usage = chunk.usage;
  const choice = (chunk.choices ?? []).find((/** @type {any} */ entry) => (entry.index ?? 0) === 0);
  if (choice) {
    const delta = choice.delta ?? {};
    const thought = delta.reasoning_content ?? delta.reasoning ?? "";
    const said = delta.content ?? "";
    if (thought !== "" || said !== "") {
      if (answer.firstMs === null) answer.firstMs = nowMs;
      answer.chunks += 1;
      if (thought !== "") answer.thinkingChunks += 1;
    }
    answer.thinking += thought;
    answer.text += said;
    if (choice.finish_reason) answer.finishReason = choice.finish_reason;
  }
  takeExtras(answer, chunk.jeton ?? choice?.jeton, choice?.delta);
}

/**
 * @param {Answer} answer
 * @param {any} jeton
 * @param {any} delta
 */
function takeExtras(answer, jeton, delta) {
  if (!jeton) return;
  const { token, tokens, resumed, ...rest } = jeton;
  if (resumed) {
    const { text, thinking } = answer.before;
    answer.text = (resumed.text ?? "") + answer.text.slice(text);
    answer.thinking = (resumed.thinking_text ?? "") + answer.thinking.slice(thinking);
    answer.before = { text: resumed.text?.length ?? 0, thinking: resumed.thinking_text?.length ?? 0 };
    answer.jeton.resumed = { tokens: resumed.tokens };
  }
  for (const one of tokens ?? (token ? [token] : [])) answer.steps.push(stepOf(one, delta));
  Object.assign(answer.jeton, rest);
}

/**
 * A token of the stream with its trace, flat, as `jeton trace --json` prints a step.
 * @param {any} token
 * @param {any} delta
 * @returns {Step}
 */
function stepOf(token, delta) {
  const { trace, ...own } = token;
  const step = { ...own, ...(trace ?? {}) };
  step.index = own.index ?? own.step ?? trace?.step ?? 0;
  step.text = own.text ?? delta?.content ?? delta?.reasoning_content ?? "";
  step.token = trace?.token ?? own.token ?? step.text;
  step.part = own.part ?? trace?.part ?? "answer";
  return step;
}

/**
 * Tokens so far: exact once the usage is known, or when each token was traced.
 * @param {Answer} answer
 * @returns {{thinking: number, answer: number, total: number, isExact: boolean}}
 */
export function tokenCounts(answer) {
  const usage = answer.usage;
  if (usage) {
    const total = usage.completion_tokens ?? 0;
    const thinking =
      usage.thinking_tokens ?? usage.completion_tokens_details?.reasoning_tokens ?? 0;
    return { thinking, answer: total - thinking, total, isExact: true };
  }
  if (answer.steps.length > 0) {
    const thinking = answer.steps.filter((step) => step.part !== "answer").length;
    return {
      thinking,
      answer: answer.steps.length - thinking,
      total: answer.steps.length,
      isExact: true,
    };
  }
  const thinking = answer.thinkingChunks;
  return { thinking, answer: answer.chunks - thinking, total: answer.chunks, isExact: false };
}

/**
 * Tokens per second of decoding: the server's own figure when it has come.
 * @param {Answer} answer
 * @param {number} nowMs
 * @returns {number | null}
 */
export function tokensPerSecond(answer, nowMs) {
  const tpot = answer.jeton.times?.tpot_ms;
  if (typeof tpot === "number" && tpot > 0) return 1000 / tpot;
  const { total } = tokenCounts(answer);
  const spent = (answer.endedMs ?? nowMs) - (answer.firstMs ?? nowMs);
  return answer.firstMs !== null && total > 1 && spent > 0 ? ((total - 1) * 1000) / spent : null;
}

/**
 * The limit that was in force, if the server told it.
 * @param {Answer} answer
 * @returns {number | null}
 */
export function limitOf(answer) {
  const limit = answer.jeton.limits?.max_tokens?.effective ?? answer.jeton.stop?.limit;
  if (Array.isArray(limit)) return Math.max(...limit);
  return typeof limit === "number" ? limit : null;
}

/**
 * @param {Answer} answer
 * @returns {boolean} whether it can be gone on with, token for token
 */
export function canContinue(answer) {
  return (
    answer.finishReason === "length" &&
    answer.jeton.state !== undefined &&
    answer.jeton.state !== null
  );
}
