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
    site.check_open()?;
    Ok(Json(json!({"status": "ready"})))
}
