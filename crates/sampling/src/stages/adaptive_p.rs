//! logit_i = 5 - 10 d^2 / (1 + d) with d = |p_i - a| / 0.3: prefers tokens whose probability is
//! near a, and moves a so that the chosen ones average to the target t.
//!
//! a = 2t - S / W, held within [0, 1], where S and W are the decayed sums of the probabilities p
//! that chosen tokens had before this stage and of 1: after each token S = p + decay S and
//! W = 1 + decay W, at first S = t / (1 - decay), W = 1 / (1 - decay). A token that it did not
//! offer changes neither. Source: llama.cpp `adaptive_target` and `adaptive_decay` (adaptive-p,
//! pull request 17927). In place of a threshold traces show a.

use super::{Stage, StepContext};
use crate::TokenId;
use crate::candidates::Candidates;
use crate::params::SamplingParams;
use crate::pipeline::SequenceStart;

/// The stage's name.
pub const NAME: &str = "adaptive_p";

/// The names of S and W in a saved state.
const SUM: &str = "adaptive_p.sum";
const WEIGHT: &str = "adaptive_p.weight";

const PEAK_LOGIT: f64 = 5.0;
const SHARPNESS: f64 = 10.0;
const WIDTH: f64 = 0.3;

/// Reshapes the distribution around a probability that follows the text.
#[derive(Debug, Clone)]
pub struct AdaptiveP {
    target: f64,
    decay: f64,
    sum: f64,
    weight: f64,
    /// Ids, ascending, and probabilities of the last step.
    offered: Vec<(TokenId, f64)>,
}

impl AdaptiveP {
    /// A target probability in [0, 1] and a decay in [0, 0.99].
    pub fn new(target: f64, decay: f64) -> Self {
        let weight = 1.0 / (1.0 - decay);
        Self { target, decay, sum: target * weight, weight, offered: Vec::new() }
    }
}

pub(super) fn build(params: &SamplingParams, start: &SequenceStart<'_>) -> Option<Box<dyn Stage>> {
    let mut stage =
        AdaptiveP::new(params.stages().adaptive_target?, params.stages().adaptive_decay);
    if let (Some(sum), Some(weight)) = (start.saved(SUM), start.saved(WEIGHT)) {
        (stage.sum, stage.weight) = (sum, weight.max(1.0));
    }
    Some(Box::new(stage))
}

impl Stage for AdaptiveP {
    fn name(&self) -> &'static str {
        NAME
    }

    fn apply(&mut self, candidates: &mut Candidates, _: &StepContext<'_>) -> Option<f64> {
        let aim = (2.0 * self.target - self.sum / self.weight).clamp(0.0, 1.0);
        let softmax = candidates.softmax();
        let total = softmax.total;
        self.offered.clear();
        let shares = softmax.weights.iter().map(|weight| weight / total);
        self.offered.extend(softmax.ids.iter().copied().zip(shares));
        candidates.transform_by_weight(|_, weight| {
            let distance = (weight / total - aim).abs() / WIDTH;
            PEAK_LOGIT - SHARPNESS * distance * distance / (1.0 + distance)
        });
        Some(aim)
    }

    fn accept(&mut self, token: TokenId) {
        if let Ok(index) = self.offered.binary_search_by_key(&token, |&(id, _)| id) {
            self.sum = self.offered[index].1 + self.decay * self.sum;
            self.weight = 1.0 + self.decay * self.weight;
        }
        self.offered.clear();
    }

    fn save(&self, state: &mut Vec<(&'static str, f64)>) {
        state.push((SUM, self.sum));
        state.push((WEIGHT, self.weight));
    }

    fn fork(&self) -> Box<dyn Stage> {
        Box::new(self.clone())
    }
}
