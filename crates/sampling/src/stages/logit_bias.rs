//! logit_i += bias_i for the ids that the request names; a bias of -inf removes the id.
//!
//! An id may also be named by a text: every token of the text gets the bias, and biases that meet
//! on one id add up. Source: OpenAI API reference, `logit_bias`; texts, and `false` for a ban, are
//! the llama.cpp server's. If every candidate is banned the best of them stays. No threshold.

use super::{Reach, Stage, StepContext};
use crate::TokenId;
use crate::candidates::Candidates;
use crate::params::SamplingParams;
use crate::pipeline::SequenceStart;

/// The stage's name.
pub const NAME: &str = "logit_bias";

/// Adds to single logits and bans ids.
#[derive(Debug, Clone)]
pub struct LogitBias {
    added: Vec<(TokenId, f64)>,
    /// Ascending.
    banned: Vec<TokenId>,
}

impl LogitBias {
    /// A bias per id: a finite number, or -inf for a ban.
    pub fn new(biases: impl IntoIterator<Item = (TokenId, f64)>) -> Self {
        let (mut added, mut banned) = (Vec::new(), Vec::new());
        for (id, bias) in biases {
            if bias.is_finite() {
                added.push((id, bias));
            } else {
                banned.push(id);
            }
        }
        banned.sort_unstable();
        Self { added, banned }
    }
}

pub(super) fn build(params: &SamplingParams, _: &SequenceStart<'_>) -> Option<Box<dyn Stage>> {
    let mut biases = params.logit_bias().peekable();
    biases.peek().is_some().then(|| Box::new(LogitBias::new(biases)) as Box<dyn Stage>)
}

impl Stage for LogitBias {
    fn name(&self) -> &'static str {
        NAME
    }

    fn apply(&mut self, candidates: &mut Candidates, _: &StepContext<'_>) -> Option<f64> {
        for &(id, bias) in &self.added {
            candidates.adjust(id, |logit| logit + bias);
        }
        candidates.remove(&self.banned);
        None
    }

    fn reach(&self) -> Reach {
        let lowers = self.added.iter().all(|&(_, bias)| bias <= 0.0);
        if lowers { Reach::Lowers } else { Reach::Changes }
    }

    fn named_ids(&self, _: &StepContext<'_>, ids: &mut Vec<TokenId>) {
        ids.extend(self.added.iter().map(|(id, _)| id).chain(&self.banned));
    }

    fn fork(&self) -> Box<dyn Stage> {
        Box::new(self.clone())
    }
}
