//! The routes that are Jeton's own: what each takes and gives.

use super::operations::{Body, Gives, Operation, PLAIN, events};
use serde_json::{Value, json};

const JSON: &str = "application/json";

/// A part of a query: its name, where it stands, what it is.
type Part = (&'static str, &'static str, &'static str);

/// Which accounts are meant, and how they are put together.
const USAGE: &[Part] = &[
    ("since_ms", "query", "Only requests from then on, in milliseconds since 1970."),
    ("before_ms", "query", "Only requests before then."),
    ("group_by", "query", "Words with commas between: key, model, route, tag, class, day, ..."),
    ("limit", "query", "How many rows at most; 100 where nothing is said."),
    ("model", "query", "Only of this model."),
    ("route", "query", "Only of this route, such as /v1/chat/completions."),
    ("key", "query", "Only of the key with this id; for those who may see others' accounts."),
    ("key_name", "query", "Only of keys with this name; likewise."),
    ("plan", "query", "Only of keys of this plan."),
    ("tag", "query", "Only with this tag."),
    ("scenario", "query", "Only of this scenario."),
    ("class", "query", "Only of this class: chat, summary, code, json or thinking."),
    ("preset", "query", "Only with this preset."),
    (
        "finish_reason",
        "query",
        "Only those that ended for this reason: stop, length or tool_calls.",
    ),
    ("status", "query", "Only those that ended so: done, cancelled, failed or rejected."),
    ("width_px", "query", "How wide the picture is, 240 to 4096; 720 where nothing is said."),
];

const fn get(path: &'static str, summary: &'static str) -> Operation {
    Operation { path, summary, ..PLAIN }
}

const fn post(
    path: &'static str,
    summary: &'static str,
    body: Body,
    gives: &'static [Gives],
) -> Operation {
    Operation { method: "post", path, summary, body: Some(body), gives, ..PLAIN }
}

/// Every route of our own.
pub const OWN: &[Operation] = &[
    post(
        "/v1/quote",
        "Foretell tokens, time and cost of a chat",
        (
            || json!({"$ref": "#/components/schemas/ChatRequest"}),
            || json!({"messages": [{"role": "user", "content": "Hello!"}], "length": "short"}),
        ),
        &[(JSON, || object(&["tokens", "ms", "cost", "calibration"]))],
    ),
    Operation { parameters: USAGE, gives: &[(JSON, usage)], ..get("/v1/usage", "Who used what") },
    Operation {
        parameters: USAGE,
        gives: &[("image/svg+xml", || json!({"type": "string"}))],
        ..get("/v1/usage/plot.svg", "Tokens over time, as a picture")
    },
    Operation {
        parameters: &[("model", "query", "The model's id; without it the first one.")],
        gives: &[(JSON, || object(&["data", "model", "presets", "limits"]))],
        ..get("/v1/parameters", "Every parameter with its range, presets and limits")
    },
    post(
        "/generate",
        "Continue a text, with Transformers' names",
        (generate, || {
            json!({"inputs": "Once upon a time",
                "parameters": {"max_new_tokens": 30, "temperature": 0.7, "seed": 7}})
        }),
        &[(JSON, || object(&["generated_text", "usage", "jeton"])), ("text/event-stream", events)],
    ),
    post(
        "/chat",
        "Answer one question",
        (question, || {
            json!({"prompt": "Summarize this document", "temperature": 0.8,
                "frequency_penalty": 0.9, "max_tokens": 200})
        }),
        &[(JSON, || object(&["text", "usage", "jeton"])), ("text/event-stream", events)],
    ),
    post(
        "/tokenize",
        "The tokens of a text or a conversation",
        (|| texts(&["text", "content", "prompt"]), || json!({"text": "Once upon a time"})),
        &[(JSON, || object(&["tokens", "count"]))],
    ),
    post(
        "/detokenize",
        "The text of tokens",
        (ids, || json!({"ids": [1, 2, 3]})),
        &[(JSON, || object(&["text"]))],
    ),
    post(
        "/apply-template",
        "The prompt that a conversation becomes",
        (conversation, || json!({"messages": [{"role": "user", "content": "Hello!"}]})),
        &[(JSON, || object(&["prompt"]))],
    ),
];

/// An object that has these fields.
fn object(fields: &[&str]) -> Value {
    json!({"type": "object", "required": fields})
}

fn usage() -> Value {
    json!({"type": "object", "required": ["by", "rows", "left_out"], "properties": {
        "by": {"type": "array", "items": {"type": "string"}},
        "rows": {"type": "array", "items": {"type": "object"}},
        "left_out": {"type": "integer"}}})
}

fn generate() -> Value {
    json!({"type": "object", "required": ["inputs"], "properties": {
        "inputs": {"type": "string", "description": "The text to be continued."},
        "parameters": {"type": "object", "description":
            "Parameters by any of their names; `details` and `return_full_text` as well."},
        "stream": {"type": ["boolean", "null"]}}})
}

fn question() -> Value {
    json!({"type": "object", "required": ["prompt"], "properties": {
        "prompt": {"type": "string", "description": "The question."},
        "system": {"type": ["string", "null"], "description": "What the model is told before it."},
        "stream": {"type": ["boolean", "null"]}},
        "description": "Parameters by any of their names stand beside `prompt`."})
}

fn texts(names: &[&str]) -> Value {
    let text = |name: &&str| ((*name).to_owned(), json!({"type": "string"}));
    let texts: serde_json::Map<String, Value> = names.iter().map(text).collect();
    json!({"type": "object", "properties": texts, "description":
        "One of these, or `messages`. `add_special`, `parse_special` and `with_pieces` as in \
         llama.cpp's server, `add_special_tokens` and `return_token_strs` as in vLLM."})
}

fn ids() -> Value {
    json!({"type": "object", "properties": {
        "ids": {"type": "array", "items": {"type": "integer", "minimum": 0}},
        "tokens": {"type": "array", "items": {"type": "integer", "minimum": 0}}},
        "description": "One of the two."})
}

fn conversation() -> Value {
    json!({"type": "object", "required": ["messages"], "properties": {
        "messages": {"$ref": "#/components/schemas/Messages"}}})
}
