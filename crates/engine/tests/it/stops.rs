//! Every way to end, through every path.

use crate::paths::check;
use crate::world::{
    END, Expected, Recipe, THE, TURN, bytes, greedy, int, oracle, params, request, texts,
};
use engine::{Completion, Engine, EngineConfig, GenerateRequest};
use model::{ScriptedModel, TokenId};
use proptest::prelude::*;
use sampling::params::{ParamValue, SamplingParams};
use sampling::stop::StopReason;
use std::sync::Arc;
use text::{Tokenizer, VocabSource};

const PROMPT: &[TokenId] = &[72, 101, 108, 108, 111, 32, 116, 104, 101, 114, 101];

/// The model answers the prompt with `output`; the request must end with these ids, this text and
/// this reason.
fn ends(
    output: &[TokenId],
    params: SamplingParams,
    ids: &[TokenId],
    text: &str,
    stop_reason: StopReason,
) {
    let recipe = Recipe::answering(PROMPT, output);
    let request = request(PROMPT, params);
    let expected = Expected { ids: ids.to_vec(), text: text.to_string(), stop_reason };
    assert_eq!(oracle(&recipe, &request), expected, "the oracle agrees");
    check(&recipe, &request, &expected);
}

fn stop_string(index: usize, text: &str) -> StopReason {
    StopReason::StopString { index, text: text.to_string() }
}

fn joined(parts: &[&[TokenId]]) -> Vec<TokenId> {
    parts.concat()
}

#[test]
fn an_end_token_ends_and_has_no_text() {
    let output = joined(&[&bytes("Good."), &[END], &bytes("more")]);
    ends(&output, greedy(20, []), &output[..6], "Good.", StopReason::Eos(END));
}

#[test]
fn an_end_token_exactly_at_the_limit_is_a_stop() {
    let output = joined(&[&bytes("Good."), &[END]]);
    ends(&output, greedy(6, []), &output, "Good.", StopReason::Eos(END));
    ends(&output, greedy(5, []), &output[..5], "Good.", StopReason::MaxTokens);
}

#[test]
fn a_stop_string_completed_at_the_limit_is_a_stop() {
    let output = bytes("one two END three");
    let params = |max_tokens| greedy(max_tokens, [("stop", texts(&["END"]))]);
    ends(&output, params(11), &output[..11], "one two ", stop_string(0, "END"));
    // One token earlier it is a limit, and what was held back is shown.
    ends(&output, params(10), &output[..10], "one two EN", StopReason::MaxTokens);
}

#[test]
fn a_stop_string_may_span_tokens_and_characters_may_too() {
    let output = bytes("caf\u{e9} \u{1f600}\u{e9}! more");
    let params = greedy(30, [("stop", texts(&["\u{1f600}\u{e9}!"]))]);
    let end = "caf\u{e9} \u{1f600}\u{e9}!".len();
    ends(&output, params, &output[..end], "caf\u{e9} ", stop_string(0, "\u{1f600}\u{e9}!"));
}

#[test]
fn of_two_stop_strings_in_one_token_the_one_that_ends_first_counts() {
    let output = joined(&[&bytes("a "), &[THE], &bytes(" b")]);
    let stops = |list: &[&str]| greedy(9, [("stop", texts(list))]);
    ends(&output, stops(&["he", "th"]), &output[..3], "a ", stop_string(1, "th"));
    ends(&output, stops(&["e", "the"]), &output[..3], "a th", stop_string(0, "e"));
    ends(&output, stops(&["the", "e"]), &output[..3], "a ", stop_string(0, "the"));
}

#[test]
fn an_end_token_releases_what_looked_like_a_stop_string() {
    let output = joined(&[&bytes("x EN"), &[END]]);
    let params = greedy(9, [("stop", texts(&["END"]))]);
    ends(&output, params, &output, "x EN", StopReason::Eos(END));
}

#[test]
fn a_stop_string_in_the_prompt_does_not_count() {
    // The prompt holds "there" and ends with "ere"; neither does it help to complete one.
    let output = bytes(" and there we are");
    let params = greedy(17, [("stop", texts(&["there", "e and"]))]);
    ends(&output, params, &output[..10], " and ", stop_string(0, "there"));
}

#[test]
fn a_stop_token_ends_and_has_no_text() {
    let output = bytes("yes\nno");
    let params = greedy(9, [("stop_token_ids", int(10))]);
    ends(&output, params, &output[..4], "yes", StopReason::StopToken(10));
}

#[test]
fn several_end_tokens_and_the_requests_own() {
    let output = joined(&[&bytes("a"), &[END], &bytes("b"), &[TURN]]);
    let own = ParamValue::List(vec![int(TURN as usize), int(999 % 260)]);
    ends(&output, greedy(9, [("eos_token_id", own)]), &output, "ab", StopReason::Eos(TURN));
}

#[test]
fn min_tokens_keeps_end_tokens_and_stop_strings_away() {
    // The model wants to end at once, and is not let until three tokens are there.
    let recipe = Recipe::answering(PROMPT, &[END]);
    let request = request(PROMPT, greedy(12, [("min_tokens", int(4))]));
    let expected = oracle(&recipe, &request);
    assert!(expected.ids.len() >= 4 && !expected.ids[..3].contains(&END));
    check(&recipe, &request, &expected);

    let output = bytes("abcabcabc");
    let params = greedy(9, [("min_tokens", int(5)), ("stop", texts(&["bc"]))]);
    ends(&output, params, &output[..6], "abca", stop_string(0, "bc"));
}

#[test]
fn ignored_end_tokens_are_ordinary() {
    let output = joined(&[&bytes("a"), &[END], &bytes("b"), &[END]]);
    let params = greedy(4, [("ignore_eos", ParamValue::Bool(true))]);
    ends(&output, params, &output, "ab", StopReason::MaxTokens);
}

#[test]
fn the_first_token_may_be_the_last() {
    ends(&bytes("ab"), greedy(1, []), &bytes("a"), "a", StopReason::MaxTokens);
    ends(&[END], greedy(1, []), &[END], "", StopReason::Eos(END));
}

#[test]
fn without_a_limit_the_window_is_one() {
    let recipe = Recipe { context_tokens_max: 16, ..Recipe::answering(PROMPT, &bytes("abcdefgh")) };
    let expected = Expected {
        ids: bytes("abcde"),
        text: "abcde".into(),
        stop_reason: StopReason::ContextFull,
    };
    let no_limit = request(PROMPT, params([("temperature", int(0))]));
    check(&recipe, &no_limit, &expected);
    // A default that does not fit is shrunk; one that fits exactly is the limit.
    check(&recipe, &request(PROMPT, greedy(500, [])), &expected);
    let exact = Expected { stop_reason: StopReason::MaxTokens, ..expected };
    check(&recipe, &request(PROMPT, greedy(5, [])), &exact);
}

#[test]
fn a_limit_inside_a_character_leaves_the_sign_for_one() {
    let output = bytes("a\u{1f600}b");
    ends(&output, greedy(3, []), &output[..3], "a\u{fffd}", StopReason::MaxTokens);
    ends(&output, greedy(5, []), &output[..5], "a\u{1f600}", StopReason::MaxTokens);
}

#[test]
fn special_tokens_are_hidden_or_shown() {
    let output = joined(&[&bytes("a"), &[TURN], &bytes("b"), &[END]]);
    let recipe = Recipe::answering(PROMPT, &output);
    let mut shown = request(PROMPT, greedy(9, []));
    shown.text.keep_special = true;
    let expected =
        Expected { ids: output, text: "a<|turn|>b".to_string(), stop_reason: StopReason::Eos(END) };
    check(&recipe, &shown, &expected);
}

#[test]
fn a_completion_keeps_the_blank_that_an_answer_drops() {
    let tokens = ["<unk>", "<s>", "</s>", "\u{2581}so", "\u{2581}it", "\u{2581}goes"];
    let source = VocabSource {
        model: "llama".to_string(),
        tokens: tokens.map(String::from).to_vec(),
        token_types: vec![2, 3, 3, 1, 1, 1],
        scores: vec![0.0, 0.0, 0.0, -1.0, -2.0, -3.0],
        bos_id: Some(1),
        eos_id: Some(2),
        unk_id: Some(0),
        ..VocabSource::default()
    };
    let tokenizer = Arc::new(Tokenizer::from_vocab(source).expect("the vocabulary is sound"));
    let model =
        ScriptedModel::new(tokens.len(), 30).with_outputs(vec![(vec![1, 3], vec![4, 5, 2])]);
    let mut engine = Engine::new(Box::new(model), tokenizer, EngineConfig::default())
        .expect("a good configuration");
    for (continues_prompt, text) in [(false, "it goes"), (true, " it goes")] {
        let mut request = request(&[1, 3], greedy(9, []));
        request.text.continues_prompt = continues_prompt;
        assert_eq!(engine.complete(request).expect("accepted").text, text);
    }
}

#[test]
fn one_run_answers_every_limit() {
    let recipe = Recipe::hashed(96);
    let under = |max_tokens| {
        let on = ("ignore_eos", ParamValue::Bool(true));
        request(&[3; 9], params([("max_tokens", int(max_tokens)), on]))
    };
    let long = oracle(&recipe, &under(40));
    assert_eq!(long.ids.len(), 40);
    for max_tokens in [1, 2, 13, 39] {
        let shorter = under(max_tokens);
        let expected = oracle(&recipe, &shorter);
        assert_eq!(expected.ids, long.ids[..max_tokens]);
        check(&recipe, &shorter, &expected);
    }
}

fn run_alone(recipe: &Recipe, request: &GenerateRequest) -> Completion {
    let model = Box::new(recipe.build());
    let mut engine = Engine::new(model, crate::world::tokenizer(), EngineConfig::default())
        .expect("a good configuration");
    engine.complete(request.clone()).expect("accepted")
}

/// Letters, the bytes of two longer characters, a token of three letters, special tokens.
const LETTERS: [TokenId; 12] = [97, 98, 99, 0xc3, 0xa9, 0xf0, 0x9f, 0x98, 0x80, THE, TURN, END];

proptest! {
    /// Any tokens, any stop strings over the same letters: the text that arrives is the text of
    /// the whole, cut before the first stop string, and no piece of it was ever too much.
    #[test]
    fn the_pieces_are_the_text(
        output in prop::collection::vec(prop::sample::select(&LETTERS[..]), 1..40),
        stops in prop::collection::vec("[abcthe\u{e9}]{1,4}", 0..4),
        min_tokens in 0usize..6,
        limit in 1usize..45,
    ) {
        let list: Vec<&str> = stops.iter().map(String::as_str).collect();
        let min_tokens = min_tokens.min(limit);
        let params = greedy(limit, [("stop", texts(&list)), ("min_tokens", int(min_tokens))]);
        let recipe = Recipe::answering(PROMPT, &output);
        let request = request(PROMPT, params);
        let completion = run_alone(&recipe, &request);
        let expected = oracle(&recipe, &request);
        prop_assert_eq!(&Expected::of(&completion), &expected);
        crate::paths::check_laws(&request, &completion);
        let mut shown = String::new();
        for token in &completion.tokens {
            shown.push_str(&token.text);
            prop_assert!(expected.text.starts_with(&shown), "{shown:?} is more than the text");
        }
    }
}
