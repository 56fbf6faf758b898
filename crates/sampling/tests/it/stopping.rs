//! How sequences end: which rule, which text.

use crate::support::params;
use proptest::prelude::*;
use sampling::TokenId;
use sampling::stop::{FinishReason, StopReason, StopRules, StopStrings, StopTracker};
use serde_json::{Value, json};

const EOS: TokenId = 0;

/// Feeds tokens whose text is their number; the text shown, and how it ended at which token.
fn follow(wishes: Value, prompt_tokens: usize, tokens: &[TokenId]) -> (String, String, usize) {
    let params = params(wishes);
    let rules = StopRules::new(&params, &[EOS], 12);
    let mut tracker = StopTracker::new(rules, StopStrings::from_params(&params), prompt_tokens);
    let mut shown = String::new();
    for &token in tokens {
        let verdict = tracker.push(token, |token| format!("{token} "), || "?".to_owned());
        shown.push_str(&verdict.text);
        if let Some(stop) = verdict.stop {
            let word = stop.finish_reason().as_str();
            return (shown, format!("{word} {}", stop.name()), tracker.output_tokens());
        }
    }
    (shown + "|" + &tracker.release(), "going on".to_owned(), tracker.output_tokens())
}

fn check(wishes: Value, tokens: &[TokenId], shown: &str, ending: &str, count: usize) {
    let expected = (shown.to_owned(), ending.to_owned(), count);
    assert_eq!(follow(wishes.clone(), 2, tokens), expected, "{wishes} {tokens:?}");
}

#[test]
fn each_rule_ends_a_sequence_and_is_named() {
    check(json!({}), &[1, 2, EOS, 3], "1 2 ?", "stop eos", 3);
    check(json!({"stop_token_ids": [7]}), &[1, 7, 3], "1 ?", "stop stop_token", 2);
    check(json!({"stop": ["2 3"]}), &[1, 2, 3], "1 ", "stop stop_string", 3);
    check(json!({"max_tokens": 2}), &[1, 2, 3], "1 2 ?", "length max_tokens", 2);
    check(json!({}), &[1; 20], "1 1 1 1 1 1 1 1 1 1 ?", "length context_full", 10);
    check(json!({"stop": ["1 5"]}), &[1, 1], "1 |1 ", "going on", 2);
}

#[test]
fn an_end_at_the_limit_is_a_stop() {
    check(json!({"max_tokens": 2}), &[1, EOS], "1 ?", "stop eos", 2);
    check(json!({"max_tokens": 2, "stop": ["2"]}), &[1, 2], "1 ", "stop stop_string", 2);
    check(json!({"max_tokens": 2, "stop": ["2 3"]}), &[1, 2], "1 2 ?", "length max_tokens", 2);
    check(json!({"max_tokens": 10}), &[1; 10], "1 1 1 1 1 1 1 1 1 1 ?", "length max_tokens", 10);
}

#[test]
fn eos_may_be_replaced_or_ignored() {
    check(json!({"eos_token_id": [8, 9]}), &[EOS, 9], "0 ?", "stop eos", 2);
    check(json!({"ignore_eos": true}), &[EOS, 1], "0 1 |", "going on", 2);
    let both = json!({"ignore_eos": true, "stop_token_ids": [EOS]});
    check(both, &[EOS], "?", "stop stop_token", 1);
}

#[test]
fn stop_strings_wait_for_min_tokens() {
    let wishes = json!({"min_tokens": 3, "stop": ["1 "]});
    check(wishes, &[1, 1, 1, 1], "1 1 ", "stop stop_string", 3);
}

#[test]
fn endings_have_their_words() {
    let words = [
        (StopReason::Eos(1), "stop"),
        (StopReason::StopToken(1), "stop"),
        (StopReason::StopString { index: 0, text: "x".into() }, "stop"),
        (StopReason::MaxTokens, "length"),
        (StopReason::ContextFull, "length"),
        (StopReason::Cancelled, "cancelled"),
        (StopReason::Failed, "error"),
    ];
    for (reason, word) in words {
        assert_eq!(reason.finish_reason().as_str(), word, "{}", reason.name());
    }
    assert_eq!(StopReason::Failed.finish_reason(), FinishReason::Error);
}

/// Where the first stop string ends, its place in the list, and where it starts.
fn first_stop(text: &str, stops: &[String]) -> Option<(usize, usize, usize)> {
    let ends = stops.iter().enumerate().filter_map(|(index, stop)| {
        let start = text.find(stop.as_str())?;
        Some((start + stop.len(), index, start))
    });
    ends.min()
}

/// The longest end of the text that a stop string could still grow out of.
fn held_back<'a>(text: &'a str, stops: &[String]) -> &'a str {
    let starts = (0..=text.len()).filter(|&at| text.is_char_boundary(at));
    let grows = |tail: &str| tail.is_empty() || stops.iter().any(|stop| stop.starts_with(tail));
    starts.map(|at| &text[at..]).find(|tail| grows(tail)).expect("the empty end")
}

proptest! {
    #![proptest_config(crate::support::cases(3000))]

    /// Whatever the pieces: what is shown is the text up to the stop string, and no more is held
    /// back than may still become one.
    #[test]
    fn pieces_make_no_difference(
        pieces in proptest::collection::vec("[abé]{0,4}", 0..12),
        stops in proptest::collection::vec("[abé]{1,5}", 0..5),
    ) {
        let text = pieces.concat();
        let expected = first_stop(&text, &stops);
        let mut strings = StopStrings::new(&stops);
        let (mut shown, mut read, mut found) = (String::new(), String::new(), None);
        for piece in &pieces {
            let (safe, stop) = strings.push(piece);
            shown.push_str(&safe);
            read.push_str(piece);
            found = stop;
            if found.is_some() {
                break;
            }
            prop_assert_eq!(&read[shown.len()..], held_back(&read, &stops));
        }
        match (found, expected) {
            (Some(found), Some((_, index, start))) => {
                prop_assert_eq!((found.index, shown.as_str()), (index, &text[..start]));
            }
            (None, None) => prop_assert_eq!(shown + &strings.flush(), text),
            (found, expected) => prop_assert!(false, "{:?} but {:?}", found, expected),
        }
    }
}
