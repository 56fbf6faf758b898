//! Thought and answer apart, budgets, reserves and efforts, on the model inside the program.

use super::{jeton, jeton_with_input};
use serde_json::{Value, json};

const SUM: &str = "What is 347 + 285?";

fn generate(words: &[&str]) -> Value {
    let base = ["generate", SUM, "--json", "--temperature", "0"];
    let run = jeton(&[&base[..], words].concat());
    assert_eq!(run.code, 0, "{}", run.err);
    serde_json::from_str(&run.out).expect("one JSON object")
}

fn number(value: &Value) -> u64 {
    value.as_u64().expect("a count")
}

/// What holds for every answer with a thought.
fn check(answer: &Value) {
    let usage = &answer["usage"];
    let thinking = number(&usage["thinking_tokens"]);
    assert_eq!(thinking + number(&usage["answer_tokens"]), number(&usage["completion_tokens"]));
    assert_eq!(answer["thinking"]["tokens"], usage["thinking_tokens"]);
    let reasoning = &usage["completion_tokens_details"]["reasoning_tokens"];
    assert_eq!(reasoning, &usage["thinking_tokens"]);
    for text in [&answer["text"], &answer["thinking"]["text"]] {
        assert!(!text.as_str().expect("a text").contains("think>"), "{text}");
    }
}

#[test]
fn a_thought_is_told_apart_from_its_answer() {
    let answer = generate(&["--think", "on"]);
    check(&answer);
    assert_eq!(answer["text"], "347 + 285 = 632");
    let thinking = &answer["thinking"];
    let thought = thinking["text"].as_str().expect("a text");
    assert!(thought.starts_with("347 + 285") && thought.ends_with("632."), "{thought}");
    assert_eq!((&thinking["closed"], &thinking["ended_by"]), (&json!("natural"), &json!("model")));
    let plain = generate(&["--think", "off"]);
    assert_eq!(plain["thinking"], Value::Null);
    assert_eq!(plain["usage"]["thinking_tokens"], Value::Null);
}

#[test]
fn a_budget_holds_and_an_answer_comes() {
    for budget in [0, 1, 7, 40, 80] {
        let answer = generate(&["--think", "on", "--thinking-budget", &budget.to_string()]);
        check(&answer);
        let thinking = &answer["thinking"];
        assert!(number(&thinking["tokens"]) <= budget, "{thinking}");
        assert!(["soft", "hard"].contains(&thinking["closed"].as_str().expect("a word")));
        assert_eq!(
            (&thinking["ended_by"], &thinking["budget"]),
            (&json!("budget"), &json!(budget))
        );
        assert!(answer["text"].as_str().is_some_and(|text| text.contains('=')), "{answer}");
        assert_eq!(answer["finish_reason"], "stop");
    }
    let soft = generate(&["--thinking-budget", "40"]);
    assert_eq!(soft["thinking"]["closed"], "soft");
    assert!(soft["thinking"]["text"].as_str().is_some_and(|text| text.ends_with('.')));
}

#[test]
fn a_reserve_is_kept_for_the_answer() {
    let without = generate(&["--max-tokens", "60"]);
    check(&without);
    assert_eq!((&without["text"], &without["thinking"]["closed"]), (&json!(""), &json!("open")));
    assert_eq!(without["truncation"]["open"][0]["kind"], "thinking");
    let kept = generate(&["--max-tokens", "60", "--answer-reserve", "20"]);
    check(&kept);
    assert_eq!(kept["thinking"]["ended_by"], "answer_reserve");
    assert!(kept["text"].as_str().is_some_and(|text| text.contains('=')), "{kept}");
}

#[test]
fn an_effort_is_a_share_of_the_limit() {
    let low = generate(&["--reasoning-effort", "low", "--max-tokens", "200"]);
    check(&low);
    assert_eq!(low["thinking"]["budget"], 40);
    let none = generate(&["--reasoning-effort", "none"]);
    assert_eq!(none["thinking"], Value::Null);
    // However small the limit, an effort does not contradict it.
    let tiny = generate(&["--reasoning-effort", "high", "--max-tokens", "1"]);
    assert_eq!(tiny["usage"]["completion_tokens"], 1);
}

#[test]
fn contradictions_are_refused_by_name() {
    for (words, says) in [
        (&["--thinking-budget", "50", "--answer-reserve", "5", "--max-tokens", "50"][..], "= 55"),
        (&["--think", "off", "--thinking-budget", "5"], "enable_thinking"),
        (&["--think", "off", "--reasoning-effort", "low"], "enable_thinking"),
        (&["--raw", "--thinking-budget", "5"], "`thinking_budget`"),
        (&["--raw", "--reasoning-effort", "low"], "`reasoning_effort`"),
        (&["--thinking-budget", "-1"], "`thinking_budget`"),
        (&["--reasoning-effort", "much"], "minimal"),
        (&["--think", "on", "--enable-thinking"], "once"),
    ] {
        let run = jeton(&[&["generate", SUM], words].concat());
        assert_eq!(run.code, 2, "{words:?}");
        assert!(run.err.contains(says), "{words:?}: {}", run.err);
    }
}

#[test]
fn where_nobody_sees_colour_a_thought_stands_between_marks() {
    let base = ["generate", SUM, "--temperature", "0"];
    let run = jeton(&base);
    assert!(run.out.starts_with("<think>\n347 + 285"), "{}", run.out);
    assert!(run.out.ends_with("632.\n</think>\n\n347 + 285 = 632\n"), "{}", run.out);
    assert!(run.err.contains("102 thinking + 17 answer"), "{}", run.err);
    let off = jeton(&[&base[..], &["--think", "off"]].concat());
    assert!(!off.out.contains("think"), "{}", off.out);
}

#[test]
fn requests_and_conversations_have_the_same_knobs() {
    let request = json!({
        "messages": [{"role": "user", "content": SUM}],
        "enable_thinking": true, "thinking_budget": 12, "temperature": 0,
    });
    let run = jeton_with_input(&["generate", "--jsonl"], &format!("{request}\n"));
    let answer: Value = serde_json::from_str(&run.out).expect("one JSON object");
    check(&answer);
    assert_eq!(answer["ids"], generate(&["--thinking-budget", "12"])["ids"]);
    let lines = "/set thinking_budget 12\nWhat is 347 + 285?\n/stats\n/think off\n";
    let run = jeton_with_input(&["chat", "--temperature", "0"], lines);
    assert!(run.err.contains("by its budget of 12"), "{}", run.err);
    assert!(run.err.contains("`thinking_budget` must be 0 or absent"), "{}", run.err);
}

#[test]
fn forced_tokens_are_marked_in_a_trace() {
    let words = ["trace", SUM, "--temperature", "0", "--thinking-budget", "9", "--json"];
    let run = jeton(&words);
    let trace: Value = serde_json::from_str(&run.out).expect("one JSON object");
    let steps = trace["steps"].as_array().expect("a list");
    let forced: Vec<&Value> = steps.iter().filter(|step| !step["forced"].is_null()).collect();
    assert!(forced.iter().all(|step| step["forced"] == "thinking_hard"), "{forced:?}");
    let tokens: String = forced.iter().filter_map(|step| step["token"].as_str()).collect();
    assert_eq!(tokens, "\n</think>");
    assert_eq!((&steps[0]["part"], &steps[1]["part"]), (&json!("marker"), &json!("thinking")));
}

#[test]
fn a_thought_that_was_cut_goes_on_where_it_was() {
    let folder = tempfile::tempdir().expect("a folder");
    let state = folder.path().join("state.json");
    let state = state.to_str().expect("a name");
    let whole = generate(&["--thinking-budget", "20"]);
    // In the thought, and around the two tokens that end it.
    for cut in ["20", "21", "22", "23", "24", "30"] {
        generate(&["--thinking-budget", "20", "--max-tokens", cut, "--save", state]);
        let run = jeton(&["generate", "--resume", state, "--max-tokens", "200", "--json"]);
        assert_eq!(run.code, 0, "{}", run.err);
        let resumed: Value = serde_json::from_str(&run.out).expect("one JSON object");
        for field in ["ids", "text", "thinking"] {
            assert_eq!(resumed[field], whole[field], "{field} after {cut}");
        }
        check(&resumed);
    }
}
