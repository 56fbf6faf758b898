//! Other programs' answers, asked for through the commands (the rooms hold themselves to all of
//! them; this holds the way from the command line to the rooms).

use super::serve;
use serde_json::{Value, json};
use std::path::PathBuf;

fn folder() -> Option<PathBuf> {
    let folder = std::env::var_os("JETON_CONFORMANCE").map(PathBuf::from);
    if folder.is_none() {
        eprintln!("skipped: JETON_CONFORMANCE is not set");
    }
    folder
}

fn read(path: PathBuf) -> Value {
    let text = std::fs::read_to_string(&path).expect("a conformance file");
    serde_json::from_str(&text).expect("JSON")
}

#[test]
fn vocabularies_without_weights_serve_tokenize() {
    let Some(folder) = folder() else { return };
    let cases = read(folder.join("tokenizer/cases/gpt-2.json"));
    let vocab = folder.join("tokenizer").join(cases["vocab"].as_str().expect("a path"));
    let cases = cases["cases"].as_array().expect("cases");
    let requests: Vec<Value> = cases.iter().map(|case| json!({"text": case["text"]})).collect();
    let answers = serve(&["tokenize", "--model", vocab.to_str().expect("a path")], &requests);
    for (case, answer) in cases.iter().zip(&answers) {
        assert_eq!(answer["ids"], case["ids"], "{}", case["text"]);
    }
}

#[test]
fn greedy_answers_equal_transformers_from_folders_and_gguf_files() {
    let Some(folder) = folder() else { return };
    for name in ["llama-gqa", "llama-rope3", "qwen2", "qwen3", "gpt2"] {
        let model = folder.join("models").join(name);
        let expected = read(model.join("expected.json"));
        let greedy = expected["greedy"].as_array().expect("greedy cases");
        let prompts = expected["prompts"].as_array().expect("prompts");
        let prompt = |case: &Value| {
            let index = case["prompt"].as_u64().expect("an index");
            prompts[index as usize]["ids"].clone()
        };
        let request = |case: &Value| {
            let max_tokens = &case["max_new_tokens"];
            json!({"ids": prompt(case), "temperature": 0, "max_tokens": max_tokens})
        };
        let requests: Vec<Value> = greedy.iter().map(request).collect();
        for path in [model.clone(), model.join("model-f32.gguf")] {
            let path = path.to_str().expect("a path");
            let words = ["generate", "--jsonl", "--precision", "f32", "--model", path];
            for (case, answer) in greedy.iter().zip(serve(&words, &requests)) {
                assert_eq!(answer["ids"], case["new_ids"], "{path}: prompt {}", case["prompt"]);
            }
        }
    }
}

#[test]
fn sampling_cases_pass_through_the_command() {
    let Some(folder) = folder() else { return };
    let file = read(folder.join("sampling/chapter_tables.json"));
    let table = &file["tables"]["temperature"];
    let rows = table["rows"].as_array().expect("rows");
    let requests: Vec<Value> = rows
        .iter()
        .map(|row| json!({"logits": table["logits"], "params": {"temperature": row["t"]}}))
        .collect();
    for (row, answer) in rows.iter().zip(serve(&["sample"], &requests)) {
        let expected = row["probs"].as_array().expect("probabilities");
        let given = answer["probs"].as_array().expect("probabilities");
        assert_eq!(given.len(), expected.len());
        for (given, expected) in given.iter().zip(expected) {
            let (given, expected) = (given.as_f64(), expected.as_f64());
            let difference = given.expect("a number") - expected.expect("a number");
            assert!(difference.abs() < 1e-6, "{row}: {answer}");
        }
    }
}

/// The breakers are texts here, looked up in a real vocabulary, as in the program that answered.
#[test]
fn dry_finds_its_breakers_in_a_vocabulary() {
    let Some(folder) = folder() else { return };
    let data = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../sampling/tests/data");
    let file = read(data.join("stage_cases.json"));
    let cases = file["cases"].as_array().expect("cases").iter();
    let cases: Vec<&Value> = cases.filter(|case| case["stage"] == "dry").take(15).collect();
    let requests: Vec<Value> = cases.iter().map(|case| dry_request(case)).collect();
    let vocab = folder.join("tokenizer/llamacpp/ggml-vocab-gpt-2.gguf");
    let answers = serve(&["sample", "--model", vocab.to_str().expect("a path")], &requests);
    for (case, answer) in cases.iter().zip(&answers) {
        assert_eq!(answer["tokens"], real_ids(case, &case["expect"]["tokens"]), "{answer}");
        let given = answer["probs"].as_array().expect("probabilities");
        let expected = case["expect"]["probs"].as_array().expect("probabilities");
        for (given, expected) in given.iter().zip(expected) {
            let difference = given.as_f64().expect("a number") - expected.as_f64().expect("one");
            assert!(difference.abs() < 2e-5, "{case}: {answer}");
        }
    }
}

/// The case numbers its tokens anew; `ids` holds the vocabulary's numbers.
fn real_ids(case: &Value, small: &Value) -> Value {
    let real = |id: &Value| case["ids"][id.as_u64().expect("an id") as usize].clone();
    small.as_array().expect("ids").iter().map(real).collect()
}

fn dry_request(case: &Value) -> Value {
    let candidates = real_ids(case, &case["candidates"]);
    let candidates: Vec<u64> =
        candidates.as_array().expect("ids").iter().map(|id| id.as_u64().expect("an id")).collect();
    let largest = candidates.iter().copied().max().expect("a candidate");
    let logit = |id| if candidates.contains(&id) { json!(0.0) } else { json!("-inf") };
    let tokens = |name: &str| real_ids(case, &case[name]).as_array().expect("ids").clone();
    let previous = [tokens("prompt"), tokens("generated")].concat();
    let logits: Vec<Value> = (0..=largest).map(logit).collect();
    json!({"logits": logits, "previous": previous, "params": case["params"]})
}
