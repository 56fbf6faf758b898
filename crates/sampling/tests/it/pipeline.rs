//! Order, scope, boundaries, resuming: how the parts work together.

use crate::support::{assert_close, params, run};
use sampling::TokenId;
use sampling::candidates::{Candidates, ChooseError};
use sampling::mask::TokenMask;
use sampling::params::SamplingParams;
use sampling::pipeline::{Pipeline, SequenceStart};
use sampling::random::{Purpose, uniform};
use sampling::stages::StepContext;
use sampling::trace::ChoiceTrace;
use serde_json::json;

const NEVER: f32 = f32::NEG_INFINITY;

fn ln(probabilities: &[f64]) -> Vec<f64> {
    probabilities.iter().map(|p| p.ln()).collect()
}

fn start<'a>(prompt: &'a [TokenId], generated: &'a [TokenId]) -> SequenceStart<'a> {
    SequenceStart { prompt, generated, eos_ids: &[0], seed: 7, choice_index: 0, stage_state: &[] }
}

/// Logits that depend on the whole history, as a model's do.
fn model(prompt: &[TokenId], generated: &[TokenId]) -> Vec<f32> {
    let mut hash = 17u64;
    for &token in prompt.iter().chain(generated) {
        hash = hash.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(u64::from(token) + 1);
    }
    (0..50u64).map(|id| (uniform(hash, 0, id, Purpose::Draw) * 6.0) as f32).collect()
}

/// Generates until `generated` holds `count` tokens.
fn generate(
    params: &SamplingParams,
    candidates: &mut Candidates,
    prompt: &[TokenId],
    generated: &mut Vec<TokenId>,
    count: usize,
) {
    let mut pipeline = Pipeline::new(params, &start(prompt, generated));
    while generated.len() < count {
        let step = StepContext::new(prompt, generated);
        let logits = model(prompt, generated);
        let choice = pipeline.choose(candidates, &logits, &step, None).expect("good logits");
        pipeline.accept(choice.token);
        generated.push(choice.token);
    }
}

fn everything() -> SamplingParams {
    params(json!({
        "logit_bias": {"3": 1.5, "4": "-inf"}, "min_tokens": 5, "repetition_penalty": 1.2,
        "frequency_penalty": 0.4, "presence_penalty": 0.2, "no_repeat_ngram_size": 2,
        "top_n_sigma": 2.5, "temperature": 0.9, "top_k": 30, "top_p": 0.95, "min_p": 0.01,
        "typical_p": 0.9, "epsilon_cutoff": 0.001, "eta_cutoff": 0.001,
    }))
}

#[test]
fn the_default_order_is_the_contract() {
    let pipeline = Pipeline::new(&everything(), &start(&[], &[]));
    let names: Vec<_> = pipeline.stage_names().collect();
    let expected = [
        "min_tokens",
        "logit_bias",
        "repetition_penalty",
        "frequency_presence",
        "no_repeat_ngram",
        "top_n_sigma",
        "temperature",
        "top_k",
        "top_p",
        "min_p",
        "typical_p",
        "epsilon_cutoff",
        "eta_cutoff",
    ];
    assert_eq!(names, expected);
}

#[test]
fn neutral_stages_are_not_built() {
    let pipeline = Pipeline::new(&SamplingParams::default(), &start(&[1], &[2]));
    assert_eq!(pipeline.stage_names().count(), 0);
}

#[test]
fn samplers_set_the_order_and_drop_the_rest() {
    let logits = ln(&[0.6, 0.2, 0.12, 0.08]);
    let with = |samplers: &[&str]| {
        let wishes = json!({"temperature": 2, "top_p": 0.7, "top_k": 1, "samplers": samplers});
        run(&params(wishes), &logits, &[]).ids
    };
    assert_eq!(with(&["temperature", "top_p"]), [0, 1, 2]);
    assert_eq!(with(&["top_p", "temperature"]), [0, 1]);
    assert_eq!(with(&[]), [0, 1, 2, 3]);
}

#[test]
fn boundaries_of_the_jeton_profile() {
    let ids = |wishes, logits: &[f64]| run(&params(wishes), logits, &[]).ids;
    // min-p keeps equality; top-p keeps the token that crosses p; top-k keeps exactly k.
    assert_eq!(ids(json!({"min_p": 0.25}), &ln(&[0.5, 0.25, 0.125, 0.125])), [0, 1, 2, 3]);
    assert_eq!(ids(json!({"top_p": 0.8}), &ln(&[0.5, 0.3, 0.2])), [0, 1]);
    assert_eq!(ids(json!({"top_p": 0.9}), &ln(&[0.1, 0.2, 0.3, 0.4])), [1, 2, 3]);
    assert_eq!(ids(json!({"epsilon_cutoff": 0.1}), &ln(&[0.1, 0.2, 0.7])), [0, 1, 2]);
    assert_eq!(ids(json!({"top_p": 0.81}), &ln(&[0.5, 0.3, 0.2])), [0, 1, 2]);
    assert_eq!(ids(json!({"top_p": 0.5}), &[0.0; 10]), [0, 1, 2, 3, 4]);
    assert_eq!(ids(json!({"top_p": 1e-9}), &[1.0, 2.0, 2.0]), [1]);
    assert_eq!(ids(json!({"top_k": 2}), &[1.0, 0.5, 0.5, 0.0]), [0, 1]);
    assert_eq!(ids(json!({"top_k": 2}), &[0.5, 0.5, 0.0, 0.5]), [0, 1]);
    // sigma is over the possible tokens, population form: 3 - 0.8165 = 2.18.
    let outcome = run(&params(json!({"top_n_sigma": 1})), &[3.0, 2.0, 1.0, NEVER], &[]);
    let threshold = outcome.trace.stages[0].threshold.expect("a logit");
    assert_close(threshold, 3.0 - (2.0f64 / 3.0).sqrt(), 1e-12, "threshold");
    assert_eq!(outcome.ids, [0]);
    // Repetition first, then frequency: 2 / 2 - 0.5.
    let wishes = json!({"repetition_penalty": 2, "frequency_penalty": 0.5});
    assert_eq!(run(&params(wishes), &[2.0, 0.0], &[0]).logits, [0.5, 0.0]);
}

#[test]
fn greedy_ignores_filters_and_respects_what_shapes_logits() {
    for wish in [json!({"temperature": 0}), json!({"do_sample": false, "temperature": 1.7})] {
        let mut wishes = wish.clone();
        wishes["top_k"] = json!(2);
        wishes["typical_p"] = json!(0.1);
        wishes["repetition_penalty"] = json!(4);
        wishes["logit_bias"] = json!({"1": false});
        let outcome = run(&params(wishes), &[3.0, 5.0, 4.0, 3.0], &[2]);
        assert_eq!((outcome.ids, outcome.probabilities), (vec![0], vec![1.0]), "{wish}");
        let names: Vec<_> = outcome.trace.stages.iter().map(|stage| stage.name).collect();
        assert_eq!(names, ["logit_bias", "repetition_penalty"]);
        assert_eq!(outcome.trace.draw, None);
    }
}

#[test]
fn repetition_sees_the_prompt_and_frequency_does_not() {
    let choose = |wishes| {
        let (prompt, generated) = ([0, 0], [1]);
        let mut pipeline = Pipeline::new(&params(wishes), &start(&prompt, &generated));
        let mut candidates = Candidates::new();
        let step = StepContext::new(&prompt, &generated);
        pipeline.choose(&mut candidates, &[2.0, 2.0, -2.0], &step, None).expect("good logits");
        candidates.logits().to_vec()
    };
    assert_eq!(choose(json!({"repetition_penalty": 2})), [1.0, 1.0, -2.0]);
    assert_eq!(choose(json!({"frequency_penalty": 1})), [2.0, 1.0, -2.0]);
    assert_eq!(choose(json!({"presence_penalty": 0.5})), [2.0, 1.5, -2.0]);
}

#[test]
fn end_tokens_wait_for_min_tokens() {
    let ids = |wishes, generated: &[TokenId], logits: &[f32]| {
        let params = params(wishes);
        let mut pipeline = Pipeline::new(&params, &start(&[], generated));
        let mut candidates = Candidates::new();
        let step = StepContext::new(&[], generated);
        pipeline.choose(&mut candidates, logits, &step, None).expect("good logits");
        candidates.ids().to_vec()
    };
    let wishes = json!({"min_tokens": 2, "stop_token_ids": [2]});
    let logits = [5.0, 1.0, 1.0, 1.0];
    assert_eq!(ids(wishes.clone(), &[], &logits), [1, 3]);
    assert_eq!(ids(wishes.clone(), &[1], &logits), [1, 3]);
    assert_eq!(ids(wishes.clone(), &[1, 1], &logits), [0, 1, 2, 3]);
    // Nothing but end tokens is possible: the best of them stays.
    assert_eq!(ids(wishes, &[], &[1.0, NEVER, 3.0, NEVER]), [2]);
    let own_eos = json!({"min_tokens": 1, "eos_token_id": 3});
    assert_eq!(ids(own_eos, &[], &logits), [0, 1, 2]);
    let ignoring = json!({"min_tokens": 1, "ignore_eos": true});
    assert_eq!(ids(ignoring, &[], &logits), [0, 1, 2, 3]);
}

#[test]
fn banning_everything_leaves_the_best() {
    let bans = json!({"logit_bias": {"0": false, "1": false, "2": "-inf"}});
    assert_eq!(run(&params(bans), &[1.0, 3.0, 3.0], &[]).ids, [1]);
    let outcome = run(&params(json!({"no_repeat_ngram_size": 1})), &[1.0, 3.0], &[0, 1]);
    assert_eq!(outcome.ids, [1]);
}

#[test]
fn a_run_that_spans_prompt_and_output_is_not_repeated() {
    let (prompt, generated) = ([4, 1, 2], [3, 4, 1]);
    let params = params(json!({"no_repeat_ngram_size": 3}));
    let mut pipeline = Pipeline::new(&params, &start(&prompt, &generated));
    let mut candidates = Candidates::new();
    let step = StepContext::new(&prompt, &generated);
    pipeline.choose(&mut candidates, &[0.0; 5], &step, None).expect("good logits");
    assert_eq!(candidates.ids(), [0, 1, 3, 4]);
}

#[test]
fn a_resumed_sequence_goes_on_as_if_it_had_never_stopped() {
    let (prompt, params) = ([5, 6, 5], everything());
    let mut candidates = Candidates::new();
    let mut whole = Vec::new();
    generate(&params, &mut candidates, &prompt, &mut whole, 60);
    for cut in [0, 1, 17, 59] {
        let mut resumed = whole[..cut].to_vec();
        generate(&params, &mut candidates, &prompt, &mut resumed, 60);
        assert_eq!(resumed, whole, "cut at {cut}");
    }
    assert!(whole.iter().any(|token| token != &whole[0]), "the model says more than one thing");
}

/// A seed is a promise: these tokens must never change, on any machine.
#[test]
fn seeded_tokens_are_pinned() {
    let mut tokens = Vec::new();
    generate(&everything(), &mut Candidates::new(), &[1, 2, 3], &mut tokens, 16);
    let pinned = [28, 38, 3, 22, 47, 12, 13, 29, 45, 0, 46, 48, 21, 49, 15, 6];
    assert_eq!(tokens, pinned);
}

#[test]
fn a_smaller_limit_gives_a_prefix_and_neighbours_change_nothing() {
    let (prompt, params) = ([1, 2, 3], everything());
    let mut shared = Candidates::new();
    let mut whole = Vec::new();
    generate(&params, &mut Candidates::new(), &prompt, &mut whole, 50);
    for limit in [1, 7, 49] {
        let mut part = Vec::new();
        generate(&params, &mut shared, &[9], &mut vec![], 3);
        generate(&params, &mut shared, &prompt, &mut part, limit);
        assert_eq!(part, whole[..limit]);
    }
}

#[test]
fn a_fork_shares_the_past_and_draws_for_itself() {
    let prompt = [1];
    let params = params(json!({"repetition_penalty": 1.5, "frequency_penalty": 1}));
    let mut pipeline = Pipeline::new(&params, &start(&prompt, &[]));
    let mut generated = vec![3, 4];
    generated.iter().for_each(|&token| pipeline.accept(token));
    let mut fork = pipeline.fork(1);
    pipeline.accept(5);

    let mut candidates = Candidates::new();
    let mut logits_after = |pipeline: &mut Pipeline, generated: &[TokenId]| {
        let step = StepContext::new(&prompt, generated);
        let choice = pipeline.choose(&mut candidates, &[1.0; 200], &step, None).expect("good");
        (candidates.logits().to_vec(), choice.token)
    };
    let (forked, _) = logits_after(&mut fork, &generated);
    assert_eq!(forked[3..6], [1.0 / 1.5 - 1.0, 1.0 / 1.5 - 1.0, 1.0]);
    fork.accept(5);
    generated.push(5);
    let (original, first) = logits_after(&mut pipeline, &generated);
    let (forked, second) = logits_after(&mut fork, &generated);
    assert_eq!(original, forked);
    assert_ne!(first, second, "choices 0 and 1 of seed 7 draw different numbers here");
}

#[test]
fn a_trace_explains_the_step() {
    let wishes = json!({"temperature": 2, "top_k": 3, "min_p": 0.5, "seed": 1});
    let outcome = run(&params(wishes), &ln(&[0.05, 0.64, 0.02, 0.25, 0.04]), &[]);
    let trace = &outcome.trace;
    assert_eq!(trace.possible_count, 5);
    let ids: Vec<_> = trace.raw_top.iter().map(|candidate| candidate.id).collect();
    assert_eq!(ids, [1, 3, 0, 4, 2]);

    let top_k = &trace.stages[1];
    assert_eq!((top_k.name, top_k.before_count, top_k.kept_count), ("top_k", 5, 3));
    let removed: Vec<_> = top_k.removed.iter().map(|candidate| candidate.id).collect();
    assert_eq!(removed, [4, 2]);
    let roots = [0.05f64, 0.64, 0.02, 0.25, 0.04].map(f64::sqrt);
    let total: f64 = roots.iter().sum();
    let kept = (roots[0] + roots[1] + roots[3]) / total;
    assert_close(top_k.kept_mass, kept, 1e-6, "mass");
    assert_close(top_k.threshold.unwrap(), 0.05f64.ln() / 2.0, 1e-6, "the smallest logit kept");

    let min_p = &trace.stages[2];
    assert_eq!((min_p.kept_count, min_p.removed[0].id), (2, 0));
    let probability: f64 = 0.8 / (0.8 + 0.5);
    let entropy =
        -(probability * probability.ln() + (1.0 - probability) * (1.0 - probability).ln());
    assert_close(min_p.entropy, entropy, 1e-6, "entropy");
    assert_eq!((trace.nucleus_size, trace.final_top.len()), (2, 2));

    let draw = trace.draw.expect("a draw");
    assert_eq!(draw.uniform, uniform(1, 0, 0, Purpose::Draw));
    assert!(draw.low <= draw.uniform && draw.uniform < draw.high);
    let chosen = trace.chosen.expect("a token");
    assert_eq!(chosen.id, outcome.choice.token);
    assert_eq!(trace.raw_rank, usize::from(chosen.id == 3));
    assert_close(draw.high - draw.low, trace.final_probability, 1e-12, "interval");
}

#[test]
fn logits_that_cannot_be_sampled_are_refused() {
    let mut pipeline = Pipeline::new(&SamplingParams::default(), &start(&[], &[]));
    let mut choose = |logits: &[f32]| {
        pipeline.choose(&mut Candidates::new(), logits, &StepContext::new(&[], &[]), None)
    };
    assert_eq!(choose(&[]), Err(ChooseError::Empty));
    assert_eq!(choose(&[0.0, f32::NAN]), Err(ChooseError::NotANumber { id: 1 }));
    assert_eq!(choose(&[f32::INFINITY]), Err(ChooseError::PositiveInfinity { id: 0 }));
    assert_eq!(choose(&[NEVER, NEVER]), Err(ChooseError::NothingPossible));
    assert_eq!(choose(&[NEVER, f32::MIN]).expect("one possible").token, 1);
}

#[test]
fn a_mask_comes_before_every_stage_and_cannot_be_left() {
    let logits = ln(&[0.4, 0.3, 0.2, 0.1]);
    let mask = TokenMask::from_ids(4, [2, 3]);
    let step = StepContext::new(&[], &[]).with_mask(Some(&mask));
    let choose = |wishes, trace: Option<&mut ChoiceTrace>| {
        let mut pipeline = Pipeline::new(&params(wishes), &start(&[], &[]));
        let mut candidates = Candidates::new();
        let choice = pipeline.choose(&mut candidates, &logits, &step, trace).expect("possible");
        (choice, candidates.ids().to_vec())
    };
    assert_eq!(choose(json!({"temperature": 0}), None).0.token, 2);
    // Shares are those among the allowed: 2/3 and 1/3.
    let mut trace = ChoiceTrace::new(4);
    let (choice, left) = choose(json!({"top_p": 0.6}), Some(&mut trace));
    assert_eq!((choice, left), choose(json!({"top_p": 0.6}), None));
    assert_eq!((choice.token, choice.nucleus_size), (2, 1));
    let names: Vec<_> = trace.stages.iter().map(|stage| stage.name).collect();
    assert_eq!(names, ["grammar", "top_p"]);
    assert_eq!((trace.possible_count, trace.stages[0].kept_count), (4, 2));
    assert_close(trace.stages[0].kept_mass, 0.3, 1e-12, "what the grammar left");
    // A ban of all that is allowed keeps the best of it, and nothing else.
    assert_eq!(choose(json!({"logit_bias": {"2": "-inf", "3": "-inf"}}), None).1.len(), 1);
}

#[test]
fn a_mask_without_a_possible_token_is_refused() {
    let mask = TokenMask::from_ids(3, [1]);
    let step = StepContext::new(&[], &[]).with_mask(Some(&mask));
    let mut pipeline = Pipeline::new(&SamplingParams::default(), &start(&[], &[]));
    let row = [1.0, NEVER, 2.0];
    for mut trace in [None, Some(ChoiceTrace::new(3))] {
        let outcome = pipeline.choose(&mut Candidates::new(), &row, &step, trace.as_mut());
        assert_eq!(outcome, Err(ChooseError::NothingAllowed { allowed_count: 1 }));
    }
}
