//! Schemas of what is answered.

use serde_json::{Map, Value, json};

/// Every schema of an answer.
pub fn schemas() -> Map<String, Value> {
    let mut schemas = Map::new();
    let mut put = |name: &str, schema: Value| drop(schemas.insert(name.to_owned(), schema));
    put("Error", error());
    put("Usage", usage());
    put("TokenLogprob", token_logprob());
    put("ChatCompletion", chat_completion());
    put("Completion", completion());
    put("Model", model());
    put(
        "Models",
        json!({"type": "object", "required": ["object", "data"], "properties": {
        "object": {"const": "list"},
        "data": {"type": "array", "items": reference("Model")}}}),
    );
    schemas
}

fn reference(name: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{name}")})
}

fn error() -> Value {
    let fields = json!({
        "message": {"type": "string"},
        "type": {"enum": ["invalid_request_error", "rate_limit_error", "server_error"]},
        "param": {"type": ["string", "null"]},
        "code": {"type": ["string", "null"]},
    });
    json!({"type": "object", "required": ["error"], "properties": {"error": {"type": "object",
        "required": ["message", "type", "param", "code"], "properties": fields}}})
}

fn usage() -> Value {
    let count = json!({"type": "integer", "minimum": 0});
    let counts = |names: &[&str]| {
        let properties: Map<String, Value> =
            names.iter().map(|name| ((*name).to_owned(), count.clone())).collect();
        json!({"type": "object", "required": names, "properties": properties})
    };
    let mut usage = counts(&["prompt_tokens", "completion_tokens", "total_tokens"]);
    usage["properties"]["prompt_tokens_details"] = counts(&["cached_tokens"]);
    usage["properties"]["completion_tokens_details"] =
        counts(&["reasoning_tokens", "accepted_prediction_tokens", "rejected_prediction_tokens"]);
    usage
}

fn token_logprob() -> Value {
    let fields = json!({
        "token": {"type": "string"},
        "logprob": {"type": "number", "maximum": 0},
        "bytes": {"type": ["array", "null"], "items": {"type": "integer", "minimum": 0,
            "maximum": 255}},
    });
    let top = json!({"type": "object", "required": ["token", "logprob", "bytes"],
        "properties": fields.clone()});
    let mut all = fields;
    all["top_logprobs"] = json!({"type": "array", "items": top});
    json!({"type": "object", "required": ["token", "logprob", "bytes", "top_logprobs"],
        "properties": all})
}

/// What all bodies of answers begin and end with.
fn answer(object: &str, choice: Value) -> Value {
    json!({
        "type": "object",
        "required": ["id", "object", "created", "model", "choices", "usage", "jeton"],
        "properties": {
            "id": {"type": "string"},
            "object": {"const": object},
            "created": {"type": "integer"},
            "model": {"type": "string"},
            "choices": {"type": "array", "items": choice},
            "service_tier": {"type": "string"},
            "system_fingerprint": {"type": "string"},
            "usage": reference("Usage"),
            "jeton": {"type": "object", "description":
                "Limits and parameters with who set them, what ended the answer, cost, times."},
        },
    })
}

fn chat_completion() -> Value {
    let call = json!({"type": "object", "required": ["id", "type", "function"], "properties": {
        "id": {"type": "string"},
        "type": {"const": "function"},
        "function": {"type": "object", "required": ["name", "arguments"], "properties": {
            "name": {"type": "string"}, "arguments": {"type": "string"}}}}});
    let message = json!({"type": "object", "required": ["role", "content", "refusal"],
        "properties": {
            "role": {"const": "assistant"},
            "content": {"type": ["string", "null"]},
            "refusal": {"type": "null"},
            "reasoning_content": {"type": "string"},
            "tool_calls": {"type": "array", "items": call}}});
    let logprobs = json!({"anyOf": [{"type": "null"}, {"type": "object",
        "required": ["content", "refusal"], "properties": {
            "content": {"type": "array", "items": reference("TokenLogprob")},
            "refusal": {"type": "null"}}}]});
    answer(
        "chat.completion",
        json!({"type": "object",
        "required": ["index", "message", "logprobs", "finish_reason"], "properties": {
            "index": {"type": "integer"},
            "message": message,
            "logprobs": logprobs,
            "finish_reason": {"enum": ["stop", "length", "tool_calls"]}}}),
    )
}

fn completion() -> Value {
    let list = |items: Value| json!({"type": "array", "items": items});
    let logprobs = json!({"anyOf": [{"type": "null"}, {"type": "object",
        "required": ["tokens", "token_logprobs", "top_logprobs", "text_offset"], "properties": {
            "tokens": list(json!({"type": "string"})),
            "token_logprobs": list(json!({"type": ["number", "null"]})),
            "top_logprobs": list(json!({"type": ["object", "null"]})),
            "text_offset": list(json!({"type": "integer", "minimum": 0}))}}]});
    answer(
        "text_completion",
        json!({"type": "object",
        "required": ["index", "text", "logprobs", "finish_reason"], "properties": {
            "index": {"type": "integer"},
            "text": {"type": "string"},
            "logprobs": logprobs,
            "finish_reason": {"enum": ["stop", "length"]}}}),
    )
}

fn model() -> Value {
    json!({"type": "object", "required": ["id", "object", "created", "owned_by", "jeton"],
        "properties": {
            "id": {"type": "string"},
            "object": {"const": "model"},
            "created": {"type": "integer"},
            "owned_by": {"type": "string"},
            "jeton": {"type": "object",
                "required": ["name", "context_tokens_max", "family", "parameters"]}}})
}
