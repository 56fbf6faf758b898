import assert from "node:assert/strict";
import { test } from "node:test";
import { SseParser } from "../../../web/js/sse.js";

const all = (chunks) => {
  const parser = new SseParser();
  return chunks.flatMap((chunk) => parser.push(chunk));
};

test("events end at empty lines, data lines join, comments go", () => {
  const events = all([": keep-alive\n\ndata: one\ndata: two\n\nevent: odd\ndata:three\n\n"]);
  assert.deepEqual(events, [
    { event: "message", data: "one\ntwo" },
    { event: "odd", data: "three" },
  ]);
});

test("every way of cutting a stream gives the same events", () => {
  const stream =
    '\ufeffdata: {"a": "ä\\n"}\r\n\r\n: ping\r\rdata: x\rdata: y\r\rid: 7\ndata\n\ndata: [DONE]\n\n';
  const whole = all([stream]);
  assert.deepEqual(
    whole.map((event) => event.data),
    ['{"a": "ä\\n"}', "x\ny", "", "[DONE]"],
  );
  for (let first = 0; first <= stream.length; first += 1) {
    for (let second = first; second <= stream.length; second += 1) {
      const cut = all([stream.slice(0, first), stream.slice(first, second), stream.slice(second)]);
      assert.deepEqual(cut, whole, `cut at ${first} and ${second}`);
    }
  }
});

test("an event that never ends is not an event", () => {
  assert.deepEqual(all(["data: half"]), []);
  assert.deepEqual(all(["data: half\n"]), []);
});

test("a line without bound is refused", () => {
  const parser = new SseParser();
  const chunk = "x".repeat(8 * 1024 * 1024);
  assert.throws(() => {
    for (let count = 0; count < 20; count += 1) parser.push(chunk);
  }, RangeError);
});
