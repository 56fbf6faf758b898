//! Sampling through every path: seeds, penalties that remember, logprobs and traces.

use crate::paths::{Company, Path, all_paths, check};
use crate::world::{END, Expected, Recipe, bytes, int, oracle, params, request};
use engine::{Completion, GenerateRequest};
use sampling::logprobs::logprobs;
use sampling::params::{ParamValue, SamplingParams};

#[test]
fn a_seed_gives_the_same_tokens_on_every_path() {
    let recipe = Recipe::hashed(96);
    for (seed, choice_index) in [(1, 0), (u64::MAX, 0), (1, 3)] {
        let params = params([
            ("max_tokens", int(25)),
            ("temperature", ParamValue::Float(0.7)),
            ("top_p", ParamValue::Float(0.9)),
            ("min_p", ParamValue::Float(0.02)),
        ]);
        let mut request = request(&[10, 20, 30, 40, 50, 60, 70, 80, 90], params);
        (request.seed, request.choice_index) = (seed, choice_index);
        check(&recipe, &request, &oracle(&recipe, &request));
    }
}

#[test]
fn seeds_and_choices_differ() {
    let recipe = Recipe::hashed(96);
    let ids = |seed, choice_index| {
        let mut request = request(&[1, 2, 3], params([("max_tokens", int(20))]));
        (request.seed, request.choice_index) = (seed, choice_index);
        oracle(&recipe, &request).ids
    };
    assert_ne!(ids(1, 0), ids(2, 0));
    assert_ne!(ids(1, 0), ids(1, 1));
}

#[test]
fn penalties_remember_across_preemption() {
    let recipe = Recipe::hashed(64);
    let params = params([
        ("max_tokens", int(40)),
        ("top_k", int(12)),
        ("repetition_penalty", ParamValue::Float(1.4)),
        ("frequency_penalty", ParamValue::Float(0.8)),
        ("presence_penalty", ParamValue::Float(0.4)),
        ("no_repeat_ngram_size", int(2)),
    ]);
    let request = request(&[4, 5, 4, 5, 4, 6, 7, 8], params);
    check(&recipe, &request, &oracle(&recipe, &request));
}

#[test]
fn stages_with_a_memory_of_their_own_remember_across_preemption() {
    let number = ParamValue::Float;
    for stateful in [
        vec![("mirostat", int(1)), ("mirostat_tau", number(3.0))],
        vec![("mirostat", int(2)), ("mirostat_tau", number(2.0)), ("mirostat_eta", number(0.5))],
        vec![("adaptive_target", number(0.3)), ("top_k", int(20))],
        vec![
            ("xtc_probability", number(0.5)),
            ("xtc_threshold", number(0.02)),
            ("dry_multiplier", number(1.5)),
            ("dry_sequence_breakers", ParamValue::List(Vec::new())),
            ("repetition_penalty", number(1.3)),
            ("penalty_last_n", int(6)),
        ],
    ] {
        let values = [("max_tokens", int(30))].into_iter().chain(stateful);
        let params = SamplingParams::from_values(values).expect("valid parameters");
        let recipe = Recipe::hashed(64);
        let request = request(&[4, 5, 4, 5, 4, 6, 7, 8], params);
        check(&recipe, &request, &oracle(&recipe, &request));
    }
}

/// Texts are looked up once, at admission: "b" is byte 98 of this vocabulary, and so on.
#[test]
fn texts_in_parameters_are_looked_up_by_the_engine() {
    let prompt = bytes("x");
    let recipe = Recipe::answering(&prompt, &[98, 99, 97, END]);
    let texts = |text: &str| ParamValue::List(vec![ParamValue::Str(text.into())]);
    let first = |name, value| {
        let request = request(&prompt, params([("max_tokens", int(1)), (name, value)]));
        let request = GenerateRequest { trace: Some(4), ..request };
        let completion = all_paths()[0].run(&recipe, &request);
        completion.finished.ids[0]
    };
    let greedy = ("temperature", int(0));
    assert_eq!(first(greedy.0, greedy.1), 98);
    assert_ne!(first("bad_words", texts("b")), 98);
    let bias = ParamValue::Map(vec![("q".into(), int(100_000))]);
    assert_eq!(first("logit_bias", bias), 113);
    let banned = ParamValue::Map(vec![("b".into(), ParamValue::Bool(false))]);
    assert_ne!(first("logit_bias", banned), 98);
}

fn asking_for_everything() -> GenerateRequest {
    let params = params([
        ("max_tokens", int(6)),
        ("top_k", int(5)),
        ("logprobs", ParamValue::Bool(true)),
        ("top_logprobs", int(3)),
    ]);
    let mut request = request(&[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12], params);
    request.trace = Some(4);
    request.prompt_logprobs = Some(2);
    request
}

#[test]
fn logprobs_are_those_of_the_models_rows() {
    let recipe = Recipe::hashed(64);
    let model = recipe.build();
    let request = asking_for_everything();
    for path in all_paths() {
        let completion = path.run(&recipe, &request);
        let mut history = request.prompt.clone();
        let tokens = completion.prompt_logprobs.iter().enumerate();
        for (index, scored) in tokens {
            let next = request.prompt[index + 1];
            let row = model.logits_after(&request.prompt[..=index]);
            assert_eq!(*scored, logprobs(&row, next, 2).expect("good logits"), "{path:?}");
        }
        assert_eq!(completion.prompt_logprobs.len(), request.prompt.len() - 1);
        for token in &completion.tokens {
            let row = model.logits_after(&history);
            let expected = logprobs(&row, token.id, 3).expect("good logits");
            assert_eq!(token.logprobs.as_deref(), Some(&expected), "{path:?}");
            history.push(token.id);
        }
        assert_eq!(completion.finished.usage.prefix_hit_tokens, 0, "a scored prompt is computed");
    }
}

/// What traces say, without the numbers' last digits being anybody's concern: they are equal.
fn traces(completion: &Completion) -> Vec<String> {
    completion.tokens.iter().map(|token| format!("{:?}", token.trace)).collect()
}

#[test]
fn traces_are_the_same_on_every_path_and_tell_the_choice() {
    let recipe = Recipe::hashed(64);
    let request = asking_for_everything();
    let alone = Path {
        step_tokens_max: 64,
        kv_block_tokens: 16,
        prefix_sharing: false,
        company: Company::Alone,
    };
    let first = alone.run(&recipe, &request);
    for token in &first.tokens {
        let trace = token.trace.as_ref().expect("it was asked for");
        assert_eq!(trace.chosen.expect("a token was chosen").id, token.id);
        assert_eq!(trace.nucleus_size, 5);
        assert!(trace.draw.is_some() && trace.stages.len() == 1 && trace.final_top.len() == 4);
    }
    for path in all_paths() {
        let completion = path.run(&recipe, &request);
        assert_eq!(Expected::of(&completion), Expected::of(&first));
        assert_eq!(traces(&completion), traces(&first), "{path:?}");
    }
}
