//! A conversation as a model's template wants it.
//!
//! OpenAI's messages say `developer`, and give the arguments of calls as a text. Templates were
//! written for what their model was trained with: most know no `developer`, and most want
//! arguments as an object, which they write as JSON themselves.

use serde_json::{Map, Value, json};
use text::{ChatInput, ChatTemplate};

/// A word that a template writes only as a part of arguments.
const PROBE: &str = "jeton_probe_value";

/// Makes a conversation fit a template.
pub fn fit(input: &mut ChatInput, template: &ChatTemplate) {
    let knows_developer = template.source().contains("developer");
    let has_calls = input.messages.iter().any(|message| message.get("tool_calls").is_some());
    let wants_objects = has_calls && wants_objects(template, &input.special_tokens);
    for message in &mut input.messages {
        let Some(fields) = message.as_object_mut() else { continue };
        if !knows_developer && fields.get("role").is_some_and(|role| role == "developer") {
            fields.insert("role".to_owned(), Value::from("system"));
        }
        if wants_objects {
            for call in
                fields.get_mut("tool_calls").and_then(Value::as_array_mut).into_iter().flatten()
            {
                parse_arguments(call);
            }
        }
    }
}

/// Arguments that are the text of an object become the object.
fn parse_arguments(call: &mut Value) {
    let Some(arguments) = call.pointer_mut("/function/arguments") else { return };
    let parsed: Option<Map<String, Value>> =
        arguments.as_str().and_then(|text| serde_json::from_str(text).ok());
    if let Some(parsed) = parsed {
        *arguments = Value::Object(parsed);
    }
}

/// Whether the template writes arguments that are an object as the JSON that they are. One that
/// puts texts together writes them in some other way, or fails.
fn wants_objects(template: &ChatTemplate, special_tokens: &Map<String, Value>) -> bool {
    let arguments = json!({"probe": PROBE});
    let call = json!({"id": "abcdef123", "type": "function",
        "function": {"name": "probe", "arguments": arguments}});
    let input = ChatInput {
        messages: vec![
            json!({"role": "user", "content": "x"}),
            json!({"role": "assistant", "content": "", "tool_calls": [call]}),
        ],
        special_tokens: special_tokens.clone(),
        now: text::LocalTime::parse_iso("2026-01-01T00:00:00"),
        ..ChatInput::default()
    };
    let Ok(rendered) = template.render(&input) else { return false };
    // In JSON it stands in double quotes; a template without calls writes it nowhere, and one that
    // takes the pairs apart writes it bare.
    !rendered.contains(&format!("'{PROBE}'"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fitted(template: &str) -> Vec<Value> {
        let template = ChatTemplate::new(template).expect("it parses");
        let call = json!({"id": "a", "type": "function",
            "function": {"name": "f", "arguments": "{\"x\": 1}"}});
        let mut input = ChatInput {
            messages: vec![
                json!({"role": "developer", "content": "d"}),
                json!({"role": "assistant", "content": "", "tool_calls": [call]}),
            ],
            ..ChatInput::default()
        };
        fit(&mut input, &template);
        input.messages
    }

    const LOOP: &str = "{% for m in messages %}{{ m.role }}{% for c in m.tool_calls or [] %}\
                        ARGS{% endfor %}{% endfor %}";

    #[test]
    fn developers_become_the_system_where_nobody_knows_them() {
        assert_eq!(fitted(LOOP)[0]["role"], "system");
        assert_eq!(fitted(&format!("{LOOP}{{# developer #}}"))[0]["role"], "developer");
    }

    #[test]
    fn arguments_are_what_the_template_writes_as_json() {
        let with = |how: &str| fitted(&LOOP.replace("ARGS", how))[1]["tool_calls"][0].clone();
        let json = with("{{ c.function.arguments | tojson }}");
        assert_eq!(json["function"]["arguments"], json!({"x": 1}));
        let text = with("{{ '{' + c.function.arguments + '}' }}");
        assert_eq!(text["function"]["arguments"], "{\"x\": 1}");
        let bare = with("{{ c.function.arguments }}");
        assert_eq!(bare["function"]["arguments"], "{\"x\": 1}");
    }
}
