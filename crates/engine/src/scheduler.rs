//! Who computes what in the next step.
//!
//! There are no phases. Every running sequence gets part of its gap computed (`rows.rs` says how
//! much), so a long prompt never stops the others' next token. Requests that wait are admitted in
//! fair order (`fair_queue.rs`) while rows, places and blocks are left. Who would compute what
//! another sequence is computing in the same step gets no rows, and shares it after.
//!
//! A request is admitted when the known tokens of all that run fit into memory with one block for
//! each to grow: what it may generate later is not counted, so a large limit reserves nothing.
//!
//! Memory is given when a row needs it. When none is left, the last in rank gives its blocks back
//! and waits; later its tokens, which are all kept, are computed again. Rank is by the service that
//! an owner got, least first, then by arrival: so the victim is what came last of who got most. The
//! first in rank can always take all blocks, and what would not fit them alone is refused at
//! submission. Ranks change with generated tokens only: so between two tokens somebody advances,
//! and every request ends.
//!
//! A request may have several branches, each a sequence. They come in, go out and are planned
//! together, so that no branch ever runs while another of its request waits.

use crate::api::RequestId;
use crate::fair_queue::FairQueue;
use crate::kv_blocks::{BlockCopy, KvBlocks, Ownership};
use crate::limits::OWNER_LEAD_MAX;
use crate::rows::{Demands, StepBounds, is_prefill};
use crate::sequence::{Sequence, SequenceId};
use crate::sharing::{BlocksInWork, share_last_block, share_whole_blocks};
use model::{Segment, StepRows, TokenId, WantedLogits};
use std::ops::Range;

/// The sequences, and the blocks they share.
#[derive(Debug)]
pub(crate) struct Scheduler {
    bounds: StepBounds,
    sequences_max: usize,
    pub(crate) blocks: KvBlocks,
    /// Admitted sequences, by id.
    pub(crate) running: Vec<Sequence>,
    /// Everybody else, without blocks.
    pub(crate) queue: FairQueue,
    /// The newest request, so that ids are seen to grow.
    newest: Option<SequenceId>,
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
    pub fn new(blocks: KvBlocks, bounds: StepBounds, sequences_max: usize) -> Self {
        let step_tokens_max = bounds.step_tokens_max;
        assert!(sequences_max <= step_tokens_max, "every running sequence gets a row in a step");
        let (running, queue) = (Vec::new(), FairQueue::new(OWNER_LEAD_MAX));
        Scheduler { bounds, sequences_max, blocks, running, queue, newest: None }
    }

    /// Puts the branches of a new request into the queue.
    pub fn enqueue(&mut self, branches: Vec<Sequence>) {
        let last = branches.last().expect("a request has a sequence").id;
        assert!(self.newest.is_none_or(|newest| newest < last), "ids grow with arrival");
        self.newest = Some(last);
        self.queue.arrive(branches);
    }

    /// Decides the next step: gives rows and blocks, preempts and admits.
    pub fn plan(&mut self) -> StepPlan {
        let mut plan = StepPlan::default();
        let mut order = self.ranked();
        let mut in_work = BlocksInWork::default();
        let mut demands = Demands::default();
        for &request in &order {
            self.share(request, &mut plan, &mut in_work, &mut demands);
        }
        self.admit(&mut order, &mut plan, &mut in_work, &mut demands);
        self.grant(&order, &demands);
        let mut rank = 0;
        // The order loses those at its end whose blocks are needed.
        while let Some(&request) = order.get(rank) {
            self.plan_request(request, &mut order, &mut plan);
            rank += 1;
        }
        let had_room = plan.admitted.is_empty() || plan.preempted.is_empty();
        assert!(had_room, "who is admitted leaves room for everybody's known tokens");
        self.add_drafts(&mut plan);
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
        let sequence = &mut self.running[index];
        sequence.tokens.push(token);
        self.queue.charge(sequence.owner, 1);
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
        self.bounds.step_tokens_max
    }

    /// Rows that the next step has left when every running sequence closes its gap.
    pub fn spare_rows(&self) -> usize {
        let gaps = self.running.iter().map(Sequence::gap);
        self.bounds.step_tokens_max.saturating_sub(gaps.sum())
    }

    /// Takes all branches of a request out and frees their blocks. Returns the first branch.
    pub fn remove(&mut self, request: RequestId) -> Option<Sequence> {
        if let Some(branches) = self.queue.remove(request) {
            return branches.into_iter().next();
        }
        let range = self.running_range(request);
        let mut branches: Vec<Sequence> = self.running.drain(range).collect();
        for sequence in branches.iter_mut().rev() {
            self.blocks.release_all(&mut sequence.table);
        }
        branches.first().inspect(|first| self.queue.leave(first.owner));
        branches.into_iter().next()
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
        self.queue.sequence_count()
    }

    /// Requests that run or wait.
    pub fn request_count(&self) -> usize {
        self.running_requests() + self.queue.requests().count()
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
        assert!(self.running.iter().map(|sequence| sequence.id).is_sorted());
        let firsts = self.running.iter().filter(|sequence| sequence.id.branch == 0);
        self.queue.check(firsts.map(|sequence| sequence.owner));
        for (request, branches) in self.queue.requests() {
            assert!(self.running_range(request).is_empty(), "branches stay together");
            for sequence in branches {
                assert_eq!((sequence.computed_count, sequence.table.blocks.len()), (0, 0));
            }
        }
        let block_tokens = self.blocks.block_tokens();
        for sequence in &self.running {
            let needed = sequence.computed_count.div_ceil(block_tokens);
            assert_eq!(sequence.table.blocks.len(), needed, "blocks are held for computed rows");
        }
        self.blocks.check(self.running.iter().map(|sequence| &sequence.table));
    }

    /// The running requests, who got least first.
    fn ranked(&self) -> Vec<RequestId> {
        let firsts = self.running.iter().filter(|sequence| sequence.id.branch == 0);
        let mut ranked: Vec<(u64, RequestId)> = firsts
            .map(|sequence| (self.queue.served(sequence.owner), sequence.id.request))
            .collect();
        ranked.sort_unstable();
        ranked.into_iter().map(|(_, request)| request).collect()
    }

    /// Lets a running request take what is in memory, and finds out who of its branches waits for a
    /// block that an earlier one in rank is filling, and how many rows the others want.
    fn share(
        &mut self,
        request: RequestId,
        plan: &mut StepPlan,
        in_work: &mut BlocksInWork,
        demands: &mut Demands,
    ) {
        let branches = self.running_range(request);
        if branches.len() > 1 {
            self.prepare_branches(branches.clone(), &mut plan.copies);
        } else {
            let sequence = &mut self.running[branches.start];
            share_whole_blocks(&mut self.blocks, sequence);
            plan.copies.extend(share_last_block(&mut self.blocks, sequence));
            sequence.waits = in_work.must_wait(&self.blocks, sequence);
        }
        self.running[branches].iter_mut().for_each(|sequence| demands.add(sequence));
    }

    /// Admits waiting requests while rows, places and blocks are left. When all rows are asked for,
    /// an owner without a gap to close still gets its share of them.
    fn admit(
        &mut self,
        order: &mut Vec<RequestId>,
        plan: &mut StepPlan,
        in_work: &mut BlocksInWork,
        demands: &mut Demands,
    ) {
        loop {
            let leaves_rows = demands.leave_rows(self.bounds);
            let next = self.queue.next(|owner| !leaves_rows && demands.has_prefill(owner));
            let Some(request) = next else { break };
            if !self.make_room(request) {
                break;
            }
            let branches = self.queue.take(request);
            let place = self.running_range(request).start;
            self.running.splice(place..place, branches);
            order.push(request);
            plan.admitted.push(request);
            self.share(request, plan, in_work, demands);
        }
    }

    /// Whether a waiting request has places to run in, and whether its gaps fit with those of all
    /// that run, and a block for each to grow into. It then holds what it found in memory. Alone,
    /// everything fits that was let in.
    fn make_room(&mut self, request: RequestId) -> bool {
        let places_taken = self.places_taken();
        let branches = self.queue.get_mut(request).expect("it waits");
        let places = places_taken + branches[0].branches_max;
        if places > self.sequences_max {
            return false;
        }
        for sequence in branches.iter_mut() {
            share_whole_blocks(&mut self.blocks, sequence);
        }
        let branches = self.queue.get(request).expect("it waits");
        let needed = self.lacking_blocks() + self.missing_blocks(branches) + places;
        if self.running.is_empty() || needed <= self.blocks.free_count() {
            return true;
        }
        for sequence in self.queue.get_mut(request).expect("it waits") {
            give_back(&mut self.blocks, sequence);
        }
        false
    }

    /// Blocks that the running sequences lack for their known tokens, at most.
    fn lacking_blocks(&self) -> usize {
        let block_tokens = self.blocks.block_tokens();
        let lacking = |sequence: &Sequence| {
            let needed = sequence.tokens.len().div_ceil(block_tokens);
            needed.saturating_sub(sequence.table.blocks.len())
        };
        self.running.iter().map(lacking).sum()
    }

    /// Gives each running sequence its rows of this step.
    fn grant(&mut self, order: &[RequestId], demands: &Demands) {
        let mut shares = demands.share(self.bounds).into_iter();
        for &request in order {
            let branches = self.running_range(request);
            for sequence in self.running[branches].iter_mut().filter(|gap| is_prefill(gap)) {
                sequence.granted_rows = shares.next().expect("each gap has its share");
            }
        }
    }

    /// Plans the rows of a running request, and gives it the blocks for them.
    fn plan_request(
        &mut self,
        request: RequestId,
        order: &mut Vec<RequestId>,
        plan: &mut StepPlan,
    ) {
        let segment_count = plan.owners.len();
        for branch in 0..self.running_range(request).len() {
            let id = SequenceId { request, branch: branch as u32 };
            if !self.cover(id, order, plan) {
                plan.withdraw(segment_count);
                return;
            }
            let sequence = self.running(id).expect("it was not preempted");
            if sequence.granted_rows > 0 {
                plan.add(sequence, sequence.granted_rows);
            }
        }
    }

    /// Adds guesses behind the rows of their sequences, where rows and blocks are left that nobody
    /// else wanted in this step.
    fn add_drafts(&mut self, plan: &mut StepPlan) {
        let mut rows_left = self.bounds.step_tokens_max - plan.rows.row_count();
        for place in 0..plan.owners.len() {
            let index = self.running_index(plan.owners[place]).expect("a planned sequence runs");
            let sequence = &mut self.running[index];
            let mut draft = std::mem::take(&mut sequence.draft);
            draft.truncate(rows_left);
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
                rows_left -= draft.len();
                plan.add_draft(place, sequence, &draft);
            }
        }
    }

    /// Gives a running sequence the blocks for its rows, if need be by preempting from the end of
    /// the order. False when its own request was the last, and preempted.
    fn cover(&mut self, id: SequenceId, order: &mut Vec<RequestId>, plan: &mut StepPlan) -> bool {
        let block_tokens = self.blocks.block_tokens();
        while let Some(index) = self.running_index(id) {
            let sequence = &mut self.running[index];
            let rows = sequence.granted_rows;
            let covered = sequence.table.blocks.len() * block_tokens;
            if rows == 0 {
                return true;
            } else if sequence.computed_count + rows > covered {
                if self.blocks.grow(&mut sequence.table) {
                    continue;
                }
            } else {
                let first_block = sequence.computed_count / block_tokens;
                match self.blocks.make_own(&mut sequence.table, first_block) {
                    Ownership::Own => return true,
                    Ownership::Copied(copy) => {
                        plan.copies.push(copy);
                        return true;
                    }
                    Ownership::NoBlock => {}
                }
            }
            self.preempt(order.pop().expect("somebody holds the blocks"), plan);
        }
        false
    }

    /// A running request gives its blocks back and waits.
    fn preempt(&mut self, request: RequestId, plan: &mut StepPlan) {
        let range = self.running_range(request);
        let mut branches: Vec<Sequence> = self.running.drain(range).collect();
        assert!(!self.running.is_empty(), "one request alone fits: checked at submission");
        for sequence in branches.iter_mut().rev() {
            sequence.preempted_count += 1;
            give_back(&mut self.blocks, sequence);
        }
        plan.preempted.push(request);
        self.queue.come_back(branches);
    }

    pub(crate) fn running_range(&self, request: RequestId) -> Range<usize> {
        let first = self.running.partition_point(|sequence| sequence.id.request < request);
        let branches = self.running[first..].iter();
        let count = branches.take_while(|sequence| sequence.id.request == request).count();
        first..first + count
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

fn give_back(blocks: &mut KvBlocks, sequence: &mut Sequence) {
    blocks.release_all(&mut sequence.table);
    sequence.restart();
}

#[cfg(test)]
#[path = "scheduler_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "fairness_tests.rs"]
mod fairness_tests;
