import assert from "node:assert/strict";
import { test } from "node:test";
import { differing, knobsOf, readKnob, writeKnob } from "../../../web/js/knobs.js";
import { presetsOf } from "../../../web/js/length.js";
import { operationsOf, fieldsOf, exampleOf } from "../../../web/js/openapi.js";
import { parseHash } from "../../../web/js/router.js";
import { requestFields } from "../../../web/js/settings.js";

const knobs = knobsOf({
  data: [
    {
      name: "temperature",
      kind: "number",
      min: 0,
      max: 100,
      neutral: 1,
      default: 1,
      recommended: 0.7,
      help: "h",
    },
    {
      name: "top_k",
      kind: "integer",
      min: 0,
      max: 4294967295,
      neutral: 0,
      default: 0,
      recommended: null,
    },
    { name: "stop", kind: "texts", count_max: 16 },
    { name: "logit_bias", kind: "token_map" },
    { name: "profile", kind: "choice", names: ["jeton", "hf"], default: "jeton" },
  ],
  model: { locked: { parameters: ["top_k"], reason: "because" } },
});

test("the table of parameters becomes knobs", () => {
  const [temperature, topK, , , profile] = knobs;
  assert.equal(temperature.fallback, 0.7);
  assert.deepEqual([temperature.low, temperature.high], [0, 2]);
  assert.equal(topK.lockedBecause, "because");
  assert.equal(temperature.lockedBecause, null);
  assert.deepEqual(profile.names, ["jeton", "hf"]);
});

test("what a person types is read or refused", () => {
  const [temperature, topK, stop, bias] = knobs;
  assert.deepEqual(readKnob(temperature, " 0,5 "), { value: 0.5 });
  assert.deepEqual(readKnob(temperature, ""), { value: undefined });
  assert.match(readKnob(temperature, "101").problem, /0 to 100/);
  assert.match(readKnob(temperature, "warm").problem, /not a number/);
  assert.match(readKnob(topK, "1.5").problem, /whole/);
  assert.deepEqual(readKnob(stop, "a\n\\n\n"), { value: ["a", "\n"] });
  assert.deepEqual(readKnob(bias, '{"5": -1}'), { value: { 5: -1 } });
  assert.match(readKnob(bias, "{").problem, /JSON/);
});

test("a written value reads back", () => {
  const stop = knobs[2];
  for (const value of [["a", "b c"], ["\n"], ["tab\there", "back\\slash", "\\n"]]) {
    assert.deepEqual(readKnob(stop, writeKnob(stop, value)), { value });
  }
});

test("settings become the fields of a request", () => {
  const length = { mode: "preset", preset: "short", tokens: 200 };
  assert.deepEqual(requestFields({ values: { top_p: 0.5 }, length, seed: 3 }), {
    top_p: 0.5,
    length: "short",
    seed: 3,
  });
  assert.deepEqual(
    requestFields({ values: {}, length: { ...length, mode: "exact" }, seed: null }),
    { max_tokens: 200 },
  );
  assert.deepEqual(
    requestFields({ values: {}, length: { ...length, mode: "auto" }, seed: null }),
    {},
  );
  assert.deepEqual(
    differing([
      { a: 1, b: [1] },
      { a: 1, b: [2] },
      { a: 1, c: 0 },
    ]),
    ["b", "c"],
  );
});

test("presets come as a map or a list, shortest first", () => {
  assert.deepEqual(presetsOf({ presets: { long: 500, short: 50 } }), [
    { name: "short", tokens: 50 },
    { name: "long", tokens: 500 },
  ]);
  assert.deepEqual(presetsOf({ presets: [{ name: "x", tokens: 5 }] }), [{ name: "x", tokens: 5 }]);
  assert.deepEqual(presetsOf(null), []);
});

test("addresses name a page, a rest and a query", () => {
  const { page, rest, query } = parseHash("#/compare/limits?step=3");
  assert.deepEqual([page, rest, query.get("step")], ["compare", "limits", "3"]);
  assert.equal(parseHash("").page, "chat");
});

test("an API description becomes routes, fields and a first body", () => {
  const spec = {
    paths: {
      "/v1/x/{id}": {
        get: { summary: "S", parameters: [{ name: "id", in: "path", required: true }] },
      },
      "/v1/y": {
        post: {
          requestBody: {
            content: { "application/json": { schema: { $ref: "#/components/schemas/Y" } } },
          },
        },
      },
    },
    components: {
      schemas: {
        Y: {
          required: ["messages"],
          properties: {
            messages: { type: "array", items: { type: "object" } },
            n: { anyOf: [{ type: "integer" }, { type: "null" }] },
          },
        },
        Loop: { $ref: "#/components/schemas/Loop" },
      },
    },
  };
  const [get, post] = operationsOf(spec);
  assert.deepEqual([get.method, get.parameters[0].in, get.hasBody], ["get", "path", false]);
  assert.deepEqual(
    fieldsOf(post, spec).map((field) => [field.name, field.type, field.required]),
    [
      ["messages", "list of object", true],
      ["n", "integer or null", false],
    ],
  );
  assert.ok(exampleOf(post, spec).messages);
  assert.deepEqual(
    operationsOf({
      paths: { "/z": { post: { requestBody: { $ref: "#/components/schemas/Loop" } } } },
      components: spec.components,
    })[0].hasBody,
    false,
  );
});
