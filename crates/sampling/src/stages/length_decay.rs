//! logit_e += |logit_e| (f^(n - s) - 1) for each end-of-sequence id e, once n > s tokens are
//! generated: the end becomes ever more likely (less likely with f < 1).
//!
//! Source: Hugging Face `exponential_decay_length_penalty` = (s, f). The logit never leaves the
//! range of f32. Without an end token in force (`ignore_eos`) it is not built. No threshold.

use super::{Reach, Stage, StepContext};
use crate::TokenId;
use crate::candidates::Candidates;
use crate::exponential::power;
use crate::params::SamplingParams;
use crate::pipeline::SequenceStart;

/// The stage's name.
pub const NAME: &str = "length_decay";

/// Pushes towards the end, harder with each token.
#[derive(Debug, Clone)]
pub struct LengthDecay {
    start_tokens: usize,
    factor: f64,
    end_ids: Vec<TokenId>,
}

impl LengthDecay {
    /// After `start_tokens` generated tokens the logits of `end_ids` grow by `factor` (positive)
    /// with each token. The ids are distinct.
    pub fn new(start_tokens: usize, factor: f64, end_ids: Vec<TokenId>) -> Self {
        Self { start_tokens, factor, end_ids }
    }
}

pub(super) fn build(params: &SamplingParams, start: &SequenceStart<'_>) -> Option<Box<dyn Stage>> {
    let (start_tokens, factor) = params.stages().exponential_decay_length_penalty?;
    if factor == 1.0 || params.ignore_eos() {
        return None;
    }
    let mut end_ids = params.eos_ids(start.eos_ids).to_vec();
    end_ids.sort_unstable();
    end_ids.dedup();
    Some(Box::new(LengthDecay::new(start_tokens, factor, end_ids)))
}

impl Stage for LengthDecay {
    fn name(&self) -> &'static str {
        NAME
    }

    fn apply(&mut self, candidates: &mut Candidates, step: &StepContext<'_>) -> Option<f64> {
        let over = step.generated.len().saturating_sub(self.start_tokens);
        if over == 0 {
            return None;
        }
        let growth = (power(self.factor, over) - 1.0).min(f64::from(f32::MAX));
        for &id in &self.end_ids {
            candidates.adjust(id, |logit| {
                // |logit| of 0 stays 0, however large the growth.
                let grown = logit + logit.abs() * growth;
                grown.clamp(f64::from(f32::MIN), f64::from(f32::MAX))
            });
        }
        None
    }

    fn reach(&self) -> Reach {
        Reach::Changes
    }

    fn named_ids(&self, _: &StepContext<'_>, ids: &mut Vec<TokenId>) {
        ids.extend_from_slice(&self.end_ids);
    }

    fn fork(&self) -> Box<dyn Stage> {
        Box::new(self.clone())
    }
}
