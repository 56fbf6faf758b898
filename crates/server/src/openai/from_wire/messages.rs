//! The messages of a conversation: checked, and made into what chat templates read.

use crate::openai::fields::{Fields, wrong_type};
use crate::openai::limits::{CONTENT_PARTS_MAX, MESSAGES_MAX, NAME_BYTES_MAX, TOOL_CALLS_MAX};
use answers::RequestError;
use serde_json::{Map, Value, json};

const FIELD: &str = "messages";

/// Who may speak.
const ROLES: [&str; 5] = ["developer", "system", "user", "assistant", "tool"];

/// Parts of a content that are not text, and what they are.
const OTHER_PARTS: [(&str, &str); 5] = [
    ("image_url", "an image"),
    ("input_image", "an image"),
    ("input_audio", "audio"),
    ("video_url", "a video"),
    ("file", "a file"),
];

/// The messages of a request: each has `role` and a text as `content`, and where they were given
/// `name`, `tool_calls` (arguments as the text they came as), `tool_call_id`, `reasoning_content`.
///
/// # Errors
/// When there are none or too many, or one is not what its role allows.
pub fn messages(request: &Fields) -> Result<Vec<Value>, RequestError> {
    let list = request.list(FIELD, MESSAGES_MAX)?.ok_or_else(|| request.missing(FIELD))?;
    if list.is_empty() {
        return Err(request.refuse(FIELD, "must have at least one message; given an empty list"));
    }
    list.iter().enumerate().map(|(index, value)| message(index, value)).collect()
}

fn message(index: usize, value: &Value) -> Result<Value, RequestError> {
    let path = format!("{FIELD}[{index}]");
    let fields = Fields::inside(value, FIELD, &path)?;
    let role = fields.word("role", &ROLES)?.ok_or_else(|| fields.missing("role"))?;
    let mut message = Map::new();
    message.insert("role".to_owned(), Value::from(role));
    let calls = if role == "assistant" { tool_calls(&fields)? } else { None };
    let content = match (content(&fields)?, role) {
        (Some(text), _) => Value::from(text),
        // Templates look for a content that is none where they write calls.
        (None, "assistant") if calls.is_some() => Value::Null,
        (None, "assistant") => Value::from(fields.text("refusal")?.unwrap_or_default()),
        (None, _) => return Err(fields.missing("content")),
    };
    message.insert("content".to_owned(), content);
    if let Some(name) = fields.short_text("name", NAME_BYTES_MAX)? {
        message.insert("name".to_owned(), Value::from(name));
    }
    if role == "tool" {
        let id = fields.short_text("tool_call_id", NAME_BYTES_MAX)?;
        let id = id.ok_or_else(|| fields.missing("tool_call_id"))?;
        message.insert("tool_call_id".to_owned(), Value::from(id));
    }
    if role == "assistant" {
        for name in ["reasoning_content", "reasoning"] {
            if let Some(thought) = fields.text(name)? {
                message.insert("reasoning_content".to_owned(), Value::from(thought));
                break;
            }
        }
    }
    if let Some(calls) = calls {
        message.insert("tool_calls".to_owned(), calls);
    }
    Ok(Value::Object(message))
}

/// The text of a content: parts are joined by newlines.
fn content(fields: &Fields) -> Result<Option<String>, RequestError> {
    let parts = match fields.get("content") {
        None => return Ok(None),
        Some(Value::String(text)) => return Ok(Some(text.clone())),
        Some(Value::Array(parts)) => parts,
        Some(other) => {
            let rule = "a string or a list of text parts";
            return Err(wrong_type(FIELD, &fields.path("content"), rule, other));
        }
    };
    if !(1..=CONTENT_PARTS_MAX).contains(&parts.len()) {
        let rule = format!("must have 1 to {CONTENT_PARTS_MAX} parts; given {}", parts.len());
        return Err(fields.refuse("content", rule));
    }
    let mut texts = Vec::with_capacity(parts.len());
    for (index, part) in parts.iter().enumerate() {
        let path = fields.path(&format!("content[{index}]"));
        let part = Fields::inside(part, FIELD, &path)?;
        texts.push(match part.required_text("type")? {
            "text" => part.required_text("text")?,
            "refusal" => part.required_text("refusal")?,
            other => return Err(other_part(&part, other)),
        });
    }
    Ok(Some(texts.join("\n")))
}

fn other_part(part: &Fields, kind: &str) -> RequestError {
    match OTHER_PARTS.iter().find(|(name, _)| *name == kind) {
        Some((name, what)) => part.refuse(
            "type",
            format!(
                "must be text: the models here read no {}; given {name:?}",
                what.trim_start_matches("an ").trim_start_matches("a ")
            ),
        ),
        None => {
            let shown: String = kind.chars().take(40).collect();
            part.refuse("type", format!("must be text; given {shown:?}"))
        }
    }
}

/// The calls that an assistant made; none for none.
fn tool_calls(fields: &Fields) -> Result<Option<Value>, RequestError> {
    if fields.get("function_call").is_some() {
        return Err(fields.refuse("function_call", "is not supported; use `tool_calls`"));
    }
    let calls = fields.list("tool_calls", TOOL_CALLS_MAX)?.filter(|calls| !calls.is_empty());
    let Some(calls) = calls else { return Ok(None) };
    let call = |(index, call): (usize, &Value)| {
        let path = fields.path(&format!("tool_calls[{index}]"));
        let call = Fields::inside(call, FIELD, &path)?;
        call.word("type", &["function"])?;
        let id = call.required_text("id")?;
        let function = call.get("function").ok_or_else(|| call.missing("function"))?;
        let path = call.path("function");
        let function = Fields::inside(function, FIELD, &path)?;
        let (name, arguments) =
            (function.required_text("name")?, function.required_text("arguments")?);
        let function = json!({"name": name, "arguments": arguments});
        Ok(json!({"id": id, "type": "function", "function": function}))
    };
    let calls: Result<Vec<Value>, RequestError> = calls.iter().enumerate().map(call).collect();
    calls.map(|calls| Some(Value::Array(calls)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(list: Value) -> Result<Vec<Value>, String> {
        let request = json!({"messages": list});
        messages(&Fields::top(request.as_object().expect("an object"))).map_err(|error| {
            assert_eq!(error.param.as_deref(), Some("messages"));
            error.message
        })
    }

    #[test]
    fn a_conversation_becomes_what_templates_read() {
        let call = json!({"id": "call_1", "type": "function",
            "function": {"name": "f", "arguments": "{\"x\": 1}"}});
        let given = json!([
            {"role": "developer", "content": "Be brief.", "name": "boss"},
            {"role": "user", "content": [{"type": "text", "text": "a"},
                {"type": "text", "text": "b"}]},
            {"role": "assistant", "content": null, "tool_calls": [call]},
            {"role": "tool", "content": "3", "tool_call_id": "call_1"},
            {"role": "assistant", "content": "Three.", "tool_calls": [], "reasoning": "hm"},
            {"role": "assistant", "refusal": "No."},
        ]);
        let expected = json!([
            {"role": "developer", "content": "Be brief.", "name": "boss"},
            {"role": "user", "content": "a\nb"},
            {"role": "assistant", "content": null, "tool_calls": [call]},
            {"role": "tool", "content": "3", "tool_call_id": "call_1"},
            {"role": "assistant", "content": "Three.", "reasoning_content": "hm"},
            {"role": "assistant", "content": "No."},
        ]);
        assert_eq!(Value::from(read(given).expect("valid")), expected);
    }

    #[test]
    fn what_is_wrong_is_named_with_its_place() {
        let image = json!({"type": "image_url", "image_url": {"url": "x"}});
        for (list, words) in [
            (json!([]), "at least one message"),
            (json!("hi"), "`messages` must be a list"),
            (json!(["hi"]), "`messages[0]` must be an object; given \"hi\""),
            (json!([{"content": "x"}]), "`messages[0].role` is missing"),
            (json!([{"role": "wizard", "content": "x"}]), "given \"wizard\""),
            (json!([{"role": "function", "content": "x"}]), "one of developer, system, user"),
            (json!([{"role": "user"}]), "`messages[0].content` is missing"),
            (json!([{"role": "user", "content": null}]), "`messages[0].content` is missing"),
            (json!([{"role": "user", "content": 5}]), "a string or a list of text parts; given 5"),
            (json!([{"role": "user", "content": []}]), "1 to 1024 parts; given 0"),
            (json!([{"role": "user", "content": [image]}]), "`messages[0].content[0].type` must"),
            (json!([{"role": "user", "content": [{"type": "x"}]}]), "must be text; given \"x\""),
            (json!([{"role": "tool", "content": "x"}]), "tool_call_id` is missing"),
            (json!([{"role": "assistant", "tool_calls": [{"id": "a"}]}]), "function` is missing"),
            (json!([{"role": "assistant", "function_call": {}}]), "use `tool_calls`"),
            (json!([{"role": "user", "content": "x", "name": 3}]), "`messages[0].name` must be"),
        ] {
            let message = read(list).expect_err(words);
            assert!(message.contains(words), "{message}");
        }
    }
}
