//! Removes the ids that the request bans: i goes if i is in `banned_token_ids`.
//!
//! Source: Hugging Face `suppress_tokens`. A constraint, so it comes first and `samplers` cannot
//! drop it. If every candidate is banned the best of them stays. No threshold.

use super::{Reach, Stage, StepContext};
use crate::TokenId;
use crate::candidates::Candidates;
use crate::params::SamplingParams;

/// The stage's name.
pub const NAME: &str = "banned_tokens";

/// Removes the ids of a list.
#[derive(Debug, Clone)]
pub struct BannedTokens {
    /// Ascending.
    banned: Vec<TokenId>,
}

impl BannedTokens {
    /// Removes these ids.
    pub fn new(ids: &[TokenId]) -> Self {
        let mut banned = ids.to_vec();
        banned.sort_unstable();
        Self { banned }
    }
}

pub(super) fn build(params: &SamplingParams) -> Option<Box<dyn Stage>> {
    let ids = &params.stages().banned_token_ids;
    (!ids.is_empty()).then(|| Box::new(BannedTokens::new(ids)) as Box<dyn Stage>)
}

impl Stage for BannedTokens {
    fn name(&self) -> &'static str {
        NAME
    }

    fn apply(&mut self, candidates: &mut Candidates, _: &StepContext<'_>) -> Option<f64> {
        candidates.remove(&self.banned);
        None
    }

    fn reach(&self) -> Reach {
        Reach::Lowers
    }

    fn named_ids(&self, _: &StepContext<'_>, ids: &mut Vec<TokenId>) {
        ids.extend_from_slice(&self.banned);
    }

    fn fork(&self) -> Box<dyn Stage> {
        Box::new(self.clone())
    }
}
