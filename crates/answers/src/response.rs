//! Answers as JSON: the fields of the JSON Lines protocol and of `--json`.

use crate::answer::Answer;
use crate::effective::{Effective, SetBy};
use crate::json_numbers::from_f64;
use crate::open_model::OpenModel;
use crate::{
    beams, limit_views, param_values, speculation, structured, thinking, truncation, warnings,
};
use engine::{LimitSetBy, TokenEvent};
use sampling::logprobs::{Logprobs, TokenLogprob};
use sampling::stop::StopReason;
use sampling::trace::{ChoiceTrace, TraceCandidate};
use serde_json::{Map, Value, json};

/// Everything about an answer.
pub fn answer_json(model: &OpenModel, answer: &Answer) -> Value {
    let completion = &answer.completion;
    let finished = &completion.finished;
    let usage = &finished.usage;
    let logprobs: Vec<Value> = completion
        .tokens
        .iter()
        .filter_map(|token| token.logprobs.as_deref())
        .map(|logprobs| logprobs_json(model, logprobs))
        .collect();
    let mut json = json!({
        "ids": finished.ids,
        "text": completion.text,
        "logprobs": if logprobs.is_empty() { Value::Null } else { Value::from(logprobs) },
        "finish_reason": finished.finish_reason.as_str(),
        "stop_reason": stop_json(model, answer),
        "usage": {
            "prompt_tokens": usage.prompt_tokens,
            "completion_tokens": usage.completion_tokens,
            "total_tokens": usage.prompt_tokens + usage.completion_tokens,
            "prompt_tokens_details": {"cached_tokens": usage.prefix_hit_tokens},
        },
        "seed": completion.started.as_ref().map(|started| started.seed),
        "model": model.name(),
        "parameters": effective_json(&answer.effective),
        "times": times_json(answer),
    });
    let thinking = thinking::to_json(finished.thinking, &completion.thinking_text);
    if let Some(thinking) = thinking {
        json["thinking"] = thinking;
        thinking::add_usage(&mut json["usage"], usage);
    }
    let warnings = warnings::of(model, &answer.effective);
    if !warnings.is_empty() {
        json["warnings"] = warnings::to_json(&warnings);
    }
    if !finished.beams.is_empty() {
        json["beams"] = beams::to_json(model, &finished.beams);
    }
    if let Some(report) = &finished.grammar {
        json["grammar"] = structured::report_json(report);
    }
    if let Some(speculation) = speculation::answer_json(answer) {
        json["speculation"] = speculation;
    }
    if let Some(truncation) = truncation::answer_json(model, answer) {
        json["truncation"] = truncation;
    }
    if usage.resumed_tokens > 0 {
        let resumed_tokens = Value::from(usage.resumed_tokens);
        json["usage"]["completion_tokens_details"]["resumed_tokens"] = resumed_tokens;
    }
    limit_views::add_json(&mut json, model, &answer.request, &answer.views);
    json
}

/// Exactly what ended the answer, and for a limit, which and who set it.
pub fn stop_json(model: &OpenModel, answer: &Answer) -> Value {
    let finished = &answer.completion.finished;
    let mut stop = json!({"kind": finished.stop_reason.name()});
    match &finished.stop_reason {
        StopReason::Eos(id) | StopReason::StopToken(id) => {
            stop["token_id"] = Value::from(*id);
            stop["token"] = Value::from(model.tokenizer.token_text(*id));
        }
        StopReason::StopString { index, text } => {
            stop["index"] = Value::from(*index);
            stop["text"] = Value::from(text.as_str());
        }
        StopReason::MaxTokens | StopReason::ContextFull => {
            let started = answer.completion.started.as_ref();
            stop["limit"] = Value::from(started.map(|started| started.completion_tokens_max));
            stop["set_by"] = Value::from(limit_set_by(answer));
        }
        StopReason::GrammarComplete => {}
        StopReason::Deadline | StopReason::Cancelled | StopReason::Failed => {
            let why = finished.interruption.as_ref().map(ToString::to_string);
            stop["message"] = Value::from(why);
        }
    }
    stop
}

/// Who set the number of tokens that an answer may have.
pub fn limit_set_by(answer: &Answer) -> &'static str {
    match answer.completion.started.as_ref().map(|started| started.limit_set_by) {
        Some(LimitSetBy::MaxTokens) => answer.effective.set_by("max_tokens").as_str(),
        Some(LimitSetBy::Context) | None => "context",
    }
}

/// Every parameter that somebody set: its value and by whom, and what a profile made of it.
pub fn effective_json(effective: &Effective) -> Value {
    let mut parameters = Map::new();
    for (spec, value, set_by) in effective.entries() {
        if set_by != SetBy::Default {
            let mut entry =
                json!({"value": param_values::to_json(&value), "set_by": set_by.as_str()});
            if let Some(asked) = effective.asked(spec.name) {
                entry["asked"] = param_values::to_json(asked);
                entry["changed_by"] = Value::from(SetBy::Profile.as_str());
            }
            parameters.insert(spec.name.to_owned(), entry);
        }
    }
    Value::Object(parameters)
}

fn times_json(answer: &Answer) -> Value {
    let times = &answer.times;
    let tokens = answer.completion.tokens.len();
    // The tokens of a beam search come together, at its end.
    let is_search = answer.effective.params.is_beam_search();
    let tpot = times.tpot_ms(tokens).filter(|_| !is_search);
    let milliseconds = |seconds: f64| from_f64((seconds * 1e6).round() / 1e3);
    json!({
        "ttft_ms": times.first_token.map(|first| milliseconds(first.as_secs_f64())),
        "tpot_ms": tpot.map(|tpot| milliseconds(tpot / 1e3)),
        "total_ms": milliseconds(times.total.as_secs_f64()),
    })
}

fn logprobs_json(model: &OpenModel, logprobs: &Logprobs) -> Value {
    let mut entry = logprob_json(model, &logprobs.chosen);
    entry["rank"] = Value::from(logprobs.rank + 1);
    entry["top_logprobs"] = logprobs.top.iter().map(|top| logprob_json(model, top)).collect();
    entry
}

fn logprob_json(model: &OpenModel, logprob: &TokenLogprob) -> Value {
    let bytes = model.tokenizer.piece_bytes(logprob.id).unwrap_or_default();
    json!({
        "id": logprob.id,
        "token": String::from_utf8_lossy(bytes),
        "bytes": bytes,
        "logprob": from_f64(logprob.logprob),
    })
}

/// A step of a trace, everything that is known of it.
pub fn step_json(model: &OpenModel, token: &TokenEvent, text: &str) -> Value {
    let mut step = json!({
        "step": token.index,
        "id": token.id,
        "token": piece(model, token.id),
        "probability": from_f64(token.probability),
        "nucleus_size": token.nucleus_size,
        "text": text,
    });
    if token.part != engine::thinking::Part::Answer {
        step["part"] = Value::from(token.part.as_str());
    }
    if let Some(forced) = token.forced {
        step["forced"] = Value::from(forced.as_str());
    }
    if let Some(draft) = token.draft {
        step["draft"] = speculation::step_json(model, draft);
    }
    if let Some(trace) = &token.trace {
        add_choosing(&mut step, model, trace);
    }
    step
}

/// How the token of a step was chosen: the candidates before, between and after the stages, and
/// the draw.
fn add_choosing(step: &mut Value, model: &OpenModel, trace: &ChoiceTrace) {
    let stages = trace.stages.iter().map(|stage| {
        json!({
            "name": stage.name,
            "before": stage.before_count,
            "kept": stage.kept_count,
            "mass": from_f64(stage.kept_mass),
            "entropy": from_f64(stage.entropy),
            "threshold": stage.threshold.map_or(Value::Null, from_f64),
            "removed": candidates_json(model, &stage.removed),
            "top": candidates_json(model, &stage.top),
        })
    });
    let stages: Value = stages.collect();
    step["raw"] = json!({
        "possible": trace.possible_count,
        "entropy": from_f64(trace.raw_entropy),
        "rank": trace.raw_rank + 1,
        "probability": trace.chosen.map_or(Value::Null, |chosen| from_f64(chosen.probability)),
        "top": candidates_json(model, &trace.raw_top),
    });
    step["stages"] = stages;
    step["final"] = candidates_json(model, &trace.final_top);
    step["draw"] = trace.draw.map_or(Value::Null, |draw| {
        json!({"u": from_f64(draw.uniform), "low": from_f64(draw.low), "high": from_f64(draw.high)})
    });
}

fn candidates_json(model: &OpenModel, candidates: &[TraceCandidate]) -> Value {
    let entry = |candidate: &TraceCandidate| {
        json!({
            "id": candidate.id,
            "token": piece(model, candidate.id),
            "logit": from_f64(candidate.logit),
            "probability": from_f64(candidate.probability),
        })
    };
    candidates.iter().map(entry).collect()
}

/// The text that a token stands for; the name of one that stands for none.
fn piece(model: &OpenModel, id: u32) -> String {
    let bytes = model.tokenizer.piece_bytes(id).unwrap_or_default();
    match bytes.is_empty() {
        true => model.tokenizer.token_text(id).unwrap_or_default().to_owned(),
        false => String::from_utf8_lossy(bytes).into_owned(),
    }
}
