//! When a generation ends, and what is said about it.
//!
//! [`StopTracker`] follows one sequence: it takes each token with its text, releases the text that
//! can no longer be part of a stop string, and tells the one reason that ended the sequence.

mod reason;
mod rules;
mod strings;
mod tracker;

pub use reason::{FinishReason, StopReason};
pub use rules::StopRules;
pub use strings::{StopStringMatch, StopStrings};
pub use tracker::{StopTracker, TokenVerdict};

/// Most stop strings a request may carry (OpenAI allows 4).
pub const STOP_STRINGS_MAX: usize = 16;
/// Longest stop string, in bytes of UTF-8; bounds how much text is ever held back.
pub const STOP_STRING_BYTES_MAX: usize = 256;
/// Most stop token ids a request may carry.
pub const STOP_TOKENS_MAX: usize = 256;
