//! The best continuations of one hypothesis: logits -> log-softmax -> stages -> the first few.
//!
//! Beam search adds up log-probabilities, so the stages see the log-softmax of the logits, as
//! processors do in Transformers, and what they leave is not normalized again.

use crate::TokenId;
use crate::candidates::{Candidates, ChooseError, check_logits};
use crate::exponential::{exp_nonpositive, ln, sum_in_lanes};
use crate::pipeline::Pipeline;
use crate::stages::StepContext;

/// A token that may follow a hypothesis.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Continuation {
    /// The token.
    pub token: TokenId,
    /// What it adds to the sum of log-probabilities.
    pub logprob: f64,
}

/// Which continuations of a hypothesis are wanted.
#[derive(Debug, Clone, Copy)]
pub struct Ask<'a> {
    /// How many, at most.
    pub count: usize,
    /// What earlier groups chose at this step; a token stands here once per time.
    pub chosen: &'a [TokenId],
    /// What a token's log-probability loses for each time.
    pub diversity_penalty: f64,
}

/// Working space for expanding hypotheses, one after the other.
#[derive(Debug, Default)]
pub struct Expander {
    logprobs: Vec<f64>,
}

impl Expander {
    /// The best continuations after the row `logits`, best first, lower ids first among equals.
    pub fn expand(
        &mut self,
        pipeline: &mut Pipeline,
        candidates: &mut Candidates,
        logits: &[f32],
        step: &StepContext<'_>,
        ask: Ask<'_>,
    ) -> Result<Vec<Continuation>, ChooseError> {
        check_logits(logits)?;
        let largest = f64::from(logits.iter().copied().fold(f32::NEG_INFINITY, f32::max));
        let weights = logits.iter().map(|&logit| exp_nonpositive(f64::from(logit) - largest));
        let log_total = ln(sum_in_lanes(weights));
        self.logprobs.clear();
        self.logprobs.extend(logits.iter().map(|&l| (f64::from(l) - largest) - log_total));
        for &token in ask.chosen {
            self.logprobs[token as usize] -= ask.diversity_penalty;
        }
        pipeline.shape(candidates, &self.logprobs, step)?;
        candidates.retain_largest(ask.count);
        let entries = candidates.ids().iter().zip(candidates.logits());
        let mut best: Vec<Continuation> =
            entries.map(|(&token, &logprob)| Continuation { token, logprob }).collect();
        best.sort_by(|a, b| b.logprob.total_cmp(&a.logprob));
        Ok(best)
    }
}
