//! What is counted at the door: connections, open requests, refusals.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// What a refused request was told.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ErrorLabels {
    status: u16,
    code: String,
}

/// What is counted at the door.
#[derive(Default)]
pub struct DoorMetrics {
    /// Connections that are open.
    pub connections: Gauge,
    /// Requests whose answers are not complete.
    pub open_requests: Gauge,
    /// Connections that were told that the house is full, or were closed without a word.
    pub turned_away: Counter,
    errors: Family<ErrorLabels, Counter>,
}

impl DoorMetrics {
    /// A response with an error status went out.
    pub fn refused(&self, status: u16, code: &str) {
        self.errors.get_or_create(&ErrorLabels { status, code: code.to_owned() }).inc();
    }

    /// Adds these series.
    pub fn register(&self, registry: &mut Registry) {
        let help = "Requests that were refused or failed, by what they were told";
        registry.register("errors", help, self.errors.clone());
        let help = "Connections that are open";
        registry.register("connections_open", help, self.connections.clone());
        let help = "Requests of any kind whose answers are not complete";
        registry.register("http_requests_open", help, self.open_requests.clone());
        let help = "Connections that found no room";
        registry.register("connections_turned_away", help, self.turned_away.clone());
    }
}
