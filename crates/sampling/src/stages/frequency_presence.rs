//! logit_i -= count_i * frequency + (1 if count_i > 0 else 0) * presence.
//!
//! Counts are over the output only, as OpenAI and vLLM count; the prompt does not weigh in, unless
//! `penalty_scope` says so, and `penalty_last_n` narrows them to the last tokens, as llama.cpp
//! does. Source: OpenAI API reference, `frequency_penalty` and `presence_penalty`. No threshold.

use super::token_window::TokenWindow;
use super::{Reach, Stage, StepContext};
use crate::TokenId;
use crate::candidates::Candidates;
use crate::params::{PenaltyScope, SamplingParams};
use crate::pipeline::SequenceStart;

/// The stage's name.
pub const NAME: &str = "frequency_presence";

/// Lowers the logits of generated ids, by count and once.
#[derive(Debug, Clone)]
pub struct FrequencyPresence {
    frequency: f64,
    presence: f64,
    seen: TokenWindow,
}

impl FrequencyPresence {
    /// The two penalties (positive discourages, negative encourages) and the tokens counted so far.
    pub fn new(frequency: f64, presence: f64, seen: TokenWindow) -> Self {
        Self { frequency, presence, seen }
    }
}

pub(super) fn build(params: &SamplingParams, start: &SequenceStart<'_>) -> Option<Box<dyn Stage>> {
    let (frequency, presence) = (params.frequency_penalty(), params.presence_penalty());
    if frequency == 0.0 && presence == 0.0 {
        return None;
    }
    let seen = TokenWindow::of(params, start, PenaltyScope::Output)?;
    Some(Box::new(FrequencyPresence::new(frequency, presence, seen)))
}

impl Stage for FrequencyPresence {
    fn name(&self) -> &'static str {
        NAME
    }

    fn apply(&mut self, candidates: &mut Candidates, _: &StepContext<'_>) -> Option<f64> {
        for (id, count) in self.seen.counts() {
            let penalty = f64::from(count) * self.frequency + self.presence;
            candidates.adjust(id, |logit| logit - penalty);
        }
        None
    }

    fn accept(&mut self, token: TokenId) {
        self.seen.push(token);
    }

    fn reach(&self) -> Reach {
        let lowers = self.frequency >= 0.0 && self.presence >= 0.0;
        if lowers { Reach::Lowers } else { Reach::Changes }
    }

    fn named_ids(&self, _: &StepContext<'_>, ids: &mut Vec<TokenId>) {
        ids.extend(self.seen.counts().map(|(id, _)| id));
    }

    fn fork(&self) -> Box<dyn Stage> {
        Box::new(self.clone())
    }
}
