//! Keeps the candidates that are at least p times as likely as the best: p_i >= p max_j p_j.
//!
//! Equality is kept. Source: Nguyen et al., "Turning Up the Heat", arXiv:2407.01082.
//! Threshold: the probability p max_j p_j.

use super::{Stage, StepContext};
use crate::candidates::{Candidates, EDGE};
use crate::params::SamplingParams;
use crate::pipeline::SequenceStart;

/// The stage's name.
pub const NAME: &str = "min_p";

/// Keeps what is likely compared with the best.
#[derive(Debug, Clone)]
pub struct MinP {
    p: f64,
}

impl MinP {
    /// The fraction of the best probability to reach, in (0, 1].
    pub fn new(p: f64) -> Self {
        Self { p }
    }
}

pub(super) fn build(params: &SamplingParams, _: &SequenceStart<'_>) -> Option<Box<dyn Stage>> {
    let p = params.min_p();
    (p > 0.0).then(|| Box::new(MinP::new(p)) as Box<dyn Stage>)
}

impl Stage for MinP {
    fn name(&self) -> &'static str {
        NAME
    }

    fn apply(&mut self, candidates: &mut Candidates, _: &StepContext<'_>) -> Option<f64> {
        let total = candidates.softmax().total;
        // The best candidate weighs 1, so the fraction of its probability is a weight.
        candidates.retain_by_weight(|_, weight| weight >= self.p * (1.0 - EDGE));
        Some(self.p / total)
    }

    fn fork(&self) -> Box<dyn Stage> {
        Box::new(self.clone())
    }
}
