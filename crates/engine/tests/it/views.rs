//! One run, every limit, and a run continued later: each equals the run that was asked for so.

use crate::simulation::any_request_for;
use crate::world::{END, Random, Recipe, bytes, greedy, int, params, texts, tokenizer};
use engine::views::{runs, views};
use engine::{Completion, Engine, EngineConfig, GenerateRequest, Rejection};
use model::TokenId;
use sampling::params::ParamValue;
use sampling::stop::StopReason;

fn engine(recipe: &Recipe) -> Engine {
    Engine::new(Box::new(recipe.build()), tokenizer(), EngineConfig::default()).expect("sound")
}

fn alone(recipe: &Recipe, request: &GenerateRequest) -> Completion {
    engine(recipe).complete(request.clone()).expect("accepted")
}

fn with_limits(request: &GenerateRequest, limits: &[usize]) -> GenerateRequest {
    let list = ParamValue::List(limits.iter().map(|&limit| int(limit)).collect());
    let mut values = vec![("max_tokens", list)];
    for spec in sampling::params::PARAMS.iter().filter(|spec| spec.name != "max_tokens") {
        values.extend(request.params.value_of(spec).map(|value| (spec.name, value)));
    }
    let params = sampling::params::SamplingParams::from_values(values).expect("still valid");
    GenerateRequest { params, ..request.clone() }
}

fn under(request: &GenerateRequest, limit: usize) -> GenerateRequest {
    let params = request.params.with_max_tokens(limit).expect("a good limit");
    GenerateRequest { params, ..request.clone() }
}

#[test]
fn every_view_is_the_run_with_that_limit_alone() {
    let recipe = Recipe::hashed(90);
    let mut stopped_early = 0;
    for seed in 0..40 {
        let mut random = Random(seed);
        let request = any_request_for(&mut random);
        let mut limits: Vec<usize> = Vec::new();
        for _ in 0..1 + random.below(6) {
            let limit = request.params.min_tokens().max(1) + random.below(40);
            if !limits.contains(&limit) {
                limits.push(limit);
            }
        }
        let listed = with_limits(&request, &limits);
        assert_eq!(runs(&listed).expect("sound").len(), 1);
        let mut engine = engine(&recipe);
        let completion = engine.complete(listed.clone()).expect("accepted");
        let seen = views(&listed, &[completion], &tokenizer(), engine.info());
        assert_eq!(seen.iter().map(|view| view.limit).collect::<Vec<_>>(), limits);
        for view in &seen {
            let expected = alone(&recipe, &under(&request, view.limit));
            assert_eq!(view.ids, expected.finished.ids, "seed {seed}, limit {}", view.limit);
            assert_eq!(view.text, expected.text, "seed {seed}, limit {}", view.limit);
            assert_eq!(view.stop_reason, expected.finished.stop_reason);
            assert_eq!(view.finish_reason, expected.finished.finish_reason);
            assert_eq!(view.usage, expected.finished.usage);
            stopped_early += usize::from(view.stop_reason != StopReason::MaxTokens);
        }
    }
    assert!(stopped_early > 10, "only {stopped_early} ended before their limit");
}

#[test]
fn a_limit_inside_of_a_character_or_a_stop_string_releases_what_was_held() {
    let prompt = bytes("x");
    let mut output = bytes("a\u{e9}<s");
    output.push(END);
    let recipe = Recipe::answering(&prompt, &output);
    let list = ParamValue::List([1, 2, 3, 4, 5, 6, 9].map(int).into());
    let values = [("temperature", int(0)), ("max_tokens", list), ("stop", texts(&["<stop>"]))];
    let request = GenerateRequest::new(prompt, params(values), 0);
    let mut engine = engine(&recipe);
    let completion = engine.complete(request.clone()).expect("accepted");
    let seen = views(&request, &[completion], &tokenizer(), engine.info());
    let said: Vec<_> = seen.iter().map(|view| (view.text.as_str(), &view.stop_reason)).collect();
    let cut = &StopReason::MaxTokens;
    let end = &StopReason::Eos(END);
    assert_eq!(
        said,
        [
            ("a", cut),
            ("a\u{fffd}", cut),
            ("a\u{e9}", cut),
            ("a\u{e9}<", cut),
            ("a\u{e9}<s", cut),
            ("a\u{e9}<s", end),
            ("a\u{e9}<s", end),
        ]
    );
}

#[test]
fn a_run_continued_later_is_the_run_that_was_longer_at_first() {
    let recipe = Recipe::hashed(90);
    for seed in 0..60 {
        let mut random = Random(1000 + seed);
        let request = any_request_for(&mut random);
        let whole = alone(&recipe, &request);
        let cut = random.below(whole.finished.ids.len());
        let generated = whole.finished.ids[..cut].to_vec();
        let later = alone(&recipe, &GenerateRequest { generated, ..request.clone() });
        assert_eq!(later.finished.ids, whole.finished.ids, "seed {seed}, cut at {cut}");
        assert_eq!(later.text, whole.text, "seed {seed}, cut at {cut}");
        assert_eq!(later.finished.stop_reason, whole.finished.stop_reason);
        let usage = later.finished.usage;
        assert_eq!((usage.resumed_tokens, later.tokens.len()), (cut, whole.tokens.len() - cut));
        let numbers = |completion: &Completion| -> Vec<(usize, TokenId, u64)> {
            let tokens = completion.tokens.iter();
            tokens.map(|token| (token.index, token.id, token.probability.to_bits())).collect()
        };
        assert_eq!(numbers(&later), numbers(&whole)[cut..]);
    }
}

#[test]
fn what_has_ended_or_has_no_room_is_not_continued() {
    let prompt = bytes("x");
    let recipe = Recipe::answering(&prompt, &[97, END]);
    let request = GenerateRequest::new(prompt, greedy(9, []), 0);
    let mut ended = request.clone();
    ended.generated = vec![97, END, 98];
    let completion = alone(&recipe, &ended);
    assert_eq!(completion.finished.ids, [97, END]);
    assert_eq!(completion.finished.stop_reason, StopReason::Eos(END));
    assert_eq!((completion.text.as_str(), completion.tokens.len()), ("a", 0));

    let mut full = request.clone();
    full.generated = vec![97; 9];
    let refused = engine(&recipe).complete(full).expect_err("9 of 9 are there");
    assert_eq!(refused, Rejection::NothingLeft { resumed_tokens: 9, limit: 9 });
    assert_eq!(refused.param(), Some("max_tokens"));
    let mut foreign = request;
    foreign.generated = vec![TokenId::MAX];
    let refused = engine(&recipe).complete(foreign).expect_err("no such token");
    assert_eq!(refused.kind(), "token_outside_vocabulary");
}

/// Mirostat and adaptive-p remember numbers that the tokens do not tell.
#[test]
fn stages_that_remember_go_on_where_they_were() {
    let recipe = Recipe::hashed(90);
    for values in [
        [("mirostat", int(2)), ("mirostat_tau", int(3))],
        [("adaptive_target", ParamValue::Float(0.4)), ("adaptive_decay", ParamValue::Float(0.8))],
    ] {
        let base = [("max_tokens", int(40)), ("ignore_eos", ParamValue::Bool(true))];
        let all = base.into_iter().chain(values);
        let params = sampling::params::SamplingParams::from_values(all).expect("valid");
        let request = GenerateRequest::new(bytes("once"), params, 5);
        let whole = alone(&recipe, &request);
        let first = alone(&recipe, &under(&request, 17));
        assert_eq!(first.finished.ids[..], whole.finished.ids[..17]);
        assert!(!first.finished.stage_state.is_empty());
        let (generated, stage_state) = (first.finished.ids, first.finished.stage_state);
        let later =
            GenerateRequest { generated: generated.clone(), stage_state, ..request.clone() };
        let forgetful = GenerateRequest { generated, ..request };
        let chances = |completion: &Completion| -> Vec<u64> {
            let tokens = completion.tokens.iter().rev().take(40 - 17);
            tokens.map(|token| token.probability.to_bits()).collect()
        };
        let later = alone(&recipe, &later);
        assert_eq!(later.finished.ids, whole.finished.ids);
        assert_eq!(chances(&later), chances(&whole));
        assert_ne!(chances(&alone(&recipe, &forgetful)), chances(&whole));
    }
}
