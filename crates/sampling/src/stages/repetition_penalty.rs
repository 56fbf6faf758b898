//! For each id that occurs in prompt or output: logit_i /= r if it is positive, else logit_i *= r.
//!
//! Once per id, however often it occurs. `penalty_last_n` and `penalty_scope` narrow which tokens
//! it sees. Source: Keskar et al., "CTRL", arXiv:1909.05858 (the rule for negative logits is
//! Hugging Face's; the window is llama.cpp's). No threshold.

use super::token_window::TokenWindow;
use super::{Reach, Stage, StepContext};
use crate::TokenId;
use crate::candidates::Candidates;
use crate::params::{PenaltyScope, SamplingParams};
use crate::pipeline::SequenceStart;

/// The stage's name.
pub const NAME: &str = "repetition_penalty";

/// Makes ids that occurred less likely (or more, below 1).
#[derive(Debug, Clone)]
pub struct RepetitionPenalty {
    penalty: f64,
    seen: TokenWindow,
}

impl RepetitionPenalty {
    /// A positive penalty, and the tokens so far that it sees.
    pub fn new(penalty: f64, seen: TokenWindow) -> Self {
        Self { penalty, seen }
    }
}

pub(super) fn build(params: &SamplingParams, start: &SequenceStart<'_>) -> Option<Box<dyn Stage>> {
    let penalty = params.repetition_penalty();
    if penalty == 1.0 {
        return None;
    }
    let seen = TokenWindow::of(params, start, PenaltyScope::PromptAndOutput)?;
    Some(Box::new(RepetitionPenalty::new(penalty, seen)))
}

impl Stage for RepetitionPenalty {
    fn name(&self) -> &'static str {
        NAME
    }

    fn apply(&mut self, candidates: &mut Candidates, _: &StepContext<'_>) -> Option<f64> {
        for (id, _) in self.seen.counts() {
            candidates.adjust(id, |logit| {
                if logit > 0.0 { logit / self.penalty } else { logit * self.penalty }
            });
        }
        None
    }

    fn accept(&mut self, token: TokenId) {
        self.seen.push(token);
    }

    fn reach(&self) -> Reach {
        if self.penalty >= 1.0 { Reach::Lowers } else { Reach::Changes }
    }

    fn named_ids(&self, _: &StepContext<'_>, ids: &mut Vec<TokenId>) {
        ids.extend(self.seen.counts().map(|(id, _)| id));
    }

    fn fork(&self) -> Box<dyn Stage> {
        Box::new(self.clone())
    }
}
