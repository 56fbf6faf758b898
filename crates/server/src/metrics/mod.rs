//! What is counted, for `GET /metrics`: Prometheus' text format.
//!
//! Labels are bounded: models that are served, routes, and fixed words. Keys and tags are in the
//! ledger, not here.

mod accounts;
mod door;
mod engines;

pub use accounts::AccountMetrics;
pub use door::DoorMetrics;

use crate::site::Site;
use prometheus_client::encoding::text;
use prometheus_client::registry::Registry;
use std::fmt;

/// Everything as text, ready to be sent.
///
/// # Errors
/// When a series cannot be written.
pub fn told(site: &Site) -> Result<String, fmt::Error> {
    let mut registry = Registry::with_prefix("jeton");
    let open = i64::try_from(site.open_requests.count()).unwrap_or(i64::MAX);
    site.metrics.open_requests.set(open);
    site.metrics.register(&mut registry);
    if let Some(service) = site.loaded() {
        service.metrics().register(&mut registry);
        let models = service.models().iter();
        let engines: Vec<_> =
            models.map(|model| (model.id().to_owned(), model.engine().status())).collect();
        engines::register(&engines, &mut registry);
    }
    let mut told = String::new();
    text::encode(&mut told, &registry)?;
    Ok(told)
}
