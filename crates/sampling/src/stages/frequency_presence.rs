//! logit_i -= count_i * frequency + (1 if count_i > 0 else 0) * presence.
//!
//! Counts are over the output only, as OpenAI and vLLM count; the prompt does not weigh in.
//! Source: OpenAI API reference, `frequency_penalty` and `presence_penalty`. No threshold.

use super::{Reach, Stage, StepContext};
use crate::TokenId;
use crate::candidates::Candidates;
use crate::params::SamplingParams;
use crate::pipeline::SequenceStart;
use std::collections::HashMap;

/// The stage's name.
pub const NAME: &str = "frequency_presence";

/// Lowers the logits of generated ids, by count and once.
#[derive(Debug, Clone)]
pub struct FrequencyPresence {
    frequency: f64,
    presence: f64,
    counts: HashMap<TokenId, u32>,
}

impl FrequencyPresence {
    /// The two penalties (positive discourages, negative encourages) and the tokens counted so far.
    pub fn new(frequency: f64, presence: f64, tokens: impl IntoIterator<Item = TokenId>) -> Self {
        let mut stage = Self { frequency, presence, counts: HashMap::new() };
        tokens.into_iter().for_each(|token| stage.accept(token));
        stage
    }
}

pub(super) fn build(params: &SamplingParams, start: &SequenceStart<'_>) -> Option<Box<dyn Stage>> {
    let (frequency, presence) = (params.frequency_penalty(), params.presence_penalty());
    (frequency != 0.0 || presence != 0.0).then(|| {
        let generated = start.generated.iter().copied();
        Box::new(FrequencyPresence::new(frequency, presence, generated)) as Box<dyn Stage>
    })
}

impl Stage for FrequencyPresence {
    fn name(&self) -> &'static str {
        NAME
    }

    fn apply(&mut self, candidates: &mut Candidates, _: &StepContext<'_>) -> Option<f64> {
        for (&id, &count) in &self.counts {
            let penalty = f64::from(count) * self.frequency + self.presence;
            candidates.adjust(id, |logit| logit - penalty);
        }
        None
    }

    fn accept(&mut self, token: TokenId) {
        *self.counts.entry(token).or_insert(0) += 1;
    }

    fn reach(&self) -> Reach {
        let lowers = self.frequency >= 0.0 && self.presence >= 0.0;
        if lowers { Reach::Lowers } else { Reach::Changes }
    }

    fn named_ids(&self, _: &StepContext<'_>, ids: &mut Vec<TokenId>) {
        ids.extend(self.counts.keys());
    }

    fn fork(&self) -> Box<dyn Stage> {
        Box::new(self.clone())
    }
}
