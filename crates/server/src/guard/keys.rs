//! Keys: whether they are needed, and whose a key is.

use super::caller::{Caller, WhoAsks};
use crate::error::ApiError;
use crate::site::Site;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use ledger::{Found, KeyRecord, Ledger, LedgerError};
use sha2::{Digest, Sha256};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::SystemTime;

/// Longest key that is looked at, in bytes.
pub const KEY_BYTES_MAX: usize = 512;

/// The id of the key that comes from the environment, in logs and in the ledger.
const OWN_KEY_ID: &str = "server";

/// Which keys open the door.
pub struct KeyCheck {
    ledger: Ledger,
    /// Digest of the key that the server was started with.
    own: Option<[u8; 32]>,
    needed: AtomicBool,
}

impl KeyCheck {
    /// The keys of `ledger`, and one that the server was started with.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub fn new(ledger: Ledger, own: Option<&str>) -> Result<KeyCheck, LedgerError> {
        let own = own.map(digest);
        let check = KeyCheck { ledger, needed: AtomicBool::new(own.is_some()), own };
        check.refresh()?;
        Ok(check)
    }

    /// Whether a key is needed. Once it is, it stays so: a server does not open itself because its
    /// last key was revoked.
    pub fn needed(&self) -> bool {
        self.needed.load(Ordering::Acquire)
    }

    /// Keys are needed from now on if any was ever made.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub fn refresh(&self) -> Result<(), LedgerError> {
        if !self.needed() && !self.ledger.keys().list()?.is_empty() {
            self.needed.store(true, Ordering::Release);
        }
        Ok(())
    }

    /// Whose key the request brings; nobody's where none is needed.
    ///
    /// # Errors
    /// 401 for a missing, wrong, revoked or expired key.
    pub fn check(&self, headers: &HeaderMap) -> Result<WhoAsks, ApiError> {
        if !self.needed() {
            return Ok(WhoAsks(None));
        }
        let missing = "You must send a key: `Authorization: Bearer KEY`";
        let key = bearer(headers).ok_or_else(|| ApiError::invalid_key(missing))?;
        if self.own.is_some_and(|own| is_same(&own, &digest(key))) {
            let caller = Caller {
                key_id: OWN_KEY_ID.to_owned(),
                key_name: OWN_KEY_ID.to_owned(),
                admin: true,
                ..Caller::default()
            };
            return Ok(WhoAsks(Some(Arc::new(caller))));
        }
        match self.ledger.keys().find(key, now_ms()) {
            Ok(Found::Valid(record)) => owner(record),
            Ok(Found::Revoked(_)) => Err(ApiError::invalid_key("This key was revoked")),
            Ok(Found::Expired(_)) => Err(ApiError::invalid_key("This key has expired")),
            Ok(Found::Unknown) => Err(ApiError::invalid_key("This key is not known")),
            Err(error) => {
                tracing::error!(%error, "a key could not be looked up");
                Err(ApiError::unavailable("Keys cannot be looked up just now", 1))
            }
        }
    }
}

/// The layer of routes that need a key where keys are needed.
pub async fn layer(State(site): State<Arc<Site>>, mut request: Request, next: Next) -> Response {
    let is_open = request.uri().path() == "/metrics" && site.rules().open_metrics;
    let who = match site.keys.check(request.headers()) {
        Ok(who) => who,
        Err(_) if is_open => WhoAsks(None),
        Err(error) => return error.into_response(),
    };
    request.extensions_mut().insert(who.clone());
    let mut response = next.run(request).await;
    response.extensions_mut().insert(who);
    response
}

/// 403 for what only administrators may see.
pub fn admins_only() -> ApiError {
    ApiError::new(StatusCode::FORBIDDEN, "Only a key made with `--admin` may see this")
        .with_code("admin_key_required")
}

fn owner(record: KeyRecord) -> Result<WhoAsks, ApiError> {
    let id = record.id.clone();
    let caller = Caller::of(record).map_err(|error| {
        tracing::error!(key = id, %error, "what a key may do cannot be read");
        ApiError::new(StatusCode::FORBIDDEN, "What this key may do cannot be read; make a new one")
            .with_code("key_limits_unreadable")
    })?;
    Ok(WhoAsks(Some(Arc::new(caller))))
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, key) = value.split_once(' ')?;
    let key = key.trim();
    let is_key = scheme.eq_ignore_ascii_case("bearer") && (1..=KEY_BYTES_MAX).contains(&key.len());
    is_key.then_some(key)
}

fn digest(key: &str) -> [u8; 32] {
    Sha256::digest(key.as_bytes()).into()
}

/// Compares without stopping at the first difference. What is compared are digests, so that even
/// the time of a difference would tell nothing about a key.
fn is_same(one: &[u8; 32], other: &[u8; 32]) -> bool {
    one.iter().zip(other).fold(0, |difference, (a, b)| difference | (a ^ b)) == 0
}

fn now_ms() -> u64 {
    let since_1970 = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since_1970.map_or(0, |time| u64::try_from(time.as_millis()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;
    use ledger::NewKey;

    fn bearing(value: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        let value = HeaderValue::from_str(value).expect("a header may hold it");
        headers.insert(header::AUTHORIZATION, value);
        headers
    }

    #[test]
    fn keys_are_needed_from_the_first_one_on() {
        let ledger = Ledger::in_memory().expect("memory is there");
        let check = KeyCheck::new(ledger.clone(), None).expect("it can be read");
        assert!(check.check(&HeaderMap::new()).expect("no key is needed").0.is_none());
        let new = NewKey { name: "ada".to_owned(), ..NewKey::default() };
        let (record, key) = ledger.keys().create(&new).expect("it is new");
        check.refresh().expect("it can be read");
        let error = check.check(&HeaderMap::new()).expect_err("now one is");
        assert_eq!((error.status.as_u16(), error.code.as_deref()), (401, Some("invalid_api_key")));
        for wrong in ["Bearer x", "Basic x", "Bearer", "Bearer  ", &format!("Bearer {key}x")] {
            assert!(check.check(&bearing(wrong)).is_err(), "{wrong}");
        }
        let who = check.check(&bearing(&format!("bearer {key}"))).expect("it holds");
        assert_eq!(who.0.as_ref().map(|caller| caller.key_id.clone()), Some(record.id.clone()));
        assert!(!who.sees_everything());
        ledger.keys().revoke(&record.id, 1).expect("it is there");
        check.refresh().expect("it can be read");
        let error = check.check(&bearing(&format!("Bearer {key}"))).expect_err("it was revoked");
        assert_eq!((error.status.as_u16(), check.needed()), (401, true));
    }

    #[test]
    fn the_servers_own_key_opens_everything() {
        let ledger = Ledger::in_memory().expect("memory is there");
        let check = KeyCheck::new(ledger, Some("secret")).expect("it can be read");
        assert!(check.check(&HeaderMap::new()).is_err());
        assert!(check.check(&bearing("Bearer secreT")).is_err());
        assert!(check.check(&bearing("Bearer secret")).expect("it is right").sees_everything());
    }
}
