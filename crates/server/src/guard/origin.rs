//! Which web pages may call, and under which name the server may be called.
//!
//! A page of somebody else's that a user has open can send requests to this machine. Where keys are
//! needed it has none. Where none are needed, two things keep it out: a request that names another
//! page as its origin is refused, and so is one for a host name that a stranger could own and make
//! point here, so that the browser takes the stranger's page for ours.

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

    /// Whether a host is that of an allowed origin: its owner is one whom the admin trusts.
    fn names(&self, host: &str) -> bool {
        let of = |origin: &String| origin.split_once("://").is_some_and(|(_, own)| own == host);
        self.cors_origins.iter().any(of)
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
    match named.map(Host::of) {
        None | Some(Host::ThisMachine) => {}
        Some(Host::Near) if !site.address_is_loopback => {}
        Some(_) if named.is_some_and(|name| site.rules().names(name)) => {}
        Some(_) => {
            let message = "Without keys this server answers under the names of this machine only \
                 (localhost, 127.0.0.1, [::1]), or where it listens beyond it under addresses and \
                 names of the local network; with keys it answers under any";
            return Err(forbidden(message, "host_not_allowed"));
        }
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

/// What the name in a request says about where it leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Host {
    /// To this machine, whatever a name server says.
    ThisMachine,
    /// To an address, or a name that no stranger can own in the public name system.
    Near,
    /// Wherever its owner made it point.
    Anywhere,
}

/// Ends of names that the public name system does not have: RFC 6762, RFC 8375, ICANN's reserved
/// `internal`, and what routers use.
const LOCAL_ENDS: [&str; 4] = [".local", ".home.arpa", ".internal", ".lan"];

impl Host {
    /// Of a `host:port`.
    fn of(authority: &str) -> Host {
        let host = match authority.rsplit_once(':') {
            Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
            _ => authority,
        };
        let host = host.trim_start_matches('[').trim_end_matches(']');
        if let Ok(ip) = host.parse::<IpAddr>() {
            return if ip.to_canonical().is_loopback() { Host::ThisMachine } else { Host::Near };
        }
        let name = host.trim_end_matches('.').to_ascii_lowercase();
        let is_near = !name.contains('.') || LOCAL_ENDS.iter().any(|end| name.ends_with(end));
        match () {
            () if name == "localhost" || name.ends_with(".localhost") => Host::ThisMachine,
            () if is_near && !name.is_empty() => Host::Near,
            () => Host::Anywhere,
        }
    }
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
    fn names_lead_here_nearby_or_anywhere() {
        for own in ["localhost", "LOCALHOST:80", "127.0.0.1:8080", "[::1]:1", "a.localhost:3"] {
            assert_eq!(Host::of(own), Host::ThisMachine, "{own}");
        }
        for near in ["10.0.0.1", "203.0.113.7:80", "[2001:db8::1]:8080", "nas", "nas.LAN.:1"] {
            assert_eq!(Host::of(near), Host::Near, "{near}");
        }
        for other in ["evil.example", "127.0.0.1.evil.example:80", "localhost.evil", "", "."] {
            assert_eq!(Host::of(other), Host::Anywhere, "{other}");
        }
    }
}
