//! Keeps the candidates whose surprise is closest to the expected one, until they hold mass p.
//!
//! With entropy H = -sum_i p_i ln p_i, candidates are ranked by |-ln p_i - H|, smallest first,
//! lower ids first among equals; the one that reaches p is kept. The best candidate may go: the
//! most typical one always stays. Source: Meister et al., "Locally Typical Sampling",
//! arXiv:2202.00666. Threshold: the largest distance kept, in nats.

use super::edges::TypicalPEdge;
use super::{Stage, StepContext};
use crate::candidates::Candidates;
use crate::exponential::ln;
use crate::params::SamplingParams;
use crate::pipeline::SequenceStart;
use crate::profile::TypicalEdge;

/// The stage's name.
pub const NAME: &str = "typical_p";

/// Keeps the most typical candidates.
#[derive(Debug, Clone)]
pub struct TypicalP {
    p: f64,
}

impl TypicalP {
    /// Keeps a mass of `p`, in (0, 1).
    pub fn new(p: f64) -> Self {
        Self { p }
    }
}

pub(super) fn build(params: &SamplingParams, _: &SequenceStart<'_>) -> Option<Box<dyn Stage>> {
    let p = params.typical_p();
    (p < 1.0).then(|| match params.profile().typical_p_edge {
        TypicalEdge::Reaches => Box::new(TypicalP::new(p)) as Box<dyn Stage>,
        TypicalEdge::ReachesWithTies => Box::new(TypicalPEdge::with_ties(p)),
        TypicalEdge::Exceeds => Box::new(TypicalPEdge::exceeding(p)),
    })
}

impl Stage for TypicalP {
    fn name(&self) -> &'static str {
        NAME
    }

    fn apply(&mut self, candidates: &mut Candidates, _: &StepContext<'_>) -> Option<f64> {
        let best = candidates.best();
        let largest = candidates.logits()[best];
        let softmax = candidates.softmax();
        let log_total = ln(softmax.total);
        let entropy = softmax.entropy();
        let distance = |logit: f64, _: f64| (log_total - (logit - largest) - entropy).abs();
        Some(candidates.retain_until_share(self.p, 0.0, distance))
    }

    fn fork(&self) -> Box<dyn Stage> {
        Box::new(self.clone())
    }
}
