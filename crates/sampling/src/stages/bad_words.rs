//! Removes the id that would complete a bad word: the last token of each sequence w_1 ... w_m for
//! which the text so far ends with w_1 ... w_(m-1). A sequence of one token is always removed.
//!
//! Texts (`bad_words`) are vLLM's: they are matched against the output only. Lists of ids
//! (`bad_words_ids`) are those of Hugging Face's NoBadWordsLogitsProcessor: they are matched
//! against prompt and output, and a list that is nothing but an end token is left out. A
//! constraint, so it comes first and `samplers` cannot drop it. If every candidate is banned the
//! best of them stays. No threshold.

use super::{Reach, Stage, StepContext};
use crate::TokenId;
use crate::candidates::Candidates;
use crate::params::SamplingParams;
use crate::pipeline::SequenceStart;

/// The stage's name.
pub const NAME: &str = "bad_words";

/// Forbids sequences of tokens.
#[derive(Debug, Clone)]
pub struct BadWords {
    /// Words of one token.
    single: Vec<TokenId>,
    longer: Vec<Word>,
    /// Ascending; kept between steps for its memory only.
    banned: Vec<TokenId>,
}

#[derive(Debug, Clone)]
struct Word {
    before: Vec<TokenId>,
    last: TokenId,
    /// Whether its beginning may lie in the prompt.
    sees_prompt: bool,
}

impl BadWords {
    /// Sequences that must not be completed: those matched in the output, and those matched in
    /// prompt and output. Empty ones forbid nothing.
    pub fn new<'a>(
        in_output: impl IntoIterator<Item = &'a [TokenId]>,
        anywhere: impl IntoIterator<Item = &'a [TokenId]>,
    ) -> Self {
        let mut stage = Self { single: Vec::new(), longer: Vec::new(), banned: Vec::new() };
        let in_output = in_output.into_iter().map(|word| (word, false));
        let anywhere = anywhere.into_iter().map(|word| (word, true));
        for (word, sees_prompt) in in_output.chain(anywhere) {
            match word {
                [] => {}
                [only] => stage.single.push(*only),
                [before @ .., last] => {
                    let before = before.to_vec();
                    stage.longer.push(Word { before, last: *last, sees_prompt });
                }
            }
        }
        stage
    }
}

impl Word {
    fn is_begun(&self, step: &StepContext<'_>) -> bool {
        let Some(in_prompt) = self.before.len().checked_sub(step.generated.len()) else {
            return step.generated.ends_with(&self.before);
        };
        let (early, late) = self.before.split_at(in_prompt);
        (in_prompt == 0 || self.sees_prompt)
            && step.generated == late
            && step.prompt.ends_with(early)
    }
}

pub(super) fn build(params: &SamplingParams, start: &SequenceStart<'_>) -> Option<Box<dyn Stage>> {
    let eos_ids = params.eos_ids(start.eos_ids);
    let is_end = |word: &[TokenId]| matches!(word, [only] if eos_ids.contains(only));
    let lists = params.stages().bad_words_ids.iter().map(Vec::as_slice);
    let texts = params.bad_word_tokens().iter().map(Vec::as_slice);
    let stage = BadWords::new(texts, lists.filter(|word| !is_end(word)));
    let wanted = !stage.single.is_empty() || !stage.longer.is_empty();
    wanted.then(|| Box::new(stage) as Box<dyn Stage>)
}

impl Stage for BadWords {
    fn name(&self) -> &'static str {
        NAME
    }

    fn apply(&mut self, candidates: &mut Candidates, step: &StepContext<'_>) -> Option<f64> {
        let mut banned = std::mem::take(&mut self.banned);
        banned.clear();
        self.named_ids(step, &mut banned);
        banned.sort_unstable();
        candidates.remove(&banned);
        self.banned = banned;
        None
    }

    fn reach(&self) -> Reach {
        Reach::Lowers
    }

    fn named_ids(&self, step: &StepContext<'_>, ids: &mut Vec<TokenId>) {
        ids.extend_from_slice(&self.single);
        let begun = self.longer.iter().filter(|word| word.is_begun(step));
        ids.extend(begun.map(|word| word.last));
    }

    fn fork(&self) -> Box<dyn Stage> {
        Box::new(self.clone())
    }
}
