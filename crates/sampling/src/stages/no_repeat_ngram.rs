//! Removes every id that would complete a run of n tokens which already occurs in prompt or output.
//!
//! Source: Paulus, Xiong, Socher, arXiv:1705.04304; Hugging Face `no_repeat_ngram_size`. If every
//! candidate is banned the best of them stays. No threshold. The scan compares one token per
//! position (a few microseconds for a long context) and needs no state of its own.

use super::{Stage, StepContext};
use crate::TokenId;
use crate::candidates::Candidates;
use crate::params::SamplingParams;
use crate::pipeline::SequenceStart;

/// The stage's name.
pub const NAME: &str = "no_repeat_ngram";

/// Forbids repeated runs of `n` tokens.
#[derive(Debug, Clone)]
pub struct NoRepeatNgram {
    n: usize,
    /// Ascending; kept between steps for its memory only.
    banned: Vec<TokenId>,
}

impl NoRepeatNgram {
    /// Forbids runs of `n` tokens, at least 1.
    pub fn new(n: usize) -> Self {
        Self { n, banned: Vec::new() }
    }

    /// Collects the ids that followed earlier occurrences of the last n - 1 tokens.
    fn collect_banned(&mut self, step: &StepContext<'_>) {
        self.banned.clear();
        let length = step.prompt.len() + step.generated.len();
        let token_at = |position: usize| match position.checked_sub(step.prompt.len()) {
            None => step.prompt[position],
            Some(generated_position) => step.generated[generated_position],
        };
        let prefix = self.n - 1;
        for start in 0..(length + 1).saturating_sub(self.n) {
            let last = length - prefix;
            if (0..prefix).all(|offset| token_at(start + offset) == token_at(last + offset)) {
                self.banned.push(token_at(start + prefix));
            }
        }
        self.banned.sort_unstable();
    }
}

pub(super) fn build(params: &SamplingParams, _: &SequenceStart<'_>) -> Option<Box<dyn Stage>> {
    let n = params.no_repeat_ngram_size();
    (n > 0).then(|| Box::new(NoRepeatNgram::new(n)) as Box<dyn Stage>)
}

impl Stage for NoRepeatNgram {
    fn name(&self) -> &'static str {
        NAME
    }

    fn apply(&mut self, candidates: &mut Candidates, step: &StepContext<'_>) -> Option<f64> {
        self.collect_banned(step);
        candidates.remove(&self.banned);
        None
    }

    fn fork(&self) -> Box<dyn Stage> {
        Box::new(self.clone())
    }
}
