//! The tokens that a penalty sees, counted: all of its scope, or the last n of them.
//!
//! Window and scope are llama.cpp's `penalty_last_n` (a ring of prompt and output) made explicit:
//! each penalty has a scope of its own by default, `penalty_scope` sets one for all.

use crate::TokenId;
use crate::params::{PenaltyScope, SamplingParams};
use crate::pipeline::SequenceStart;
use std::collections::{HashMap, VecDeque};

/// How often each token occurs among the last ones.
#[derive(Debug, Clone, Default)]
pub struct TokenWindow {
    /// Most tokens to remember; none for all.
    length: Option<usize>,
    /// The tokens of the window, oldest first; empty when all are remembered.
    recent: VecDeque<TokenId>,
    counts: HashMap<TokenId, u32>,
}

impl TokenWindow {
    /// An empty window over the last `length` tokens, or over all.
    pub fn new(length: Option<usize>) -> Self {
        Self { length, ..Self::default() }
    }

    /// The window of a penalty whose own scope is `scope`; none if it never sees a token.
    pub(super) fn of(
        params: &SamplingParams,
        start: &SequenceStart<'_>,
        scope: PenaltyScope,
    ) -> Option<Self> {
        let length = params.stages().penalty_last_n;
        if length == Some(0) {
            return None;
        }
        let mut window = Self::new(length);
        if params.stages().penalty_scope.unwrap_or(scope) == PenaltyScope::PromptAndOutput {
            start.prompt.iter().for_each(|&token| window.push(token));
        }
        start.generated.iter().for_each(|&token| window.push(token));
        Some(window)
    }

    /// Adds the next token; the oldest falls out of a full window.
    pub fn push(&mut self, token: TokenId) {
        *self.counts.entry(token).or_insert(0) += 1;
        let Some(length) = self.length else { return };
        self.recent.push_back(token);
        if self.recent.len() > length {
            let oldest = self.recent.pop_front().expect("one was just added");
            let count = self.counts.get_mut(&oldest).expect("the window's tokens are counted");
            *count -= 1;
            if *count == 0 {
                self.counts.remove(&oldest);
            }
        }
    }

    /// The distinct tokens and how often each occurs, in no particular order.
    pub fn counts(&self) -> impl Iterator<Item = (TokenId, u32)> + '_ {
        self.counts.iter().map(|(&token, &count)| (token, count))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_window_forgets_its_oldest_token() {
        let mut window = TokenWindow::new(Some(3));
        for token in [5, 5, 6, 7] {
            window.push(token);
        }
        let mut counts: Vec<_> = window.counts().collect();
        counts.sort_unstable();
        assert_eq!(counts, [(5, 1), (6, 1), (7, 1)]);
        window.push(7);
        window.push(7);
        assert!(window.counts().eq([(7, 3)]));
    }
}
