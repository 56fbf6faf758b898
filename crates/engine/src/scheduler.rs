//! Who computes what in the next step.
//!
//! There are no phases. Every running sequence gets part of its gap computed, in order of arrival,
//! under `step_tokens_max`; one row is kept aside for each sequence further back, so a long prompt
//! never stops the others' next token. What is left admits waiting requests, in order. Who would
//! compute what an earlier sequence is computing in the same step gets no rows, and shares it
//! after.
//!
//! Memory is given when a row needs it. When none is left, the request that came last gives its
//! blocks back and waits at the head of the queue; later its tokens, which are all kept, are
//! computed again. The first-come request can always take all blocks, and what would not fit them
//! alone is refused at submission: so somebody always advances, and nobody starves.
//!
//! A request may have several branches, each a sequence. They come in, go out and are planned
//! together, so that no branch ever runs while another of its request waits.

use crate::api::RequestId;
use crate::kv_blocks::{BlockCopy, KvBlocks, Ownership};
use crate::limits::SCORED_ROWS_MAX;
use crate::sequence::{Sequence, SequenceId};
use crate::sharing::{BlocksInWork, share_last_block, share_whole_blocks};
use model::{Segment, StepRows, TokenId, WantedLogits};
use std::collections::VecDeque;
use std::ops::Range;

/// The sequences, and the blocks they share.
#[derive(Debug)]
pub(crate) struct Scheduler {
    step_tokens_max: usize,
    sequences_max: usize,
    pub(crate) blocks: KvBlocks,
    /// Admitted sequences, by id.
    pub(crate) running: Vec<Sequence>,
    /// Sequences without blocks, by id; every one is of a later request than all that run.
    waiting: VecDeque<Sequence>,
}

/// The work of one step, as data.
#[derive(Debug, Default)]
pub(crate) struct StepPlan {
    /// What the model computes: one segment per sequence that advances.
    pub rows: StepRows,
    /// Whose each segment is.
    pub owners: Vec<SequenceId>,
    /// How many tokens at the end of each segment are guesses.
    pub draft_counts: Vec<usize>,
    /// Copies to make before the rows are computed, in this order.
    pub copies: Vec<BlockCopy>,
    /// Requests that run from this step on, and did not run before it.
    pub admitted: Vec<RequestId>,
    /// Requests that gave their blocks back.
    pub preempted: Vec<RequestId>,
}

impl Scheduler {
    /// No sequences, all blocks free.
    pub fn new(blocks: KvBlocks, step_tokens_max: usize, sequences_max: usize) -> Self {
        assert!(sequences_max <= step_tokens_max, "every running sequence gets a row in a step");
        Scheduler {
            step_tokens_max,
            sequences_max,
            blocks,
            running: Vec::new(),
            waiting: VecDeque::new(),
        }
    }

    /// Puts a new sequence at the end of the queue.
    pub fn enqueue(&mut self, sequence: Sequence) {
        let last = self.waiting.back().or(self.running.last());
        assert!(last.is_none_or(|last| last.id < sequence.id), "ids grow with arrival");
        self.waiting.push_back(sequence);
    }

    /// Decides the next step: gives rows and blocks, preempts and admits.
    pub fn plan(&mut self) -> StepPlan {
        let mut plan = StepPlan::default();
        let mut budget = RowBudget::new(self.step_tokens_max);
        let mut in_work = BlocksInWork::default();
        self.share(0, &mut plan, &mut budget, &mut in_work);
        let mut first = 0;
        while first < self.running.len() {
            let branches = first..self.branches_end(first);
            first = branches.end;
            self.plan_request(branches, &mut plan, &mut budget);
        }
        // Whoever gave blocks back came last; nobody later may take them in the same step.
        if plan.preempted.is_empty() {
            self.admit(&mut plan, &mut budget, &mut in_work);
        }
        self.add_drafts(&mut plan, &mut budget);
        plan
    }

    /// The rows of `plan` are in memory: closes the gaps by them, and seals the blocks now full.
    pub fn complete(&mut self, plan: &StepPlan) {
        let lens = plan.rows.segments.iter().zip(&plan.draft_counts);
        let known_lens = lens.map(|(segment, draft_count)| segment.tokens.len() - draft_count);
        for (known_len, &owner) in known_lens.zip(&plan.owners) {
            let index = self.running_index(owner).expect("a planned sequence runs");
            let sequence = &mut self.running[index];
            sequence.computed_count += known_len;
            let computed = &sequence.tokens[..sequence.computed_count];
            self.blocks.seal_full(&mut sequence.table, computed);
        }
    }

    /// Appends the token chosen for the running sequence `id`.
    pub fn append(&mut self, id: SequenceId, token: TokenId) {
        let index = self.running_index(id).expect("a token is chosen for a running sequence");
        self.running[index].tokens.push(token);
    }

    /// Gives the running sequence `id` guesses to check in the next step.
    pub fn set_draft(&mut self, id: SequenceId, draft: Vec<TokenId>) {
        let index = self.running_index(id).expect("a running sequence drafts");
        self.running[index].draft = draft;
    }

    /// After the tokens of a step were appended: the first `accepted_count` guesses were right and
    /// are computed; the rest is forgotten.
    pub fn keep_drafted(&mut self, id: SequenceId, accepted_count: usize) {
        let index = self.running_index(id).expect("whose draft was checked runs");
        let sequence = &mut self.running[index];
        sequence.computed_count += accepted_count;
        self.blocks.trim(&mut sequence.table, sequence.computed_count);
        self.blocks.seal_full(&mut sequence.table, &sequence.tokens[..sequence.computed_count]);
    }

    /// Rows per step.
    pub fn step_tokens_max(&self) -> usize {
        self.step_tokens_max
    }

    /// Rows that the next step has left when every running sequence closes its gap.
    pub fn spare_rows(&self) -> usize {
        let gaps = self.running.iter().map(Sequence::gap);
        self.step_tokens_max.saturating_sub(gaps.sum())
    }

    /// Takes all branches of a request out and frees their blocks. Returns the first branch.
    pub fn remove(&mut self, request: RequestId) -> Option<Sequence> {
        let mut removed = self.remove_running(request);
        removed.extend(self.remove_waiting(request));
        for sequence in removed.iter_mut().rev() {
            self.blocks.release_all(&mut sequence.table);
        }
        removed.into_iter().next()
    }

    /// The sequence `id`, if it runs.
    pub fn running(&self, id: SequenceId) -> Option<&Sequence> {
        self.running_index(id).map(|index| &self.running[index])
    }

    /// Sequences admitted.
    pub fn running_count(&self) -> usize {
        self.running.len()
    }

    /// Requests admitted.
    pub fn running_requests(&self) -> usize {
        self.running.iter().filter(|sequence| sequence.id.branch == 0).count()
    }

    /// Sequences in the queue.
    pub fn waiting_count(&self) -> usize {
        self.waiting.len()
    }

    /// Requests that run or wait.
    pub fn request_count(&self) -> usize {
        let ids = self.running.iter().chain(&self.waiting).map(|sequence| sequence.id.request);
        ids.fold((0, None), |(count, last), id| (count + usize::from(last != Some(id)), Some(id))).0
    }

    /// The accounts of the blocks.
    pub fn blocks(&self) -> &KvBlocks {
        &self.blocks
    }

    /// Checks what must hold between steps: order, and every block free or counted.
    ///
    /// # Panics
    /// When it does not hold.
    pub fn check(&self) {
        assert!(self.running.len() <= self.places_taken());
        assert!(self.places_taken() <= self.sequences_max);
        let ids = self.running.iter().chain(&self.waiting).map(|sequence| sequence.id);
        assert!(ids.is_sorted(), "whoever runs came before whoever waits");
        let last_running = self.running.last().map(|sequence| sequence.id.request);
        let first_waiting = self.waiting.front().map(|sequence| sequence.id.request);
        assert!(last_running.is_none() || last_running != first_waiting, "branches stay together");
        for sequence in &self.waiting {
            assert_eq!((sequence.computed_count, sequence.table.blocks.len()), (0, 0));
        }
        let block_tokens = self.blocks.block_tokens();
        for sequence in &self.running {
            let needed = sequence.computed_count.div_ceil(block_tokens);
            assert_eq!(sequence.table.blocks.len(), needed, "blocks are held for computed rows");
        }
        self.blocks.check(self.running.iter().map(|sequence| &sequence.table));
    }

    /// Shares what is in memory among the running sequences from `first` on, and finds out who of
    /// them waits for a block that another is filling. The others are kept a row each.
    fn share(
        &mut self,
        first: usize,
        plan: &mut StepPlan,
        budget: &mut RowBudget,
        in_work: &mut BlocksInWork,
    ) {
        let mut next = first;
        while next < self.running.len() {
            let branches = next..self.branches_end(next);
            next = branches.end;
            if branches.len() > 1 {
                self.prepare_branches(branches.clone(), &mut plan.copies);
            } else {
                let sequence = &mut self.running[branches.start];
                share_whole_blocks(&mut self.blocks, sequence);
                plan.copies.extend(share_last_block(&mut self.blocks, sequence));
                sequence.waits = in_work.must_wait(&self.blocks, sequence);
            }
            let advancing = self.running[branches].iter().filter(|sequence| !sequence.waits);
            budget.kept_rows += advancing.count();
        }
    }

    /// Gives the running sequences `branches`, which are one request's, their rows and blocks.
    fn plan_request(
        &mut self,
        branches: Range<usize>,
        plan: &mut StepPlan,
        budget: &mut RowBudget,
    ) {
        let segment_count = plan.owners.len();
        for index in branches {
            if self.running[index].waits {
                continue;
            }
            let rows = budget.share(&self.running[index]);
            if rows > 0 {
                if !self.cover(index, rows, plan) {
                    plan.withdraw(segment_count);
                    return;
                }
                plan.add(&self.running[index], budget.take(&self.running[index], rows));
            }
        }
    }

    /// Admits waiting requests, in order, while rows and blocks are left.
    fn admit(&mut self, plan: &mut StepPlan, budget: &mut RowBudget, in_work: &mut BlocksInWork) {
        while budget.rows > 0 {
            let Some(request) = self.waiting.front().map(|sequence| sequence.id.request) else {
                break;
            };
            let places = self.waiting.front().map_or(0, |sequence| sequence.branches_max);
            if self.places_taken() + places > self.sequences_max {
                break;
            }
            let mut branches = self.remove_waiting(request);
            for sequence in &mut branches {
                share_whole_blocks(&mut self.blocks, sequence);
            }
            if !self.has_room(&branches) {
                self.wait_first(branches);
                break;
            }
            plan.admitted.push(request);
            let first = self.running.len();
            self.running.append(&mut branches);
            self.share(first, plan, budget, in_work);
            self.plan_request(first..self.running.len(), plan, budget);
            assert!(plan.preempted.is_empty(), "there is room for the whole gap");
        }
    }

    /// Adds guesses behind the rows of their sequences, where rows and blocks are left that nobody
    /// else wanted in this step.
    fn add_drafts(&mut self, plan: &mut StepPlan, budget: &mut RowBudget) {
        for place in 0..plan.owners.len() {
            let index = self.running_index(plan.owners[place]).expect("a planned sequence runs");
            let sequence = &mut self.running[index];
            let mut draft = std::mem::take(&mut sequence.draft);
            draft.truncate(budget.rows);
            if draft.is_empty() {
                continue;
            }
            let end = sequence.tokens.len() + draft.len();
            let block_tokens = self.blocks.block_tokens();
            while sequence.table.blocks.len() * block_tokens < end
                && self.blocks.grow(&mut sequence.table)
            {}
            let covered = sequence.table.blocks.len() * block_tokens;
            draft.truncate(covered.saturating_sub(sequence.tokens.len()));
            if !draft.is_empty() {
                assert_eq!(sequence.gap(), 1, "guesses follow the newest token");
                budget.rows -= draft.len();
                plan.add_draft(place, sequence, &draft);
            }
        }
    }

    /// Whether the whole gaps of a request's branches fit beside those that run, and leave each of
    /// them and the newcomers one block to grow into. Alone, everything fits that was let in.
    fn has_room(&self, branches: &[Sequence]) -> bool {
        let newcomers = branches.first().map_or(0, |sequence| sequence.branches_max);
        let growth = self.places_taken() + newcomers;
        let needed = self.missing_blocks(branches) + growth;
        self.running.is_empty() || needed <= self.blocks.free_count()
    }

    /// Gives `running[index]` the blocks for its next `rows`, if need be by preempting from the
    /// end. False when its own request was the last, and preempted.
    fn cover(&mut self, index: usize, rows: usize, plan: &mut StepPlan) -> bool {
        loop {
            let sequence = &mut self.running[index];
            let first_block = sequence.computed_count / self.blocks.block_tokens();
            let covered = sequence.table.blocks.len() * self.blocks.block_tokens();
            if sequence.computed_count + rows > covered {
                if self.blocks.grow(&mut sequence.table) {
                    continue;
                }
            } else {
                match self.blocks.make_own(&mut sequence.table, first_block) {
                    Ownership::Own => return true,
                    Ownership::Copied(copy) => {
                        plan.copies.push(copy);
                        return true;
                    }
                    Ownership::NoBlock => {}
                }
            }
            self.preempt_last(plan);
            if self.running.len() <= index {
                return false;
            }
        }
    }

    /// The request that came last gives its blocks back and waits.
    fn preempt_last(&mut self, plan: &mut StepPlan) {
        let last = self.running.last().expect("somebody holds the blocks").id.request;
        let mut branches = self.remove_running(last);
        assert!(!self.running.is_empty(), "one request alone fits: checked at submission");
        for sequence in &mut branches {
            sequence.preempted_count += 1;
        }
        plan.preempted.push(last);
        self.wait_first(branches);
    }

    /// Puts a request's branches at the head of the queue, without blocks.
    fn wait_first(&mut self, branches: Vec<Sequence>) {
        for mut sequence in branches.into_iter().rev() {
            give_back(&mut self.blocks, &mut sequence);
            self.waiting.push_front(sequence);
        }
    }

    fn remove_running(&mut self, request: RequestId) -> Vec<Sequence> {
        let branches = self.running_range(request);
        self.running.drain(branches).collect()
    }

    pub(crate) fn running_range(&self, request: RequestId) -> Range<usize> {
        let first = self.running.partition_point(|sequence| sequence.id.request < request);
        first..self.running.partition_point(|sequence| sequence.id.request <= request)
    }

    fn remove_waiting(&mut self, request: RequestId) -> Vec<Sequence> {
        let branches = self.waiting_range(request);
        self.waiting.drain(branches).collect()
    }

    fn waiting_range(&self, request: RequestId) -> Range<usize> {
        let first = self.waiting.partition_point(|sequence| sequence.id.request < request);
        first..self.waiting.partition_point(|sequence| sequence.id.request <= request)
    }

    /// Where the branches that begin at `running[first]` end.
    fn branches_end(&self, first: usize) -> usize {
        let request = self.running[first].id.request;
        self.running.partition_point(|sequence| sequence.id.request <= request)
    }

    fn running_index(&self, id: SequenceId) -> Option<usize> {
        self.running.binary_search_by_key(&id, |sequence| sequence.id).ok()
    }
}

impl StepPlan {
    fn add(&mut self, sequence: &Sequence, rows: usize) {
        let first_position = sequence.computed_count;
        let end = first_position + rows;
        let logits = if sequence.scores_next_rows() {
            WantedLogits::All
        } else if end == sequence.tokens.len() {
            WantedLogits::Last
        } else {
            WantedLogits::None
        };
        self.owners.push(sequence.id);
        self.draft_counts.push(0);
        self.rows.segments.push(Segment {
            tokens: sequence.tokens[first_position..end].to_vec(),
            first_position,
            kv_blocks: sequence.table.blocks.clone(),
            logits,
        });
    }

    /// Puts guesses behind the rows of segment `place`.
    fn add_draft(&mut self, place: usize, sequence: &Sequence, draft: &[TokenId]) {
        let segment = &mut self.rows.segments[place];
        segment.tokens.extend_from_slice(draft);
        segment.kv_blocks.clone_from(&sequence.table.blocks);
        segment.logits = WantedLogits::All;
        self.draft_counts[place] = draft.len();
    }

    /// Takes back the segments after the first `segment_count`. Copies stay: they are made before
    /// any row is written, so that one into a block that was given back harms nobody.
    fn withdraw(&mut self, segment_count: usize) {
        self.owners.truncate(segment_count);
        self.draft_counts.truncate(segment_count);
        self.rows.segments.truncate(segment_count);
    }
}

/// Rows that a step can still take.
struct RowBudget {
    rows: usize,
    /// Of these, one for each sequence that advances in this step and had no turn yet.
    kept_rows: usize,
    /// Rows of prompts that are scored: each of them needs a row of logits in memory.
    scored_rows: usize,
}

impl RowBudget {
    fn new(step_tokens_max: usize) -> Self {
        RowBudget { rows: step_tokens_max, kept_rows: 0, scored_rows: SCORED_ROWS_MAX }
    }

    /// How many rows of its gap `sequence` gets: it is its turn.
    fn share(&mut self, sequence: &Sequence) -> usize {
        self.kept_rows -= 1;
        let rows = sequence.open_rows().min(self.rows.saturating_sub(self.kept_rows));
        if sequence.scores_next_rows() { rows.min(self.scored_rows) } else { rows }
    }

    fn take(&mut self, sequence: &Sequence, rows: usize) -> usize {
        self.rows -= rows;
        if sequence.scores_next_rows() {
            self.scored_rows -= rows;
        }
        rows
    }
}

fn give_back(blocks: &mut KvBlocks, sequence: &mut Sequence) {
    blocks.release_all(&mut sequence.table);
    sequence.restart();
}

#[cfg(test)]
#[path = "scheduler_tests.rs"]
mod tests;
