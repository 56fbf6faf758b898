import assert from "node:assert/strict";
import { test } from "node:test";
import {
  canContinue,
  continued,
  limitOf,
  newAnswer,
  take,
  tokenCounts,
  tokensPerSecond,
} from "../../../web/js/answer.js";

const delta = (fields, more = {}) => ({
  model: "m",
  choices: [{ index: 0, delta: fields, finish_reason: null }],
  ...more,
});

function streamed() {
  const answer = newAnswer(0);
  const limits = { max_tokens: { asked: 5000, effective: 4, set_by: "admin", steps: [] } };
  take(answer, delta({ role: "assistant", content: "" }, { jeton: { limits, seed: 7 } }), 5);
  take(answer, delta({ reasoning_content: "hm" }), 10);
  take(answer, delta({ content: "<b>hi" }), 20);
  take(answer, delta({ content: "</b>" }), 30);
  return answer;
}

test("text, thought, limits and times gather", () => {
  const answer = streamed();
  assert.equal(answer.text, "<b>hi</b>");
  assert.equal(answer.thinking, "hm");
  assert.equal(answer.firstMs, 10);
  assert.equal(limitOf(answer), 4);
  assert.deepEqual(tokenCounts(answer), { thinking: 1, answer: 2, total: 3, isExact: false });
  assert.equal(tokensPerSecond(answer, 30), 100);
});

test("the end brings exact counts, and a state to go on with", () => {
  const answer = streamed();
  const last = { choices: [{ index: 0, delta: {}, finish_reason: "length" }] };
  take(answer, last, 40);
  const usage = { completion_tokens: 9, completion_tokens_details: { reasoning_tokens: 4 } };
  take(
    answer,
    { choices: [], usage, jeton: { state: { format: "jeton-state" }, times: { tpot_ms: 0.5 } } },
    41,
  );
  assert.deepEqual(tokenCounts(answer), { thinking: 4, answer: 5, total: 9, isExact: true });
  assert.equal(tokensPerSecond(answer, 50), 2000);
  assert.equal(answer.jeton.seed, 7);
  assert.ok(canContinue(answer));
  answer.jeton.state = null;
  assert.ok(!canContinue(answer));
});

test("an answer that is gone on with begins with what was there", () => {
  const old = streamed();
  const more = continued(old, 100);
  assert.equal(more.text, "<b>hi</b>");
  take(more, delta({ content: " there" }), 120);
  assert.equal(more.text, "<b>hi</b> there");
  // What could still have become a stop text comes again with what is new.
  const resumed = { text: "<b>hi</b>", thinking_text: "h", tokens: 3 };
  take(more, { choices: [], jeton: { resumed } }, 130);
  assert.deepEqual([more.text, more.thinking], ["<b>hi</b> there", "h"]);
  assert.equal(more.jeton.resumed.tokens, 3);
  assert.equal(tokenCounts(more).total, 4);
});

test("a traced token is flat, whatever carries it", () => {
  const answer = newAnswer(0);
  const token = {
    index: 0,
    id: 3,
    token: "hi",
    text: "hi",
    part: "answer",
    probability: 0.5,
    nucleus_size: 2,
    trace: { raw: { rank: 1 }, stages: [], final: [], draw: null },
  };
  take(answer, delta({ content: "hi" }, { jeton: { token } }), 1);
  assert.equal(answer.steps[0].raw.rank, 1);
  assert.equal(answer.steps[0].token, "hi");
  assert.equal(tokenCounts(answer).isExact, true);
});
