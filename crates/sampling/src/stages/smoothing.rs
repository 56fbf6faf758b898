//! logit_i = m - k f d^2 + s f d^3 with d = logit_i - m, m = max_j logit_j, k = (3 - c) / 2 and
//! s = (c - 1) / 2: quadratic smoothing with factor f and curve c.
//!
//! Near the best logit the curve is flat, far from it steep: close rivals come nearer and the rest
//! falls away. With c = 1 it is m - f d^2. Above c = 3 it rises before it falls, as in its home
//! program. Source: kalomaze's quadratic sampling, text-generation-webui `smoothing_factor` and
//! `smoothing_curve`. No threshold.

use super::{Stage, StepContext};
use crate::candidates::Candidates;
use crate::params::SamplingParams;
use crate::pipeline::SequenceStart;

/// The stage's name.
pub const NAME: &str = "smoothing";

/// Bends the logits.
#[derive(Debug, Clone)]
pub struct Smoothing {
    /// Factors of d^2 and d^3.
    square: f64,
    cube: f64,
}

impl Smoothing {
    /// A positive factor, and a curve of at least 1.
    pub fn new(factor: f64, curve: f64) -> Self {
        Self { square: factor * (3.0 - curve) / 2.0, cube: factor * (curve - 1.0) / 2.0 }
    }
}

pub(super) fn build(params: &SamplingParams, _: &SequenceStart<'_>) -> Option<Box<dyn Stage>> {
    let (factor, curve) = (params.stages().smoothing_factor, params.stages().smoothing_curve);
    (factor > 0.0).then(|| Box::new(Smoothing::new(factor, curve)) as Box<dyn Stage>)
}

impl Stage for Smoothing {
    fn name(&self) -> &'static str {
        NAME
    }

    fn apply(&mut self, candidates: &mut Candidates, _: &StepContext<'_>) -> Option<f64> {
        let largest = candidates.logits()[candidates.best()];
        candidates.transform(|logit| {
            let distance = logit - largest;
            largest - distance * distance * (self.square - self.cube * distance)
        });
        None
    }

    fn fork(&self) -> Box<dyn Stage> {
        Box::new(self.clone())
    }
}
