//! `--n` and `--best-of`: several answers to one prompt.

use super::{jeton, serve};
use serde_json::{Value, json};

const PROMPT: [&str; 2] = ["generate", "Tell me a story about a fox."];
const LIMITS: [&str; 4] = ["--max-tokens", "12", "--seed", "4"];

fn answer(extra: &[&str]) -> Value {
    let run = jeton(&[&PROMPT[..], &LIMITS, &["--json"], extra].concat());
    assert_eq!(run.code, 0, "{}", run.err);
    serde_json::from_str(&run.out).expect("one JSON object")
}

#[test]
fn choices_are_given_together_and_the_prompt_is_counted_once() {
    let (one, three) = (answer(&[]), answer(&["--n", "3"]));
    let choices = three["choices"].as_array().expect("a list");
    assert_eq!(choices.len(), 3);
    assert_eq!(choices[0]["ids"], one["ids"], "the first choice is the answer without others");
    assert_ne!(choices[0]["ids"], choices[1]["ids"]);
    let counts = |usage: &Value| {
        let count = |name: &str| usage[name].as_u64().expect("a count");
        (count("prompt_tokens"), count("completion_tokens"), count("total_tokens"))
    };
    let (prompt, completion, total) = counts(&three["usage"]);
    let sum: u64 = choices.iter().map(|choice| choice["completion_tokens"].as_u64().unwrap()).sum();
    assert_eq!((prompt, completion, total), (counts(&one["usage"]).0, sum, prompt + sum));
    let count = |name: &str| three["usage"][name].as_u64().expect("the model thinks first");
    assert_eq!(count("thinking_tokens") + count("answer_tokens"), sum, "of all answers");
    assert_eq!((&three["seed"], &choices[2]["choice_index"]), (&json!(4), &json!(2)));
    assert_eq!(choices[1]["receipt"]["choices"][0]["index"], 1);
    assert_eq!(one["choices"], Value::Null);
}

#[test]
fn choices_are_shown_after_each_other_under_headings() {
    let run = jeton(&[&PROMPT[..], &LIMITS, &["--n", "2"]].concat());
    assert_eq!(run.code, 0, "{}", run.err);
    assert!(run.out.contains("choice 1 of 2") && run.out.contains("choice 2 of 2"), "{}", run.out);
    assert!(run.err.contains("in 2 answers") && run.err.contains("choice 2: finish_reason"));
    assert!(!run.out.contains('\u{1b}'), "colour is for terminals only");
}

#[test]
fn the_best_come_first() {
    let best = answer(&["--n", "2", "--best-of", "5"]);
    let choices = best["choices"].as_array().expect("a list");
    let mean = |index: usize| choices[index]["mean_logprob"].as_f64().expect("a number");
    assert!(choices.len() == 2 && mean(0) >= mean(1), "{best}");
    let all = answer(&["--n", "5", "--best-of", "5"]);
    let first = all["choices"].as_array().expect("a list").first().expect("five").clone();
    assert_eq!(first["ids"], choices[0]["ids"]);
    let one = answer(&["--best-of", "5"]);
    assert_eq!(one["choices"].as_array().map(Vec::len), Some(1));
    assert_eq!(one["choices"][0]["ids"], first["ids"]);
}

#[test]
fn lines_of_requests_may_ask_for_several_answers() {
    let base = json!({"prompt": "The fox", "max_tokens": 5, "seed": 1});
    let mut several = base.clone();
    several["n"] = json!(2);
    let answers = serve(&["generate", "--jsonl"], &[base, several, json!({"prompt": "a", "n": 0})]);
    assert_eq!(answers[1]["choices"][0]["ids"], answers[0]["ids"]);
    assert_eq!(answers[1]["choices"].as_array().map(Vec::len), Some(2));
    assert!(answers[2]["error"]["message"].as_str().is_some_and(|text| text.contains("[1, 128]")));
}

#[test]
fn what_does_not_go_together_is_refused_by_name() {
    let refused = |words: &[&str]| {
        let run = jeton(words);
        assert_eq!(run.code, 2, "{}", run.out);
        run.err
    };
    let fewer = refused(&[&PROMPT[..], &["--n", "4", "--best-of", "2"]].concat());
    assert!(fewer.contains("`best_of` must be at least `n` (4)"), "{fewer}");
    let save = refused(&[&PROMPT[..], &["--n", "2", "--save", "/tmp/none"]].concat());
    assert!(save.contains("`--save` keeps one answer"), "{save}");
    let trace = refused(&["trace", "Hi", "--n", "2"]);
    assert!(trace.contains("`n`"), "{trace}");
}
