//! Who asks.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use std::convert::Infallible;
use std::sync::Arc;

/// The owner of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The key's id: short, public, in logs and in the ledger.
    pub key_id: String,
    /// The name it was given.
    pub key_name: String,
    /// The plan it is on, if one.
    pub plan: Option<String>,
    /// Whether it may see everybody's accounts.
    pub admin: bool,
}

/// Who asks; nobody in particular where no keys are needed. Routes take it as an extractor.
#[derive(Clone, Debug, Default)]
pub struct WhoAsks(pub Option<Arc<Caller>>);

impl<S: Sync> FromRequestParts<S> for WhoAsks {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _site: &S) -> Result<Self, Infallible> {
        Ok(parts.extensions.get::<WhoAsks>().cloned().unwrap_or_default())
    }
}
