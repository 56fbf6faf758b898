//! Which path does what.

mod chat_completions;
mod chat_simple;
mod completions;
mod generate;
mod health;
mod metrics;
mod models;
mod openapi;
mod parameters;
mod plain;
mod quote;
mod tokenize;
mod usage;
mod web;

use crate::error::ApiError;
use crate::guard;
use crate::site::Site;
use axum::http::{Method, StatusCode, Uri};
use axum::{Router, middleware};
use std::sync::Arc;

/// Every route, one line for each file of this folder.
pub fn router(site: Arc<Site>) -> Router {
    let with_key = middleware::from_fn_with_state(Arc::clone(&site), guard::keys::layer);
    let keyed = Router::new()
        .merge(chat_completions::routes())
        .merge(completions::routes())
        .merge(metrics::routes())
        .merge(models::routes())
        .merge(usage::routes())
        .merge(parameters::routes())
        .merge(tokenize::routes())
        .merge(generate::routes())
        .merge(chat_simple::routes())
        .merge(quote::routes())
        .route_layer(with_key);
    let open = Router::new().merge(health::routes()).merge(openapi::routes()).merge(web::routes());
    let by_origin = middleware::from_fn_with_state(Arc::clone(&site), guard::origin::layer);
    let logged = middleware::from_fn_with_state(Arc::clone(&site), guard::access_log::layer);
    keyed
        .merge(open)
        .fallback(unknown_url)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(by_origin)
        .layer(middleware::from_fn(guard::headers::layer))
        .layer(logged)
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
