// The official `openai` client for JavaScript against `jeton serve`, as its users write it.
// `JETON_URL` names a running server; `.ci/run` starts one (tests/clients/run_javascript.py).

import assert from "node:assert/strict";
import { test } from "node:test";
import OpenAI from "openai";

const url = process.env.JETON_URL;
assert.ok(url, "JETON_URL: the address of a running server");
const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: "unused", maxRetries: 0 });
const messages = [{ role: "user", content: "Tell me a story about a fox." }];
// The model thinks before it tells a story, which takes more than these few tokens.
const unthinking = { model: "jeton-tiny", reasoning_effort: "none" };
const asked = { ...unthinking, messages, max_tokens: 40, seed: 7, temperature: 0 };

test("an answer has text, usage and a reason", async () => {
  const answer = await client.chat.completions.create(asked);
  assert.ok(answer.choices[0].message.content.trim());
  assert.ok(["stop", "length"].includes(answer.choices[0].finish_reason));
  const { prompt_tokens, completion_tokens, total_tokens } = answer.usage;
  assert.equal(total_tokens, prompt_tokens + completion_tokens);
});

test("a stream says what a plain answer says, and its usage last", async () => {
  const whole = await client.chat.completions.create(asked);
  const stream = await client.chat.completions.create({
    ...asked,
    stream: true,
    stream_options: { include_usage: true },
  });
  let text = "";
  let last;
  for await (const chunk of stream) {
    text += chunk.choices[0]?.delta?.content ?? "";
    last = chunk;
  }
  assert.equal(text, whole.choices[0].message.content);
  assert.deepEqual(last.choices, []);
  assert.equal(last.usage.completion_tokens, whole.usage.completion_tokens);
});

test("a JSON schema shapes the answer", async () => {
  const schema = {
    type: "object",
    properties: { name: { type: "string" }, legs: { type: "integer" } },
    required: ["name", "legs"],
    additionalProperties: false,
  };
  const answer = await client.chat.completions.create({
    ...asked,
    max_tokens: 60,
    response_format: { type: "json_schema", json_schema: { name: "animal", strict: true, schema } },
  });
  const animal = JSON.parse(answer.choices[0].message.content);
  assert.equal(typeof animal.name, "string");
  assert.ok(Number.isInteger(animal.legs));
});

test("logprobs, n and stop ride along", async () => {
  const answer = await client.chat.completions.create({
    ...asked,
    temperature: 1,
    n: 2,
    logprobs: true,
    top_logprobs: 2,
    stop: ["."],
  });
  assert.equal(answer.choices.length, 2);
  for (const choice of answer.choices) {
    assert.ok(!choice.message.content.includes("."));
    assert.equal(choice.logprobs.content[0].top_logprobs.length, 2);
  }
});

test("errors are the client's own classes", async () => {
  const refused = (more, kind) =>
    assert.rejects(client.chat.completions.create({ ...asked, ...more }), (error) => {
      assert.ok(error instanceof kind, `${error}`);
      return true;
    });
  await refused({ temperature: 9 }, OpenAI.BadRequestError);
  await refused({ model: "gpt-99" }, OpenAI.NotFoundError);
  await refused({ messages: [] }, OpenAI.BadRequestError);
});

test("a client that aborts leaves the server well", async () => {
  const stream = await client.chat.completions.create({ ...asked, max_tokens: 900, stream: true });
  for await (const _ of stream) {
    stream.controller.abort();
    break;
  }
  const answer = await client.chat.completions.create(asked);
  assert.ok(answer.choices[0].message.content);
});

test("models and plain completions", async () => {
  const names = [];
  for await (const model of client.models.list()) names.push(model.id);
  assert.deepEqual(names, ["jeton-tiny"]);
  const answer = await client.completions.create({
    model: "jeton-tiny",
    prompt: "Once upon a time",
    max_tokens: 8,
  });
  assert.equal(answer.object, "text_completion");
});
