//! For each id that occurs in prompt or output: logit_i /= r if it is positive, else logit_i *= r.
//!
//! Once per id, however often it occurs. Source: Keskar et al., "CTRL", arXiv:1909.05858 (the rule
//! for negative logits is Hugging Face's). No threshold.

use super::{Reach, Stage, StepContext};
use crate::TokenId;
use crate::candidates::Candidates;
use crate::params::SamplingParams;
use crate::pipeline::SequenceStart;
use std::collections::HashSet;

/// The stage's name.
pub const NAME: &str = "repetition_penalty";

/// Makes ids that occurred less likely (or more, below 1).
#[derive(Debug, Clone)]
pub struct RepetitionPenalty {
    penalty: f64,
    seen: HashSet<TokenId>,
}

impl RepetitionPenalty {
    /// A positive penalty, and the tokens so far: those of the prompt and those generated.
    pub fn new(penalty: f64, tokens: impl IntoIterator<Item = TokenId>) -> Self {
        Self { penalty, seen: tokens.into_iter().collect() }
    }
}

pub(super) fn build(params: &SamplingParams, start: &SequenceStart<'_>) -> Option<Box<dyn Stage>> {
    let penalty = params.repetition_penalty();
    let tokens = start.prompt.iter().chain(start.generated).copied();
    (penalty != 1.0).then(|| Box::new(RepetitionPenalty::new(penalty, tokens)) as Box<dyn Stage>)
}

impl Stage for RepetitionPenalty {
    fn name(&self) -> &'static str {
        NAME
    }

    fn apply(&mut self, candidates: &mut Candidates, _: &StepContext<'_>) -> Option<f64> {
        for &id in &self.seen {
            candidates.adjust(id, |logit| {
                if logit > 0.0 { logit / self.penalty } else { logit * self.penalty }
            });
        }
        None
    }

    fn accept(&mut self, token: TokenId) {
        self.seen.insert(token);
    }

    fn reach(&self) -> Reach {
        if self.penalty >= 1.0 { Reach::Lowers } else { Reach::Changes }
    }

    fn named_ids(&self, _: &StepContext<'_>, ids: &mut Vec<TokenId>) {
        ids.extend(&self.seen);
    }

    fn fork(&self) -> Box<dyn Stage> {
        Box::new(self.clone())
    }
}
