//! Schemas of what is sent.

use super::params;
use crate::openai::from_wire::field_table::{Routes, Treatment, WIRE_FIELDS};
use crate::openai::limits::{
    COMPLETION_LOGPROBS_MAX, MESSAGES_MAX, METADATA_MAX, PROMPTS_MAX, TOOLS_MAX,
};
use sampling::params::PARAMS;
use serde_json::{Map, Value, json};

/// Every schema of a request.
pub fn schemas() -> Map<String, Value> {
    let mut schemas = Map::new();
    let mut put = |name: &str, schema: Value| drop(schemas.insert(name.to_owned(), schema));
    put("ChatRequest", request(Routes::Chat, "messages"));
    put("CompletionRequest", request(Routes::Completions, "prompt"));
    put(
        "Messages",
        json!({"type": "array", "minItems": 1, "maxItems": MESSAGES_MAX,
        "items": {"$ref": "#/components/schemas/Message"}}),
    );
    put("Message", message());
    put("Prompt", prompt());
    put(
        "StreamOptions",
        json!({"type": ["object", "null"], "properties": {
        "include_usage": {"type": ["boolean", "null"]},
        "include_obfuscation": {"type": ["boolean", "null"]}}}),
    );
    put("ResponseFormat", response_format());
    put(
        "Tools",
        json!({"type": ["array", "null"], "maxItems": TOOLS_MAX,
        "items": {"$ref": "#/components/schemas/Tool"}}),
    );
    put("Tool", tool());
    put("ToolChoice", tool_choice());
    put(
        "Metadata",
        json!({"type": ["object", "null"], "maxProperties": METADATA_MAX,
        "additionalProperties": {"type": "string", "maxLength": 512}}),
    );
    schemas
}

/// A request for one of the two routes: its own fields, and every parameter under all its names.
fn request(route: Routes, required: &str) -> Value {
    let mut properties = Map::new();
    let own = WIRE_FIELDS.iter().filter(|field| field.routes.has(route));
    for field in own.filter(|field| field.treatment != Treatment::Refused) {
        let mut schema = (field.schema)();
        if schema.get("$ref").is_none() {
            schema["description"] = Value::from(field.help);
        }
        properties.insert(field.name.to_owned(), schema);
    }
    for spec in PARAMS {
        let schema = params::schema(spec);
        properties.insert(spec.name.to_owned(), schema.clone());
        for alias in spec.aliases {
            let mut schema = schema.clone();
            schema["description"] = Value::from(format!("The same as `{}`.", spec.name));
            properties.insert((*alias).to_owned(), schema);
        }
    }
    if route == Routes::Completions {
        properties.insert(
            "logprobs".to_owned(),
            json!({"type": ["integer", "null"], "minimum": 0,
            "maximum": COMPLETION_LOGPROBS_MAX,
            "description": "How many of the most likely tokens to return with each token."}),
        );
    }
    json!({"type": "object", "required": [required], "properties": properties,
        "additionalProperties": true})
}

fn message() -> Value {
    let text = json!({"type": "object", "required": ["type", "text"], "properties": {
        "type": {"const": "text"}, "text": {"type": "string"}}});
    let content = json!({"anyOf": [{"type": "string"},
        {"type": "array", "minItems": 1, "maxItems": 1024, "items": text}]});
    let said = |role: &[&str]| {
        json!({"type": "object", "required": ["role", "content"], "properties": {
            "role": {"enum": role}, "content": content,
            "name": {"type": "string", "minLength": 1, "maxLength": 256}}})
    };
    let mut tool = said(&["tool"]);
    tool["properties"]["tool_call_id"] =
        json!({"type": "string", "minLength": 1, "maxLength": 256});
    tool["required"] = json!(["role", "content", "tool_call_id"]);
    let call = json!({"type": "object", "required": ["id", "type", "function"], "properties": {
        "id": {"type": "string"}, "type": {"const": "function"},
        "function": {"type": "object", "required": ["name", "arguments"], "properties": {
            "name": {"type": "string"}, "arguments": {"type": "string"}}}}});
    let assistant = json!({"type": "object", "required": ["role"], "properties": {
        "role": {"const": "assistant"},
        "content": {"anyOf": [content, {"type": "null"}]},
        "refusal": {"type": ["string", "null"]},
        "reasoning_content": {"type": ["string", "null"]},
        "tool_calls": {"type": ["array", "null"], "maxItems": 128, "items": call}}});
    json!({"anyOf": [said(&["developer", "system", "user"]), assistant, tool]})
}

fn prompt() -> Value {
    let ids = json!({"type": "array", "minItems": 1,
        "items": {"type": "integer", "minimum": 0, "maximum": u32::MAX}});
    json!({"anyOf": [
        {"type": "string"},
        {"type": "array", "minItems": 1, "maxItems": PROMPTS_MAX, "items": {"type": "string"}},
        ids,
        {"type": "array", "minItems": 1, "maxItems": PROMPTS_MAX, "items": ids},
    ]})
}

fn response_format() -> Value {
    let kind = |word: &str| {
        let properties = json!({"type": {"const": word}});
        json!({"type": "object", "required": ["type"], "properties": properties})
    };
    let mut schema = kind("json_schema");
    schema["required"] = json!(["type", "json_schema"]);
    schema["properties"]["json_schema"] = json!({"type": "object", "required": ["name", "schema"],
        "properties": {
            "name": {"type": "string", "pattern": "^[A-Za-z0-9_-]{1,64}$"},
            "description": {"type": ["string", "null"]},
            "schema": {"type": "object"},
            "strict": {"type": ["boolean", "null"]}}});
    json!({"anyOf": [kind("text"), kind("json_object"), schema, {"type": "null"}]})
}

fn tool() -> Value {
    json!({"type": "object", "required": ["type", "function"], "properties": {
        "type": {"const": "function"},
        "function": {"type": "object", "required": ["name"], "properties": {
            "name": {"type": "string", "pattern": "^[A-Za-z0-9_-]{1,64}$"},
            "description": {"type": ["string", "null"]},
            "parameters": {"type": ["object", "null"]},
            "strict": {"type": ["boolean", "null"]}}}}})
}

fn tool_choice() -> Value {
    json!({"anyOf": [
        {"enum": ["none", "auto", "required", null]},
        {"type": "object", "required": ["type", "function"], "properties": {
            "type": {"const": "function"},
            "function": {"type": "object", "required": ["name"],
                "properties": {"name": {"type": "string"}}}}},
    ]})
}
