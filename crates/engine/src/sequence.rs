//! One token stream with its block table: all that the scheduler knows about a request's branch.

use crate::api::RequestId;
use crate::kv_blocks::BlockTable;
use model::TokenId;

/// Names a token stream. Most requests have one, branch 0; a beam search has one per hypothesis.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct SequenceId {
    /// Whose it is. Later requests have larger ids.
    pub request: RequestId,
    /// Number of the branch within the request, from 0.
    pub branch: u32,
}

impl SequenceId {
    /// The first branch of a request.
    pub fn first(request: RequestId) -> Self {
        SequenceId { request, branch: 0 }
    }
}

/// A sequence has tokens that are known and a number of them that are computed; a step closes the
/// gap. A prompt, a single new token and a recomputation after preemption are all just gaps.
#[derive(Debug)]
pub(crate) struct Sequence {
    /// Which branch of which request.
    pub id: SequenceId,
    /// The prompt and what was generated so far. Never empty.
    pub tokens: Vec<TokenId>,
    /// How many of `tokens` are the prompt.
    pub prompt_count: usize,
    /// How many tokens behind the prompt were generated earlier, before this request.
    pub resumed_count: usize,
    /// How many of `tokens`, from the first, have their keys and values in memory.
    pub computed_count: usize,
    /// Where those keys and values are.
    pub table: BlockTable,
    /// Whether logits of every prompt row are wanted; then no prompt row can be skipped.
    pub scores_prompt: bool,
    /// Whose request it is: see [`GenerateRequest::owner`](crate::GenerateRequest::owner).
    pub owner: u64,
    /// Whether its owner was charged for its prompt.
    pub is_paid: bool,
    /// Rows it gets in this step.
    pub granted_rows: usize,
    /// Whether it gets no rows in this step, because another is computing its next block, or its
    /// own branches are not as far.
    pub waits: bool,
    /// Guesses at the next tokens, to be checked in the next step.
    pub draft: Vec<TokenId>,
    /// Branches that its request may have at once, this one included.
    pub branches_max: usize,
    /// Whether it is one of several branches, whose last rows are computed together.
    pub in_lockstep: bool,
    /// Prompt tokens that were found in memory instead of computed, at first.
    pub prefix_hit_count: usize,
    /// How often its blocks were taken away.
    pub preempted_count: usize,
}

impl Sequence {
    /// A sequence of which nothing is computed.
    pub fn new(id: SequenceId, prompt: Vec<TokenId>) -> Self {
        assert!(!prompt.is_empty(), "an empty prompt is refused at admission");
        Sequence {
            id,
            prompt_count: prompt.len(),
            tokens: prompt,
            resumed_count: 0,
            computed_count: 0,
            table: BlockTable::default(),
            scores_prompt: false,
            owner: 0,
            is_paid: false,
            granted_rows: 0,
            waits: false,
            draft: Vec::new(),
            branches_max: 1,
            in_lockstep: false,
            prefix_hit_count: 0,
            preempted_count: 0,
        }
    }

    /// A sequence whose output begins with tokens generated earlier.
    pub fn resumed(id: SequenceId, prompt: Vec<TokenId>, generated: &[TokenId]) -> Self {
        let mut sequence = Sequence::new(id, prompt);
        sequence.tokens.extend(generated);
        sequence.resumed_count = generated.len();
        sequence
    }

    /// Tokens that are known and not computed.
    pub fn gap(&self) -> usize {
        self.tokens.len() - self.computed_count
    }

    /// Rows of the gap that may be computed now: in lockstep the last one only by itself.
    pub fn open_rows(&self) -> usize {
        let gap = self.gap();
        if self.in_lockstep && gap > 1 { gap - 1 } else { gap }
    }

    /// The prompt's tokens.
    pub fn prompt(&self) -> &[TokenId] {
        &self.tokens[..self.prompt_count]
    }

    /// Tokens generated so far.
    pub fn generated(&self) -> &[TokenId] {
        &self.tokens[self.prompt_count..]
    }

    /// Whether the next rows to compute are prompt rows whose logits are wanted.
    pub fn scores_next_rows(&self) -> bool {
        self.scores_prompt && self.computed_count < self.prompt_count
    }

    /// Counts `count` tokens as computed that were found in memory.
    pub fn skip(&mut self, count: usize) {
        self.computed_count += count;
        if self.preempted_count == 0 {
            self.prefix_hit_count += count;
        }
    }

    /// Forgets what was computed, after its blocks are gone or before it ever ran.
    pub fn restart(&mut self) {
        self.computed_count = 0;
        self.draft.clear();
        if self.preempted_count == 0 {
            self.prefix_hit_count = 0;
        }
    }
}
