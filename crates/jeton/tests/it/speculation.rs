//! `--lookup` and `--draft`: the same tokens from fewer forward passes, told in every output.

use super::{jeton, jeton_with_input};
use serde_json::Value;

/// The file of the embedded model: as its own draft model it is always right.
const SAME_MODEL: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../models/jeton-tiny.gguf");

/// It copies a line that it has seen.
const PROMPT: &str =
    "one two three four five six seven. one two three four five six seven. one two";

fn answer(command: &str, extra: &[&str]) -> Value {
    let words = [command, PROMPT, "--raw", "--json", "--max-tokens", "40", "--ignore-eos"];
    let run = jeton(&[&words[..], extra].concat());
    assert_eq!(run.code, 0, "{}", run.err);
    serde_json::from_str(&run.out).expect("one JSON object")
}

#[test]
fn guesses_change_no_token_of_greedy_and_sampled_answers() {
    for sampler in [["--temperature", "0"], ["--seed", "9"]] {
        let plain = answer("generate", &sampler);
        assert_eq!(plain["speculation"], Value::Null, "nothing was guessed");
        for guesses in [&["--lookup"][..], &["--draft", SAME_MODEL]] {
            let guessed = answer("generate", &[&sampler[..], guesses].concat());
            assert_eq!(guessed["ids"], plain["ids"], "{guesses:?}");
            assert_eq!(guessed["text"], plain["text"], "{guesses:?}");
            let count = |name: &str| guessed["speculation"][name].as_u64().expect("a count");
            assert_eq!(count("forward_passes") + count("forward_passes_saved"), 40);
            assert!(count("accepted_tokens") <= count("drafted_tokens"));
        }
    }
    let itself = &answer("generate", &["--seed", "9", "--draft", SAME_MODEL])["speculation"];
    assert_eq!(
        (&itself["source"], itself["acceptance_rate"].as_f64()),
        (&"draft".into(), Some(1.0))
    );
}

#[test]
fn the_summary_says_what_was_saved() {
    let on = ["--ignore-eos", "--seed", "9", "--draft", SAME_MODEL];
    let words = ["generate", PROMPT, "--raw", "--max-tokens", "30"];
    let run = jeton(&[&words[..], &on].concat());
    assert_eq!(run.code, 0, "{}", run.err);
    assert!(run.err.contains("tokens drafted by the draft model"), "{}", run.err);
    assert!(run.err.contains("(100 %)") && run.err.contains("forward passes saved"), "{}", run.err);
    let input = "/set max_tokens 12\nHello\n/stats\n/quit\n";
    let run = jeton_with_input(&[&["chat"][..], &on].concat(), input);
    assert!(run.err.contains("(100 %)"), "{}", run.err);
}

#[test]
fn a_trace_tells_what_was_drafted_at_each_step() {
    let plain = answer("trace", &["--seed", "9"]);
    let drafted = answer("trace", &["--seed", "9", "--draft", SAME_MODEL]);
    let steps = |trace: &Value| trace["steps"].as_array().expect("steps").clone();
    let mut accepted_count = 0;
    for (plain, mut drafted) in steps(&plain).into_iter().zip(steps(&drafted)) {
        let draft = drafted.as_object_mut().expect("a step").remove("draft");
        accepted_count += u64::from(draft.is_some_and(|draft| draft["accepted"] == true));
        assert_eq!(plain, drafted, "all else is the same");
    }
    assert_eq!(drafted["speculation"]["accepted_tokens"], accepted_count);
    let words = ["trace", PROMPT, "--raw", "--max-tokens", "9", "--draft", SAME_MODEL];
    let run = jeton(&[&words[..], &["--candidates", "2"]].concat());
    assert!(run.out.contains("accepted") && run.out.contains(", as drafted"), "{}", run.out);
}

#[test]
fn a_draft_that_cannot_be_used_is_refused() {
    let run = jeton(&["generate", "Hi", "--draft", "/nowhere/draft.gguf"]);
    assert_eq!(run.code, 2);
    assert!(run.err.contains("/nowhere/draft.gguf"), "{}", run.err);
    let run = jeton(&["generate", "Hi", "--draft", SAME_MODEL, "--lookup"]);
    assert_eq!(run.code, 2);
    assert!(run.err.contains("cannot be used with"), "{}", run.err);
}
