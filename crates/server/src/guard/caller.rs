//! Who asks.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use ledger::KeyRecord;
use policy::config::KeyPlan;
use std::convert::Infallible;
use std::sync::Arc;

/// The owner of a key.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Caller {
    /// The key's id: short, public, in logs and in the ledger.
    pub key_id: String,
    /// The name it was given.
    pub key_name: String,
    /// The plan it is on, if one.
    pub plan: Option<String>,
    /// What it may do by itself, over its plan.
    pub own: Option<KeyPlan>,
    /// Whether it may see everybody's accounts.
    pub admin: bool,
}

impl Caller {
    /// The owner of this key.
    ///
    /// # Errors
    /// In words: when what the key may do cannot be read. Then it may do nothing.
    pub fn of(record: KeyRecord) -> Result<Caller, String> {
        let own = |text: String| {
            let json = serde_json::from_str(&text).map_err(|error| error.to_string())?;
            KeyPlan::from_json(&json)
        };
        Ok(Caller {
            key_id: record.id,
            key_name: record.name,
            plan: record.plan,
            own: record.overrides.map(own).transpose()?,
            admin: record.admin,
        })
    }
}

/// Who asks; nobody in particular where no keys are needed. Routes take it as an extractor.
#[derive(Clone, Debug, Default)]
pub struct WhoAsks(pub Option<Arc<Caller>>);

impl WhoAsks {
    /// Whether everybody's accounts may be seen: by administrators, and by all where no keys are
    /// needed.
    pub fn sees_everything(&self) -> bool {
        self.0.as_ref().is_none_or(|caller| caller.admin)
    }
}

impl<S: Sync> FromRequestParts<S> for WhoAsks {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _site: &S) -> Result<Self, Infallible> {
        Ok(parts.extensions.get::<WhoAsks>().cloned().unwrap_or_default())
    }
}
