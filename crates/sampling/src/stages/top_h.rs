//! Keeps the best candidates while their part of the entropy stays within a share h of the whole.
//!
//! Of the 100 best candidates, with probabilities q_i among them in descending order: candidate 1
//! stays, and candidate i stays while -sum_(j <= i) q_j ln q_j <= h H(q). The others go. Source:
//! "Top-H Decoding: Adapting the Creativity and Coherence with Bounded Entropy in Text
//! Generation", arXiv:2509.02510, as Hugging Face's TopHLogitsWarper computes it. Threshold: the
//! smallest q kept.

use super::{Reach, Stage, StepContext};
use crate::candidates::{Candidates, EDGE};
use crate::exponential::ln;
use crate::params::SamplingParams;
use crate::pipeline::SequenceStart;

/// The stage's name.
pub const NAME: &str = "top_h";

/// Candidates that are looked at.
const BEST_COUNT: usize = 100;

/// Keeps candidates up to a share of the entropy.
#[derive(Debug, Clone)]
pub struct TopH {
    h: f64,
    /// Descending; kept between steps for its memory only.
    shares: Vec<f64>,
}

impl TopH {
    /// Keeps a share `h` of the entropy, in (0, 1]; 1 keeps the 100 best.
    pub fn new(h: f64) -> Self {
        Self { h, shares: Vec::new() }
    }

    /// How many of `shares` stay.
    fn kept_count(&self) -> usize {
        // A share that is no normal number adds nothing that f64 could hold.
        let term = |&share: &f64| if share < f64::MIN_POSITIVE { 0.0 } else { -share * ln(share) };
        let entropy: f64 = self.shares.iter().map(term).sum();
        let target = self.h * entropy * (1.0 + EDGE);
        let mut sum = 0.0;
        let within = self.shares.iter().take_while(|share| {
            sum += term(share);
            sum <= target
        });
        within.count().max(1)
    }
}

pub(super) fn build(params: &SamplingParams, _: &SequenceStart<'_>) -> Option<Box<dyn Stage>> {
    let h = params.stages().top_h?;
    Some(Box::new(TopH::new(h)))
}

impl Stage for TopH {
    fn name(&self) -> &'static str {
        NAME
    }

    fn apply(&mut self, candidates: &mut Candidates, _: &StepContext<'_>) -> Option<f64> {
        candidates.retain_largest(BEST_COUNT);
        let softmax = candidates.softmax();
        let total = softmax.total;
        self.shares.clear();
        self.shares.extend(softmax.weights.iter().map(|weight| weight / total));
        self.shares.sort_unstable_by(|a, b| b.total_cmp(a));
        let kept_count = self.kept_count();
        candidates.retain_largest(kept_count);
        Some(self.shares[kept_count - 1])
    }

    fn reach(&self) -> Reach {
        Reach::Largest(BEST_COUNT)
    }

    fn fork(&self) -> Box<dyn Stage> {
        Box::new(self.clone())
    }
}
