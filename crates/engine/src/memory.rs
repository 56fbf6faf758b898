//! What a request can come to need, before it runs: key-value memory, and what its events hold when
//! nobody reads them before the end.
//!
//! These are upper ends. Nothing is taken for them in advance: a request that ends early never
//! needs more than what it came to, and admission into a step counts known tokens only.

use crate::admission::{Admission, EngineInfo, Limit};
use crate::api::{GenerateRequest, LimitOverflow, LimitSetBy, TokenEvent};
use crate::limits::BEAM_TREE_ENTRIES_MAX;
use crate::rejection::Rejection;
use sampling::beam::LiveHypothesis;
use sampling::logprobs::{Logprobs, TokenLogprob};
use sampling::trace::{ChoiceTrace, StageTrace, TraceCandidate};
use std::mem::size_of;

/// Stages that a pipeline has at most, by a round number.
const STAGES_MAX: usize = 16;

/// Bytes of a token's text with the record of its place on the heap, on average and rounded up.
const TOKEN_TEXT_BYTES: usize = 32;

/// The most that a request can need.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryNeed {
    /// Tokens that each of its answers can have: the limit, or what fits the context.
    pub completion_tokens_max: usize,
    /// Positions of key-value memory: the prompt once, and every answer or hypothesis.
    pub kv_tokens: usize,
    /// The blocks that hold them, when the whole blocks of the prompt are shared.
    pub kv_blocks: usize,
    /// Bytes of those blocks.
    pub kv_bytes: usize,
    /// Blocks to begin with: the prompt, and one for each answer or hypothesis to grow.
    pub kv_blocks_at_first: usize,
    /// Bytes that its events hold when all are kept to the end: tokens, texts, log-probabilities,
    /// traces, scores of the prompt, the tree of a beam search.
    pub event_bytes: usize,
}

impl EngineInfo {
    /// What a request can come to need, all its choices together. Where the limit exceeds the
    /// context, what fits is taken.
    pub fn memory_need(&self, request: &GenerateRequest) -> MemoryNeed {
        let prompt_tokens = request.prompt.len();
        let room = self.context_tokens_max.saturating_sub(prompt_tokens);
        let tokens_max = request.params.max_tokens().map_or(room, |asked| asked.min(room));
        let params = &request.params;
        let answers = params.choices_made().max(params.beams().num_beams);
        let block_tokens = self.kv_block_tokens;
        let shared_blocks = match answers {
            1 => 0,
            _ => prompt_tokens / block_tokens,
        };
        let own = |tokens: usize| (prompt_tokens + tokens).div_ceil(block_tokens) - shared_blocks;
        let kv_blocks = answers.saturating_mul(own(tokens_max)).saturating_add(shared_blocks);
        let events = EventBytes::of(request);
        MemoryNeed {
            completion_tokens_max: tokens_max,
            kv_tokens: prompt_tokens.saturating_add(answers.saturating_mul(tokens_max)),
            kv_blocks,
            kv_bytes: kv_blocks.saturating_mul(self.kv_block_bytes),
            kv_blocks_at_first: shared_blocks + answers * own(1),
            event_bytes: params.choices_made().saturating_mul(events.total(tokens_max)),
        }
    }
}

/// What the events of one answer hold.
struct EventBytes {
    at_all: usize,
    per_token: usize,
}

impl EventBytes {
    fn of(request: &GenerateRequest) -> Self {
        let params = &request.params;
        let logprobs =
            |count: usize| size_of::<Logprobs>() + (count + 1) * size_of::<TokenLogprob>();
        let trace = |list_max: usize| {
            let list = (list_max + 1) * size_of::<TraceCandidate>();
            size_of::<ChoiceTrace>() + 2 * list + STAGES_MAX * (size_of::<StageTrace>() + 2 * list)
        };
        let scores =
            request.prompt_logprobs.map_or(0, logprobs).saturating_mul(request.prompt.len());
        let tree = usize::from(request.beam_tree) * BEAM_TREE_ENTRIES_MAX;
        let hypotheses = match params.is_beam_search() {
            true => params.beams().num_return_sequences,
            false => 0,
        };
        EventBytes {
            at_all: scores.saturating_add(tree * size_of::<LiveHypothesis>()),
            per_token: size_of::<TokenEvent>()
                + TOKEN_TEXT_BYTES
                + if params.logprobs() { logprobs(params.top_logprobs()) } else { 0 }
                + request.trace.map_or(0, trace)
                + hypotheses * (size_of::<f64>() + size_of::<u32>() + TOKEN_TEXT_BYTES),
        }
    }

    fn total(&self, tokens: usize) -> usize {
        self.at_all.saturating_add(self.per_token.saturating_mul(tokens))
    }

    /// Tokens whose events fit into `bytes`.
    fn fitting(&self, bytes: usize) -> usize {
        bytes.saturating_sub(self.at_all) / self.per_token
    }
}

impl Admission {
    /// Fits the limit of a request into the bytes that its events may hold. A smaller one becomes
    /// the request's own, for all that read it.
    pub(crate) fn check_events(
        &self,
        request: &mut GenerateRequest,
        limit: Limit,
    ) -> Result<Limit, Rejection> {
        // All choices hold their events at the same time.
        let choices = request.params.choices_made();
        let bytes_max = self.info.request_event_bytes_max / choices;
        let events = EventBytes::of(request);
        let needed_bytes = events.total(limit.completion_tokens_max);
        let fitting = events.fitting(bytes_max);
        let may_shrink =
            limit.set_by == LimitSetBy::Context || request.on_overflow == LimitOverflow::Shrink;
        match needed_bytes <= bytes_max {
            true => Ok(limit),
            false if may_shrink && fitting > request.generated.len() => {
                request.params = request.params.with_max_tokens(fitting)?;
                Ok(Limit { completion_tokens_max: fitting, set_by: LimitSetBy::Context })
            }
            false => Err(Rejection::EventsTooLarge {
                needed_bytes,
                bytes_max,
                completion_tokens: limit.completion_tokens_max,
                fitting,
            }),
        }
    }
}
