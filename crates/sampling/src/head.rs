//! How little of the vocabulary a pipeline must look at.
//!
//! Many pipelines first change a few named ids, then keep the k largest logits: penalties, bans,
//! temperature, top-k, or penalties and the greedy choice. For these a handful of candidates gives
//! the same token, bit for bit, as the whole row; [`Stage::reach`] is what makes it known.

use crate::TokenId;
use crate::candidates::Part;
use crate::selector::Selector;
use crate::stages::{Reach, Stage, StepContext};

/// The first stages of a pipeline, up to the one that keeps the largest logits.
#[derive(Debug, Clone, Default)]
pub(crate) struct Head {
    /// How many candidates that stage keeps.
    count: usize,
    /// Stages before it that lower the ids they name.
    lowering: Vec<usize>,
    /// Stages before it that may raise them.
    changing: Vec<usize>,
    lowered: Vec<TokenId>,
    raised: Vec<TokenId>,
}

impl Head {
    /// The head of these stages; none where some stage needs every candidate.
    pub fn of(stages: &[Box<dyn Stage>], selector: Selector) -> Option<Self> {
        let mut head = Head::default();
        for (index, stage) in stages.iter().enumerate() {
            match stage.reach() {
                Reach::Lowers => head.lowering.push(index),
                Reach::Changes => head.changing.push(index),
                Reach::KeepsOrder => {}
                Reach::Largest(count) => return Some(Head { count: count.max(1), ..head }),
                Reach::All => return None,
            }
        }
        (selector == Selector::Greedy).then_some(Head { count: 1, ..head })
    }

    /// What is enough at this step.
    pub fn part(&mut self, stages: &[Box<dyn Stage>], step: &StepContext<'_>) -> Part<'_> {
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
