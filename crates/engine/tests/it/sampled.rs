//! Sampling through every path: seeds, penalties that remember, logprobs and traces.

use crate::paths::{Company, Path, all_paths, check};
use crate::world::{Expected, Recipe, int, oracle, params, request};
use engine::{Completion, GenerateRequest};
use sampling::logprobs::logprobs;
use sampling::params::ParamValue;

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
