//! `lint`, the warnings in results, and what profiles report.

use super::{jeton, jeton_with_input};
use serde_json::{Value, json};

fn lint(words: &[&str]) -> (i32, Value) {
    let run = jeton(&[&["lint", "--json"], words].concat());
    (run.code, serde_json::from_str(&run.out).expect("one JSON object"))
}

#[test]
fn lint_says_what_is_idle_and_what_to_do() {
    let run = jeton(&["lint", "a prompt", "--temperature", "0", "--top-p", "0.5"]);
    assert_eq!(run.code, 1, "{}", run.err);
    for word in ["no effect", "`top_p` does nothing", "leave it out", "[greedy]"] {
        assert!(run.out.contains(word), "no {word:?} in {}", run.out);
    }
    assert!(!run.out.contains('\u{1b}'), "colour is for terminals only");

    let clean = jeton(&["lint", "--max-tokens", "5"]);
    assert_eq!((clean.code, clean.out.as_str()), (0, "no warnings\n"));
    assert_eq!(jeton(&["lint", "--top-p", "7"]).code, 2);
}

#[test]
fn lint_reads_a_request() {
    let request = json!({"prompt": "x", "profile": "vllm", "temperature": 0.002}).to_string();
    let run = jeton_with_input(&["lint", "-", "--json"], &request);
    assert_eq!(run.code, 1, "{}", run.err);
    let report: Value = serde_json::from_str(&run.out).expect("one JSON object");
    assert_eq!(report["warnings"][0]["code"], "changed_by_profile");
    assert_eq!(report["warnings"][0]["parameters"], json!(["temperature", "profile"]));
    let temperature = &report["parameters"]["temperature"];
    let expected = json!({
        "value": 0.01, "set_by": "request", "asked": 0.002, "changed_by": "profile",
    });
    assert_eq!(*temperature, expected);
    assert_eq!(jeton_with_input(&["lint", "-"], "[1]").code, 2);
    assert_eq!(jeton_with_input(&["lint", "-"], "{").code, 2);
    assert_eq!(jeton_with_input(&["lint", "-"], "{\"top_q\": 1}").code, 2);
}

#[test]
fn a_profile_sets_what_nobody_else_set() {
    let (code, report) = lint(&["--profile", "openai", "--top-p", "0.5"]);
    assert_eq!(code, 0, "{report}");
    let parameters = &report["parameters"];
    assert_eq!(parameters["top_p"], json!({"value": 0.5, "set_by": "request"}));
    assert_eq!(parameters["temperature"], json!({"value": 1.0, "set_by": "profile"}));
    assert!(parameters["top_k"].is_null(), "OpenAI's API knows no model's recommendation");
}

#[test]
fn an_answer_carries_its_warnings() {
    let words = ["generate", "Hi", "--max-tokens", "2", "--temperature", "0", "--top-k", "5"];
    let run = jeton(&[&words[..], &["--json"]].concat());
    let answer: Value = serde_json::from_str(&run.out).expect("one JSON object");
    assert_eq!(answer["warnings"][0]["code"], "greedy", "{answer}");
    let run = jeton(&words);
    assert!(run.err.contains("warning: `top_k` does nothing"), "{}", run.err);
    let clean = jeton(&["generate", "Hi", "--max-tokens", "2", "--json"]);
    let answer: Value = serde_json::from_str(&clean.out).expect("one JSON object");
    assert!(answer["warnings"].is_null(), "{answer}");
}

/// Guessing ahead goes through the same choice row by row, so both kinds of log-probabilities are
/// those of the run without guesses.
#[test]
fn processed_log_probabilities_are_of_what_was_drawn_from_with_guesses_too() {
    let words =
        ["generate", "one two one two one two one", "--raw", "--max-tokens", "24", "--json"];
    let knobs = ["--seed", "4", "--top-k", "3", "--logprobs", "--top-logprobs", "3"];
    for mode in ["raw", "processed"] {
        let run = |more: &[&str]| {
            let run = jeton(&[&words[..], &knobs, &["--logprobs-mode", mode], more].concat());
            assert_eq!(run.code, 0, "{}", run.err);
            serde_json::from_str::<Value>(&run.out).expect("one JSON object")
        };
        let (plain, guessed) = (run(&[]), run(&["--lookup"]));
        assert_eq!(plain["ids"], guessed["ids"]);
        assert_eq!(plain["logprobs"], guessed["logprobs"], "{mode}");
        for entry in plain["logprobs"].as_array().expect("a list") {
            let top = entry["top_logprobs"].as_array().expect("a list");
            let sum: f64 = top.iter().map(|t| t["logprob"].as_f64().expect("a number").exp()).sum();
            assert!(mode == "raw" || (sum - 1.0).abs() < 1e-9, "{entry}");
        }
    }
}
