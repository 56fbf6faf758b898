//! Laws of the stages that keep state, draw chances or look at the history.

use crate::support::{assert_close, params};
use sampling::TokenId;
use sampling::candidates::Candidates;
use sampling::params::{SamplingParams, Vocabulary};
use sampling::pipeline::{Choice, Pipeline, SequenceStart};
use sampling::stages::StepContext;
use sampling::trace::ChoiceTrace;
use serde_json::{Value, json};

const PROMPT: [TokenId; 3] = [1, 2, 3];

fn start<'a>(generated: &'a [TokenId], stage_state: &'a [(&'a str, f64)]) -> SequenceStart<'a> {
    SequenceStart {
        prompt: &PROMPT,
        generated,
        eos_ids: &[0],
        seed: 11,
        choice_index: 0,
        stage_state,
    }
}

/// The ids left and their logits after one step.
fn step_of(wishes: Value, generated: &[TokenId], row: &[f32]) -> (Vec<TokenId>, Vec<f64>) {
    step_with(&params(wishes), generated, row)
}

fn step_with(
    params: &SamplingParams,
    generated: &[TokenId],
    row: &[f32],
) -> (Vec<TokenId>, Vec<f64>) {
    let mut pipeline = Pipeline::new(params, &start(generated, &[]));
    let mut candidates = Candidates::new();
    let step = StepContext::new(&PROMPT, generated);
    pipeline.choose(&mut candidates, row, &step, None).expect("good logits");
    (candidates.ids().to_vec(), candidates.logits().to_vec())
}

/// Logits that depend on the last token.
fn row_after(generated: &[TokenId]) -> Vec<f32> {
    let last = generated.last().copied().unwrap_or(7);
    (0..40u32).map(|id| ((id * 7 + last * 13) % 23) as f32 * 0.3).collect()
}

fn go_on(pipeline: &mut Pipeline, generated: &mut Vec<TokenId>, count: usize) {
    let mut candidates = Candidates::new();
    for _ in 0..count {
        let row = row_after(generated);
        let step = StepContext::new(&PROMPT, generated);
        let Choice { token, .. } =
            pipeline.choose(&mut candidates, &row, &step, None).expect("good logits");
        pipeline.accept(token);
        generated.push(token);
    }
}

#[test]
fn lists_of_tokens_bound_the_choice() {
    let row = [5.0, 4.0, 3.0, 2.0];
    assert_eq!(step_of(json!({"allowed_token_ids": [3, 1]}), &[], &row).0, [1, 3]);
    assert_eq!(step_of(json!({"banned_token_ids": [0, 2]}), &[], &row).0, [1, 3]);
    let both = json!({"allowed_token_ids": [0, 1], "suppress_tokens": [0], "samplers": []});
    assert_eq!(step_of(both, &[], &row).0, [1], "no list of samplers lifts a ban");
    // Nothing allowed is possible: the best stays.
    let never = f32::NEG_INFINITY;
    assert_eq!(step_of(json!({"allowed_token_ids": [3]}), &[], &[1.0, 2.0, 0.0, never]).0, [1]);
}

#[test]
fn bad_words_are_cut_before_their_last_token() {
    let row = [0.0; 8];
    let ids = |wishes, generated: &[TokenId]| step_of(wishes, generated, &row).0;
    let without = |gone: &[TokenId]| (0..8).filter(|id| !gone.contains(id)).collect::<Vec<_>>();
    let words = json!({"bad_words_ids": [[5], [4, 6], [3, 4, 7]]});
    assert_eq!(ids(words.clone(), &[]), without(&[5]));
    assert_eq!(ids(words.clone(), &[4]), without(&[5, 6, 7]), "a word may begin in the prompt");
    assert_eq!(ids(words, &[6, 4]), without(&[5, 6]));
    // A list that is nothing but an end token is no bad word; in a longer one it counts.
    assert_eq!(ids(json!({"bad_words_ids": [[0], [4, 0]]}), &[]), without(&[]));
    assert_eq!(ids(json!({"bad_words_ids": [[0], [4, 0]]}), &[4]), without(&[0]));
}

/// Each letter is a token; a blank and the letter after it are another one.
struct Letters;

impl Vocabulary for Letters {
    fn encode(&self, text: &str) -> Vec<TokenId> {
        let place = |letter: u8| TokenId::from(letter - b'a');
        let (bytes, spaced) = match text.strip_prefix(' ') {
            None => (text.as_bytes(), None),
            Some(rest) => (&rest.as_bytes()[1..], Some(26 + place(rest.as_bytes()[0]))),
        };
        spaced.into_iter().chain(bytes.iter().map(|&letter| place(letter))).collect()
    }

    fn piece(&self, id: TokenId) -> &[u8] {
        const PIECES: &[u8] = b" a b c d e f g h i j k l m n o p q r s t u v w x y z";
        let letter = id as usize % 26;
        if id < 26 { &PIECES[letter * 2 + 1..][..1] } else { &PIECES[letter * 2..][..2] }
    }

    fn size(&self) -> usize {
        52
    }
}

#[test]
fn bad_words_in_text_are_seen_in_the_output_with_and_without_a_blank() {
    let mut wishes = params(json!({"bad_words": ["  bc", "d"]}));
    wishes.resolve_texts(&Letters).expect("letters");
    let gone = |generated: &[TokenId]| {
        let left = step_with(&wishes, generated, &[0.0; 52]).0;
        (0..52).filter(|id| !left.contains(id)).collect::<Vec<TokenId>>()
    };
    // "d" and " d" always; "c" after "b" or " b", which the prompt's own "b" is not.
    assert_eq!(gone(&[]), [3, 29]);
    assert_eq!(gone(&[1]), [2, 3, 29]);
    assert_eq!(gone(&[9, 27]), [2, 3, 29]);
}

#[test]
fn windows_and_scopes_choose_what_penalties_see() {
    let logits = |wishes| step_of(wishes, &[4, 4, 5], &[2.0f32; 6]).1;
    let repetition = |more: Value| {
        let mut wishes = json!({"repetition_penalty": 2});
        wishes.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        logits(wishes)
    };
    assert_eq!(repetition(json!({})), [2.0, 1.0, 1.0, 1.0, 1.0, 1.0]);
    assert_eq!(repetition(json!({"repeat_last_n": 2})), [2.0, 2.0, 2.0, 2.0, 1.0, 1.0]);
    assert_eq!(repetition(json!({"penalty_last_n": 0})), [2.0; 6]);
    assert_eq!(repetition(json!({"penalty_scope": "output"})), [2.0, 2.0, 2.0, 2.0, 1.0, 1.0]);
    let frequency = json!({"frequency_penalty": 0.5, "presence_penalty": 0.25});
    assert_eq!(logits(frequency), [2.0, 2.0, 2.0, 2.0, 0.75, 1.25]);
    let all = json!({"frequency_penalty": 0.5, "penalty_scope": "prompt_and_output"});
    assert_eq!(logits(all), [2.0, 1.5, 1.5, 1.5, 1.0, 1.5]);
    let last = json!({"frequency_penalty": 0.5, "penalty_scope": "prompt_and_output",
        "penalty_last_n": 4});
    assert_eq!(logits(last), [2.0, 2.0, 2.0, 1.5, 1.0, 1.5]);
}

#[test]
fn a_saved_state_goes_on_as_if_it_had_never_stopped() {
    for wishes in [
        json!({"mirostat": 1, "mirostat_tau": 3}),
        json!({"mirostat": 2, "mirostat_tau": 2, "mirostat_eta": 0.4}),
        json!({"adaptive_target": 0.3, "adaptive_decay": 0.8}),
        json!({"xtc_probability": 0.5, "xtc_threshold": 0.05}),
        json!({"dry_multiplier": 2, "penalty_last_n": 5, "repetition_penalty": 1.3,
            "dry_sequence_breakers": []}),
    ] {
        let params = params(wishes.clone());
        let mut whole = Vec::new();
        go_on(&mut Pipeline::new(&params, &start(&[], &[])), &mut whole, 40);
        for cut in [0, 1, 13, 39] {
            let mut part = Vec::new();
            let mut first = Pipeline::new(&params, &start(&[], &[]));
            go_on(&mut first, &mut part, cut);
            let state = first.state();
            let mut resumed = Pipeline::new(&params, &start(&part, &state));
            assert_eq!(resumed.state(), state, "{wishes}");
            go_on(&mut resumed, &mut part, 40 - cut);
            assert_eq!(part, whole, "{wishes} cut at {cut}");
        }
    }
}

#[test]
fn mirostat_learns_from_accepted_tokens_only() {
    let params = params(json!({"mirostat": 2, "mirostat_tau": 1, "mirostat_eta": 0.5}));
    let mut pipeline = Pipeline::new(&params, &start(&[], &[]));
    let mut candidates = Candidates::new();
    let row = [0.5f32, 0.25, 0.125, 0.125].map(f32::ln);
    let step = StepContext::new(&PROMPT, &[]);
    let mut trace = ChoiceTrace::new(4);
    for _ in 0..3 {
        pipeline.choose(&mut candidates, &row, &step, Some(&mut trace)).expect("good logits");
        assert_eq!(candidates.ids(), [0, 1], "surprises of 1 and 2 bits are within mu = 2");
        assert_close(trace.stages[0].threshold.expect("a probability"), 0.25, 1e-12, "2^-mu");
    }
    pipeline.accept(1);
    // p = 1/3 of what was left: mu = 2 - 0.5 (log2 3 - 1).
    let mu = 2.0 - 0.5 * (3f64.log2() - 1.0);
    assert_close(pipeline.state()[0].1, mu, 1e-7, "mu");
    pipeline.choose(&mut candidates, &row, &step, None).expect("good logits");
    pipeline.accept(3);
    assert_close(pipeline.state()[0].1, mu, 1e-7, "a token that was not offered");
    pipeline.accept(0);
    assert_close(pipeline.state()[0].1, mu, 1e-7, "a token that nobody asked about");
}

#[test]
fn xtc_spares_the_least_of_the_top_choices() {
    let row = [0.4f32, 0.3, 0.2, 0.1].map(f32::ln);
    let ids = |threshold: f64| {
        step_of(json!({"xtc_probability": 1, "xtc_threshold": threshold}), &[], &row).0
    };
    assert_eq!(ids(0.05), [3]);
    assert_eq!(ids(0.15), [2, 3]);
    assert_eq!(ids(0.25), [1, 2, 3]);
    assert_eq!(ids(0.35), [0, 1, 2, 3]);
    assert_eq!(ids(0.55), [0, 1, 2, 3]);
    let equal = step_of(json!({"xtc_probability": 1, "xtc_threshold": 0.1}), &[], &[1.0; 5]).0;
    assert_eq!(equal, [4], "of equals the highest id stays");
}

#[test]
fn xtc_acts_as_often_as_asked_and_forks_draw_for_themselves() {
    let params = params(json!({"xtc_probability": 0.3, "xtc_threshold": 0.1}));
    let mut pipeline = Pipeline::new(&params, &start(&[], &[]));
    let mut fork = pipeline.fork(1);
    let mut candidates = Candidates::new();
    let mut acts = |pipeline: &mut Pipeline, step: u64| {
        let step = StepContext { step, ..StepContext::new(&PROMPT, &[]) };
        pipeline.choose(&mut candidates, &[1.0f32, 1.0], &step, None).expect("good logits");
        candidates.len() == 1
    };
    let own: Vec<bool> = (0..4000).map(|step| acts(&mut pipeline, step)).collect();
    let forked: Vec<bool> = (0..4000).map(|step| acts(&mut fork, step)).collect();
    assert_ne!(own, forked);
    for chances in [own, forked] {
        let count = chances.iter().filter(|&&acted| acted).count();
        assert!((1080..1320).contains(&count), "{count} of 4000");
    }
}

#[test]
fn dry_sees_runs_up_to_a_breaker() {
    let mut wishes = json!({"dry_multiplier": 1, "dry_base": 2, "dry_allowed_length": 1});
    wishes["dry_sequence_breakers"] = json!(["ab", "z"]);
    let mut params = params(wishes);
    assert_eq!(params.unresolved_text(), Some("dry_sequence_breakers"));
    params.resolve_texts(&Letters).expect("letters");
    let penalty =
        |generated: &[TokenId], id: usize| -step_with(&params, generated, &[0.0; 52]).1[id];
    // After 10 11 12 came 13: a run of 3.
    assert_eq!(penalty(&[10, 11, 12, 13, 10, 11, 12], 13), 4.0);
    // The breaker "z" (25) within the run leaves one token of it.
    assert_eq!(penalty(&[10, 25, 12, 13, 10, 25, 12], 13), 1.0);
    // "a" and then "b" are a breaker, "a" alone is not.
    assert_eq!(penalty(&[10, 0, 1, 12, 13, 10, 0, 1, 12], 13), 1.0);
    assert_eq!(penalty(&[10, 0, 12, 13, 10, 0, 12], 13), 4.0);
    // A breaker itself is never penalized.
    assert_eq!(penalty(&[10, 11, 25, 14, 10, 11], 25), 0.0);
}

#[test]
fn the_end_comes_nearer_with_length_decay() {
    let wishes = json!({"exponential_decay_length_penalty": [2, 1.5]});
    let end =
        |generated: &[TokenId], logit: f32| step_of(wishes.clone(), generated, &[logit, 0.0]).1[0];
    assert_eq!(end(&[1, 1], 2.0), 2.0);
    assert_eq!(end(&[1, 1, 1], 2.0), 3.0);
    assert_eq!(end(&[1, 1, 1, 1], -2.0), -2.0 + 2.0 * (2.25 - 1.0));
    let long = vec![1; 5000];
    assert_eq!(end(&long, 2.0), f64::from(f32::MAX));
    assert_eq!(end(&long, 0.0), 0.0);
    let ignoring = json!({"exponential_decay_length_penalty": [2, 1.5], "ignore_eos": true});
    assert_eq!(step_of(ignoring, &[1, 1, 1], &[2.0, 0.0]).1[0], 2.0);
}

#[test]
fn a_dynamic_temperature_follows_the_entropy() {
    let wishes = json!({"temperature": 1, "dynatemp_range": 0.5});
    // All equal: the entropy is the largest possible, T = 1.5.
    assert_eq!(step_of(wishes.clone(), &[], &[3.0, 3.0]).1, [2.0, 2.0]);
    let (_, logits) = step_of(wishes, &[], &[200.0, 0.0]);
    assert_close(logits[0], 400.0, 1e-6, "the model is sure: T = 0.5");
    let cold = json!({"temperature": 0.5, "dynatemp_range": 0.5, "dynatemp_exponent": 2});
    assert_eq!(step_of(cold, &[], &[2000.0, 0.0]).0, [0], "a temperature of 0 keeps the best");
}

#[test]
fn the_default_order_is_the_contract() {
    let names: Vec<&str> = sampling::stages::stage_names().collect();
    let expected = "logit_bias repetition_penalty frequency_presence no_repeat_ngram dry \
        length_decay top_n_sigma temperature smoothing top_h top_k top_p min_p typical_p \
        epsilon_cutoff eta_cutoff tail_free top_a xtc mirostat adaptive_p";
    assert_eq!(names, expected.split_whitespace().collect::<Vec<_>>());
}
