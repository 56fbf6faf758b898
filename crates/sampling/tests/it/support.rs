//! Reading reference files, and running a pipeline over one row of logits.

use proptest::test_runner::Config as ProptestConfig;
use sampling::TokenId;
use sampling::candidates::{Candidates, Logit};
use sampling::params::{ParamError, ParamValue, SamplingParams};
use sampling::pipeline::{Choice, Pipeline, SequenceStart};
use sampling::stages::StepContext;
use sampling::trace::ChoiceTrace;
use serde_json::Value;
use std::path::PathBuf;

/// A file of `tests/data`.
pub fn own_file(name: &str) -> Value {
    read(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name))
}

/// A file of the conformance folder, or none (said on stderr) if that is not set.
pub fn conformance_file(name: &str) -> Option<Value> {
    match std::env::var_os("JETON_CONFORMANCE") {
        Some(folder) => Some(read(PathBuf::from(folder).join(name))),
        None => {
            eprintln!("skipped: JETON_CONFORMANCE is not set");
            None
        }
    }
}

fn read(path: PathBuf) -> Value {
    let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{path:?}: {e}"));
    serde_json::from_str(&text).unwrap_or_else(|e| panic!("{path:?}: {e}"))
}

/// A number, or one of the texts that stand for numbers JSON lacks.
pub fn number(value: &Value) -> f64 {
    match value.as_str() {
        Some("-inf") => f64::NEG_INFINITY,
        _ => value.as_f64().unwrap_or_else(|| panic!("{value} is no number")),
    }
}

pub fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().expect("a list").iter().map(number).collect()
}

pub fn logits(value: &Value) -> Vec<f32> {
    numbers(value).into_iter().map(|number| number as f32).collect()
}

pub fn ids(value: &Value) -> Vec<TokenId> {
    value.as_array().expect("a list").iter().map(|id| id.as_u64().unwrap() as TokenId).collect()
}

/// JSON into the values that the parameter table checks.
pub fn param_value(value: &Value) -> ParamValue {
    match value {
        Value::Null => panic!("null is no value"),
        Value::Bool(flag) => ParamValue::Bool(*flag),
        Value::Number(number) if number.is_f64() => ParamValue::Float(number.as_f64().unwrap()),
        Value::Number(number) => ParamValue::Int(number.as_i64().unwrap().into()),
        Value::String(text) => ParamValue::Str(text.clone()),
        Value::Array(values) => ParamValue::List(values.iter().map(param_value).collect()),
        Value::Object(map) => {
            let entries = map.iter().map(|(key, value)| (key.clone(), param_value(value)));
            ParamValue::Map(entries.collect())
        }
    }
}

/// Parameters from a JSON object.
pub fn params(object: Value) -> SamplingParams {
    try_params(object.clone()).unwrap_or_else(|e| panic!("{object}: {e}"))
}

/// Parameters from a JSON object, or why they are refused.
pub fn try_params(object: Value) -> Result<SamplingParams, ParamError> {
    let ParamValue::Map(values) = param_value(&object) else { panic!("an object") };
    SamplingParams::from_values(values)
}

/// What is left of one row after a pipeline.
pub struct Outcome {
    pub ids: Vec<TokenId>,
    pub logits: Vec<f64>,
    pub probabilities: Vec<f64>,
    pub choice: Choice,
    pub trace: ChoiceTrace,
}

/// One step of a sequence that has generated `generated` so far.
pub fn run<L: Logit>(params: &SamplingParams, logits: &[L], generated: &[TokenId]) -> Outcome {
    run_after(params, logits, &[], generated)
}

/// One step of a sequence that has generated `generated` after `prompt`.
pub fn run_after<L: Logit>(
    params: &SamplingParams,
    logits: &[L],
    prompt: &[TokenId],
    generated: &[TokenId],
) -> Outcome {
    let start = SequenceStart {
        prompt,
        generated,
        eos_ids: &[],
        seed: 1,
        choice_index: 0,
        stage_state: &[],
    };
    let mut pipeline = Pipeline::new(params, &start);
    let mut candidates = Candidates::new();
    let mut trace = ChoiceTrace::new(logits.len());
    let step = StepContext::new(prompt, generated);
    let plain = pipeline.choose(&mut candidates, logits, &step, None).expect("good logits");
    let choice = pipeline.choose(&mut candidates, logits, &step, Some(&mut trace));
    let choice = choice.expect("good logits");
    assert_eq!(plain, choice, "a trace changes nothing");
    let softmax = candidates.softmax();
    let probability = |weight: &f64| weight / softmax.total;
    Outcome {
        ids: softmax.ids.to_vec(),
        logits: softmax.logits.to_vec(),
        probabilities: softmax.weights.iter().map(probability).collect(),
        choice,
        trace,
    }
}

pub fn assert_close(found: f64, expected: f64, tolerance: f64, what: &str) {
    assert!((found - expected).abs() <= tolerance, "{what}: {found}, expected {expected}");
}

pub fn assert_all_close(found: &[f64], expected: &[f64], tolerance: f64, what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}");
    for (index, (&found, &expected)) in found.iter().zip(expected).enumerate() {
        assert_close(found, expected, tolerance, &format!("{what} [{index}]"));
    }
}

/// So many random cases, and no file to remember failures in: the seed is printed.
pub fn cases(count: u32) -> ProptestConfig {
    ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(count) }
}
