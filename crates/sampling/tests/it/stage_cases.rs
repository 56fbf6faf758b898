//! Surviving sets and probabilities of single stages against llama.cpp, transformers and formulas
//! (`tests/makers/make_stage_cases.py`).

use crate::support::{assert_close, ids, numbers, own_file, params};
use sampling::TokenId;
use sampling::candidates::Candidates;
use sampling::params::{DryBreakers, SamplingParams};
use sampling::pipeline::{Pipeline, SequenceStart};
use sampling::stages::dry::Dry;
use sampling::stages::{Stage, StepContext};
use serde_json::Value;
use std::collections::BTreeMap;

/// llama.cpp computes in f32.
const TOLERANCE: f64 = 2e-5;

#[test]
fn stages_keep_what_their_programs_keep() {
    let file = own_file("stage_cases.json");
    let mut counts = BTreeMap::new();
    for (index, case) in file["cases"].as_array().expect("cases").iter().enumerate() {
        let stage = case["stage"].as_str().expect("a stage");
        let what = format!("case {index}: {stage} {}", case["params"]);
        match stage {
            "dry" => check_dry(case, &what),
            "mirostat" | "adaptive_p" => check_sequence(&file, case, &what),
            _ => check_step(&file, case, &what),
        }
        *counts.entry(stage).or_insert(0) += 1;
    }
    assert_eq!(counts.len(), 13, "{counts:?}");
    assert!(counts.values().all(|&count| count >= 5), "{counts:?}");
}

fn row(file: &Value, name: &Value) -> Vec<f64> {
    numbers(&file["logit_sets"][name.as_str().expect("a name")])
}

fn start<'a>(prompt: &'a [TokenId], generated: &'a [TokenId]) -> SequenceStart<'a> {
    SequenceStart { prompt, generated, eos_ids: &[27], ..SequenceStart::default() }
}

fn compare(candidates: &mut Candidates, tokens: &Value, probabilities: &Value, what: &str) {
    let softmax = candidates.softmax();
    let mut expected: Vec<TokenId> = ids(tokens);
    let expected_first: Vec<TokenId> = expected.clone();
    expected.sort_unstable();
    assert_eq!(softmax.ids, expected, "{what}");
    for (id, &probability) in expected_first.iter().zip(&numbers(probabilities)) {
        let index = softmax.ids.binary_search(id).expect("it is there");
        assert_close(softmax.probability(index), probability, TOLERANCE, what);
    }
}

fn check_step(file: &Value, case: &Value, what: &str) {
    let params = params(case["params"].clone());
    let (prompt, generated) = (ids(&case["prompt"]), ids(&case["generated"]));
    let mut pipeline = Pipeline::new(&params, &start(&prompt, &generated));
    let mut candidates = Candidates::new();
    let step = StepContext::new(&prompt, &generated);
    let logits = row(file, &case["logits"]);
    pipeline.choose(&mut candidates, &logits, &step, None).expect("good logits");
    compare(&mut candidates, &case["expect"]["tokens"], &case["expect"]["probs"], what);
}

/// Each step is answered, and then goes on with the token that the other program drew.
fn check_sequence(file: &Value, case: &Value, what: &str) {
    let params = params(case["params"].clone());
    let mut pipeline = Pipeline::new(&params, &start(&[], &[]));
    let mut candidates = Candidates::new();
    let mut generated = Vec::new();
    for (index, expected) in case["steps"].as_array().expect("steps").iter().enumerate() {
        let step = StepContext::new(&[], &generated);
        let logits = row(file, &expected["logits"]);
        pipeline.choose(&mut candidates, &logits, &step, None).expect("good logits");
        let what = format!("{what}, step {index}");
        compare(&mut candidates, &expected["tokens"], &expected["probs"], &what);
        let chosen = expected["chosen"].as_u64().expect("a token") as TokenId;
        pipeline.accept(chosen);
        generated.push(chosen);
    }
}

/// The stage alone, with the breakers in tokens: ids are those of the case, not of a vocabulary.
fn check_dry(case: &Value, what: &str) {
    let params: SamplingParams = params(case["params"].clone());
    let breakers: Vec<Vec<TokenId>> =
        case["breakers"].as_array().expect("breakers").iter().map(ids).collect();
    let breakers: Vec<&[TokenId]> = breakers.iter().map(Vec::as_slice).collect();
    let mut stage = Dry::new(&params.stages().dry, DryBreakers::from_tokens(&breakers));
    let mut logits = vec![f32::NEG_INFINITY; case["ids"].as_array().expect("ids").len()];
    for id in ids(&case["candidates"]) {
        logits[id as usize] = 0.0;
    }
    let mut candidates = Candidates::new();
    candidates.load(&logits).expect("good logits");
    let (prompt, generated) = (ids(&case["prompt"]), ids(&case["generated"]));
    stage.apply(&mut candidates, &StepContext::new(&prompt, &generated));
    compare(&mut candidates, &case["expect"]["tokens"], &case["expect"]["probs"], what);
}
