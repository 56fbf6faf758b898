//! Every bound of the door, with its unit and its reason.

use std::time::Duration;

/// Deepest nesting of a request's JSON. Schemas of real programs stay below 30; the parser's own
/// bound is 128.
pub const JSON_DEPTH_MAX: usize = 100;

/// Values in a request's JSON, of any kind. A value takes up to 100 bytes in memory, however short
/// its text, so this bounds a request to about 50 MB.
pub const JSON_VALUES_MAX: usize = 500_000;

/// Header lines of a request. Browsers send about 20.
pub const HEADER_LINES_MAX: usize = 64;

/// Bytes of a request's line and headers together.
pub const HEADER_BYTES_MAX: usize = 32 << 10;

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
    /// Time for a request's line and headers, and how long a connection may idle between requests.
    pub header_read: Duration,
    /// Time for a request's whole body.
    pub body_read: Duration,
    /// How long a reader may take nothing of its answer before it is cut off.
    pub write_stall: Duration,
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

impl Default for DoorLimits {
    fn default() -> Self {
        DoorLimits {
            connections_max: 2048,
            header_read: Duration::from_secs(30),
            body_read: Duration::from_secs(30),
            write_stall: Duration::from_secs(30),
            body_bytes_max: 8 << 20,
            requests_bytes_max: 256 << 20,
            keep_alive: Duration::from_secs(15),
            shutdown_drain: Duration::from_secs(30),
        }
    }
}
