//! How little of the vocabulary a pipeline must look at.
//!
//! Many pipelines first change a few named ids, then keep the k largest logits: penalties, bans,
//! temperature, top-k, or penalties and the greedy choice. For these a handful of candidates gives
//! the same token, bit for bit, as the whole row. Temperature and top-p alone have their own short
//! way. [`Stage::reach`] is what makes either known.

use crate::TokenId;
use crate::candidates::{Candidates, ChooseError, Logit, Part};
use crate::selector::Selector;
use crate::stages::{Reach, Stage, StepContext};

/// The first stages of a pipeline, up to the one that makes the candidates few.
#[derive(Debug, Clone)]
pub(crate) enum Head {
    /// The last of them keeps the largest logits.
    Largest(Largest),
    /// They are a division and a share of the mass, and there are this many of them.
    Nucleus {
        /// What logits are divided by.
        divisor: f64,
        /// The share to keep.
        share: f64,
        /// How many stages do that.
        stage_count: usize,
    },
}

/// Few of the largest logits are kept, after named ids were changed.
#[derive(Debug, Clone, Default)]
pub(crate) struct Largest {
    /// How many are kept.
    count: usize,
    /// Stages before that which lower the ids they name.
    lowering: Vec<usize>,
    /// Stages before that which may raise them.
    changing: Vec<usize>,
    lowered: Vec<TokenId>,
    raised: Vec<TokenId>,
}

impl Head {
    /// The head of these stages; none where some stage needs every candidate.
    pub fn of(stages: &[Box<dyn Stage>], selector: Selector) -> Option<Self> {
        let mut head = Largest::default();
        let mut divisor = None;
        for (index, stage) in stages.iter().enumerate() {
            match stage.reach() {
                Reach::Lowers => head.lowering.push(index),
                Reach::Changes => head.changing.push(index),
                Reach::Divides(by) if divisor.is_none() => divisor = Some(by),
                Reach::Largest(count) => {
                    return Some(Head::Largest(Largest { count: count.max(1), ..head }));
                }
                Reach::Share(share) if head.lowering.is_empty() && head.changing.is_empty() => {
                    let divisor = divisor.unwrap_or(1.0);
                    return Some(Head::Nucleus { divisor, share, stage_count: index + 1 });
                }
                Reach::Divides(_) | Reach::Share(_) | Reach::All => return None,
            }
        }
        (selector == Selector::Greedy).then_some(Head::Largest(Largest { count: 1, ..head }))
    }

    /// Loads what is enough at this step. Returns how many of the stages are thereby done.
    pub fn load<L: Logit>(
        &mut self,
        candidates: &mut Candidates,
        logits: &[L],
        stages: &[Box<dyn Stage>],
        step: &StepContext<'_>,
    ) -> Result<usize, ChooseError> {
        match self {
            Head::Largest(largest) => {
                candidates.load_part(logits, &largest.part(stages, step))?;
                Ok(0)
            }
            Head::Nucleus { divisor, share, stage_count } => {
                if candidates.load_nucleus(logits, *divisor, *share)? {
                    return Ok(*stage_count);
                }
                candidates.load(logits)?;
                Ok(0)
            }
        }
    }
}

impl Largest {
    /// What is enough at this step.
    fn part(&mut self, stages: &[Box<dyn Stage>], step: &StepContext<'_>) -> Part<'_> {
        self.lowered.clear();
        self.raised.clear();
        for &index in &self.lowering {
            stages[index].named_ids(step, &mut self.lowered);
        }
        for &index in &self.changing {
            stages[index].named_ids(step, &mut self.raised);
        }
        self.raised.sort_unstable();
        self.raised.dedup();
        Part { count: self.count, lowered: &self.lowered, raised: &self.raised }
    }
}
