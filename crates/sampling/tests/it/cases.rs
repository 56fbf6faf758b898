//! Surviving sets and probabilities against transformers and numpy.

use crate::support::{
    Outcome, assert_all_close, assert_close, conformance_file, ids, logits, numbers, own_file,
    params, run,
};
use sampling::params::SamplingParams;
use serde_json::{Map, Value, json};

const TOLERANCE: f64 = 1e-6;

#[test]
fn own_cases() {
    let counts = check_cases(&own_file("cases.json"));
    assert_eq!(counts, Counts { exact: 189, tied: 11, knife_edge: 2, greedy: 12 });
}

#[test]
fn all_cases() {
    let Some(file) = conformance_file("sampling/cases_seed20261.json") else { return };
    let counts = check_cases(&file);
    eprintln!("{counts:?}");
    assert_eq!(counts.exact + counts.tied + counts.knife_edge, 458);
}

#[derive(Debug, Default, PartialEq)]
struct Counts {
    exact: usize,
    tied: usize,
    knife_edge: usize,
    greedy: usize,
}

fn check_cases(file: &Value) -> Counts {
    let mut counts = Counts::default();
    let row = |case: &Value| logits(&file["logit_sets"][case["logits"].as_str().unwrap()]);
    for case in file["cases"].as_array().expect("cases") {
        let previous = ids(&case["prev"]);
        let outcome = run(&params_of(&case["steps"]), &row(case), &previous);
        if case["knife_edge"] == true {
            counts.knife_edge += 1;
        } else if case["tie_at_boundary"] == true {
            check_tied(case, &outcome);
            counts.tied += 1;
        } else {
            check_exact(case, &outcome);
            counts.exact += 1;
        }
    }
    for case in file["greedy"].as_array().expect("greedy cases") {
        let outcome = run(&params(json!({"temperature": 0})), &row(case), &[]);
        assert_eq!(json!(outcome.choice.token), case["lowest_id"], "{}", case["id"]);
        counts.greedy += 1;
    }
    counts
}

fn check_exact(case: &Value, outcome: &Outcome) {
    let name = case["id"].as_str().expect("a name");
    assert_eq!(outcome.ids, ids(&case["expect"]["tokens"]), "{name}: {}", case["steps"]);
    assert_all_close(&outcome.probabilities, &numbers(&case["expect"]["probs"]), TOLERANCE, name);
}

/// transformers keeps everything that ties with the edge, we keep exactly as many as asked: so the
/// ids at the edge differ, but whatever both keep has the same odds.
fn check_tied(case: &Value, outcome: &Outcome) {
    let name = case["id"].as_str().expect("a name");
    let expected = numbers(&case["expect"]["probs"]);
    let expected_ids = ids(&case["expect"]["tokens"]);
    let common: Vec<(f64, f64)> = (outcome.ids.iter().zip(&outcome.probabilities))
        .filter_map(|(id, &p)| Some((p, expected[expected_ids.binary_search(id).ok()?])))
        .collect();
    for (p, q) in &common {
        let (ours, theirs) = common[0];
        assert_close(p * theirs, q * ours, TOLERANCE, name);
    }
    assert_close(outcome.probabilities.iter().sum(), 1.0, TOLERANCE, name);
    let (ours, theirs) = (odds(&outcome.probabilities), odds(&expected));
    assert_all_close(&ours, &theirs, TOLERANCE, name);
}

/// The distinct values relative to the largest.
fn odds(probabilities: &[f64]) -> Vec<f64> {
    let largest = probabilities.iter().copied().fold(0.0, f64::max);
    let mut odds: Vec<f64> = probabilities.iter().map(|p| p / largest).collect();
    odds.sort_unstable_by(f64::total_cmp);
    odds.dedup_by(|a, b| (*a - *b).abs() < TOLERANCE);
    odds
}

fn params_of(steps: &Value) -> SamplingParams {
    params(wishes_of(steps))
}

/// The parameters that stand for a list of steps, with their order as `samplers`.
pub fn wishes_of(steps: &Value) -> Value {
    let mut values = Map::new();
    let mut order = Vec::new();
    for step in steps.as_array().expect("steps") {
        let stage = step["op"].as_str().expect("a stage");
        order.push(stage);
        match stage {
            "logit_bias" => drop(values.insert(stage.into(), step["bias"].clone())),
            "frequency_presence" => {
                values.insert("frequency_penalty".into(), step["frequency"].clone());
                values.insert("presence_penalty".into(), step["presence"].clone());
            }
            "no_repeat_ngram" => {
                values.insert("no_repeat_ngram_size".into(), step["n"].clone());
            }
            _ => {
                let keys = ["t", "k", "p", "eps", "n", "penalty"];
                let key = keys.into_iter().find(|key| !step[key].is_null()).expect("a value");
                values.insert(stage.into(), step[key].clone());
            }
        }
    }
    values.insert("samplers".into(), json!(order));
    Value::Object(values)
}
