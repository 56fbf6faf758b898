//! `GET /openapi.json`.

use crate::openapi;
use crate::site::Site;
use axum::Router;
use axum::body::Bytes;
use axum::http::header;
use axum::response::IntoResponse;
use axum::routing::get;
use std::sync::{Arc, LazyLock};

/// The document, written once.
static DOCUMENT: LazyLock<Bytes> = LazyLock::new(|| Bytes::from(openapi::document().to_string()));

/// The routes of this file.
pub fn routes() -> Router<Arc<Site>> {
    Router::new().route("/openapi.json", get(answer))
}

async fn answer() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/json")], DOCUMENT.clone())
}
