//! Keeps the smallest set of best candidates whose probabilities sum to at least p.
//!
//! Candidates are ranked by logit, lower ids first among equals, and the one that reaches p is
//! kept. Source: Holtzman et al., "The Curious Case of Neural Text Degeneration",
//! arXiv:1904.09751. Threshold: the smallest probability kept.

use super::edges::TopPHigherIds;
use super::{Reach, Stage, StepContext};
use crate::candidates::Candidates;
use crate::exponential::exp_nonpositive;
use crate::params::SamplingParams;
use crate::pipeline::SequenceStart;
use crate::profile::TopPEdge;

/// The stage's name.
pub const NAME: &str = "top_p";

/// Keeps the nucleus.
#[derive(Debug, Clone)]
pub struct TopP {
    p: f64,
}

impl TopP {
    /// Keeps a mass of `p`, in [0, 1); 0 keeps the best candidate.
    pub fn new(p: f64) -> Self {
        Self { p }
    }
}

pub(super) fn build(params: &SamplingParams, _: &SequenceStart<'_>) -> Option<Box<dyn Stage>> {
    let p = params.top_p();
    (p < 1.0).then(|| match params.profile().top_p_edge {
        TopPEdge::LowerIds => Box::new(TopP::new(p)) as Box<dyn Stage>,
        TopPEdge::HigherIds => Box::new(TopPHigherIds::new(p)),
    })
}

impl Stage for TopP {
    fn name(&self) -> &'static str {
        NAME
    }

    fn apply(&mut self, candidates: &mut Candidates, _: &StepContext<'_>) -> Option<f64> {
        // All candidates lighter than this weigh less than half of what may be dropped.
        let (count, total) = (candidates.len() as f64, candidates.softmax().total);
        let negligible = 0.5 * (1.0 - self.p) * total / count;
        let smallest_logit = -candidates.retain_until_share(self.p, negligible, |logit, _| -logit);
        let softmax = candidates.softmax();
        let largest_logit = softmax.logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        Some(exp_nonpositive(smallest_logit - largest_logit) / total)
    }

    fn reach(&self) -> Reach {
        Reach::Share(self.p)
    }

    fn fork(&self) -> Box<dyn Stage> {
        Box::new(self.clone())
    }
}
