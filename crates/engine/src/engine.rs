//! The engine: one model, its memory, and the requests in it. `step.rs` drives it.

use crate::admission::{Accepted, Admission, EngineInfo};
use crate::api::{GenerateRequest, Interruption, RequestId, StepReport};
use crate::constraint::MaskWorker;
use crate::draft::runner::DraftRunner;
use crate::draft::{DraftModel, Drafter, vocabulary};
use crate::generation::{End, Generation, Scratch};
use crate::handle::Ticket;
use crate::kv_blocks::KvBlocks;
use crate::limits::EngineConfig;
use crate::rejection::{ConfigError, Rejection};
use crate::rows::StepBounds;
use crate::scheduler::Scheduler;
use crate::sink::EventSink;
use model::{Forward, KvPool, Logits};
use std::collections::BTreeMap;
use std::sync::Arc;
use text::Tokenizer;

/// Generates for many requests at once, one step at a time, on the caller's thread.
///
/// [`EngineHandle`](crate::EngineHandle) gives it a thread of its own.
pub struct Engine {
    pub(crate) model: Box<dyn Forward>,
    pub(crate) kv: KvPool,
    pub(crate) logits: Logits,
    pub(crate) scheduler: Scheduler,
    /// Every request that was accepted and is not finished.
    pub(crate) generations: BTreeMap<RequestId, Generation>,
    pub(crate) drafter: Drafter,
    pub(crate) scratch: Scratch,
    pub(crate) mask_worker: MaskWorker,
    pub(crate) admission: Arc<Admission>,
    tokenizer: Arc<Tokenizer>,
    /// The wishes for an end that were seen.
    pub(crate) endings_seen: usize,
}

impl Engine {
    /// An engine for `model` that writes text with `tokenizer`.
    pub fn new(
        model: Box<dyn Forward>,
        tokenizer: Arc<Tokenizer>,
        config: EngineConfig,
    ) -> Result<Self, ConfigError> {
        config.check()?;
        let info = EngineInfo::new(model.as_ref(), &tokenizer, &config)?;
        let (block_count, block_tokens) = (config.kv_blocks_max, config.kv_block_tokens);
        let blocks = KvBlocks::new(block_count, block_tokens, config.prefix_sharing);
        let bounds = StepBounds {
            step_tokens_max: config.step_tokens_max,
            prefill_tokens_beside_decode: config.prefill_tokens_beside_decode,
        };
        let engine = Engine {
            kv: KvPool::new(model.kv_shape(), block_tokens, block_count),
            logits: Logits::new(),
            scheduler: Scheduler::new(blocks, bounds, config.sequences_max),
            generations: BTreeMap::new(),
            drafter: Drafter::new(config.draft_tokens_max),
            scratch: Scratch::default(),
            mask_worker: MaskWorker::default(),
            admission: Arc::new(Admission::new(info)),
            model,
            tokenizer,
            endings_seen: 0,
        };
        engine.admission.board.begin(block_count);
        Ok(engine)
    }

    /// This engine with a model that drafts for requests with
    /// [`Speculation::Model`](crate::Speculation::Model). Its memory has as many positions as the
    /// model's own. `target_name` is what to call this engine's model in an error.
    ///
    /// # Errors
    /// When the draft model speaks in other tokens.
    pub fn with_draft(mut self, target_name: &str, draft: DraftModel) -> Result<Self, ConfigError> {
        if let Some(difference) = vocabulary::difference(&self.tokenizer, &draft.tokenizer) {
            let target = target_name.to_owned();
            return Err(ConfigError::DraftVocabulary { draft: draft.name, target, difference });
        }
        let (block_tokens, block_count) = (self.kv.block_tokens(), self.kv.block_count());
        let shares = self.scheduler.blocks().shares_prefixes();
        self.drafter.runner = Some(DraftRunner::new(
            KvPool::new(draft.model.kv_shape(), block_tokens, block_count),
            KvBlocks::new(block_count, block_tokens, shares),
            draft.model,
            self.model.vocab_size(),
            self.scheduler.step_tokens_max(),
        ));
        Arc::get_mut(&mut self.admission).expect("no caller has it yet").info.has_draft_model =
            true;
        Ok(self)
    }

    /// What callers may know about this engine.
    pub fn info(&self) -> &EngineInfo {
        &self.admission.info
    }

    /// The tokenizer it writes text with.
    pub fn tokenizer(&self) -> &Arc<Tokenizer> {
        &self.tokenizer
    }

    /// Queues a request. Its events go to `sink`, from the next step on.
    pub fn submit(
        &mut self,
        request: GenerateRequest,
        sink: Box<dyn EventSink>,
    ) -> Result<RequestId, Rejection> {
        Ok(self.submit_with_ticket(request, sink)?.request())
    }

    /// Queues a request that may be ended from another thread.
    pub fn submit_with_ticket(
        &mut self,
        mut request: GenerateRequest,
        sink: Box<dyn EventSink>,
    ) -> Result<Ticket, Rejection> {
        let limit = self.admission.check(&mut request, &self.tokenizer)?;
        let accepted = self.admission.enter(request, limit, sink)?;
        let ticket = Ticket::of(&accepted.client);
        self.enqueue(accepted);
        Ok(ticket)
    }

    /// Ends a request; its last event is sent before this returns. False when there is none such.
    pub fn cancel(&mut self, request: RequestId) -> bool {
        self.end(request, Interruption::Cancelled)
    }

    /// Ends a request, and says why; the rest is as for [`Engine::cancel`].
    pub fn end(&mut self, request: RequestId, why: Interruption) -> bool {
        self.finish(request, End::Interrupted(why))
    }

    /// Whether nothing is left to do.
    pub fn is_idle(&self) -> bool {
        self.generations.is_empty()
    }

    /// Steps until every request is finished.
    pub fn run_until_idle(&mut self) {
        while !self.is_idle() {
            self.step();
        }
    }

    /// How things stand; the counts of work done are 0.
    pub fn report(&self) -> StepReport {
        StepReport {
            running_count: self.scheduler.running_count(),
            waiting_count: self.scheduler.waiting_count(),
            kv_blocks_free: self.scheduler.blocks().free_count(),
            ..StepReport::default()
        }
    }

    /// Bytes of key-value memory taken so far. Memory once taken stays, for the next request.
    pub fn kv_taken_bytes(&self) -> usize {
        let draft = self.drafter.runner.as_ref().map_or(0, DraftRunner::kv_taken_bytes);
        self.kv.taken_bytes() + draft
    }

    /// Checks the accounts: every block is free or counted, and every request has its
    /// sequences.
    /// Debug builds do so after each step.
    ///
    /// # Panics
    /// When they do not hold, which is a bug here.
    pub fn check_accounts(&self) {
        self.scheduler.check();
        self.drafter.check();
        let request_count = self.scheduler.request_count();
        assert_eq!(self.generations.len(), request_count, "a request has its sequences");
    }

    /// Takes a request that passed the checks.
    pub(crate) fn enqueue(&mut self, accepted: Accepted) {
        let (generation, sequence) =
            Generation::new(accepted, &self.tokenizer, &self.admission.info);
        let id = generation.id();
        let asked = generation.asked_end().cloned().map(End::Interrupted);
        match asked.or_else(|| generation.ended_earlier.clone().map(End::Stopped)) {
            Some(end) => generation.finish(&sequence, end),
            None => {
                self.scheduler.enqueue(vec![sequence]);
                self.generations.insert(id, generation);
            }
        }
    }

    /// Frees what a request holds and sends its last event.
    pub(crate) fn finish(&mut self, request: RequestId, end: End) -> bool {
        let Some(generation) = self.generations.remove(&request) else { return false };
        let sequence = self.scheduler.remove(request).expect("a generation has its sequence");
        self.drafter.forget(request);
        generation.finish(&sequence, end);
        true
    }

    /// Ends all requests that are in.
    pub(crate) fn finish_all(&mut self, interruption: &Interruption) {
        while let Some((&request, _)) = self.generations.first_key_value() {
            self.finish(request, End::Interrupted(interruption.clone()));
        }
    }
}
