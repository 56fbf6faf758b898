//! Keeps the ids that the request allows: i stays if i is in `allowed_token_ids`.
//!
//! Source: vLLM `allowed_token_ids`. A constraint, so it comes first and `samplers` cannot drop it.
//! If none of them is possible the best candidate stays. No threshold.

use super::{Stage, StepContext};
use crate::TokenId;
use crate::candidates::Candidates;
use crate::mask::TokenMask;
use crate::params::SamplingParams;

/// The stage's name.
pub const NAME: &str = "allowed_tokens";

/// Removes every id that is not on a list.
#[derive(Debug, Clone)]
pub struct AllowedTokens {
    allowed: TokenMask,
}

impl AllowedTokens {
    /// Keeps these ids.
    pub fn new(ids: &[TokenId]) -> Self {
        let size = ids.iter().max().map_or(0, |&largest| largest as usize + 1);
        Self { allowed: TokenMask::from_ids(size, ids.iter().copied()) }
    }
}

pub(super) fn build(params: &SamplingParams) -> Option<Box<dyn Stage>> {
    let ids = params.stages().allowed_token_ids.as_deref()?;
    Some(Box::new(AllowedTokens::new(ids)))
}

impl Stage for AllowedTokens {
    fn name(&self) -> &'static str {
        NAME
    }

    fn apply(&mut self, candidates: &mut Candidates, _: &StepContext<'_>) -> Option<f64> {
        candidates.retain(|id, _| self.allowed.contains(id));
        None
    }

    fn fork(&self) -> Box<dyn Stage> {
        Box::new(self.clone())
    }
}
