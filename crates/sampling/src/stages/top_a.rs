//! Keeps the candidates with p_i >= a (max_j p_j)^2.
//!
//! The surer the best candidate, the more it cuts. Equality is kept. Source: BlinkDL, RWKV-LM
//! ("top-a" sampling); text-generation-webui and KoboldAI `top_a`. Threshold: the probability
//! a (max_j p_j)^2.

use super::{Stage, StepContext};
use crate::candidates::{Candidates, EDGE};
use crate::params::SamplingParams;
use crate::pipeline::SequenceStart;

/// The stage's name.
pub const NAME: &str = "top_a";

/// Keeps what is likely compared with the square of the best.
#[derive(Debug, Clone)]
pub struct TopA {
    a: f64,
}

impl TopA {
    /// The factor `a`, in (0, 1].
    pub fn new(a: f64) -> Self {
        Self { a }
    }
}

pub(super) fn build(params: &SamplingParams, _: &SequenceStart<'_>) -> Option<Box<dyn Stage>> {
    let a = params.stages().top_a;
    (a > 0.0).then(|| Box::new(TopA::new(a)) as Box<dyn Stage>)
}

impl Stage for TopA {
    fn name(&self) -> &'static str {
        NAME
    }

    fn apply(&mut self, candidates: &mut Candidates, _: &StepContext<'_>) -> Option<f64> {
        let total = candidates.softmax().total;
        // The best candidate weighs 1: its probability is 1 / total.
        let least_weight = self.a / total;
        candidates.retain_by_weight(|_, weight| weight >= least_weight * (1.0 - EDGE));
        Some(least_weight / total)
    }

    fn fork(&self) -> Box<dyn Stage> {
        Box::new(self.clone())
    }
}
