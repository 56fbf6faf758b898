//! Keeps the k largest logits: exactly k, the lower ids among equals at the edge.
//!
//! Source: Fan, Lewis, Dauphin, "Hierarchical Neural Story Generation", arXiv:1805.04833.
//! Threshold: the smallest logit kept.

use super::edges::TopKWithTies;
use super::{Reach, Stage, StepContext};
use crate::candidates::Candidates;
use crate::params::SamplingParams;
use crate::pipeline::SequenceStart;
use crate::profile::Ties;

/// The stage's name.
pub const NAME: &str = "top_k";

/// Keeps the k best candidates.
#[derive(Debug, Clone)]
pub struct TopK {
    k: usize,
}

impl TopK {
    /// Keeps `k` candidates, at least 1.
    pub fn new(k: usize) -> Self {
        Self { k }
    }
}

pub(super) fn build(params: &SamplingParams, _: &SequenceStart<'_>) -> Option<Box<dyn Stage>> {
    let k = params.top_k();
    (k > 0).then(|| match params.profile().top_k_ties {
        Ties::Cut => Box::new(TopK::new(k)) as Box<dyn Stage>,
        Ties::Keep => Box::new(TopKWithTies::new(k)),
    })
}

impl Stage for TopK {
    fn name(&self) -> &'static str {
        NAME
    }

    fn apply(&mut self, candidates: &mut Candidates, _: &StepContext<'_>) -> Option<f64> {
        Some(candidates.retain_largest(self.k))
    }

    fn reach(&self) -> Reach {
        Reach::Largest(self.k)
    }

    fn fork(&self) -> Box<dyn Stage> {
        Box::new(self.clone())
    }
}
