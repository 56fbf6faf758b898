//! What each limit of a list gives: as fields of the JSON answer.

use crate::json_numbers::from_f64;
use crate::open_model::OpenModel;
use crate::{thinking, truncation};
use engine::views::{View, limit_shapes_tokens, views};
use engine::{Completion, EngineInfo, GenerateRequest};
use policy::truncation::Diagnosis;
use sampling::stop::FinishReason;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use text::Tokenizer;

/// An answer under one limit.
#[derive(Clone, Debug)]
pub struct LimitView {
    /// What it says.
    pub view: View,
    /// From the request to the last of its tokens.
    pub latency: Duration,
}

impl LimitView {
    /// The views of a request's list of limits, from its runs; none without a list. `latency` says
    /// how long the run of that index took to so many tokens.
    pub fn of(
        request: &GenerateRequest,
        completions: &[Completion],
        latency: impl Fn(usize, usize) -> Duration,
        tokenizer: &Arc<Tokenizer>,
        info: &EngineInfo,
    ) -> Vec<LimitView> {
        if request.params.limits().is_empty() {
            return Vec::new();
        }
        let with_latency =
            |view: View| LimitView { latency: latency(view.run_index, view.ids.len()), view };
        views(request, completions, tokenizer, info).into_iter().map(with_latency).collect()
    }

    /// What the cut left open; none where nothing was cut or nothing is visibly open.
    pub fn diagnosis(&self, model: &OpenModel) -> Option<Diagnosis> {
        let is_cut = self.view.finish_reason == FinishReason::Length;
        is_cut.then(|| truncation::of_ids(model, &self.view.ids, self.view.thinking)).flatten()
    }

    /// The fields of one limit.
    pub fn to_json(&self, model: &OpenModel) -> Value {
        let view = &self.view;
        let mut json = json!({
            "max_tokens": view.limit,
            "ids": view.ids,
            "text": view.text,
            "finish_reason": view.finish_reason.as_str(),
            "stop_reason": {"kind": view.stop_reason.name()},
            "usage": {
                "prompt_tokens": view.usage.prompt_tokens,
                "completion_tokens": view.usage.completion_tokens,
                "total_tokens": view.usage.prompt_tokens + view.usage.completion_tokens,
            },
            "latency_ms": from_f64((self.latency.as_secs_f64() * 1e6).round() / 1e3),
        });
        if let Some(thinking) = thinking::to_json(view.thinking, &view.thinking_text) {
            json["thinking"] = thinking;
            thinking::add_usage(&mut json["usage"], &view.usage);
        }
        if view.finish_reason == FinishReason::Length {
            json["truncation"] = truncation::to_json(self.diagnosis(model).as_ref());
        }
        json
    }
}

/// Adds `views`, `prefix_safe` and, where it is false, why, to the JSON of an answer with a list of
/// limits.
pub fn add_json(
    json: &mut Value,
    model: &OpenModel,
    request: &GenerateRequest,
    views: &[LimitView],
) {
    if views.is_empty() {
        return;
    }
    let cause = limit_shapes_tokens(request);
    json["prefix_safe"] = Value::from(cause.is_none());
    if let Some(cause) = cause {
        json["prefix_unsafe_because"] = Value::from(cause);
    }
    json["views"] = views.iter().map(|view| view.to_json(model)).collect();
}

/// Says that the limits are runs of their own, where they are, and why.
pub fn apart_line(request: &GenerateRequest) -> Option<String> {
    let cause = limit_shapes_tokens(request).filter(|_| !request.params.limits().is_empty())?;
    Some(format!("each limit was run on its own: `{cause}` makes the tokens depend on it"))
}
