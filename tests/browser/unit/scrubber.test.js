import assert from "node:assert/strict";
import { test } from "node:test";
import {
  LIMITS_MAX,
  firstDifference,
  nearestStop,
  splitAt,
  spreadLimits,
  stopsOf,
} from "../../../web/js/scrubber.js";

test("limits are distinct, ascending, within bounds, with the wanted ones", () => {
  for (const largest of [1, 2, 63, 64, 65, 200, 500, 5000, 100_000]) {
    const limits = spreadLimits(largest, [50, 150, 500, 9_999_999]);
    assert.ok(limits.length <= LIMITS_MAX);
    assert.equal(limits.at(-1), largest);
    assert.ok(limits[0] >= 1);
    assert.deepEqual(
      limits,
      [...new Set(limits)].sort((a, b) => a - b),
    );
    for (const wanted of [50, 150, 500]) assert.equal(limits.includes(wanted), wanted <= largest);
  }
  assert.deepEqual(spreadLimits(5), [1, 2, 3, 4, 5]);
});

test("many wanted limits never push the largest out", () => {
  const wanted = Array.from({ length: 100 }, (_, index) => index + 1);
  const limits = spreadLimits(300, wanted);
  assert.equal(limits.length, LIMITS_MAX);
  assert.equal(limits.at(-1), 300);
});

const view = (limit, finish, text) => ({
  max_tokens: limit,
  text,
  finish_reason: finish,
  usage: { completion_tokens: limit },
});

test("stops end with the first limit that lets the answer end", () => {
  const stops = stopsOf([
    view(9, "stop", "abc"),
    view(1, "length", "a"),
    view(5, "stop", "abc"),
    view(2, "length", "ab"),
  ]);
  assert.deepEqual(
    stops.map((stop) => stop.limit),
    [1, 2, 5],
  );
  assert.deepEqual(
    stopsOf([view(1, "length", "a"), view(2, "length", "ab")]).map((stop) => stop.limit),
    [1, 2],
  );
  assert.equal(nearestStop(stops, 3), 1);
  assert.equal(nearestStop(stops, 100), 2);
});

test("a view is a start of the whole, but for text that was held back", () => {
  assert.deepEqual(splitAt("abcdef", "abc"), { kept: "abc", cut: "def" });
  assert.deepEqual(splitAt("abcdef", "abX"), { kept: "abX", cut: "cdef" });
  assert.deepEqual(splitAt("abc", "abc"), { kept: "abc", cut: "" });
  assert.deepEqual(splitAt("abc", ""), { kept: "", cut: "abc" });
});

test("the first difference of token lists", () => {
  assert.equal(
    firstDifference([
      [1, 2, 3],
      [1, 2, 3],
    ]),
    null,
  );
  assert.equal(
    firstDifference([
      [1, 2, 3],
      [1, 2, 4],
      [1, 2, 3],
    ]),
    2,
  );
  assert.equal(
    firstDifference([
      [1, 2],
      [1, 2, 3],
    ]),
    2,
  );
  assert.equal(firstDifference([[1]]), null);
});
