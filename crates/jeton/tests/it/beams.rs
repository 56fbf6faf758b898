//! `jeton beam`, and beam searches of `generate`.

use super::{jeton, serve};
use serde_json::{Value, json};

const PROMPT: [&str; 2] = ["Once upon a time", "--raw"];

fn object(words: &[&str]) -> Value {
    let run = jeton(words);
    assert_eq!(run.code, 0, "{}", run.err);
    serde_json::from_str(&run.out).expect("one JSON object")
}

#[test]
fn beam_draws_the_tree_and_the_winners() {
    let words = ["beam", PROMPT[0], PROMPT[1], "--num-beams", "3", "--max-tokens", "6"];
    let run = jeton(&words);
    assert_eq!(run.code, 0, "{}", run.err);
    let rows = |word: &str| run.out.lines().filter(|line| line.contains(word)).count();
    assert_eq!(rows("← prompt"), 3, "three first tokens\n{}", run.out);
    assert_eq!(rows("step "), 6, "{}", run.out);
    assert!(rows("■") >= 3, "what ends is marked\n{}", run.out);
    assert_eq!(rows("  score "), 3, "three winners\n{}", run.out);
    assert!(run.err.contains("3 beams"), "{}", run.err);
    assert!(!run.out.contains('\u{1b}'), "colour is for terminals only");
}

#[test]
fn the_tree_and_the_sequences_are_there_as_json() {
    let words = ["beam", PROMPT[0], PROMPT[1], "--max-tokens", "5", "--json"];
    let answer = object(&words);
    let list = |key: &str| answer[key].as_array().expect("a list").clone();
    assert_eq!((list("sequences").len(), list("scores").len(), list("beams").len()), (4, 4, 4));
    assert_eq!(answer["ids"], list("sequences")[0]);
    assert_eq!(answer["text"], list("beams")[0]["text"]);
    let scores: Vec<f64> = list("scores").iter().filter_map(Value::as_f64).collect();
    assert!(scores.is_sorted_by(|a, b| a >= b), "{scores:?}");
    let steps = answer["tree"]["steps"].as_array().expect("steps");
    assert_eq!(steps.len(), 5);
    for step in &steps[..4] {
        assert_eq!(step["live"].as_array().map(Vec::len), Some(4), "{step}");
    }
}

#[test]
fn generate_searches_too_and_gives_the_best() {
    let tail = ["--num-beams", "4", "--max-tokens", "5", "--json"];
    let searched = object(&[&["generate"], &PROMPT[..], &tail[..]].concat());
    let best = object(&[&["beam"], &PROMPT[..], &tail[..]].concat());
    assert_eq!(searched["ids"], best["ids"]);
    assert_eq!(searched["beams"].as_array().map(Vec::len), Some(1));
    assert_eq!(searched["beams"][0]["score"], best["scores"][0]);
}

#[test]
fn a_search_has_a_receipt_and_cannot_be_continued() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name).display().to_string();
    let (receipt, state) = (path("receipt.json"), path("state.json"));
    let words = ["generate", PROMPT[0], PROMPT[1], "--num-beams", "3", "--max-tokens", "5"];
    let run = jeton(&[&words[..], &["--receipt", &receipt, "--save", &state]].concat());
    assert_eq!(run.code, 0, "{}", run.err);
    let verified = jeton(&["verify", &receipt]);
    assert_eq!(verified.code, 0, "{}{}", verified.out, verified.err);
    let resumed = jeton(&["generate", "--resume", &state, "--max-tokens", "9"]);
    assert_eq!(resumed.code, 2, "{}", resumed.out);
    assert!(resumed.err.contains("`num_beams`"), "{}", resumed.err);
}

#[test]
fn requests_are_served_line_by_line() {
    let request = |num_beams: u32, returned: u32| {
        json!({
            "prompt": "Once upon a time",
            "num_beams": num_beams,
            "num_return_sequences": returned,
            "length_penalty": 0.5,
            "early_stopping": "never",
            "max_new_tokens": 4,
        })
    };
    let mut drawn = request(3, 1);
    drawn["do_sample"] = json!(true);
    let requests = [request(3, 2), request(8, 8), request(2, 5), drawn, request(1, 1)];
    let answers = serve(&["beam", "--jsonl"], &requests);
    assert_eq!(answers[0]["sequences"].as_array().map(Vec::len), Some(2));
    assert_eq!(answers[1]["scores"].as_array().map(Vec::len), Some(8));
    for (answer, param) in
        answers[2..].iter().zip(["num_return_sequences", "do_sample", "num_beams"])
    {
        assert_eq!(answer["error"]["param"], param, "{answer}");
    }
}
