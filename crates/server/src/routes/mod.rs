//! Which path does what.

mod health;
mod web;

use crate::error::ApiError;
use crate::guard;
use crate::site::Site;
use axum::http::{Method, StatusCode, Uri};
use axum::{Router, middleware};
use std::sync::Arc;

/// Every route, one line for each file of this folder.
pub fn router(site: Arc<Site>) -> Router {
    Router::new()
        .merge(health::routes())
        .merge(web::routes())
        .fallback(unknown_url)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(middleware::from_fn_with_state(Arc::clone(&site), guard::access_log::layer))
        .with_state(site)
}

async fn unknown_url(method: Method, uri: Uri) -> ApiError {
    let path: String = uri.path().chars().take(200).collect();
    ApiError::new(StatusCode::NOT_FOUND, format!("There is no {method} {path}"))
        .with_code("unknown_url")
}

async fn method_not_allowed(method: Method, uri: Uri) -> ApiError {
    let path: String = uri.path().chars().take(200).collect();
    ApiError::new(StatusCode::METHOD_NOT_ALLOWED, format!("{path} does not take {method}"))
}
