// Asks for one answer and keeps an `Answer` up to date, drawn at most once per frame.

import { newAnswer, take } from "./answer.js";
import { ApiError, ask } from "./api.js";

/** @typedef {import("./answer.js").Answer} Answer */

/**
 * @param {Record<string, unknown>} body
 * @param {(answer: Answer, isRunning: boolean) => void} draw
 * @param {AbortSignal} signal
 * @param {Answer} [answer]  what is gone on with
 * @returns {Promise<Answer>} never refuses: what went wrong is in `error`
 */
export async function run(body, draw, signal, answer = newAnswer(performance.now())) {
  let frame = 0;
  const schedule = () => {
    if (frame !== 0) return;
    frame = requestAnimationFrame(() => {
      frame = 0;
      draw(answer, true);
    });
  };
  draw(answer, true);
  try {
    for await (const chunk of ask(body, signal)) {
      take(answer, chunk, performance.now());
      schedule();
    }
  } catch (error) {
    if (signal.aborted) answer.stopped = true;
    else answer.error = errorOf(error);
  }
  answer.endedMs = performance.now();
  cancelAnimationFrame(frame);
  draw(answer, false);
  return answer;
}

/**
 * @param {unknown} error
 * @returns {NonNullable<Answer["error"]>}
 */
export function errorOf(error) {
  if (error instanceof ApiError) {
    const wait = error.retryAfterS === null ? "" : ` Try again in ${error.retryAfterS} s.`;
    return {
      message: error.message + wait,
      code: error.code,
      param: error.param,
      status: error.status,
    };
  }
  return {
    message: error instanceof Error ? error.message : String(error),
    code: null,
    param: null,
    status: 0,
  };
}
