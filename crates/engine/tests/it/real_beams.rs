//! Beam searches of real models against Transformers, where the reference cases are.

use crate::real_model::{Reference, ids, references_named, run_together};
use engine::{Completion, EngineConfig, GenerateRequest};
use model::TokenId;
use sampling::params::{ParamValue, SamplingParams};
use serde_json::Value;

/// Scores of the reference are sums of 32-bit floats.
const SCORE_TOLERANCE: f64 = 2e-4;

const MODELS: [&str; 6] = ["gpt2", "llama-gqa", "llama-rope3", "qwen2", "qwen3", "stories260k"];

/// A search with the sequences and the scores that it must give.
struct Case {
    request: GenerateRequest,
    sequences: Vec<Vec<TokenId>>,
    scores: Vec<f64>,
}

fn value(json: &Value) -> ParamValue {
    match json {
        Value::Bool(flag) => ParamValue::Bool(*flag),
        Value::String(text) => ParamValue::Str(text.clone()),
        Value::Object(entries) => ParamValue::Map(
            entries.iter().map(|(key, entry)| (key.clone(), value(entry))).collect(),
        ),
        number => ParamValue::Float(number.as_f64().expect("a number")),
    }
}

/// The fields of a case that are parameters here.
fn params(case: &Value, returned: usize) -> SamplingParams {
    const OTHERS: [&str; 6] =
        ["model", "prompt", "sequences", "scores", "smallest_score_gap", "num_return_sequences"];
    let fields = case.as_object().expect("a case is an object").iter();
    let mut values: Vec<(&str, ParamValue)> = fields
        .filter(|(name, _)| !OTHERS.contains(&name.as_str()))
        .map(|(name, json)| (name.as_str(), value(json)))
        .collect();
    values.push(("num_return_sequences", ParamValue::Int(returned as i128)));
    SamplingParams::from_values(values).expect("the case's parameters are valid")
}

impl Case {
    fn new(reference: &Reference, case: &Value) -> Self {
        let sequences: Vec<_> =
            case["sequences"].as_array().expect("a list").iter().map(ids).collect();
        let scores = case["scores"].as_array().expect("a list").iter();
        let params = params(case, sequences.len());
        Case {
            request: GenerateRequest::new(reference.prompt(case), params, 0),
            scores: scores.map(|score| score.as_f64().expect("a number")).collect(),
            sequences,
        }
    }

    /// The same sequences in the same order, but that those may change places whose scores the
    /// reference itself cannot tell apart.
    fn judge(&self, completion: &Completion) {
        let beams = &completion.finished.beams;
        assert_eq!(beams.len(), self.sequences.len());
        for (index, beam) in beams.iter().enumerate() {
            let score = self.scores[index];
            let tolerance = SCORE_TOLERANCE * score.abs().max(1.0);
            assert!((beam.score - score).abs() <= tolerance, "{} for {score}", beam.score);
            let place = self.sequences.iter().position(|ids| *ids == beam.ids);
            let place = place.unwrap_or_else(|| panic!("{:?} for {:?}", beam.ids, self.sequences));
            assert!(place == index || (self.scores[place] - score).abs() <= tolerance);
        }
        assert_eq!(completion.finished.ids, beams[0].ids);
    }
}

/// Runs the cases of a model all together, in chunks and blocks of several sizes.
fn judge_together(reference: &Reference, cases: &[Case]) {
    for (step_tokens_max, kv_block_tokens, kv_tokens) in [(64, 16, 8192), (17, 4, 640)] {
        let config = EngineConfig {
            step_tokens_max,
            kv_block_tokens,
            sequences_max: step_tokens_max.min(24),
            kv_blocks_max: kv_tokens / kv_block_tokens,
            ..EngineConfig::default()
        };
        let requests: Vec<_> = cases.iter().map(|case| case.request.clone()).collect();
        let completions = run_together(&mut reference.engine(config), &requests);
        for (case, completion) in cases.iter().zip(&completions) {
            case.judge(completion);
        }
    }
}

#[test]
fn searches_are_those_of_transformers() {
    for reference in references_named(&MODELS) {
        let cases = reference.expected["beam"].as_array().expect("a list of cases");
        assert!(cases.len() >= 26, "the reference has its cases");
        let cases: Vec<Case> = cases.iter().map(|case| Case::new(&reference, case)).collect();
        judge_together(&reference, &cases);
    }
}

/// Made by `../makers/make_beam_cases.py` on the same models.
#[test]
fn searches_with_all_settings_are_those_of_transformers() {
    let file: Value = serde_json::from_str(include_str!("../data/beam_cases.json")).expect("JSON");
    let all = file["cases"].as_array().expect("a list of cases");
    assert_eq!(all.len(), 240);
    for (reference, name) in references_named(&MODELS).iter().zip(MODELS) {
        let own = all.iter().filter(|case| case["model"] == name);
        let cases: Vec<Case> = own.map(|case| Case::new(reference, case)).collect();
        assert_eq!(cases.len(), 40);
        judge_together(reference, &cases);
    }
}

#[test]
fn the_textbooks_searches_are_the_textbooks() {
    for reference in references_named(&["llama-gqa", "qwen3", "stories260k"]) {
        let cases = reference.expected["chapter_beam"].as_array().expect("a list of cases");
        assert_eq!(cases.len(), 9);
        let wide = cases.iter().filter(|case| case["beam_width"] != 1);
        let cases: Vec<Case> = wide
            .map(|case| {
                let results = case["result"].as_array().expect("a list");
                let values = [
                    ("num_beams", value(&case["beam_width"])),
                    ("num_return_sequences", ParamValue::Int(results.len() as i128)),
                    ("max_tokens", value(&case["max_length"])),
                    ("beam_method", ParamValue::Str("textbook".to_string())),
                ];
                let params = SamplingParams::from_values(values).expect("valid parameters");
                let sum = |result: &Value| result["sum_logprob"].as_f64().expect("a number");
                Case {
                    request: GenerateRequest::new(reference.prompt(case), params, 0),
                    sequences: results.iter().map(|result| ids(&result["new_ids"])).collect(),
                    scores: results.iter().map(sum).collect(),
                }
            })
            .collect();
        judge_together(&reference, &cases);
    }
}
