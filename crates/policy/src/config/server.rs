//! The address, its protections, and what is written down.

use serde::{Deserialize, Serialize};

/// The address and what protects it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Server {
    /// The address to listen on.
    pub host: String,
    /// The port; 0 takes a free one.
    pub port: u16,
    /// Answers strangers beyond this machine without keys.
    pub allow_no_keys: bool,
    /// The plan of requests without a key, where none is needed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plan_without_key: Option<String>,
    /// Connections at once.
    pub connections_max: u64,
    /// Requests that wait for a place; the next one is refused with 429.
    pub queue_max: u64,
    /// Bytes of a request's body.
    pub body_bytes_max: u64,
    /// Bytes of a request's headers.
    pub header_bytes_max: u64,
    /// Seconds until the headers are there.
    pub header_timeout_s: f64,
    /// Seconds until the body is there.
    pub body_timeout_s: f64,
    /// Seconds that a connection may stay without a request.
    pub idle_timeout_s: f64,
    /// Seconds for a whole request; 0 sets no bound.
    pub request_timeout_s: f64,
    /// Seconds that a reader may take nothing before the request is given up.
    pub write_timeout_s: f64,
    /// Seconds between comments that keep a silent stream open.
    pub stream_keep_alive_s: f64,
    /// Seconds that running requests have when the server is told to stop.
    pub shutdown_drain_s: f64,
    /// Web pages of other origins that may call; `*` for all.
    pub cors_origins: Vec<String>,
    /// Whether `/metrics` answers without a key.
    pub open_metrics: bool,
}

impl Default for Server {
    fn default() -> Self {
        Server {
            host: "127.0.0.1".to_owned(),
            port: 8080,
            allow_no_keys: false,
            plan_without_key: None,
            connections_max: 4096,
            queue_max: 1024,
            body_bytes_max: 8 << 20,
            header_bytes_max: 32 << 10,
            header_timeout_s: 10.0,
            body_timeout_s: 30.0,
            idle_timeout_s: 75.0,
            request_timeout_s: 3600.0,
            write_timeout_s: 30.0,
            stream_keep_alive_s: 15.0,
            shutdown_drain_s: 30.0,
            cors_origins: Vec::new(),
            open_metrics: false,
        }
    }
}

/// What is written down about requests.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LedgerSettings {
    /// The file of the database; none for the server's own choice.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Keeps the texts of answers too; prompts are never kept.
    pub keep_text: bool,
    /// What an entry survives.
    pub durability: LedgerDurability,
    /// Days after which entries are removed; none keeps them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retention_days: Option<u64>,
}

/// What an entry of the ledger survives, once an answer was told to its end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LedgerDurability {
    /// The end of the process at any moment.
    #[default]
    Process,
    /// Loss of power too: every commit waits for the disk.
    Power,
}
