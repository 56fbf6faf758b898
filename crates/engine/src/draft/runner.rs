//! The draft model at work: its own memory, one batch for all sequences that draft.
//!
//! A sequence here is a copy of the real one's tokens with the drafted ones behind them. Before a
//! draft it is compared with the real one: what was refused is cut off, what is new becomes a gap
//! that is computed first. Nothing else has to be told about refusals, preemptions or forced
//! tokens.

use super::Wish;
use crate::api::RequestId;
use crate::kv_blocks::KvBlocks;
use crate::sequence::{Sequence, SequenceId};
use crate::sharing::{BlocksInWork, share_whole_blocks};
use model::{Forward, KvPool, Logits, Segment, StepRows, TokenId, WantedLogits};
use sampling::candidates::Candidates;
use sampling::pipeline::Pipeline;
use sampling::stages::StepContext;
use std::collections::BTreeMap;

/// A draft model with its memory.
pub(crate) struct DraftRunner {
    model: Box<dyn Forward>,
    kv: KvPool,
    blocks: KvBlocks,
    logits: Logits,
    sequences: BTreeMap<RequestId, Drafted>,
    candidates: Candidates,
    /// Logits per row of the model that is drafted for. Models that share a vocabulary may pad
    /// their rows differently.
    target_width: usize,
    row: Vec<f32>,
    /// Rows per forward pass.
    rows_max: usize,
}

/// A sequence as the draft model knows it.
struct Drafted {
    /// Known tokens and drafted ones.
    sequence: Sequence,
    /// How many of its tokens are known, from the first.
    known_count: usize,
}

/// A draft in the making.
pub(crate) struct Task<'a> {
    pub request: RequestId,
    /// The tokens so far.
    pub draft: Vec<TokenId>,
    length: usize,
    tokens: &'a [TokenId],
    prompt_count: usize,
    /// A copy of the request's pipeline: it draws the numbers that the request will draw, which
    /// makes equal choices likely (the coupling of Leviathan et al. is by rejection; this one
    /// keeps the target's own draw).
    pipeline: Option<Pipeline>,
    source: &'a Pipeline,
    choice_index: u32,
}

impl<'a> Task<'a> {
    /// At most `length` tokens for `wish`.
    pub fn new(wish: &Wish<'a>, length: usize) -> Self {
        Task {
            request: wish.request,
            draft: Vec::with_capacity(length),
            length,
            tokens: wish.tokens,
            prompt_count: wish.prompt_count,
            pipeline: None,
            source: wish.pipeline,
            choice_index: wish.choice_index,
        }
    }
}

impl DraftRunner {
    /// A runner whose memory is `kv`, with its accounts, for a model with `target_width` logits.
    pub fn new(
        kv: KvPool,
        blocks: KvBlocks,
        model: Box<dyn Forward>,
        target_width: usize,
        rows_max: usize,
    ) -> Self {
        DraftRunner {
            model,
            kv,
            blocks,
            logits: Logits::new(),
            sequences: BTreeMap::new(),
            candidates: Candidates::new(),
            target_width,
            row: Vec::new(),
            rows_max,
        }
    }

    /// Fills the drafts of `tasks`. A sequence that is far behind catches up over several steps and
    /// gets none meanwhile. Returns whom there is no memory or no window for.
    pub fn draft(&mut self, tasks: &mut [Task<'_>]) -> Vec<RequestId> {
        let mut refused = Vec::new();
        let mut working: Vec<usize> = Vec::new();
        for (index, task) in tasks.iter_mut().enumerate() {
            match self.follow(task) {
                true => working.push(index),
                false => refused.push(task.request),
            }
        }
        while !working.is_empty() {
            let rows = self.plan(tasks, &mut working, &mut refused);
            if rows.segments.is_empty() {
                break;
            }
            self.model.forward(&rows, &mut self.kv, &mut self.logits);
            self.settle(tasks, &mut working, &rows);
        }
        refused
    }

    /// Gives the blocks of a request back.
    pub fn forget(&mut self, request: RequestId) {
        if let Some(mut drafted) = self.sequences.remove(&request) {
            self.blocks.release_all(&mut drafted.sequence.table);
        }
    }

    /// Bytes of key-value memory taken so far.
    pub fn kv_taken_bytes(&self) -> usize {
        self.kv.taken_bytes()
    }

    /// Checks the accounts.
    ///
    /// # Panics
    /// When a block is neither free nor counted.
    pub fn check(&self) {
        self.blocks.check(self.sequences.values().map(|drafted| &drafted.sequence.table));
    }

    /// Brings the copy of a sequence to the task's tokens. False when the model cannot read them
    /// or its window is full.
    fn follow(&mut self, task: &mut Task<'_>) -> bool {
        let window = self.model.context_tokens_max();
        // The last token drafted is not computed, so it may lie one beyond.
        task.length = task.length.min((window + 1).saturating_sub(task.tokens.len()));
        let blocks = &mut self.blocks;
        let drafted = self.sequences.entry(task.request).or_insert_with(|| Drafted {
            sequence: Sequence::new(SequenceId::first(task.request), vec![task.tokens[0]]),
            known_count: 0,
        });
        let first_new = drafted.known_count;
        drafted.follow(task.tokens);
        let width = self.model.vocab_size();
        let is_readable = task.tokens[first_new..].iter().all(|&token| (token as usize) < width);
        if task.length == 0 || !is_readable {
            self.forget(task.request);
            return false;
        }
        let sequence = &mut drafted.sequence;
        blocks.trim(&mut sequence.table, sequence.computed_count);
        share_whole_blocks(blocks, sequence);
        true
    }

    /// The next rows of those who work: gaps first closed, then one row per drafted token. Who
    /// finds no row or no memory stops.
    fn plan(
        &mut self,
        tasks: &[Task<'_>],
        working: &mut Vec<usize>,
        refused: &mut Vec<RequestId>,
    ) -> StepRows {
        let mut rows = StepRows::default();
        let mut rows_left = self.rows_max;
        let mut in_work = BlocksInWork::default();
        working.retain(|&index| {
            let request = tasks[index].request;
            let drafted = self.sequences.get_mut(&request).expect("it follows");
            let sequence = &mut drafted.sequence;
            let count = sequence.gap().min(rows_left);
            if count == 0 || in_work.must_wait(&self.blocks, sequence) {
                return false;
            }
            let (first_position, end) = (sequence.computed_count, sequence.computed_count + count);
            while sequence.table.blocks.len() * self.blocks.block_tokens() < end {
                if !self.blocks.grow(&mut sequence.table) {
                    self.forget(request);
                    refused.push(request);
                    return false;
                }
            }
            rows_left -= count;
            let closes_gap = end == sequence.tokens.len();
            rows.segments.push(Segment {
                tokens: sequence.tokens[first_position..end].to_vec(),
                first_position,
                kv_blocks: sequence.table.blocks.clone(),
                logits: if closes_gap { WantedLogits::Last } else { WantedLogits::None },
            });
            true
        });
        rows
    }

    /// Counts the rows as computed, and chooses for whom a gap was closed.
    fn settle(&mut self, tasks: &mut [Task<'_>], working: &mut Vec<usize>, rows: &StepRows) {
        let mut row = 0;
        let mut segments = rows.segments.iter();
        working.retain(|&index| {
            let task = &mut tasks[index];
            let segment = segments.next().expect("who works has a segment");
            let drafted = self.sequences.get_mut(&task.request).expect("it follows");
            let sequence = &mut drafted.sequence;
            sequence.computed_count += segment.tokens.len();
            let known = sequence.computed_count.min(drafted.known_count);
            self.blocks.seal_full(&mut sequence.table, &sequence.tokens[..known]);
            if segment.logits == WantedLogits::None {
                return false;
            }
            let logits = fit(self.logits.row(row), self.target_width, &mut self.row);
            row += 1;
            let (prompt, generated) = sequence.tokens.split_at(task.prompt_count);
            let step = StepContext::new(prompt, generated);
            let pipeline = task.pipeline.get_or_insert_with(|| task.source.fork(task.choice_index));
            // Logits that nothing can be chosen from are no reason to fail: there is no draft.
            let Ok(choice) = pipeline.choose(&mut self.candidates, logits, &step, None) else {
                return false;
            };
            pipeline.accept(choice.token);
            task.draft.push(choice.token);
            sequence.tokens.push(choice.token);
            let is_readable = (choice.token as usize) < self.model.vocab_size();
            task.draft.len() < task.length && is_readable
        });
    }
}

impl Drafted {
    /// Cuts off what was drafted and refused, and appends what is new.
    fn follow(&mut self, known: &[TokenId]) {
        let tokens = &mut self.sequence.tokens;
        let ours = tokens[self.known_count..].iter();
        let same = ours.zip(&known[self.known_count..]).take_while(|(a, b)| a == b).count();
        let kept = self.known_count + same;
        tokens.truncate(kept);
        tokens.extend_from_slice(&known[kept..]);
        self.known_count = known.len();
        self.sequence.computed_count = self.sequence.computed_count.min(kept);
    }
}

/// `row` with `width` logits: what is missing cannot be chosen, what is too much is left out.
fn fit<'a>(row: &'a [f32], width: usize, buffer: &'a mut Vec<f32>) -> &'a [f32] {
    if row.len() >= width {
        return &row[..width];
    }
    buffer.clear();
    buffer.extend_from_slice(row);
    buffer.resize(width, f32::NEG_INFINITY);
    buffer
}
