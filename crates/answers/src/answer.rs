//! An answer: what was asked, what the engine said, and when.

use crate::effective::Effective;
use crate::limit_views::LimitView;
use engine::{Completion, GenerateRequest};
use std::time::Duration;

/// An answer with its times.
#[derive(Debug)]
pub struct Answer {
    /// What was submitted.
    pub request: GenerateRequest,
    /// What the engine said.
    pub completion: Completion,
    /// What each limit of a list gives; empty without a list.
    pub views: Vec<LimitView>,
    /// What was asked for and by whom.
    pub effective: Effective,
    /// When what happened.
    pub times: Times,
}

/// Wall-clock times of one answer.
#[derive(Clone, Copy, Debug, Default)]
pub struct Times {
    /// From the request to the first token.
    pub first_token: Option<Duration>,
    /// From the first to the last token.
    pub later_tokens: Duration,
    /// From the request to its end.
    pub total: Duration,
}

impl Times {
    /// Time per output token after the first one, in milliseconds.
    pub fn tpot_ms(&self, tokens: usize) -> Option<f64> {
        (tokens > 1).then(|| self.later_tokens.as_secs_f64() * 1e3 / (tokens - 1) as f64)
    }
}
