//! `GET /metrics`: what was counted and how the engines stand, for Prometheus.

use crate::error::ApiError;
use crate::guard::WhoAsks;
use crate::guard::keys::admins_only;
use crate::metrics;
use crate::site::Site;
use axum::Router;
use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use axum::routing::get;
use std::sync::Arc;

/// The content type of the text format.
const TEXT: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The routes of this file.
pub fn routes() -> Router<Arc<Site>> {
    Router::new().route("/metrics", get(answer))
}

async fn answer(
    State(site): State<Arc<Site>>,
    who: WhoAsks,
) -> Result<impl IntoResponse, ApiError> {
    if !(who.sees_everything() || site.rules().open_metrics) {
        return Err(admins_only());
    }
    let told =
        metrics::told(&site).map_err(|_| ApiError::internal("The numbers could not be written"))?;
    Ok(([(header::CONTENT_TYPE, TEXT)], told))
}
