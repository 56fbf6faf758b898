//! Every bound of the door, with its unit and its reason.

use policy::config::Server;
use std::time::Duration;
use tokio::sync::Semaphore;

/// Deepest nesting of a request's JSON. Schemas of real programs stay below 30; the parser's own
/// bound is 128.
pub const JSON_DEPTH_MAX: usize = 100;

/// Values in a request's JSON, of any kind. A value takes up to 100 bytes in memory, however short
/// its text, so this bounds a request to about 50 MB.
pub const JSON_VALUES_MAX: usize = 500_000;

/// Header lines of a request. Browsers send about 20.
pub const HEADER_LINES_MAX: usize = 64;

/// The least that the parser wants for a request's line and headers, in bytes.
pub const HEADER_BYTES_MIN: usize = 8 << 10;

/// Memory for all requests that are being read and understood, in bytes: a few of the largest, or
/// tens of thousands of ordinary ones. Who finds none left is told to come again.
pub const REQUESTS_BYTES_MAX: usize = 256 << 20;

/// What the kernel may keep for a reader that is behind, in bytes, per connection. Left to itself
/// it goes up to 4 MB for each.
pub const SEND_BUFFER_BYTES: u32 = 128 << 10;

/// Connections that are told that the house is full at the same time; further ones are closed
/// without a word.
pub const TURNED_AWAY_MAX: usize = 64;

/// What clients may cost before a request of theirs is understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DoorLimits {
    /// Open connections. Each takes a file handle and about 20 kB.
    pub connections_max: usize,
    /// Time until the line and headers of a connection's first request are there.
    pub header_read: Duration,
    /// How long a connection may stay without a further request.
    pub idle: Duration,
    /// Time for a request's whole body.
    pub body_read: Duration,
    /// How long a reader may take nothing of its answer before it is cut off.
    pub write_stall: Duration,
    /// Bytes of a request's line and headers.
    pub header_bytes_max: usize,
    /// Bytes of a request's body.
    pub body_bytes_max: usize,
    /// Memory for all requests that are being read and understood, in bytes. Who finds none left
    /// is told to come again.
    pub requests_bytes_max: usize,
    /// Time between signs of life in a stream that has nothing to say.
    pub keep_alive: Duration,
    /// How long running answers may go on after the server was told to stop.
    pub shutdown_drain: Duration,
}

impl DoorLimits {
    /// Of the settings under `server`. They count from the start of the server on.
    pub fn of(settings: &Server) -> Self {
        let count = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
        let time = |seconds: f64| Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX);
        DoorLimits {
            connections_max: count(settings.connections_max).min(Semaphore::MAX_PERMITS),
            header_read: time(settings.header_timeout_s),
            idle: time(settings.idle_timeout_s),
            body_read: time(settings.body_timeout_s),
            write_stall: time(settings.write_timeout_s),
            header_bytes_max: count(settings.header_bytes_max).max(HEADER_BYTES_MIN),
            body_bytes_max: count(settings.body_bytes_max),
            requests_bytes_max: REQUESTS_BYTES_MAX.max(count(settings.body_bytes_max)),
            keep_alive: time(settings.stream_keep_alive_s),
            shutdown_drain: time(settings.shutdown_drain_s),
        }
    }
}
