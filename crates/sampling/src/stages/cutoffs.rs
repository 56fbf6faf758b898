//! epsilon cutoff: keeps p_i >= epsilon. eta cutoff: keeps p_i >= eta with
//! eta = min(epsilon, sqrt(epsilon) exp(-H)), H = -sum_i p_i ln p_i.
//!
//! Both keep the best candidate, and all that tie with it, whatever their probability. Source:
//! Hewitt, Manning, Liang, "Truncation Sampling as Language Model Desmoothing", arXiv:2210.15191.
//! Threshold: the probability epsilon or eta.

use super::{Stage, StepContext};
use crate::candidates::{Candidates, EDGE};
use crate::exponential::exp_nonpositive;
use crate::params::SamplingParams;
use crate::pipeline::SequenceStart;

/// The name of the stage with a fixed threshold.
pub const EPSILON: &str = "epsilon_cutoff";
/// The name of the stage whose threshold sinks with the entropy.
pub const ETA: &str = "eta_cutoff";

/// Keeps candidates of at least a probability.
#[derive(Debug, Clone)]
pub struct Cutoff {
    epsilon: f64,
    by_entropy: bool,
}

impl Cutoff {
    /// Keeps p >= `epsilon`, in (0, 1).
    pub fn epsilon(epsilon: f64) -> Self {
        Self { epsilon, by_entropy: false }
    }

    /// Keeps p >= min(`epsilon`, sqrt(`epsilon`) exp(-H)).
    pub fn eta(epsilon: f64) -> Self {
        Self { epsilon, by_entropy: true }
    }
}

pub(super) fn build_epsilon(
    params: &SamplingParams,
    _: &SequenceStart<'_>,
) -> Option<Box<dyn Stage>> {
    let epsilon = params.epsilon_cutoff();
    (epsilon > 0.0).then(|| Box::new(Cutoff::epsilon(epsilon)) as Box<dyn Stage>)
}

pub(super) fn build_eta(params: &SamplingParams, _: &SequenceStart<'_>) -> Option<Box<dyn Stage>> {
    let epsilon = params.eta_cutoff();
    (epsilon > 0.0).then(|| Box::new(Cutoff::eta(epsilon)) as Box<dyn Stage>)
}

impl Stage for Cutoff {
    fn name(&self) -> &'static str {
        if self.by_entropy { ETA } else { EPSILON }
    }

    fn apply(&mut self, candidates: &mut Candidates, _: &StepContext<'_>) -> Option<f64> {
        let largest = candidates.logits()[candidates.best()];
        let softmax = candidates.softmax();
        let mut threshold = self.epsilon;
        if self.by_entropy {
            // Rounding can leave the entropy of a single candidate a hair below 0.
            let decay = exp_nonpositive((-softmax.entropy()).min(0.0));
            threshold = threshold.min(self.epsilon.sqrt() * decay);
        }
        let total = softmax.total;
        let least_weight = threshold * total * (1.0 - EDGE);
        candidates.retain_by_weight(|logit, weight| weight >= least_weight || logit == largest);
        Some(threshold)
    }

    fn fork(&self) -> Box<dyn Stage> {
        Box::new(self.clone())
    }
}
