// The server's public API, as this page uses it. Nothing else is ever asked.

import { SseParser } from "./sse.js";

const KEY_NAME = "jeton.key";

/** What the server answered in place of what was asked for. */
export class ApiError extends Error {
  /**
   * @param {number} status  0 when no answer came at all
   * @param {string} message
   * @param {{type?: string | null, code?: string | null, param?: string | null}} [details]
   */
  constructor(status, message, details = {}) {
    super(message);
    this.status = status;
    this.type = details.type ?? null;
    this.code = details.code ?? null;
    this.param = details.param ?? null;
    /** @type {number | null} */
    this.retryAfterS = null;
  }
}

/** The API key of this tab, if one was given. It is forgotten when the tab closes. */
export function apiKey() {
  return sessionStorage.getItem(KEY_NAME) ?? "";
}

/** @param {string} key */
export function setApiKey(key) {
  if (key === "") sessionStorage.removeItem(KEY_NAME);
  else sessionStorage.setItem(KEY_NAME, key);
}

/** Told when the server asks for a key. */
let onKeyNeeded = () => {};

/** @param {() => void} told */
export function whenKeyNeeded(told) {
  onKeyNeeded = told;
}

/**
 * @param {string} path
 * @param {RequestInit} [options]
 * @returns {Promise<Response>} also of refusals
 */
export async function send(path, options = {}) {
  const headers = new Headers(options.headers);
  if (apiKey() !== "") headers.set("authorization", `Bearer ${apiKey()}`);
  try {
    return await fetch(path, { ...options, headers, cache: "no-store", credentials: "omit" });
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new ApiError(0, "The server does not answer. Is it still running?");
  }
}

/** @param {Response} response */
async function refusal(response) {
  const text = await response.text();
  let error = null;
  try {
    error = JSON.parse(text).error ?? null;
  } catch {
    // Not this API's body; the status has to do.
  }
  const made = new ApiError(
    response.status,
    error?.message ?? `The server answered ${response.status}.`,
    error ?? {},
  );
  const retry = Number(response.headers.get("retry-after"));
  if (Number.isFinite(retry) && retry > 0) made.retryAfterS = retry;
  if (response.status === 401) onKeyNeeded();
  return made;
}

/**
 * @param {string} path
 * @param {RequestInit} [options]
 * @returns {Promise<any>}
 */
export async function getJson(path, options) {
  const response = await send(path, options);
  if (!response.ok) throw await refusal(response);
  return response.json();
}

/**
 * @param {string} path
 * @returns {Promise<string>}
 */
export async function getText(path) {
  const response = await send(path);
  if (!response.ok) throw await refusal(response);
  return response.text();
}

/**
 * @param {string} path
 * @param {unknown} body
 * @param {AbortSignal} [signal]
 */
export function postJson(path, body, signal) {
  return getJson(path, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
    signal,
  });
}

/**
 * Asks for an answer and gives its chunks as they come. Leaving the loop, or the signal, ends it.
 * @param {Record<string, unknown>} body
 * @param {AbortSignal} signal
 * @returns {AsyncGenerator<any>}
 */
export async function* ask(body, signal) {
  const response = await send("/v1/chat/completions", {
    method: "POST",
    headers: { "content-type": "application/json", accept: "text/event-stream" },
    body: JSON.stringify({ ...body, stream: true, stream_options: { include_usage: true } }),
    signal,
  });
  if (!response.ok || !response.body) throw await refusal(response);
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  const parser = new SseParser();
  let isComplete = false;
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done && !isComplete) throw new ApiError(0, "The stream broke off before its end.");
      if (done) return;
      for (const event of parser.push(value)) {
        if (event.data === "[DONE]") isComplete = true;
        else yield chunkOf(event.data);
      }
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}

/** @param {string} data */
function chunkOf(data) {
  const chunk = JSON.parse(data);
  if (chunk.error)
    throw new ApiError(
      chunk.error.status ?? 500,
      chunk.error.message ?? "The server failed.",
      chunk.error,
    );
  return chunk;
}
