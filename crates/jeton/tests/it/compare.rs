//! `compare`: limits and lanes side by side.

use super::jeton;
use serde_json::Value;

const PROMPT: [&str; 4] = ["Tell me a story about a fox.", "--seed", "3", "--top-k=40"];

fn json(words: &[&str]) -> Value {
    let run = jeton(words);
    assert_eq!(run.code, 0, "{words:?}: {}", run.err);
    serde_json::from_str(&run.out).expect("one JSON object")
}

#[test]
fn limits_stand_side_by_side_where_there_is_room_and_below_each_other_where_not() {
    let words = [&["compare"][..], &PROMPT, &["--max-tokens", "8,30,60"]].concat();
    let wide = jeton(&[&words[..], &["--width", "100"]].concat());
    assert_eq!(wide.code, 0, "{}", wide.err);
    let head = wide.out.lines().next().expect("a heading");
    for word in ["max_tokens 8 ", "│ max_tokens 30", "│ max_tokens 60"] {
        assert!(head.contains(word), "no {word:?} in {head:?}");
    }
    assert!(wide.out.contains("30 tokens, length"), "{}", wide.out);
    assert!(wide.out.lines().all(|line| line.chars().count() <= 100), "{}", wide.out);
    // A pipe is no terminal.
    let piped = jeton(&words);
    assert!(piped.out.starts_with("── max_tokens 8 ──\n8 tokens, length"), "{}", piped.out);
    assert!(!piped.out.contains('\u{1b}'), "colour is for terminals only");
}

#[test]
fn every_lane_is_the_run_with_its_own_values() {
    let varied = ["--temperature", "0,0.7", "--top-p", "0.5,0.9", "--max-tokens", "30"];
    let compared = json(&[&["compare"][..], &PROMPT, &varied, &["--json"]].concat());
    let lanes = compared["lanes"].as_array().expect("lanes");
    assert_eq!(lanes.len(), 4);
    for lane in lanes {
        let temperature = lane["varied"]["temperature"].to_string();
        let top_p = lane["varied"]["top_p"].to_string();
        let own = ["--temperature", &temperature, "--top-p", &top_p, "--max-tokens", "30"];
        let alone = json(&[&["generate", "--json"][..], &PROMPT, &own].concat());
        for name in ["ids", "text", "finish_reason", "truncation", "parameters"] {
            assert_eq!(lane[name], alone[name], "{name} at {temperature}, {top_p}");
        }
    }
    // Without a seed all lanes share the one that is drawn.
    let words = ["compare", "Hi", "--temperature", "0.5,1", "--max-tokens", "2,4", "--json"];
    let drawn = json(&words);
    assert_eq!(drawn["lanes"][0]["seed"], drawn["lanes"][1]["seed"]);
    assert_eq!(drawn["lanes"][1]["views"].as_array().map(Vec::len), Some(2));
}

#[test]
fn nothing_to_compare_and_too_much_are_refused() {
    for (words, says) in [
        (&["--max-tokens", "20"][..], "nothing to compare"),
        (&["--temperature", "1,2,3,4,5", "--seed", "1,2,3,4"], "at most 16 lanes"),
        (&["--temperature", "1,hot"], "`temperature`"),
        (&["--temperature", "1,"], "`temperature`"),
        (&["--max-tokens", "20,20"], "20 twice"),
        (&["--max-tokens", "20,100000"], "context window"),
    ] {
        let run = jeton(&[&["compare", "Hi"][..], words].concat());
        assert_eq!(run.code, 2, "{words:?}: {}", run.out);
        assert!(run.err.contains(says), "no {says:?} in {}", run.err);
    }
}

#[test]
fn limits_that_shape_the_tokens_are_runs_of_their_own_and_say_so() {
    let ask = ["What is 27 + 36?", "--seed", "1", "--think", "on", "--answer-reserve", "4"];
    let words = [&ask[..], &["--max-tokens", "12,40"]].concat();
    let shown = jeton(&[&["compare"][..], &words].concat());
    assert_eq!(shown.code, 0, "{}", shown.err);
    assert!(shown.err.contains("`answer_reserve`"), "{}", shown.err);
    let listed = json(&[&["generate", "--json"][..], &words].concat());
    assert_eq!(listed["prefix_safe"], false);
    assert_eq!(listed["prefix_unsafe_because"], "answer_reserve");
    for view in listed["views"].as_array().expect("views") {
        let limit = view["max_tokens"].to_string();
        let alone = [&["generate", "--json"][..], &ask, &["--max-tokens", &limit]].concat();
        let alone = json(&alone);
        for name in ["ids", "text", "thinking", "finish_reason"] {
            assert_eq!(view[name], alone[name], "{name} under {limit}");
        }
    }
}
