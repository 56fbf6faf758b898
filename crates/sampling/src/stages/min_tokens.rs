//! While fewer than `min_tokens` tokens are generated: end-of-sequence and stop tokens are removed,
//! so that at least that many tokens come before an end token.
//!
//! Source: vLLM `min_tokens`, Hugging Face `min_new_tokens`. A constraint, so it always comes first
//! and `samplers` cannot drop it. If nothing but end tokens is possible the best of them stays. No
//! threshold.

use super::{Reach, Stage, StepContext};
use crate::TokenId;
use crate::candidates::Candidates;
use crate::params::SamplingParams;
use crate::pipeline::SequenceStart;

/// The stage's name.
pub const NAME: &str = "min_tokens";

/// Removes end tokens while the output is too short.
#[derive(Debug, Clone)]
pub struct MinTokens {
    min_tokens: usize,
    /// Ascending.
    end_ids: Vec<TokenId>,
}

impl MinTokens {
    /// Removes `end_ids` until `min_tokens` tokens are generated.
    pub fn new(min_tokens: usize, mut end_ids: Vec<TokenId>) -> Self {
        end_ids.sort_unstable();
        Self { min_tokens, end_ids }
    }
}

pub(super) fn build(params: &SamplingParams, start: &SequenceStart<'_>) -> Option<Box<dyn Stage>> {
    if params.min_tokens() == 0 {
        return None;
    }
    let mut end_ids = params.stop_token_ids().to_vec();
    if !params.ignore_eos() {
        end_ids.extend(params.eos_ids(start.eos_ids));
    }
    Some(Box::new(MinTokens::new(params.min_tokens(), end_ids)))
}

impl Stage for MinTokens {
    fn name(&self) -> &'static str {
        NAME
    }

    fn apply(&mut self, candidates: &mut Candidates, step: &StepContext<'_>) -> Option<f64> {
        if step.generated.len() < self.min_tokens {
            candidates.remove(&self.end_ids);
        }
        None
    }

    fn reach(&self) -> Reach {
        Reach::Lowers
    }

    fn named_ids(&self, step: &StepContext<'_>, ids: &mut Vec<TokenId>) {
        if step.generated.len() < self.min_tokens {
            ids.extend(&self.end_ids);
        }
    }

    fn fork(&self) -> Box<dyn Stage> {
        Box::new(self.clone())
    }
}
