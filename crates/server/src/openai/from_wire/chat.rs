//! A request of `/v1/chat/completions`.

use super::field_table::Routes;
use super::messages::messages;
use super::tool_wish::{ToolChoice, ToolWish, tool_wish};
use super::wishes::{Wishes, wishes};
use crate::openai::fields::Fields;
use crate::openai::tools::forced_call;
use answers::{RequestError, prompt};
use serde_json::{Map, Value, json};
use text::ChatInput;

/// A request for an answer to a conversation, checked.
#[derive(Clone, Debug)]
pub struct ChatRequest {
    /// What both routes have.
    pub wishes: Wishes,
    /// The conversation. Roles and calls are as they were given: a template may want them otherwise
    /// (see [`crate::openai::template_fit`]).
    pub input: ChatInput,
    /// The tools; none without any, and where they may not be used.
    pub tools: Option<ToolWish>,
    /// Whether a `service_tier` was asked for, which the answer then names.
    pub names_tier: bool,
}

/// Reads the body of a request.
///
/// # Errors
/// When a field is wrong: the error names it.
pub fn chat_request(body: &Map<String, Value>) -> Result<ChatRequest, RequestError> {
    let fields = Fields::top(body);
    let messages = messages(&fields)?;
    let mut wishes = wishes(body, Routes::Chat)?;
    check_modalities(&fields)?;
    let tiers = ["auto", "default", "flex", "scale", "priority", "fast"];
    let names_tier = fields.word("service_tier", &tiers)?.is_some();
    let tools = tool_wish(&fields)?.filter(|wish| wish.choice != ToolChoice::None);
    if let Some(wish) = tools.as_ref().filter(|wish| wish.choice == ToolChoice::Required) {
        if wishes.shape.is_some() {
            let message = "`tool_choice` must be none or auto where the answer has a shape: a \
                           call has its own";
            return Err(RequestError::parameter("tool_choice", message));
        }
        wishes.shape = Some(forced_call::shape(&wish.tools));
    }
    let template_kwargs = template_kwargs(&fields)?;
    let given: Option<Vec<&Value>> =
        tools.as_ref().map(|wish| wish.tools.iter().map(|tool| &tool.given).collect());
    let mut conversation = json!({
        "messages": messages,
        "tools": given,
        "template_kwargs": template_kwargs,
    });
    for name in ["documents", "continue_final_message", "add_generation_prompt"] {
        conversation[name] = fields.get(name).cloned().unwrap_or(Value::Null);
    }
    let input = prompt::chat_from_json(&conversation)?;
    Ok(ChatRequest { wishes, input, tools, names_tier })
}

fn check_modalities(fields: &Fields) -> Result<(), RequestError> {
    let list = fields.list("modalities", 8)?.map(Vec::as_slice).unwrap_or_default();
    match list.iter().all(|word| word == "text") {
        true => Ok(()),
        false => Err(fields.refuse("modalities", "must be [\"text\"]: the models here write text")),
    }
}

fn template_kwargs(fields: &Fields) -> Result<Value, RequestError> {
    let ours = fields.object("template_kwargs")?;
    let theirs = fields.object("chat_template_kwargs")?;
    match (ours, theirs) {
        (Some(ours), Some(theirs)) if ours != theirs => {
            let rule = "and `chat_template_kwargs` are the same; give one of them";
            Err(fields.refuse("template_kwargs", rule))
        }
        (one, other) => Ok(one.or(other).map_or(Value::Null, |kwargs| json!(kwargs))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use grammar::GrammarSource;

    fn read(more: Value) -> Result<ChatRequest, RequestError> {
        let mut request = json!({"model": "m", "messages": [{"role": "user", "content": "Hi"}]});
        for (name, value) in more.as_object().expect("an object") {
            request[name] = value.clone();
        }
        chat_request(request.as_object().expect("an object"))
    }

    fn function() -> Value {
        json!({"type": "function", "function": {"name": "f", "parameters": {
            "type": "object", "properties": {"x": {"type": "integer"}}, "required": ["x"]}}})
    }

    #[test]
    fn a_plain_request_is_a_conversation() {
        let request = read(json!({"temperature": 0.5, "stream": true})).expect("valid");
        assert_eq!(request.input.messages, [json!({"role": "user", "content": "Hi"})]);
        assert!(request.input.add_generation_prompt && request.input.tools.is_none());
        assert!(request.input.now.is_some());
        assert!(request.wishes.stream && !request.wishes.include_usage);
        assert_eq!(request.wishes.model.as_deref(), Some("m"));
    }

    #[test]
    fn tools_reach_the_template_and_a_required_one_is_a_shape() {
        let auto = read(json!({"tools": [function()]})).expect("valid");
        assert_eq!(auto.input.tools, Some(vec![function()]));
        assert_eq!(auto.wishes.shape, None);
        let required = json!({"tools": [function()], "tool_choice": "required"});
        let required = read(required).expect("valid");
        assert!(matches!(required.wishes.shape, Some(GrammarSource::JsonSchema(_))));
        let none = read(json!({"tools": [function()], "tool_choice": "none"})).expect("valid");
        assert!(none.tools.is_none() && none.input.tools.is_none());
    }

    #[test]
    fn what_does_not_go_together_is_refused() {
        let object = json!({"type": "json_object"});
        for (more, param) in [
            (
                json!({"tools": [function()], "tool_choice": "required",
                "response_format": object}),
                "tool_choice",
            ),
            (json!({"modalities": ["text", "audio"]}), "modalities"),
            (
                json!({"template_kwargs": {"a": 1}, "chat_template_kwargs": {"a": 2}}),
                "template_kwargs",
            ),
            (json!({"documents": "x"}), "documents"),
            (json!({"service_tier": "gold"}), "service_tier"),
            (json!({"audio": {"voice": "x"}}), "audio"),
            (
                json!({"continue_final_message": true, "add_generation_prompt": true}),
                "continue_final_message",
            ),
        ] {
            assert_eq!(read(more).expect_err(param).param.as_deref(), Some(param));
        }
        assert!(read(json!({"chat_template_kwargs": {"a": 2}})).is_ok());
        assert!(read(json!({"modalities": ["text"]})).is_ok());
    }
}
