//! `GET /v1/models` and `GET /v1/models/{id}`.

use crate::error::ApiError;
use crate::guard::WhoAsks;
use crate::openai::tools::ToolSyntax;
use crate::service::{ServedModel, Service};
use crate::site::Site;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::UNIX_EPOCH;

/// The routes of this file. Ids with slashes are one id.
pub fn routes() -> Router<Arc<Site>> {
    Router::new().route("/v1/models", get(list)).route("/v1/models/{*id}", get(one))
}

async fn list(State(site): State<Arc<Site>>, who: WhoAsks) -> Result<Json<Value>, ApiError> {
    let service = site.service()?;
    let mut models: Vec<Value> = Vec::new();
    for served in service.models() {
        match service.model_for(Some(served.id()), who.0.as_deref()) {
            Ok(_) => models.push(model_json(service, served)),
            // One that this caller may not see.
            Err(error) if error.status == StatusCode::NOT_FOUND => {}
            Err(error) => return Err(error),
        }
    }
    Ok(Json(json!({"object": "list", "data": models})))
}

async fn one(
    State(site): State<Arc<Site>>,
    who: WhoAsks,
    Path(id): Path<String>,
) -> Result<Json<Value>, ApiError> {
    let service = site.service()?;
    let served = service.model_for(Some(&id), who.0.as_deref())?;
    Ok(Json(model_json(service, &served)))
}

/// OpenAI's fields, and what the model is under `jeton`.
fn model_json(service: &Service, served: &ServedModel) -> Value {
    let config = service.config();
    let model = served.model();
    let shape = model.file.config();
    let created = served.opened_at().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let mix = model.file.quantization_mix();
    let most = mix.iter().max_by_key(|share| share.bytes).map(|share| share.name.clone());
    let template = model.template.as_ref();
    let syntax = template.and_then(|template| ToolSyntax::of(template.source()));
    let own = config.model(served.id());
    json!({
        "id": served.id(),
        "object": "model",
        "created": created,
        "owned_by": "jeton",
        "jeton": {
            "name": model.name(),
            "context_tokens_max": served.engine().info().context_tokens_max,
            "family": format!("{:?}", shape.family).to_lowercase(),
            "architecture": shape.architecture,
            "parameters": model.file.parameter_count(),
            "quantization": most,
            "vocabulary": shape.vocab_size,
            "chat": template.is_some(),
            "tools": syntax.map(|syntax| format!("{syntax:?}").to_lowercase()),
            "thinking": model.thinking().map(|format| json!({
                "switch": format.switch,
                "reads_effort": format.reads_effort,
            })),
            "system_fingerprint": served.fingerprint(),
            "currency": config.currency,
            "prices": config.prices_of(served.id()),
            "limits": own.map_or(config.limits, |own| own.limits),
        },
    })
}
