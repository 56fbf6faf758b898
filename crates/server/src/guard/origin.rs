//! Which web pages may call, and under which name the server may be called.
//!
//! A page of somebody else's that a user has open can send requests to this machine. Where keys are
//! needed it has none. Where none are needed, two things keep it out: a request that names another
//! page as its origin is refused, and so is one for a host name that is not this machine's own (a
//! name that its owner made point here, so that the browser takes the page for ours).

use crate::error::ApiError;
use crate::site::Site;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use policy::config::Server;
use std::net::IpAddr;
use std::sync::Arc;

/// What pages may read of a response beside its body.
const EXPOSED: &str = "x-request-id, retry-after, x-ratelimit-limit-requests, \
    x-ratelimit-remaining-requests, x-ratelimit-reset-requests, x-ratelimit-limit-tokens, \
    x-ratelimit-remaining-tokens, x-ratelimit-reset-tokens";

/// Longest list of header names that is allowed back to a page, in bytes.
const ASKED_HEADERS_BYTES_MAX: usize = 1024;

/// What counts of the configuration here. Another one may count a second later.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    /// Origins whose pages may call; `*` for all.
    pub cors_origins: Vec<String>,
    /// Whether `/metrics` answers without a key.
    pub open_metrics: bool,
}

impl Rules {
    /// Of the settings under `server`.
    pub fn of(settings: &Server) -> Rules {
        Rules { cors_origins: settings.cors_origins.clone(), open_metrics: settings.open_metrics }
    }

    fn allows(&self, origin: &str) -> bool {
        self.cors_origins.iter().any(|allowed| allowed == "*" || allowed == origin)
    }
}

/// The layer.
pub async fn layer(State(site): State<Arc<Site>>, request: Request, next: Next) -> Response {
    let rules = site.rules();
    let origin = request.headers().get(header::ORIGIN).cloned();
    let allowed = origin.filter(|origin| origin.to_str().is_ok_and(|origin| rules.allows(origin)));
    if !site.keys.needed()
        && let Err(error) = check(&site, request.uri(), request.headers(), allowed.is_some())
    {
        return error.into_response();
    }
    let is_preflight = request.method() == Method::OPTIONS
        && request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
    let asked = request.headers().get(header::ACCESS_CONTROL_REQUEST_HEADERS).cloned();
    let mut response = match is_preflight && allowed.is_some() {
        true => preflight(asked),
        false => next.run(request).await,
    };
    if let Some(origin) = allowed {
        let headers = response.headers_mut();
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(header::VARY, HeaderValue::from_static("origin"));
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(EXPOSED));
    }
    response
}

fn check(
    site: &Site,
    uri: &Uri,
    headers: &HeaderMap,
    origin_is_allowed: bool,
) -> Result<(), ApiError> {
    let named = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let named = uri.authority().map(|authority| authority.as_str()).or(named);
    if let Some(host) = named
        && site.address_is_loopback
        && !is_this_machine(host)
    {
        let message = "This server answers under the names of this machine only \
             (localhost, 127.0.0.1, [::1]); with keys it answers under any";
        return Err(forbidden(message, "host_not_allowed"));
    }
    let Some(origin) = headers.get(header::ORIGIN) else { return Ok(()) };
    let own = origin.to_str().ok().and_then(|origin| origin.split_once("://"));
    if origin_is_allowed || own.is_some_and(|(_, authority)| Some(authority) == named) {
        return Ok(());
    }
    let message = "Pages of this origin may not call; `server.cors_origins` lists those that may";
    Err(forbidden(message, "origin_not_allowed"))
}

fn forbidden(message: &str, code: &'static str) -> ApiError {
    ApiError::new(StatusCode::FORBIDDEN, message).with_code(code)
}

/// Whether a `host:port` means this machine, whatever a name server says.
fn is_this_machine(authority: &str) -> bool {
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => authority,
    };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let name = host.trim_end_matches('.').to_ascii_lowercase();
    host.parse::<IpAddr>().map_or_else(
        |_| name == "localhost" || name.ends_with(".localhost"),
        |ip| ip.to_canonical().is_loopback(),
    )
}

fn preflight(asked: Option<HeaderValue>) -> Response {
    let mut response = StatusCode::NO_CONTENT.into_response();
    let headers = response.headers_mut();
    headers.insert(
        header::ACCESS_CONTROL_ALLOW_METHODS,
        HeaderValue::from_static("GET, POST, OPTIONS"),
    );
    // Clients send headers of their own (`x-stainless-...`); none of them means anything here.
    let asked = asked.filter(|asked| asked.len() <= ASKED_HEADERS_BYTES_MAX);
    let asked = asked.unwrap_or(HeaderValue::from_static("authorization, content-type"));
    headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, asked);
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_this_machine() {
        for own in ["localhost", "LOCALHOST:80", "127.0.0.1:8080", "[::1]:1", "a.localhost:3"] {
            assert!(is_this_machine(own), "{own}");
        }
        for other in ["evil.example", "127.0.0.1.evil.example:80", "localhost.evil", "10.0.0.1", ""]
        {
            assert!(!is_this_machine(other), "{other}");
        }
    }
}
