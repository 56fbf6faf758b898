//! What a cut answer says about itself.

use super::{jeton, serve};
use serde_json::{Value, json};

#[test]
fn an_answer_cut_while_thinking_says_so_in_both_ways() {
    let words = ["generate", "What is 347 + 285?", "--think", "on", "--max-tokens", "6"];
    let run = jeton(&words);
    assert_eq!(run.code, 0, "{}", run.err);
    assert!(run.err.contains("cut while still thinking"), "{}", run.err);
    assert!(run.err.contains("try --max-tokens 12"), "{}", run.err);
    let run = jeton(&[&words[..], &["--json"]].concat());
    let answer: Value = serde_json::from_str(&run.out).expect("one JSON object");
    assert_eq!(answer["finish_reason"], "length");
    assert_eq!(answer["truncation"]["open"][0], json!({"kind": "thinking", "certain": true}));
    assert_eq!(answer["truncation"]["suggestion"], json!({"at_least": 7, "max_tokens": 12}));
}

#[test]
fn a_cut_json_document_parses_with_its_closing() {
    let question = "Give me a JSON object with the keys name and age.";
    let request = |limit: u32| {
        json!({
            "messages": [{"role": "user", "content": question}],
            "enable_thinking": false, "max_tokens": limit, "temperature": 0, "show_special": false,
        })
    };
    let whole = serve(&["generate", "--jsonl"], &[request(200)]).remove(0);
    assert_eq!(whole["finish_reason"], "stop", "{whole}");
    assert_eq!(whole["truncation"], Value::Null);
    let tokens = whole["usage"]["completion_tokens"].as_u64().expect("a count") as u32;
    let requests: Vec<Value> = (1..tokens).map(request).collect();
    let mut closed_count = 0;
    for answer in serve(&["generate", "--jsonl"], &requests) {
        assert_eq!(answer["finish_reason"], "length");
        let truncation = &answer["truncation"];
        assert!(truncation["explanation"].is_string(), "{truncation}");
        if truncation["open"][0]["kind"] == "json" {
            let text = answer["text"].as_str().expect("a text");
            let closing = truncation["closing"].as_str().expect("a closing");
            let document = text[text.find(['{', '[']).expect("it begins")..].to_owned() + closing;
            serde_json::from_str::<Value>(&document).expect("it parses");
            closed_count += 1;
        }
    }
    assert!(closed_count > 3, "{whole}");
}
