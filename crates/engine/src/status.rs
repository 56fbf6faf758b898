//! How an engine does: a snapshot for metrics, made once per step and read at any time.
//!
//! The engine's thread writes it whole behind a lock that is held for a copy of some hundred bytes,
//! so neither side ever waits for the other's work.

use crate::api::{Finished, StepReport};
use crate::engine::Engine;
use sampling::stop::{FinishReason, StopReason};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What an engine has done since it was started, and what it has now. Counts named `_total` only
/// grow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EngineStatus {
    /// Requests that run.
    pub running: usize,
    /// Sequences that run: a beam search has several.
    pub running_sequences: usize,
    /// Requests that were accepted and do not run: new ones, and those whose memory was taken away.
    pub waiting: usize,
    /// Blocks of key-value memory.
    pub kv_blocks: usize,
    /// Of these, the ones that no sequence holds. What is cached counts as free.
    pub kv_blocks_free: usize,
    /// Of the free ones, those whose content a later prompt may still find.
    pub kv_blocks_cached: usize,
    /// Bytes of key-value memory taken from the system, the draft model's included. Memory once
    /// taken stays, for later requests.
    pub kv_taken_bytes: usize,
    /// Steps computed.
    pub steps_total: u64,
    /// Token rows computed, guesses included.
    pub rows_total: u64,
    /// Tokens chosen.
    pub tokens_total: u64,
    /// Requests that began to run, each again after its memory was taken away.
    pub admitted_total: u64,
    /// How often a request's memory was taken away for others.
    pub preempted_total: u64,
    /// Prompt tokens of finished requests.
    pub prompt_tokens_total: u64,
    /// Of these, the ones found in memory instead of computed.
    pub prefix_hit_tokens_total: u64,
    /// Guesses at next tokens that were checked, of finished requests.
    pub drafted_tokens_total: u64,
    /// Of these, the ones that were right.
    pub accepted_draft_tokens_total: u64,
    /// Requests that ended, by what ended them.
    pub finished: FinishedCounts,
}

/// One number per kind of ending.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FinishedCounts {
    counts: [u64; KINDS.len()],
}

/// Every [`StopReason::name`], with the word of its kind.
const KINDS: [(&str, FinishReason); 9] = [
    ("eos", FinishReason::Stop),
    ("stop_token", FinishReason::Stop),
    ("stop_string", FinishReason::Stop),
    ("grammar_complete", FinishReason::Stop),
    ("max_tokens", FinishReason::Length),
    ("context_full", FinishReason::Length),
    ("deadline", FinishReason::Length),
    ("cancelled", FinishReason::Cancelled),
    ("failed", FinishReason::Error),
];

impl FinishedCounts {
    /// For each kind of ending the name of its stop reason, its finish reason, and how many
    /// requests ended so; kinds that have not occurred included.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, FinishReason, u64)> {
        KINDS.iter().zip(self.counts).map(|(&(name, word), count)| (name, word, count))
    }

    /// How many requests ended in whatever way.
    pub fn total(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// How many requests ended as `reason` says, whatever its details are.
    pub fn of(&self, reason: &StopReason) -> u64 {
        self.counts[kind_of(reason)]
    }
}

fn kind_of(reason: &StopReason) -> usize {
    let named = KINDS.iter().position(|(name, _)| *name == reason.name());
    named.expect("every stop reason is listed")
}

/// Where the snapshot lies.
#[derive(Debug, Default)]
pub(crate) struct StatusBoard {
    last: Mutex<EngineStatus>,
}

impl StatusBoard {
    /// Before the first step all blocks are free.
    pub fn begin(&self, block_count: usize) {
        let mut status = self.lock();
        (status.kv_blocks, status.kv_blocks_free) = (block_count, block_count);
    }

    /// The last snapshot; `request_count` requests are in, some perhaps still on their way.
    pub fn read(&self, request_count: usize) -> EngineStatus {
        let status = *self.lock();
        EngineStatus { waiting: request_count.saturating_sub(status.running), ..status }
    }

    /// Counts a request that ended.
    pub fn count_finished(&self, finished: &Finished) {
        let mut status = self.lock();
        status.finished.counts[kind_of(&finished.stop_reason)] += 1;
        let usage = &finished.usage;
        status.prompt_tokens_total += usage.prompt_tokens as u64;
        status.prefix_hit_tokens_total += usage.prefix_hit_tokens as u64;
        status.drafted_tokens_total += usage.drafted_tokens as u64;
        status.accepted_draft_tokens_total += usage.accepted_draft_tokens as u64;
    }

    /// The snapshot, to change it.
    fn lock(&self) -> MutexGuard<'_, EngineStatus> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Engine {
    /// How things stood after the last step, and what was done so far.
    pub fn status(&self) -> EngineStatus {
        self.admission.board.read(self.admission.request_count())
    }

    /// Makes a step known to those who ask for the status.
    pub(crate) fn publish(&self, report: &StepReport) {
        let blocks = self.scheduler.blocks();
        let kv_taken_bytes = self.kv_taken_bytes();
        let running = self.scheduler.running_requests();
        let mut status = self.admission.board.lock();
        status.running = running;
        status.running_sequences = report.running_count;
        status.kv_blocks = blocks.block_count();
        status.kv_blocks_free = report.kv_blocks_free;
        status.kv_blocks_cached = blocks.cached_count();
        status.kv_taken_bytes = kv_taken_bytes;
        status.steps_total += 1;
        status.rows_total += report.row_count as u64;
        status.tokens_total += report.token_count as u64;
        status.admitted_total += report.admitted_count as u64;
        status.preempted_total += report.preempted_count as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_stop_reason_has_its_count() {
        let reasons = [
            StopReason::Eos(1),
            StopReason::StopToken(1),
            StopReason::StopString { index: 0, text: "a".to_owned() },
            StopReason::GrammarComplete,
            StopReason::MaxTokens,
            StopReason::ContextFull,
            StopReason::Deadline,
            StopReason::Cancelled,
            StopReason::Failed,
        ];
        for (index, reason) in reasons.iter().enumerate() {
            assert_eq!(kind_of(reason), index);
            assert_eq!(KINDS[index].1, reason.finish_reason());
        }
    }
}
