//! Schemas and grammars of other projects: what is valid can be written, what is not cannot.

use crate::support::{byte_vocabulary, compile, conformance_file, schema, takes};
use grammar::{Grammar, GrammarError, GrammarSource};
use serde_json::Value;

/// How a suite went.
#[derive(Debug, Default)]
struct Counts {
    /// Schemas that are not supported.
    refused: Vec<String>,
    /// Schemas that nothing satisfies.
    unsatisfiable: usize,
    supported: usize,
    /// Valid texts, and those of them that the grammar takes.
    valid: usize,
    valid_taken: usize,
    /// Invalid texts, none of which it may take.
    invalid: usize,
    /// Where a valid text was not taken.
    missed: Vec<String>,
}

impl Counts {
    fn compiled(&mut self, outcome: Result<Grammar, GrammarError>, name: &str) -> Option<Grammar> {
        match outcome {
            Ok(grammar) => {
                self.supported += 1;
                Some(grammar)
            }
            Err(GrammarError::Unsatisfiable { .. }) => {
                self.unsatisfiable += 1;
                None
            }
            Err(_) => {
                self.refused.push(name.to_string());
                None
            }
        }
    }

    fn text(&mut self, grammar: &Grammar, text: &str, valid: bool, name: &str) {
        let taken = takes(grammar, text.as_bytes());
        if valid {
            self.valid += 1;
            self.valid_taken += usize::from(taken);
            if !taken {
                self.missed.push(format!("{name}: {text}"));
            }
        } else {
            self.invalid += 1;
            assert!(!taken, "{name}: takes {text}, which is not valid");
        }
    }
}

#[test]
fn json_schema_test_suite() {
    let Some(suite) = conformance_file("structured/json_schema_test_suite.json") else { return };
    let vocabulary = byte_vocabulary(&[]);
    let mut counts = Counts::default();
    for group in suite["groups"].as_array().expect("groups") {
        let name = group["id"].as_str().expect("a name");
        let outcome = schema(&vocabulary, group["schema"].clone());
        let is_empty = matches!(outcome, Err(GrammarError::Unsatisfiable { .. }));
        let grammar = counts.compiled(outcome, name);
        for test in group["tests"].as_array().expect("tests") {
            let valid = test["valid"].as_bool().expect("a verdict");
            assert!(!(is_empty && valid), "{name}: something does satisfy it: {}", test["data"]);
            // Properties come in the schema's order; formats are held, not only noted.
            let ordered = test["keys_in_schema_order"].as_bool().unwrap_or(true);
            let only_noted = valid && group["schema"].get("format").is_some();
            let (Some(grammar), true, false) = (&grammar, ordered || !valid, only_noted) else {
                continue;
            };
            counts.text(grammar, &test["data"].to_string(), valid, name);
        }
    }
    assert_eq!((counts.supported, counts.unsatisfiable), (94, 3), "{:?}", counts.refused);
    assert_eq!((counts.valid, counts.invalid), (173, 234));
    // Numbers have one spelling: whole ones no fraction, none a `+` in its exponent; properties
    // of `allOf` come in another order than the file's; U+FEFF counts as white space there only.
    let known = ["allOf#0: ", "const#1", "enum#1", "type#0: 1.0", "optional/"];
    let expected = |missed: &String| known.iter().any(|begin| missed.starts_with(begin));
    assert!(counts.missed.iter().all(expected) && counts.missed.len() == 10, "{counts:#?}");
}

#[test]
fn schemas_with_texts() {
    let Some(file) = conformance_file("structured/schema_strings.json") else { return };
    let vocabulary = byte_vocabulary(&[]);
    let mut counts = Counts::default();
    for case in file["cases"].as_array().expect("cases") {
        let name = case["description"].as_str().expect("a name");
        let Some(grammar) = counts.compiled(schema(&vocabulary, case["schema"].clone()), name)
        else {
            continue;
        };
        for text in texts(&case["accept"]) {
            counts.text(&grammar, text, true, name);
        }
        let verdicts = case["json_schema_verdict_reject"].as_array().expect("verdicts");
        for (text, verdict) in texts(&case["reject"]).zip(verdicts) {
            // Where JSON Schema itself calls the text valid, the file's own program is narrower.
            if verdict != &Value::Bool(true) {
                counts.text(&grammar, text, false, name);
            }
        }
    }
    assert_eq!(counts.refused, ["required props"], "`uniqueItems` cannot be held");
    assert_eq!((counts.valid_taken, counts.invalid), (71, 52));
    assert_eq!(counts.missed, Vec::<String>::new());
}

#[test]
fn response_formats() {
    let Some(file) = conformance_file("structured/response_format.json") else { return };
    let vocabulary = byte_vocabulary(&[]);
    let mut counts = Counts::default();
    for case in file["cases"].as_array().expect("cases") {
        let name = case["name"].as_str().expect("a name");
        let Some(grammar) = counts.compiled(schema(&vocabulary, case["schema"].clone()), name)
        else {
            continue;
        };
        let ordered = case["keys_in_schema_order"].as_array().expect("verdicts");
        for (text, ordered) in texts(&case["valid_compact_text"]).zip(ordered) {
            if ordered == &Value::Bool(true) {
                counts.text(&grammar, text, true, name);
            }
        }
        for text in texts(&case["invalid_compact_text"]) {
            counts.text(&grammar, text, false, name);
        }
    }
    let any_json = schema(&vocabulary, serde_json::json!({})).expect("any JSON");
    let object = compile(&vocabulary, &GrammarSource::JsonObject).expect("any object");
    for text in texts(&file["json_mode_reject"]) {
        counts.text(&any_json, text, false, "any JSON");
        counts.text(&object, text, false, "any object");
    }
    assert_eq!((counts.supported, counts.valid_taken, counts.invalid), (18, 40, 83));
    assert_eq!(counts.missed, Vec::<String>::new());
}

fn texts(list: &Value) -> impl Iterator<Item = &str> {
    list.as_array().expect("a list").iter().map(|text| text.as_str().expect("a text"))
}
