//! `jeton generate --batch`, plain and as Transformers' `model.generate`.

use super::{Run, jeton, jeton_with_input};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// Transformers' own answers, made by `tests/makers/hf_batches.py`.
const TRANSFORMERS: &str = include_str!("../data/hf_batches.json");

fn input(lines: &[Value]) -> String {
    lines.iter().map(|line| format!("{line}\n")).collect()
}

fn results(run: &Run) -> Vec<Value> {
    assert_eq!(run.code, 0, "{}", run.err);
    run.out.lines().map(|line| serde_json::from_str(line).expect("a JSON line")).collect()
}

#[test]
fn every_line_gets_its_result_in_order_and_as_if_it_were_alone() {
    let message = json!({"role": "user", "content": "Name three animals."});
    let lines = [
        json!("Once upon a time"),
        json!([20, 30, 40]),
        json!({"prompt": 3}),
        json!([message]),
        json!({"prompt": "The", "max_tokens": 3, "seed": 5}),
        json!(7),
    ];
    let text = input(&lines[..2]) + "no JSON\n\n" + &input(&lines[2..]);
    let words = ["generate", "--batch", "-", "--max-tokens", "9", "--seed", "2"];
    let answers = results(&jeton_with_input(&words, &text));
    assert_eq!(answers.len(), 7);
    assert_eq!(answers[2]["error"]["kind"], "invalid_json");
    assert_eq!(answers[3]["error"]["param"], "prompt");
    assert_eq!(answers[6]["error"]["kind"], "invalid_json");
    assert_eq!(answers[5]["usage"]["completion_tokens"], 3);
    let alone = jeton_with_input(
        &["generate", "--jsonl", "--max-tokens", "9", "--seed", "2"],
        &input(&[json!({"prompt": "Once upon a time"}), json!({"messages": [message]})]),
    );
    let alone = results(&alone);
    assert_eq!(answers[0]["ids"], alone[0]["ids"]);
    assert_eq!(answers[4]["ids"], alone[1]["ids"]);
}

#[test]
fn more_lines_than_are_in_flight_all_come_out() {
    let lines: Vec<Value> =
        (0..150).map(|n| json!({"ids": [n + 10], "max_tokens": 1 + n % 5})).collect();
    let answers = results(&jeton_with_input(&["generate", "--batch", "-"], &input(&lines)));
    assert_eq!(answers.len(), 150);
    for (line, answer) in lines.iter().zip(&answers) {
        if answer["finish_reason"] == "length" {
            assert_eq!(answer["usage"]["completion_tokens"], line["max_tokens"]);
        }
    }
}

#[test]
fn a_call_that_transformers_would_refuse_is_refused_by_name() {
    let lines = input(&[json!([20, 30, 40]), json!([20])]);
    for (kwargs, word) in [
        ("{\"max_length\": 3}", "`max_length`"),
        ("{\"max_new_tokens\": 0}", "`max_new_tokens`"),
        ("{\"max_new_token\": 3}", "`max_new_token`"),
        ("{\"padding_side\": \"top\"}", "`padding_side`"),
        ("{\"pad_token_id\": 999999}", "`pad_token_id`"),
        ("{\"eos_token_id\": [1, \"a\"]}", "`eos_token_id`"),
        ("{\"num_return_sequences\": 2, \"do_sample\": false}", "`num_return_sequences`"),
        ("[1]", "JSON object"),
        ("{", "JSON object"),
    ] {
        let run = jeton_with_input(&["generate", "--batch", "-", "--hf", kwargs], &lines);
        assert_eq!(run.code, 2, "{kwargs}: {}", run.out);
        assert!(run.err.contains(word), "{kwargs}: {}", run.err);
    }
    let empty = jeton_with_input(&["generate", "--batch", "-", "--hf"], "\n");
    assert!(empty.code == 2 && empty.err.contains("no prompts"), "{}", empty.err);
    let missing = jeton(&["generate", "--batch", "/nowhere/b.jsonl"]);
    assert!(missing.code == 2 && missing.err.contains("/nowhere/b.jsonl"), "{}", missing.err);
}

#[test]
fn rows_are_padded_drawn_and_shown_as_asked() {
    let lines = input(&[json!([20, 30, 40]), json!([20])]);
    let call = |kwargs: &str| {
        let words = ["generate", "--batch", "-", "--json", "--seed", "3", "--hf", kwargs];
        results(&jeton_with_input(&words, &lines)).remove(0)
    };
    let kwargs = "{\"do_sample\": true, \"max_new_tokens\": 4, \"num_return_sequences\": 2, \
                  \"padding_side\": \"right\", \"pad_token_id\": 9, \"eos_token_id\": -1}";
    let result = call(kwargs);
    let rows = result["sequences"].as_array().expect("rows");
    assert_eq!(rows.len(), 4);
    assert!(rows.iter().all(|row| row.as_array().map(Vec::len) == Some(7)), "{rows:?}");
    assert_eq!([&rows[2][0], &rows[2][1], &rows[2][2]], [20, 9, 9]);
    assert_ne!(rows[0], rows[1], "choices draw apart");
    assert_eq!(result["warnings"].as_array().map(Vec::len), Some(2), "{}", result["warnings"]);
    let new_only = call("{\"max_new_tokens\": 4, \"return_full\": false}");
    assert_eq!(new_only["sequences"][1], new_only["rows"][1]["new_ids"]);
    let plain = jeton_with_input(
        &["generate", "--batch", "-", "--hf", "{\"max_new_tokens\": 2, \"pad_token_id\": 5}"],
        &lines,
    );
    assert!(plain.out.starts_with("20 30 40 ") && plain.out.contains("\n5 5 20 "), "{}", plain.out);
}

fn conformance() -> Option<PathBuf> {
    let folder = std::env::var_os("JETON_CONFORMANCE").map(PathBuf::from);
    if folder.is_none() {
        eprintln!("skipped: JETON_CONFORMANCE is not set");
    }
    folder
}

/// The result of one call on a checkpoint, or the message of its refusal.
fn generate(model: &Path, prompts: &[Value], kwargs: &Value) -> Result<Value, String> {
    let (model, kwargs) = (model.to_str().expect("a path"), kwargs.to_string());
    let words = ["generate", "--model", model, "--precision", "f32", "--json", "--batch", "-"];
    let run = jeton_with_input(&[&words[..], &["--hf", &kwargs]].concat(), &input(prompts));
    if run.code == 0 { Ok(results(&run).remove(0)) } else { Err(run.err) }
}

#[test]
fn left_padded_batches_equal_the_recorded_ones() {
    let Some(folder) = conformance() else { return };
    for name in ["llama-gqa", "llama-rope3", "qwen2", "qwen3", "gpt2", "stories260k"] {
        let model = folder.join("models").join(name);
        let text = std::fs::read_to_string(model.join("expected.json")).expect("a file");
        let expected: Value = serde_json::from_str(&text).expect("JSON");
        let batch = &expected["batch_left_padded"];
        let Some(padded) = batch["input_ids"].as_array() else { continue };
        let pad = &expected["pad_token_id"];
        let mut prompts = Vec::new();
        let mut rows = Vec::new();
        let new_rows = batch["new_ids"].as_array().expect("rows");
        let width = new_rows.iter().filter_map(|row| row.as_array()).map(Vec::len).max();
        for (index, row) in padded.iter().enumerate() {
            let mask = batch["attention_mask"][index].as_array().expect("a mask");
            let row = row.as_array().expect("ids");
            let real = row.iter().zip(mask).filter(|(_, mask)| **mask == 1);
            prompts.push(Value::from(real.map(|(id, _)| id.clone()).collect::<Vec<Value>>()));
            let mut new = new_rows[index].as_array().expect("ids").clone();
            new.resize(width.expect("rows"), pad.clone());
            rows.push(Value::from([row.clone(), new].concat()));
        }
        let kwargs = json!({
            "max_new_tokens": batch["max_new_tokens"], "do_sample": false, "pad_token_id": pad,
        });
        let result = generate(&model, &prompts, &kwargs).expect("served");
        assert_eq!(result["sequences"], Value::from(rows), "{name}");
    }
}

#[test]
fn calls_equal_transformers() {
    let Some(folder) = conformance() else { return };
    let expected: Value = serde_json::from_str(TRANSFORMERS).expect("JSON");
    let mut count = 0;
    for (name, cases) in expected["models"].as_object().expect("models") {
        for case in cases.as_array().expect("cases") {
            let prompts = case["prompts"].as_array().expect("prompts");
            let kwargs = &case["kwargs"];
            let result = generate(&folder.join("models").join(name), prompts, kwargs);
            match (result, case["error"].as_str()) {
                (Ok(result), None) => {
                    assert_eq!(result["sequences"], case["sequences"], "{name} {kwargs}");
                }
                (Err(_), Some(_)) => {}
                (Ok(_), Some(error)) => panic!("{name} {kwargs}: {error} was expected"),
                (Err(message), None) => panic!("{name} {kwargs}: {message}"),
            }
            count += 1;
        }
    }
    assert_eq!(count, 84);
}
