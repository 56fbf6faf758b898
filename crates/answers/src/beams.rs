//! What a beam search found, as JSON.

use crate::json_numbers::from_f64;
use crate::open_model::OpenModel;
use engine::BeamHypothesis;
use serde_json::{Value, json};

/// A number of a result, to six digits behind the point.
pub fn number(value: f64) -> Value {
    from_f64((value * 1e6).round() / 1e6)
}

/// The `beams` key of an answer: what a beam search returned, best first.
pub fn to_json(model: &OpenModel, beams: &[BeamHypothesis]) -> Value {
    let entry = |beam: &BeamHypothesis| {
        let logprobs: Value = beam.logprobs.iter().map(|&logprob| number(logprob)).collect();
        let mut entry = json!({
            "ids": beam.ids,
            "text": beam.text,
            "score": number(beam.score),
            "sum_logprob": number(beam.sum_logprob),
            "token_logprobs": logprobs,
            "finish_reason": beam.stop_reason.finish_reason().as_str(),
            "stop_reason": {"kind": beam.stop_reason.name()},
        });
        if !beam.thinking_text.is_empty() {
            entry["thinking_text"] = Value::from(beam.thinking_text.as_str());
        }
        if let sampling::stop::StopReason::Eos(id) = beam.stop_reason {
            entry["token"] = Value::from(model.tokenizer.token_text(id));
        }
        entry
    };
    beams.iter().map(entry).collect()
}
