//! An answer in one body, made and written on a thread that may take its time: with traces and
//! log-probabilities it is megabytes of JSON, and nobody else may wait for that.

use crate::error::ApiError;
use crate::service::Service;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde_json::Value;

/// The response whose body `make` makes.
///
/// # Errors
/// 500 when it cannot be made.
pub async fn respond(
    service: &Service,
    make: impl FnOnce() -> Value + Send + 'static,
) -> Result<Response, ApiError> {
    let written = service.at_work(move || serde_json::to_vec(&make())).await?;
    let body = written.map_err(|_| ApiError::internal("The answer could not be written"))?;
    let json = HeaderValue::from_static("application/json");
    Ok(([(header::CONTENT_TYPE, json)], body).into_response())
}
