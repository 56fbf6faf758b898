//! What models write, and what is made of it: in one piece and cut anywhere.

use super::*;
use proptest::prelude::*;
use serde_json::{Value, json};

fn tools() -> Vec<Tool> {
    let parameters = json!({"type": "object", "properties": {
        "city": {"type": "string"}, "days": {"type": "integer"}}});
    let tool = |name: &str| Tool {
        name: name.to_owned(),
        parameters: parameters.clone(),
        strict: false,
        given: Value::Null,
    };
    vec![tool("weather"), tool("time")]
}

/// A call's name, id and arguments.
type Call = (String, Option<String>, String);

/// Content and calls.
type Said = (String, Vec<Call>);

/// Syntax, text, content, calls.
type Case = (ToolSyntax, String, &'static str, Vec<Call>);

fn said(pieces: impl IntoIterator<Item = Piece>) -> Said {
    let (mut content, mut calls) = (String::new(), Vec::new());
    for piece in pieces {
        match piece {
            Piece::Content(text) => content.push_str(&text),
            Piece::Call { index, id, name } => {
                assert_eq!(index, calls.len(), "calls come in order");
                calls.push((name, id, String::new()));
            }
            Piece::Arguments { index, text } => {
                assert_eq!(index + 1, calls.len(), "arguments are of the last call");
                calls[index].2.push_str(&text);
            }
        }
    }
    (content, calls)
}

fn read(syntax: ToolSyntax, pieces: &[&str]) -> Said {
    let mut parser = ToolParser::new(syntax, &tools(), true);
    let mut all: Vec<Piece> = pieces.iter().flat_map(|text| parser.push(text)).collect();
    all.extend(parser.finish());
    said(all)
}

fn call(name: &str, arguments: &str) -> Call {
    (name.to_owned(), None, arguments.to_owned())
}

const W: &str = r#"{"city": "Paris"}"#;

fn cases() -> Vec<Case> {
    [hermes_cases(), list_cases(), llama_cases(), other_cases()].concat()
}

fn hermes_cases() -> Vec<Case> {
    use ToolSyntax::Hermes;
    let one = vec![call("weather", W)];
    let two = vec![call("weather", W), call("time", "{}")];
    let hermes = |name: &str, arguments: &str| {
        format!("<tool_call>\n{{\"name\": \"{name}\", \"arguments\": {arguments}}}\n</tool_call>")
    };
    let first = hermes("weather", W);
    let both = format!("{first}\n{}", hermes("time", "{}"));
    vec![
        (Hermes, "Just text.\n".into(), "Just text.\n", vec![]),
        (Hermes, first.clone(), "", one.clone()),
        (Hermes, format!("Let me see.\n\n{both}\n"), "Let me see.", two.clone()),
        (Hermes, format!("{first} And so on."), " And so on.", one.clone()),
        (Hermes, "a < b <tool".into(), "a < b <tool", vec![]),
        (Hermes, "<tool_call>\nnot json".into(), "<tool_call>\nnot json", vec![]),
        (
            Hermes,
            "<tool_call>{\"x\": 1}</tool_call>".into(),
            "<tool_call>{\"x\": 1}</tool_call>",
            vec![],
        ),
        (
            Hermes,
            "<tool_call>{\"name\": \"weather\", \"arguments\": {\"ci".into(),
            "",
            vec![call("weather", "{\"ci")],
        ),
        (
            Hermes,
            "<tool_call>{\"name\": \"weather\", \"arguments\": {}}</tool".into(),
            "",
            vec![call("weather", "{}")],
        ),
    ]
}

fn list_cases() -> Vec<Case> {
    use ToolSyntax::{Granite, Mistral};
    let one = vec![call("weather", W)];
    let two = vec![call("weather", W), call("time", "{}")];
    let with_id = vec![("weather".to_owned(), Some("abcdef123".to_owned()), W.to_owned())];
    let list = format!("[{{\"name\": \"weather\", \"arguments\": {W}}}]");
    vec![
        (Mistral, format!("[TOOL_CALLS]{list}"), "", one.clone()),
        (
            Mistral,
            format!(
                "[TOOL_CALLS] [{{\"name\": \"weather\", \"id\": \"abcdef123\", \
            \"arguments\": {W}}}]"
            ),
            "",
            with_id,
        ),
        (
            Mistral,
            format!(
                "[TOOL_CALLS][{{\"name\": \"weather\", \"arguments\": {W}}}, \
            {{\"name\": \"time\", \"arguments\": {{}}}}]"
            ),
            "",
            two,
        ),
        (Granite, format!("<|tool_call|>{list}"), "", one),
    ]
}

fn llama_cases() -> Vec<Case> {
    use ToolSyntax::Llama;
    let one = vec![call("weather", W)];
    let two = vec![call("weather", W), call("time", "{}")];
    vec![
        (Llama, format!("{{\"name\": \"weather\", \"parameters\": {W}}}"), "", one.clone()),
        (
            Llama,
            format!(
                "<|python_tag|>{{\"name\": \"weather\", \"parameters\": {W}}}; \
            {{\"name\": \"time\", \"parameters\": {{}}}}"
            ),
            "",
            two.clone(),
        ),
        (
            Llama,
            "{\"name\": \"Bob\", \"age\": 3}".into(),
            "{\"name\": \"Bob\", \"age\": 3}",
            vec![],
        ),
        (Llama, " {\"answer\": [1]}\n".into(), " {\"answer\": [1]}\n", vec![]),
        (Llama, "\n[1, 2]".into(), "\n[1, 2]", vec![]),
        (Llama, "Hello {\"name\": \"weather\"}".into(), "Hello {\"name\": \"weather\"}", vec![]),
    ]
}

/// Longer than any tool's name, and what is made of it.
const NAMELESS: &str = "0123456789012345678901234567890123456789012345678901234567890123456789";
const NOT_CALLED: &str = "a <function=01234567890123456789012345678901234567890123456789\
                          01234567890123456789>{}";

fn other_cases() -> Vec<Case> {
    use ToolSyntax::{Functionary, Glm};
    let one = vec![call("weather", W)];
    let two = vec![call("weather", W), call("time", "{}")];
    let glm = "<tool_call>weather\n<arg_key>city</arg_key>\n<arg_value>Paris</arg_value>\n\
               <arg_key>days</arg_key>\n<arg_value>3</arg_value>\n</tool_call>";
    vec![
        (Functionary, format!("<function=weather>{W}</function>"), "", one),
        (
            Functionary,
            format!(
                "Now: <function=weather>{W}</function><function=time>{{}}\
            </function>"
            ),
            "Now:",
            two,
        ),
        (Functionary, "<func".into(), "<func", vec![]),
        (Functionary, format!("a <function={NAMELESS}>{{}}"), NOT_CALLED, vec![]),
        (Glm, glm.into(), "", vec![call("weather", "{\"city\":\"Paris\",\"days\":3}")]),
        (
            Glm,
            format!("Ok.\n{glm}"),
            "Ok.",
            vec![call("weather", "{\"city\":\"Paris\",\"days\":3}")],
        ),
        (Glm, "<tool_call>time</tool_call>".into(), "", vec![call("time", "{}")]),
        (Glm, "<tool_call>time<arg".into(), "<tool_call>time<arg", vec![]),
    ]
}

#[test]
fn answers_are_content_and_calls() {
    for (syntax, text, content, calls) in cases() {
        assert_eq!(read(syntax, &[&text]), (content.to_owned(), calls), "{text}");
    }
}

#[test]
fn each_cut_says_the_same() {
    for (syntax, text, content, calls) in cases() {
        let expected = (content.to_owned(), calls);
        let characters: Vec<String> = text.chars().map(String::from).collect();
        let characters: Vec<&str> = characters.iter().map(String::as_str).collect();
        assert_eq!(read(syntax, &characters), expected, "{text}");
        for (place, _) in text.char_indices() {
            assert_eq!(read(syntax, &[&text[..place], &text[place..]]), expected, "{text}");
        }
    }
}

#[test]
fn without_parallel_calls_the_first_counts() {
    let (_, text, _, _) = cases().swap_remove(2);
    let mut parser = ToolParser::new(ToolSyntax::Hermes, &tools(), false);
    let mut pieces = parser.push(&text);
    pieces.extend(parser.finish());
    assert_eq!(said(pieces), ("Let me see.".to_owned(), vec![call("weather", W)]));
}

#[test]
fn a_forced_call_is_read() {
    let mut parser = ToolParser::forced(&tools());
    let mut pieces = parser.push("{\"name\":\"time\",\"arguments\":{\"days\":2}}");
    pieces.extend(parser.finish());
    assert_eq!(said(pieces), (String::new(), vec![call("time", "{\"days\":2}")]));
}

/// Texts out of what calls are made of.
const TEXTS: &str = "(<tool_call>|</tool_call>|\\{\"name\": ?\"time\"|, \"arguments\": \\{|\\}|\\]|\
                     \\[|<|[a-é \"\n]){0,12}";

proptest! {
    #[test]
    fn no_text_is_lost_or_read_otherwise_when_cut(
        text in TEXTS,
        cut in 0usize..60,
        syntax in 0usize..6,
    ) {
        use ToolSyntax::*;
        let syntax = [Hermes, Mistral, Granite, Llama, Functionary, Glm][syntax];
        let whole = read(syntax, &[&text]);
        let place = text.char_indices().map(|(place, _)| place).nth(cut).unwrap_or(text.len());
        prop_assert_eq!(&read(syntax, &[&text[..place], &text[place..]]), &whole);
        if whole.1.is_empty() {
            prop_assert_eq!(whole.0, text);
        }
    }
}

#[test]
fn templates_say_their_syntax() {
    let Some(folder) = std::env::var_os("JETON_CONFORMANCE") else {
        eprintln!("skipped: JETON_CONFORMANCE is not set");
        return;
    };
    use ToolSyntax::*;
    let folder = std::path::Path::new(&folder).join("chat/templates");
    for (name, expected) in [
        ("qwen2.5-7b-instruct", Some(Hermes)),
        ("qwen3-0.6b", Some(Hermes)),
        ("hermes-2-pro-llama-3-8b", Some(Hermes)),
        ("mistral-nemo-2407", Some(Mistral)),
        ("granite-3.3-2b", Some(Granite)),
        ("llama-3.1-8b-instruct", Some(Llama)),
        ("llama-3.2-3b-instruct", Some(Llama)),
        ("functionary-v3.1", Some(Functionary)),
        ("glm-4.6", Some(Glm)),
        ("chatml", None),
        ("gemma-2-2b-it", None),
        ("llama2-chat", None),
    ] {
        let source = std::fs::read_to_string(folder.join(format!("{name}.jinja")));
        assert_eq!(ToolSyntax::of(&source.expect("it is there")), expected, "{name}");
    }
}
