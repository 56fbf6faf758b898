//! The playground's files, which lie in the binary: `GET /` is `web/index.html`.

use crate::error::ApiError;
use crate::site::Site;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

/// Name below `web/` and content of every file.
static EMBEDDED: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/web_files.rs"));

/// What browsers may do with the pages: only what comes from this server.
pub const PAGE_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
    img-src 'self' data: blob:; font-src 'self'; connect-src 'self'; manifest-src 'self'; \
    base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

struct File {
    bytes: &'static [u8],
    kind: &'static str,
    tag: HeaderValue,
}

static FILES: LazyLock<BTreeMap<&'static str, File>> = LazyLock::new(|| {
    let file = |&(name, bytes): &(&'static str, &'static [u8])| {
        let digest = Sha256::digest(bytes);
        let hex: String = digest[..8].iter().map(|byte| format!("{byte:02x}")).collect();
        let tag = HeaderValue::from_str(&format!("\"{hex}\"")).expect("hex digits and quotes");
        (name, File { bytes, kind: kind_of(name), tag })
    };
    EMBEDDED.iter().map(file).collect()
});

/// A route for each file, so that no path is ever looked up on a disk.
pub fn routes() -> Router<Arc<Site>> {
    let mut router = Router::new();
    for &name in FILES.keys() {
        let answer = get(move |headers: HeaderMap| async move { respond(name, &headers) });
        if name == "index.html" {
            router = router.route("/", answer.clone());
        }
        router = router.route(&format!("/{name}"), answer);
    }
    router
}

fn respond(name: &str, headers: &HeaderMap) -> Response {
    let Some(file) = FILES.get(name) else {
        return ApiError::new(StatusCode::NOT_FOUND, "no such file").into_response();
    };
    let known = headers.get(header::IF_NONE_MATCH);
    let mut response = if known == Some(&file.tag) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        let mut response = Response::new(Body::from(Bytes::from_static(file.bytes)));
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(file.kind));
        response
    };
    let headers = response.headers_mut();
    headers.insert(header::ETAG, file.tag.clone());
    // Asked for again each time, and answered with 304 while it is the same: a new version of the
    // program shows its own page at once.
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(PAGE_POLICY));
    response
}

fn kind_of(name: &str) -> &'static str {
    match name.rsplit('.').next().unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "json" | "map" => "application/json",
        "webmanifest" => "application/manifest+json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "txt" | "md" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}
