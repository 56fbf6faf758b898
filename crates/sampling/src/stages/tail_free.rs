//! Cuts the tail where the curve of sorted probabilities has flattened.
//!
//! With probabilities in descending order, d_i = |(p_i - p_(i+1)) - (p_(i+1) - p_(i+2))| for
//! i = 1 ... n-2, normalized to sum 1: candidate 1 stays, candidate i+1 stays while
//! d_1 + ... + d_i <= z, and the last one goes. With fewer than three candidates, or where no d_i
//! differs from 0, there is no tail and all stay. Source: Bricken, "Tail Free Sampling"
//! (trentbrick.github.io/Tail-Free-Sampling), centred as text-generation-webui and KoboldAI do.
//! (llama.cpp's `tfs_z`, which is gone from it, kept one candidate fewer.) Threshold: the smallest
//! probability kept.

use super::{Stage, StepContext};
use crate::candidates::{Candidates, EDGE};
use crate::params::SamplingParams;
use crate::pipeline::SequenceStart;

/// The stage's name.
pub const NAME: &str = "tail_free";

/// Removes the flat tail of the distribution.
#[derive(Debug, Clone)]
pub struct TailFree {
    z: f64,
    /// Descending; kept between steps for its memory only.
    weights: Vec<f64>,
}

impl TailFree {
    /// Keeps a share `z` of the curvature, in [0, 1).
    pub fn new(z: f64) -> Self {
        Self { z, weights: Vec::new() }
    }

    /// How many of the best candidates come before the tail.
    fn kept_count(&self) -> usize {
        let bends = || self.weights.windows(3).map(|w| ((w[0] - w[1]) - (w[1] - w[2])).abs());
        let total: f64 = bends().sum();
        if total == 0.0 {
            return self.weights.len();
        }
        let target = self.z * total * (1.0 + EDGE);
        let mut sum = 0.0;
        let before_tail = bends().take_while(|bend| {
            sum += bend;
            sum <= target
        });
        1 + before_tail.count()
    }
}

pub(super) fn build(params: &SamplingParams, _: &SequenceStart<'_>) -> Option<Box<dyn Stage>> {
    let z = params.stages().tail_free;
    (z < 1.0).then(|| Box::new(TailFree::new(z)) as Box<dyn Stage>)
}

impl Stage for TailFree {
    fn name(&self) -> &'static str {
        NAME
    }

    fn apply(&mut self, candidates: &mut Candidates, _: &StepContext<'_>) -> Option<f64> {
        let softmax = candidates.softmax();
        let total = softmax.total;
        self.weights.clear();
        self.weights.extend_from_slice(softmax.weights);
        self.weights.sort_unstable_by(|a, b| b.total_cmp(a));
        let kept_count = self.kept_count();
        candidates.retain_largest(kept_count);
        Some(self.weights[kept_count - 1] / total)
    }

    fn fork(&self) -> Box<dyn Stage> {
        Box::new(self.clone())
    }
}
