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
    let form = if has_calls { CallForm::of(template) } else { CallForm::default() };
    for message in &mut input.messages {
        let Some(fields) = message.as_object_mut() else { continue };
        if !knows_developer && fields.get("role").is_some_and(|role| role == "developer") {
            fields.insert("role".to_owned(), Value::from("system"));
        }
        if !form.null_content && fields.get("content").is_some_and(Value::is_null) {
            fields.insert("content".to_owned(), Value::from(""));
        }
        if form.objects
            && let Some(calls) = fields.get_mut("tool_calls").and_then(Value::as_array_mut)
        {
            calls.iter_mut().for_each(parse_arguments);
        }
    }
}

/// How a template wants a message that is a call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct CallForm {
    /// Arguments as an object, and not as the text of one.
    objects: bool,
    /// A content that is none, and not an empty text.
    null_content: bool,
}

impl CallForm {
    /// The first form in which the template writes the arguments as JSON: found by trying. A form
    /// that it was not written for makes it fail, leave the call out, or write something else.
    fn of(template: &ChatTemplate) -> CallForm {
        let form = |objects, null_content| CallForm { objects, null_content };
        let forms = [form(true, true), form(true, false), form(false, true), form(false, false)];
        let is_written = |form: &CallForm| {
            let rendered = template.render(&form.probe()).unwrap_or_default();
            // Not within quotes of another kind: those are a program's own way of writing objects.
            rendered.contains(PROBE) && !rendered.contains(&format!("'{PROBE}'"))
        };
        forms.into_iter().find(is_written).unwrap_or_default()
    }

    /// A conversation with a call in this form.
    fn probe(self) -> ChatInput {
        let arguments = json!({"probe": PROBE});
        let arguments = if self.objects { arguments } else { arguments.to_string().into() };
        let call = json!({"id": "abcdef123", "type": "function",
            "function": {"name": "probe", "arguments": arguments}});
        let content = if self.null_content { Value::Null } else { Value::from("") };
        // Only that they are there counts.
        let special_tokens = ["bos_token", "eos_token"].map(|name| (name.to_owned(), "".into()));
        ChatInput {
            messages: vec![
                json!({"role": "user", "content": "x"}),
                json!({"role": "assistant", "content": content, "tool_calls": [call]}),
            ],
            special_tokens: special_tokens.into_iter().collect(),
            now: text::LocalTime::parse_iso("2026-01-01T00:00:00"),
            ..ChatInput::default()
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

    #[test]
    fn published_templates_get_what_they_were_written_for() {
        let Some(folder) = std::env::var_os("JETON_CONFORMANCE") else {
            eprintln!("skipped: JETON_CONFORMANCE is not set");
            return;
        };
        let folder = std::path::Path::new(&folder).join("chat/templates");
        for (name, objects) in [
            ("qwen2.5-7b-instruct", true),
            ("qwen3-0.6b", true),
            ("hermes-2-pro-llama-3-8b", true),
            ("mistral-nemo-2407", true),
            ("llama-3.1-8b-instruct", true),
            ("llama-3.2-3b-instruct", true),
            ("functionary-v3.1", true),
            ("deepseek-r1-distill-llama-8b", false),
        ] {
            let source = std::fs::read_to_string(folder.join(format!("{name}.jinja")));
            let template = ChatTemplate::new(&source.expect("it is there")).expect("it parses");
            let form = CallForm::of(&template);
            assert_eq!(form.objects, objects, "{name}");
            let rendered = template.render(&form.probe()).expect("it fits");
            assert!(rendered.contains(&format!("\"probe\": \"{PROBE}\"")) || !objects, "{name}");
        }
    }
}
