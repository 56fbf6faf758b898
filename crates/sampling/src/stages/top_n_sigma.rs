//! Keeps logits within n standard deviations of the best: logit_i >= max - n sigma.
//!
//! sigma is the population standard deviation over the candidates present (impossible tokens do
//! not count). On raw logits the set does not depend on temperature. Source: Tang et al.,
//! "Top-n-sigma: Not All Logits Are You Need", arXiv:2411.07641. Threshold: max - n sigma, a logit.

use super::{Stage, StepContext};
use crate::candidates::{Candidates, EDGE};
use crate::exponential::sum_in_lanes;
use crate::params::SamplingParams;
use crate::pipeline::SequenceStart;

/// The stage's name.
pub const NAME: &str = "top_n_sigma";

/// Keeps the logits near the best one.
#[derive(Debug, Clone)]
pub struct TopNSigma {
    n: f64,
}

impl TopNSigma {
    /// Keeps what is within `n` (positive) standard deviations.
    pub fn new(n: f64) -> Self {
        Self { n }
    }
}

pub(super) fn build(params: &SamplingParams, _: &SequenceStart<'_>) -> Option<Box<dyn Stage>> {
    let n = params.top_n_sigma();
    (n > 0.0).then(|| Box::new(TopNSigma::new(n)) as Box<dyn Stage>)
}

impl Stage for TopNSigma {
    fn name(&self) -> &'static str {
        NAME
    }

    fn apply(&mut self, candidates: &mut Candidates, _: &StepContext<'_>) -> Option<f64> {
        let logits = candidates.logits();
        let count = logits.len() as f64;
        let mean = sum_in_lanes(logits.iter().copied()) / count;
        let squares = sum_in_lanes(logits.iter().map(|logit| (logit - mean) * (logit - mean)));
        let sigma = (squares / count).sqrt();
        let threshold = logits[candidates.best()] - self.n * sigma;
        candidates.retain(|_, logit| logit >= threshold - EDGE * sigma);
        Some(threshold)
    }

    fn fork(&self) -> Box<dyn Stage> {
        Box::new(self.clone())
    }
}
