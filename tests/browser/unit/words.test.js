import assert from "node:assert/strict";
import { test } from "node:test";
import { count, duration, money, percent, rate, setting } from "../../../web/js/format.js";
import {
  enoughTokens,
  provenance,
  quoteInWords,
  stopInWords,
  thinkingInWords,
  truncationInWords,
} from "../../../web/js/words.js";
import { cellsOf, columnsOf } from "../../../web/js/usage_table.js";

test("the way of a limit: asked, then every step that changed it", () => {
  const steps = provenance({
    asked: 5000,
    effective: 812,
    set_by: "context",
    rule: null,
    steps: [
      { by: "request", value: 5000, rule: null },
      { by: "admin", value: 1000, rule: "limits.max_tokens.max" },
      { by: "context", value: 812, rule: null },
    ],
  });
  assert.deepEqual(
    steps.map((step) => `${step.by} ${step.value}`),
    ["you 5,000", "admin 1,000", "context window 812"],
  );
  assert.equal(steps[1].rule, "limits.max_tokens.max");
});

test("a decision without steps still tells both ends", () => {
  const steps = provenance({
    asked: 5000,
    effective: 1000,
    set_by: "key",
    rule: "plan.free",
    steps: [],
  });
  assert.deepEqual(
    steps.map((step) => `${step.by} ${step.value}`),
    ["you 5,000", "your key 1,000"],
  );
  assert.deepEqual(provenance(undefined), []);
});

test("why it ended, in words", () => {
  assert.equal(stopInWords({ kind: "eos", token_id: 1 }, "stop"), "Ended by itself.");
  assert.equal(
    stopInWords({ kind: "max_tokens", limit: 50, set_by: "preset" }, "length"),
    "Cut at 50 tokens, a limit set by the preset.",
  );
  assert.equal(
    stopInWords({ kind: "max_tokens", limit: 1, set_by: "request" }, "length"),
    "Cut at 1 token, a limit set by you.",
  );
  assert.equal(stopInWords(undefined, "length"), "Cut at the token limit.");
  assert.equal(stopInWords(undefined, null), "");
  assert.equal(
    truncationInWords({ explanation: "cut in the middle of a sentence" }),
    "Cut in the middle of a sentence.",
  );
  assert.equal(enoughTokens({ suggestion: { at_least: 51, max_tokens: 63 } }), 63);
  assert.equal(
    thinkingInWords(12, { closed: "hard" }, { isRunning: false, isExact: true }),
    "Thought for 12 tokens, ended at its budget",
  );
});

test("numbers as people read them", () => {
  assert.equal(count(5000), "5,000");
  assert.equal(count(undefined), "–");
  assert.equal(percent(0.5), "50.0 %");
  assert.equal(percent("nan"), "–");
  assert.equal(percent(1e-9), "< 0.01 %");
  assert.equal(duration(12.4), "12 ms");
  assert.equal(duration(72_000), "1 min 12 s");
  assert.equal(money(0.000123456, "EUR"), "€0.000123");
  assert.equal(money(0, "USD"), "$0");
  assert.equal(money(12.5, "CHF"), "12.50 CHF");
  assert.equal(rate(null), "– tok/s");
  assert.equal(setting([1, 2]), "[1,2]");
});

test("a row of the ledger as cells", () => {
  const row = {
    group: { model: "m" },
    requests: 12,
    tokens: { prompt: 1200, cached_prompt: 0, thinking: 30, answer: 4000 },
    cost: [{ currency: "EUR", nano: 1_230_000 }],
    truncated_share: 0.25,
    limits: { requests: 3, asked_mean: 800.4, used_mean: 200, used_share: 0.25 },
    ttft_ms: { p50: 12, p95: 40 },
    total_ms: { p50: null, p95: null },
  };
  const cells = cellsOf(columnsOf("model"), row);
  const expected = ["m", "12", "1,200", "30", "4,000", "800", "200", "25.0 %", "12 ms, 40 ms"];
  assert.deepEqual(cells, [...expected, "–", "€0.00123"]);
  assert.equal(cellsOf(columnsOf("tag"), { group: { tag: null } })[0], "none");
});

test("a quote says what it rests on", () => {
  const cost = { currency: "EUR", p10: 1e-5, p50: 6e-5, p90: 2e-4 };
  const tokens = { p10: 20, p50: 160, p90: 400, basis: "history" };
  const quote = { tokens, ms: { p10: 1, p50: 120, p90: 300 }, cost };
  assert.equal(quoteInWords(quote), "about 160 tokens, 120 ms, €0.0000600");
  const bound = { tokens: { ...tokens, basis: "bound" }, ms: null, cost };
  assert.equal(quoteInWords(bound), "up to 400 tokens, €0.000200");
  assert.equal(quoteInWords(null), "");
});
