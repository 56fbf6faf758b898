//! Every chat template case and every Jinja snippet of the conformance folder.

use serde_json::{Map, Value};
use text::{ChatInput, ChatTemplate, LocalTime, TemplateErrorKind};

use crate::data;

fn list(value: Option<&Value>) -> Option<Vec<Value>> {
    value.and_then(Value::as_array).cloned()
}

fn object(value: Option<&Value>) -> Map<String, Value> {
    value.and_then(Value::as_object).cloned().unwrap_or_default()
}

#[test]
fn templates_render_as_the_reference_does() {
    let Some(folder) = data::conformance() else { return };
    let mut files: Vec<_> =
        std::fs::read_dir(folder.join("chat/cases")).unwrap().map(|e| e.unwrap().path()).collect();
    files.sort();
    assert_eq!(files.len(), 21);
    let mut failures = Vec::new();
    let (mut passed, mut free) = (0, 0);
    for path in files {
        let file = data::json(&path);
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let source = folder.join(file["template"].as_str().unwrap());
        let template = match ChatTemplate::new(&std::fs::read_to_string(source).unwrap()) {
            Ok(template) => template,
            Err(error) => {
                failures.push(format!("{name}: {error}"));
                continue;
            }
        };
        for case in file["cases"].as_array().unwrap() {
            let input = ChatInput {
                messages: list(case.get("messages")).unwrap(),
                tools: list(case.get("tools")),
                documents: list(case.get("documents")),
                template_kwargs: object(case.get("template_kwargs")),
                special_tokens: object(file.get("special_tokens")),
                add_generation_prompt: case["add_generation_prompt"].as_bool().unwrap_or(false),
                continue_final_message: case
                    .get("continue_final_message")
                    .and_then(Value::as_bool)
                    .unwrap_or(false),
                now: LocalTime::parse_iso(file["now"].as_str().unwrap()),
            };
            let rendered = template.render(&input);
            let case_name = format!("{name}/{}", case["name"].as_str().unwrap());
            match (case.get("expected").and_then(Value::as_str), rendered) {
                (Some(expected), Ok(text)) if text == expected => passed += 1,
                (Some(expected), got) => failures.push(format!(
                    "{case_name} (python repr: {:?}):\n  want {expected:?}\n  got  {got:?}",
                    case.get("maybe_python_repr")
                )),
                (None, got) if case["error_kind"] == "raised_by_template" => match got {
                    Err(error)
                        if error.kind == TemplateErrorKind::Raised
                            && case["error"].as_str().is_some_and(|e| e == error.message) =>
                    {
                        passed += 1;
                    }
                    got => failures.push(format!("{case_name}: {:?} got {got:?}", case["error"])),
                },
                (None, _) => free += 1,
            }
        }
    }
    eprintln!("chat templates: {passed} passed, {free} free, {} failed", failures.len());
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn snippets_render_as_jinja_does() {
    let Some(folder) = data::conformance() else { return };
    let file = data::json(&folder.join("chat/jinja_snippets.json"));
    let variables = file["variables"].as_object().unwrap();
    let mut failures = Vec::new();
    let mut passed = 0;
    for case in file["cases"].as_array().unwrap() {
        let source = case["template"].as_str().unwrap();
        let got = ChatTemplate::new(source)
            .and_then(|template| template.render_variables(variables.clone()));
        let expected = case.get("expected").and_then(Value::as_str);
        let ok = match (expected, &got) {
            (Some(expected), Ok(text)) => text == expected,
            (Some(_), Err(_)) => false,
            (None, Ok(_)) => false,
            (None, Err(error)) => match case["error_kind"].as_str().unwrap() {
                "raised" => {
                    error.kind == TemplateErrorKind::Raised && case["error"] == *error.message
                }
                "syntax" => error.kind == TemplateErrorKind::Syntax,
                "undefined" | "TypeError" => error.kind == TemplateErrorKind::Undefined,
                _ => true,
            },
        };
        if ok {
            passed += 1;
        } else {
            failures.push(format!("{} {source:?}\n  want {case}\n  got  {got:?}", case["id"]));
        }
    }
    eprintln!("snippets: {passed} passed, {} failed", failures.len());
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
