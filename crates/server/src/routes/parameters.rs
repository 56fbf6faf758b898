//! `GET /v1/parameters`: every knob with its range, help and default, and what the caller may have
//! of it: what the playground builds its controls from.

use crate::error::ApiError;
use crate::guard::WhoAsks;
use crate::service::ServedModel;
use crate::site::Site;
use answers::json_numbers::from_f64;
use answers::{model_profile, param_values};
use axum::extract::{Query, State};
use axum::routing::get;
use axum::{Json, Router};
use sampling::params::{Kind, PARAMS, ParamSpec, ParamValue};
use serde_json::{Map, Value, json};
use std::collections::HashMap;
use std::sync::Arc;

/// The routes of this file.
pub fn routes() -> Router<Arc<Site>> {
    Router::new().route("/v1/parameters", get(parameters))
}

async fn parameters(
    State(site): State<Arc<Site>>,
    who: WhoAsks,
    Query(query): Query<HashMap<String, String>>,
) -> Result<Json<Value>, ApiError> {
    let service = site.service()?;
    let caller = who.0.as_deref();
    let model = service.model_for(query.get("model").map(String::as_str), caller)?;
    let recommended = model.model().recommended();
    let entries: Vec<Value> = PARAMS.iter().map(|spec| entry(spec, &recommended)).collect();
    let mut json = json!({"object": "list", "data": entries, "model": facts(&model)});
    let offer = service.offer(&model, caller)?;
    if let (Some(json), Value::Object(offer)) = (json.as_object_mut(), offer) {
        json.extend(offer);
    }
    Ok(Json(json))
}

/// One parameter.
fn entry(spec: &ParamSpec, recommended: &[(&'static str, ParamValue)]) -> Value {
    let own = recommended.iter().find(|(name, _)| *name == spec.name);
    let mut entry = json!({
        "name": spec.name,
        "aliases": spec.aliases,
        "help": spec.help,
        "rule": spec.kind.rule(),
        "neutral": word(spec.neutral),
        "default": word(spec.default),
        "recommended": own.map(|(_, value)| param_values::to_json(value)),
        "openai_range": spec.openai_range.map(|(min, max)| json!([from_f64(min), from_f64(max)])),
        "source": spec.source,
    });
    if let Some(entry) = entry.as_object_mut() {
        entry.extend(kind(&spec.kind));
    }
    entry
}

/// A value that the table writes as text: a number or a word as such, nothing as null.
fn word(text: &str) -> Value {
    match text {
        "" => Value::Null,
        text => serde_json::from_str(text).unwrap_or_else(|_| Value::from(text)),
    }
}

/// Type and range.
fn kind(kind: &Kind) -> Map<String, Value> {
    let whole =
        |value: i128| i64::try_from(value).map_or_else(|_| from_f64(value as f64), Value::from);
    let fields = match *kind {
        Kind::Float { min, above_min, max, below_max, .. } => json!({
            "kind": "number", "min": from_f64(min), "max": from_f64(max),
            "above_min": above_min, "below_max": below_max,
        }),
        Kind::Integer { min, max, .. } => {
            json!({"kind": "integer", "min": whole(min), "max": whole(max)})
        }
        Kind::Limits { min, max, count_max, .. } => {
            json!({"kind": "limits", "min": whole(min), "max": whole(max), "count_max": count_max})
        }
        Kind::Bool { .. } => json!({"kind": "boolean"}),
        Kind::Texts { count_max, bytes_max, .. } => {
            json!({"kind": "texts", "count_max": count_max, "bytes_max": bytes_max})
        }
        Kind::TokenIds { count_max, .. } => json!({"kind": "token_ids", "count_max": count_max}),
        Kind::TokenLists { count_max, tokens_max, .. } => {
            json!({"kind": "token_lists", "count_max": count_max, "tokens_max": tokens_max})
        }
        Kind::CountAndFactor { factor_max, .. } => {
            json!({"kind": "count_and_factor", "factor_max": from_f64(factor_max)})
        }
        Kind::TokenMap { count_max, min, max, .. } => json!({
            "kind": "token_map", "count_max": count_max,
            "min": from_f64(min), "max": from_f64(max),
        }),
        Kind::Choice { names, .. } => json!({"kind": "choice", "names": names}),
        Kind::Stages { .. } => json!({"kind": "stages"}),
    };
    match fields {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}

/// What bounds requests to a model, whoever asks.
fn facts(served: &ServedModel) -> Value {
    let (model, info) = (served.model(), served.engine().info());
    let locked = model_profile::of(model).locked_sampling.as_ref();
    json!({
        "id": served.id(),
        "name": model.name(),
        "vocab_size": info.vocab_size,
        "context_tokens_max": info.context_tokens_max,
        "has_template": model.template.is_some(),
        "can_think": model.thinking().is_some(),
        "locked": locked.map(|l| json!({"parameters": l.params, "reason": l.reason})),
    })
}
