//! Output with a shape, on the model inside the program.

use super::{jeton, serve};
use serde_json::{Value, json};

const SCHEMA: &str = r#"{"type": "object", "additionalProperties": false,
    "properties": {"name": {"type": "string"}, "legs": {"type": "integer"},
        "food": {"type": "array", "items": {"type": "string"}}},
    "required": ["name", "legs", "food"]}"#;

fn is_valid(document: &Value) -> bool {
    let keys: Vec<&str> = document.as_object().expect("an object").keys().map(|k| &**k).collect();
    let food = document["food"].as_array().expect("a list");
    keys == ["name", "legs", "food"]
        && document["name"].is_string()
        && document["legs"].as_f64().is_some_and(|legs| legs.fract() == 0.0)
        && food.iter().all(Value::is_string)
}

#[test]
fn a_document_is_valid_at_every_limit_from_the_shortest_up() {
    let schema: Value = serde_json::from_str(SCHEMA).expect("a schema");
    let format = json!({"type": "json_schema", "json_schema": {"name": "a", "schema": schema}});
    let ask = |max_tokens: usize, think: bool| {
        json!({
            "messages": [{"role": "user", "content": "Describe a dragon."}], "seed": 3,
            "max_tokens": max_tokens, "response_format": format, "enable_thinking": think,
        })
    };
    for think in [false, true] {
        let refused = &serve(&["generate", "--jsonl"], &[ask(1, think)])[0]["error"];
        assert_eq!(
            (&refused["kind"], &refused["param"]),
            (&json!("document_too_long"), &json!("max_tokens"))
        );
        let message = refused["message"].as_str().expect("a message");
        let numbers = message.split(|c: char| !c.is_ascii_digit()).filter(|word| !word.is_empty());
        let needed: usize = numbers.map(|word| word.parse().unwrap()).next().expect("a number");
        let requests: Vec<Value> = (needed - 1..needed + 25).map(|max| ask(max, think)).collect();
        let answers = serve(&["generate", "--jsonl"], &requests);
        assert_eq!(answers[0]["error"]["kind"], "document_too_long");
        let mut closed = 0;
        for (answer, limit) in answers[1..].iter().zip(needed..) {
            let text = answer["text"].as_str().unwrap_or_else(|| panic!("{limit}: {answer}"));
            let document: Value = serde_json::from_str(text)
                .unwrap_or_else(|error| panic!("{limit}: {text:?}: {error}"));
            assert!(is_valid(&document), "{limit}: {text}");
            assert_eq!(answer["grammar"]["complete"], true);
            assert_eq!(answer["finish_reason"], "stop");
            assert!(answer["ids"].as_array().expect("ids").len() <= limit);
            closed += answer["grammar"]["closing_tokens"].as_u64().expect("a count");
        }
        assert!(closed > 0, "small limits force tokens");
    }
}

#[test]
fn flags_ask_for_each_shape() {
    let run = |flags: &[&str]| {
        let words = ["generate", "Say a word.", "--think", "off", "--seed", "2", "--no-stats"];
        let run = jeton(&[&words[..], &["--max-tokens", "30"], flags].concat());
        assert_eq!(run.code, 0, "{}", run.err);
        run.out.trim_end_matches('\n').to_string()
    };
    let choice = run(&["--choice", "yes, I do", "--choice", "no"]);
    assert!(choice == "yes, I do" || choice == "no", "{choice}");
    let number = run(&["--regex", "[0-9]{3}-[0-9]{2}"]);
    assert!(number.len() == 6 && number.as_bytes()[3] == b'-', "{number}");
    let object: Value = serde_json::from_str(&run(&["--json-object"])).expect("JSON");
    assert!(object.is_object());
    let words = run(&["--lark", "start: W (\",\" W)*\nW: /[a-c]+/"]);
    assert!(words.split(',').all(|word| word.bytes().all(|b| (b'a'..=b'c').contains(&b))));
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("schema.json");
    std::fs::write(&file, r#"{"enum": [17]}"#).expect("a file");
    assert_eq!(run(&["--json-schema", file.to_str().expect("a path")]), "17");
}

#[test]
fn a_trace_shows_what_the_grammar_left_and_forced() {
    let words = ["trace", "Say", "--raw", "--json", "--max-tokens", "2", "--seed", "1"];
    let run = jeton(&[&words[..], &["--regex", "(ab|cd){2}"]].concat());
    assert_eq!(run.code, 0, "{}", run.err);
    let trace: Value = serde_json::from_str(&run.out).expect("JSON");
    let steps = trace["steps"].as_array().expect("steps");
    assert_eq!(steps[0]["stages"][0]["name"], "grammar");
    let kept = steps[0]["stages"][0]["kept"].as_u64().expect("a count");
    assert!((1..10).contains(&kept), "{kept} tokens begin with ab or cd");
}

#[test]
fn what_cannot_be_held_is_refused() {
    let refused = |flags: &[&str], words: &[&str]| {
        let run = jeton(&[&["generate", "Say a word."], flags].concat());
        assert_eq!((run.code, run.out.as_str()), (2, ""), "{flags:?}");
        for word in words {
            assert!(run.err.contains(word), "no {word:?} in {}", run.err);
        }
    };
    refused(&["--regex", "a("], &["regex", "unclosed group"]);
    refused(&["--json-schema", "{\"not\": {}}"], &["/not", "not supported", "minLength"]);
    refused(&["--json-schema", "{"], &["--json-schema is not JSON"]);
    refused(&["--json-schema", "missing.json"], &["missing.json"]);
    refused(&["--json-schema", "false"], &["no text satisfies it"]);
    refused(&["--lark", "start: x"], &["lark"]);
    refused(&["--regex", "a", "--json-object"], &["cannot be used with"]);
    refused(&["--regex", "a{9}", "--max-tokens", "1", "--think", "off"], &["shortest output"]);
    let requests = [json!({"prompt": "a", "regex": 3}), json!({"prompt": "a", "choice": []})];
    for answer in serve(&["generate", "--jsonl"], &requests) {
        assert_eq!(answer["error"]["kind"], "invalid_parameter", "{answer}");
    }
}
