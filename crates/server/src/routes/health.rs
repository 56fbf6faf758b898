//! `GET /health`: the process is alive. `GET /ready`: it takes requests.

use crate::error::ApiError;
use crate::site::Site;
use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};
use std::sync::Arc;

/// The routes of this file.
pub fn routes() -> Router<Arc<Site>> {
    Router::new().route("/health", get(health)).route("/ready", get(ready))
}

async fn health() -> Json<Value> {
    Json(json!({"status": "ok", "version": env!("CARGO_PKG_VERSION")}))
}

async fn ready(State(site): State<Arc<Site>>) -> Result<Json<Value>, ApiError> {
    let models = site.service()?.models();
    if models.iter().any(|model| model.engine().is_stopped()) {
        let message = "An engine has stopped; the server must be started again";
        return Err(ApiError::unavailable(message, 60).with_code("engine_stopped"));
    }
    Ok(Json(json!({"status": "ready"})))
}
