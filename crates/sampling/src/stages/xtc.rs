//! Exclude top choices: with probability q, removes every candidate with p_i >= t but the least
//! likely of these.
//!
//! The chance is drawn apart from the token's draw; fewer than two such candidates, or t > 1/2
//! (under which there cannot be two), change nothing. Among equals the highest id stays. Source:
//! p-e-w, text-generation-webui pull request 6335; llama.cpp `xtc_probability` and
//! `xtc_threshold`. Threshold: t, a probability, in steps in which it acts.

use super::{Stage, StepContext};
use crate::TokenId;
use crate::candidates::{Candidates, EDGE};
use crate::params::SamplingParams;
use crate::pipeline::SequenceStart;
use crate::random::{Purpose, uniform};

/// The stage's name.
pub const NAME: &str = "xtc";

/// Sometimes removes the most likely candidates.
#[derive(Debug, Clone)]
pub struct Xtc {
    probability: f64,
    threshold: f64,
    seed: u64,
    choice_index: u32,
    /// Ascending; kept between steps for its memory only.
    removed: Vec<TokenId>,
}

impl Xtc {
    /// Acts with `probability` (positive) on candidates from `threshold` (at most 1/2) on; the
    /// chance of a step follows from seed and choice index.
    pub fn new(probability: f64, threshold: f64, seed: u64, choice_index: u32) -> Self {
        Self { probability, threshold, seed, choice_index, removed: Vec::new() }
    }
}

pub(super) fn build(params: &SamplingParams, start: &SequenceStart<'_>) -> Option<Box<dyn Stage>> {
    let (probability, threshold) = (params.stages().xtc_probability, params.stages().xtc_threshold);
    (probability > 0.0 && threshold <= 0.5).then(|| {
        Box::new(Xtc::new(probability, threshold, start.seed, start.choice_index)) as Box<dyn Stage>
    })
}

impl Stage for Xtc {
    fn name(&self) -> &'static str {
        NAME
    }

    fn apply(&mut self, candidates: &mut Candidates, step: &StepContext<'_>) -> Option<f64> {
        if candidates.len() < 2 {
            return None;
        }
        let chance = uniform(self.seed, self.choice_index, step.step, Purpose::Stage);
        if chance > self.probability {
            return None;
        }
        let softmax = candidates.softmax();
        let least_weight = self.threshold * softmax.total * (1.0 - EDGE);
        self.removed.clear();
        let mut spared = (f64::INFINITY, 0);
        for (&id, &weight) in softmax.ids.iter().zip(softmax.weights) {
            if weight >= least_weight {
                self.removed.push(id);
                if weight <= spared.0 {
                    spared = (weight, self.removed.len() - 1);
                }
            }
        }
        if self.removed.len() > 1 {
            self.removed.remove(spared.1);
            candidates.remove(&self.removed);
        }
        Some(self.threshold)
    }

    fn set_choice_index(&mut self, choice_index: u32) {
        self.choice_index = choice_index;
    }

    fn fork(&self) -> Box<dyn Stage> {
        Box::new(self.clone())
    }
}
