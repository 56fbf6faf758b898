//! Several sequences of one request: hypotheses that split, share memory, and step together.
//!
//! Splitting copies nothing: the new tables hold the same blocks, and whoever first writes into a
//! block that others hold takes a copy of it (`Scheduler::cover`).
//!
//! Lockstep: the last row of a branch is held back until all branches of its request lack only
//! that one. So all logits of a step of the request come out of one forward pass, also after a
//! preemption, when whole texts are computed again.
//!
//! What branches have in common is then computed once: a branch waits until the earlier branch
//! with the longest common beginning has computed that, and takes it over, whether or not blocks
//! are shared between requests.

use crate::api::RequestId;
use crate::kv_blocks::{BlockCopy, KvBlocks};
use crate::scheduler::Scheduler;
use crate::sequence::{Sequence, SequenceId};
use crate::sharing::share_whole_blocks;
use model::TokenId;
use std::ops::Range;

/// A branch that continues another by one token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Child {
    /// Which branch it continues.
    pub parent: usize,
    /// What it adds.
    pub token: TokenId,
}

impl Scheduler {
    /// The branches of a running request, in order.
    pub fn branches(&self, request: RequestId) -> &[Sequence] {
        &self.running[self.running_range(request)]
    }

    /// Replaces the branches of a running request by `children`, numbered in order: at least one,
    /// and at most as many as the request may have. A branch without children gives its blocks
    /// back.
    pub fn branch(&mut self, request: RequestId, children: &[Child]) {
        let range = self.running_range(request);
        assert!(!children.is_empty() && children.len() <= self.running[range.start].branches_max);
        let mut parents: Vec<Sequence> = self.running.drain(range.clone()).collect();
        let in_lockstep = children.len() > 1;
        let grown = children.iter().enumerate().map(|(index, child)| {
            let parent = &parents[child.parent];
            let mut tokens = Vec::with_capacity(parent.tokens.len() + 1);
            tokens.extend_from_slice(&parent.tokens);
            tokens.push(child.token);
            let id = SequenceId { request, branch: index as u32 };
            let table = self.blocks.fork(&parent.table);
            let draft = Vec::new();
            Sequence { id, tokens, table, in_lockstep, draft, ..*parent }
        });
        let grown: Vec<Sequence> = grown.collect();
        for parent in parents.iter_mut().rev() {
            self.blocks.release_all(&mut parent.table);
        }
        self.queue.charge(grown[0].owner, grown.len());
        self.running.splice(range.start..range.start, grown);
    }

    /// Finds out which of a request's running branches get rows in this step, and takes over what
    /// is computed already.
    pub(crate) fn prepare_branches(&mut self, range: Range<usize>, copies: &mut Vec<BlockCopy>) {
        let is_ready = |branches: &[Sequence]| branches.iter().all(|branch| branch.gap() == 1);
        let branches = &mut self.running[range];
        if is_ready(branches) {
            branches.iter_mut().for_each(|branch| branch.waits = false);
            return;
        }
        for index in 0..branches.len() {
            let (earlier, rest) = branches.split_at_mut(index);
            let branch = &mut rest[0];
            share_whole_blocks(&mut self.blocks, branch);
            let is_led = take_over(&mut self.blocks, earlier, branch, copies);
            branch.waits = is_led || branch.gap() == 1;
        }
        if is_ready(branches) {
            branches.iter_mut().for_each(|branch| branch.waits = false);
        }
    }

    /// Sequences that the running requests may have at once.
    pub(crate) fn places_taken(&self) -> usize {
        let firsts = self.running.iter().filter(|sequence| sequence.id.branch == 0);
        firsts.map(|sequence| sequence.branches_max).sum()
    }

    /// Blocks that a request's waiting branches lack for all their tokens, at most.
    pub(crate) fn missing_blocks(&self, branches: &[Sequence]) -> usize {
        let block_tokens = self.blocks.block_tokens();
        let missing = |(index, branch): (usize, &Sequence)| {
            let (_, common) = leader(&branches[..index], branch);
            let held = branch.table.blocks.len().max(common / block_tokens);
            branch.tokens.len().div_ceil(block_tokens) - held
        };
        branches.iter().enumerate().map(missing).sum()
    }
}

/// Lets `branch` hold what the earlier branch with the longest common beginning has computed of
/// it. True when that branch still computes it, so that this one should wait.
fn take_over(
    blocks: &mut KvBlocks,
    earlier: &[Sequence],
    branch: &mut Sequence,
    copies: &mut Vec<BlockCopy>,
) -> bool {
    let (index, common) = leader(earlier, branch);
    if branch.computed_count >= common {
        return false;
    }
    let leader = &earlier[index];
    if leader.computed_count < common {
        return true;
    }
    let block_tokens = blocks.block_tokens();
    let whole = common / block_tokens;
    let mut table = blocks.fork_start(&leader.table, whole);
    let mut computed_count = whole * block_tokens;
    if computed_count < common {
        // Without a free block the few tokens behind the last whole one are computed again.
        if let Some(copy) = blocks.grow_copy_of(&mut table, leader.table.blocks[whole]) {
            copies.push(copy);
            computed_count = common;
        }
    }
    if computed_count <= branch.computed_count {
        blocks.release_all(&mut table);
        return false;
    }
    blocks.release_all(&mut branch.table);
    branch.table = table;
    branch.computed_count = computed_count;
    false
}

/// The earlier branch that begins most like `branch`, and how many tokens both begin with. The
/// last token never counts: its logits must be computed for each.
fn leader(earlier: &[Sequence], branch: &Sequence) -> (usize, usize) {
    let common = |other: &Sequence| {
        let pairs = other.tokens.iter().zip(&branch.tokens);
        pairs.take_while(|(a, b)| a == b).count().min(branch.tokens.len() - 1)
    };
    let lengths = earlier.iter().map(common).enumerate();
    lengths.fold((0, 0), |best, found| if found.1 > best.1 { found } else { best })
}
