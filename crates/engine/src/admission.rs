//! The door: checks a request once, on the caller's thread, into one that cannot be wrong.

use crate::api::{
    Event, Finished, GenerateRequest, Interruption, LimitOverflow, LimitSetBy, RequestId,
};
use crate::draft::Speculation;
use crate::limits::{EngineConfig, PROMPT_LOGPROBS_MAX, TRACE_CANDIDATES_MAX};
use crate::rejection::{ConfigError, ContextSetBy, Rejection};
use crate::sink::{Delivery, EventSink};
use crate::status::StatusBoard;
use crate::thinking::ThinkingPlan;
use crate::vocabulary::TokenizerVocabulary;
use model::{Forward, TokenId};
use sampling::params::ParamError;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use text::Tokenizer;

/// What callers may know about an engine; it never changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EngineInfo {
    /// Token ids are below this.
    pub vocab_size: usize,
    /// Most tokens of prompt and output together.
    pub context_tokens_max: usize,
    /// What sets that bound.
    pub context_set_by: ContextSetBy,
    /// Most requests that run and wait.
    pub requests_max: usize,
    /// Whether it has a draft model.
    pub has_draft_model: bool,
    /// Sequences that run at once: as many hypotheses can a beam search have.
    pub sequences_max: usize,
    /// Positions per block of key-value memory.
    pub kv_block_tokens: usize,
    /// Blocks of key-value memory.
    pub kv_blocks_max: usize,
    /// Bytes of one block once it is used, the draft model's beside it not counted.
    pub kv_block_bytes: usize,
    /// Bytes that the events of a request may hold when all are kept until its end.
    pub request_event_bytes_max: usize,
    /// The end-of-sequence ids of requests that bring none.
    pub eos_ids: Vec<TokenId>,
}

impl EngineInfo {
    pub(crate) fn new(
        model: &dyn Forward,
        tokenizer: &Tokenizer,
        config: &EngineConfig,
    ) -> Result<Self, ConfigError> {
        let vocab_size = model.vocab_size();
        let eos_ids = config.eos_ids.clone().unwrap_or_else(|| tokenizer.end_ids().to_vec());
        if let Some(&id) = eos_ids.iter().find(|&&id| id as usize >= vocab_size) {
            return Err(ConfigError::EosOutsideVocabulary { id, vocab_size });
        }
        let window = model.context_tokens_max();
        let context_set_by = match window <= config.kv_tokens() {
            true => ContextSetBy::Model,
            false => ContextSetBy::KvMemory,
        };
        Ok(EngineInfo {
            vocab_size,
            context_tokens_max: window.min(config.kv_tokens()),
            context_set_by,
            has_draft_model: false,
            requests_max: config.sequences_max + config.queue_requests_max,
            sequences_max: config.sequences_max,
            kv_block_tokens: config.kv_block_tokens,
            kv_blocks_max: config.kv_blocks_max,
            kv_block_bytes: model.kv_shape().position_bytes() * config.kv_block_tokens,
            request_event_bytes_max: config.request_event_bytes_max,
            eos_ids,
        })
    }
}

/// Shared by the engine and all its callers.
#[derive(Debug)]
pub(crate) struct Admission {
    pub info: EngineInfo,
    next_id: AtomicU64,
    /// Requests accepted and not finished.
    request_count: AtomicUsize,
    closed: AtomicBool,
    /// Counts the wishes of callers that a request ends.
    endings: Arc<AtomicUsize>,
    pub board: StatusBoard,
}

/// How many tokens a request can generate, and what says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limit {
    pub completion_tokens_max: usize,
    pub set_by: LimitSetBy,
}

/// A request that passed all checks.
pub(crate) struct Accepted {
    pub request: GenerateRequest,
    pub limit: Limit,
    pub client: Client,
}

impl Admission {
    /// Open, with no requests.
    pub fn new(info: EngineInfo) -> Self {
        Admission {
            info,
            next_id: AtomicU64::new(0),
            request_count: AtomicUsize::new(0),
            closed: AtomicBool::new(false),
            endings: Arc::default(),
            board: StatusBoard::default(),
        }
    }

    /// Checks everything about a request that does not depend on the traffic, and looks up the
    /// texts that its parameters hold.
    pub fn check(
        &self,
        request: &mut GenerateRequest,
        tokenizer: &Tokenizer,
    ) -> Result<Limit, Rejection> {
        let vocab_size = self.info.vocab_size;
        if request.prompt.is_empty() {
            return Err(Rejection::EmptyPrompt);
        }
        let mut prompt = request.prompt.iter().copied().enumerate();
        if let Some((index, token)) = prompt.find(|&(_, token)| token as usize >= vocab_size) {
            return Err(Rejection::TokenOutsideVocabulary { token, index, vocab_size });
        }
        let mut generated = request.generated.iter().copied().enumerate();
        if let Some((index, token)) = generated.find(|&(_, token)| token as usize >= vocab_size) {
            return Err(Rejection::ResumedOutsideVocabulary { token, index, vocab_size });
        }
        request.params.check_vocabulary(vocab_size)?;
        if request.speculation == Speculation::Model && !self.info.has_draft_model {
            return Err(Rejection::Param(ParamError {
                param: "speculation".to_string(),
                message: "`speculation` by a draft model needs an engine with one".to_string(),
            }));
        }
        check_count("prompt_logprobs", request.prompt_logprobs, PROMPT_LOGPROBS_MAX)?;
        check_count("trace", request.trace, TRACE_CANDIDATES_MAX)?;
        request.params.resolve_texts(&TokenizerVocabulary(tokenizer))?;
        let limit = self.check_beams(request, self.limit(request)?)?;
        let limit = self.check_events(request, limit)?;
        let tokens_max = limit.completion_tokens_max;
        crate::constraint::check(request, tokens_max, tokenizer)?;
        ThinkingPlan::of(request, tokens_max, vocab_size)?;
        let resumed_tokens = request.generated.len();
        if resumed_tokens >= limit.completion_tokens_max {
            let limit = limit.completion_tokens_max;
            return Err(Rejection::NothingLeft { resumed_tokens, limit });
        }
        Ok(limit)
    }

    fn limit(&self, request: &GenerateRequest) -> Result<Limit, Rejection> {
        let prompt_tokens = request.prompt.len();
        let room = self.info.context_tokens_max.saturating_sub(prompt_tokens);
        let asked = request.params.max_tokens();
        let exceeded = |completion_tokens| Rejection::ContextLengthExceeded {
            prompt_tokens,
            completion_tokens,
            context_tokens_max: self.info.context_tokens_max,
            window: self.info.context_set_by,
        };
        match asked {
            Some(max_tokens) if max_tokens <= room => {
                Ok(Limit { completion_tokens_max: max_tokens, set_by: LimitSetBy::MaxTokens })
            }
            Some(max_tokens) if request.on_overflow == LimitOverflow::Refuse => {
                Err(exceeded(max_tokens))
            }
            _ if room == 0 => Err(exceeded(1)),
            _ => Ok(Limit { completion_tokens_max: room, set_by: LimitSetBy::Context }),
        }
    }

    /// Lets a checked request in, unless too many are in or the engine has stopped.
    pub fn enter(
        self: &Arc<Self>,
        request: GenerateRequest,
        limit: Limit,
        sink: Box<dyn EventSink>,
    ) -> Result<Accepted, Rejection> {
        if self.is_closed() {
            return Err(Rejection::Stopped);
        }
        let requests_max = self.info.requests_max;
        let one_more = |count| (count < requests_max).then_some(count + 1);
        self.request_count
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, one_more)
            .map_err(|_| Rejection::QueueFull { requests_max })?;
        let client = Client {
            request: RequestId(self.next_id.fetch_add(1, Ordering::Relaxed)),
            sink: Some(sink),
            ending: Arc::new(Ending { asked: OnceLock::new(), count: Arc::clone(&self.endings) }),
            admission: Arc::clone(self),
        };
        Ok(Accepted { request, limit, client })
    }

    /// Whether nobody is let in any more.
    pub fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    /// Requests accepted and not finished.
    pub fn request_count(&self) -> usize {
        self.request_count.load(Ordering::Acquire)
    }

    /// How often a caller wished the end of a request: while it stays the same, nobody new did.
    pub fn ending_count(&self) -> usize {
        self.endings.load(Ordering::Acquire)
    }

    /// Refuses all later requests.
    pub fn close(&self) {
        self.closed.store(true, Ordering::Release);
    }
}

/// A caller's wish that its request ends.
#[derive(Debug)]
pub(crate) struct Ending {
    /// The first wish; later ones change nothing.
    asked: OnceLock<Interruption>,
    /// Shared by all requests: see [`Admission::ending_count`].
    count: Arc<AtomicUsize>,
}

impl Ending {
    /// Asks for the end.
    pub fn ask(&self, why: Interruption) {
        if self.asked.set(why).is_ok() {
            self.count.fetch_add(1, Ordering::Release);
        }
    }
}

/// The caller's end of an accepted request.
///
/// It sends exactly one `Finished`: when a client is dropped that did not finish, because the
/// engine broke or went away with the request still in a channel, the drop sends it.
pub(crate) struct Client {
    request: RequestId,
    /// None once `Finished` was sent.
    sink: Option<Box<dyn EventSink>>,
    ending: Arc<Ending>,
    admission: Arc<Admission>,
}

impl Client {
    /// Whose it is.
    pub fn request(&self) -> RequestId {
        self.request
    }

    /// By what the caller ends it from another thread.
    pub fn ending(&self) -> Arc<Ending> {
        Arc::clone(&self.ending)
    }

    /// Why the caller wants it to end, if it does.
    pub fn asked_end(&self) -> Option<&Interruption> {
        self.ending.asked.get()
    }

    /// Sends an event that is not the last. An error says how the reader fails.
    pub fn send(&self, event: Event) -> Result<(), Interruption> {
        let sink = self.sink.as_ref().expect("nothing is sent after the end");
        match sink.send(event) {
            Delivery::Sent => Ok(()),
            Delivery::Full => Err(Interruption::SinkFull),
            Delivery::Gone => Err(Interruption::SinkGone),
        }
    }

    /// Sends the last event and lets go of the reader.
    pub fn finish(&mut self, finished: Finished) {
        if let Some(sink) = self.sink.take() {
            self.admission.board.count_finished(&finished);
            // Whoever asks for the place of a request that he saw finished must find it free.
            self.admission.request_count.fetch_sub(1, Ordering::AcqRel);
            // A reader that is full or gone has nothing to be told with.
            let _ = sink.send(Event::Finished(Box::new(finished)));
        }
    }

    /// Lets go of the reader of a request that was not accepted after all.
    pub fn withdraw(&mut self) {
        if self.sink.take().is_some() {
            self.admission.request_count.fetch_sub(1, Ordering::AcqRel);
        }
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        let interruption =
            Interruption::EngineFailed("it stopped before the request was finished".to_string());
        self.finish(Finished::interrupted(self.request, interruption));
    }
}

fn check_count(param: &str, given: Option<usize>, max: usize) -> Result<(), Rejection> {
    match given.filter(|&count| count > max) {
        None => Ok(()),
        Some(count) => Err(Rejection::Param(ParamError {
            param: param.to_string(),
            message: format!("`{param}` must be in [0, {max}]; given {count}"),
        })),
    }
}
