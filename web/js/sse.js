// Server-sent events from chunks of text, as the HTML standard reads them. A chunk may end anywhere:
// inside a line, or between the two characters of a line break.

/** Characters of one event that are kept before the stream is refused. */
const EVENT_CHARS_MAX = 64 * 1024 * 1024;

/** @typedef {{event: string, data: string}} SseEvent */

/** Collects chunks and gives out the events that are complete. */
export class SseParser {
  constructor() {
    this.line = "";
    this.endedWithReturn = false;
    this.isFirstLine = true;
    this.event = "";
    /** @type {string[]} */
    this.data = [];
    this.chars = 0;
  }

  /**
   * @param {string} chunk
   * @returns {SseEvent[]} the events that this chunk completed
   */
  push(chunk) {
    /** @type {SseEvent[]} */
    const events = [];
    let start = 0;
    if (this.endedWithReturn && chunk.startsWith("\n")) start = 1;
    if (chunk !== "") this.endedWithReturn = false;
    for (let at = start; at < chunk.length; at += 1) {
      const letter = chunk[at];
      if (letter !== "\n" && letter !== "\r") continue;
      this.takeLine(this.line + chunk.slice(start, at), events);
      this.line = "";
      if (letter === "\r") {
        if (chunk[at + 1] === "\n") at += 1;
        else if (at + 1 === chunk.length) this.endedWithReturn = true;
      }
      start = at + 1;
    }
    this.line += chunk.slice(start);
    if (this.chars + this.line.length > EVENT_CHARS_MAX) {
      throw new RangeError("an event of the stream is larger than this page accepts");
    }
    return events;
  }

  /**
   * @param {string} text
   * @param {SseEvent[]} events
   */
  takeLine(text, events) {
    const line = this.isFirstLine ? text.replace(/^\ufeff/, "") : text;
    this.isFirstLine = false;
    if (line === "") {
      if (this.data.length > 0) {
        events.push({ event: this.event || "message", data: this.data.join("\n") });
      }
      this.event = "";
      this.data = [];
      this.chars = 0;
      return;
    }
    const colon = line.indexOf(":");
    if (colon === 0) return;
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (field === "data") {
      this.data.push(value);
      this.chars += value.length;
    } else if (field === "event") this.event = value;
  }
}
