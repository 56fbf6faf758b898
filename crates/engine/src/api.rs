//! What goes into the engine and what comes out: plain data.

use crate::beams::{BeamHypothesis, BeamTree};
use crate::constraint::GrammarReport;
use crate::draft::{DraftOutcome, Speculation};
use crate::thinking::{ForcedBy, Part, ThinkingReport, ThinkingSetup};
use grammar::Grammar;
use model::TokenId;
use sampling::logprobs::Logprobs;
use sampling::params::SamplingParams;
use sampling::stop::{FinishReason, StopReason};
use sampling::trace::ChoiceTrace;
use std::fmt;
use std::sync::Arc;

/// Names a request of one engine. Later requests have larger ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(pub u64);

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "request {}", self.0)
    }
}

/// A wish for one continuation of a prompt.
#[derive(Clone, Debug)]
pub struct GenerateRequest {
    /// The prompt's tokens, special ones included. At least one; each within the vocabulary.
    pub prompt: Vec<TokenId>,
    /// Tokens generated earlier, which the output begins with: empty for a new request. They count
    /// as output, for the limit, the penalties and the stop strings, and are not told again.
    pub generated: Vec<TokenId>,
    /// What those tokens do not say: what stages remember, and where a thought was made to end. It
    /// is [`Finished::stage_state`] of the earlier generation. Unknown names are passed over.
    pub stage_state: Vec<(String, f64)>,
    /// Every knob, validated. Its `seed` is not read here: see [`GenerateRequest::seed`].
    pub params: SamplingParams,
    /// For a list of limits whose runs differ in more than the limit: the parameters of each, in
    /// the list's order, with its limit alone. Empty where only the limits differ. Read by
    /// [`views`](crate::views), never by a run.
    pub params_by_limit: Vec<SamplingParams>,
    /// The parameter that whoever made the request derived from its limit, so that a smaller limit
    /// is no beginning of a larger one; none where nothing was. Says what is, and changes nothing.
    pub shaped_by_limit: Option<&'static str>,
    /// The seed of the random numbers. The engine knows no chance: a caller that was given no seed
    /// draws one and reports it.
    pub seed: u64,
    /// For whom it is computed: those who wait share the engine fairly between owners, however many
    /// requests each has. 0 is nobody in particular. Changes the order of work and no token.
    pub owner: u64,
    /// Number of this choice among those of the same request, from 0: choices draw apart.
    pub choice_index: u32,
    /// What happens when prompt and `max_tokens` exceed the context.
    pub on_overflow: LimitOverflow,
    /// How tokens become text.
    pub text: TextOptions,
    /// With a number: a trace of each choice whose lists name that many candidates, up to
    /// [`TRACE_CANDIDATES_MAX`](crate::limits::TRACE_CANDIDATES_MAX).
    pub trace: Option<usize>,
    /// With a number: log-probabilities of the prompt's tokens with that many alternatives, up to
    /// [`PROMPT_LOGPROBS_MAX`](crate::limits::PROMPT_LOGPROBS_MAX). The whole prompt is then
    /// computed, also where it could be shared.
    pub prompt_logprobs: Option<usize>,
    /// How the model thinks, so that thought and answer are told apart and the thought can be
    /// bounded; without it all text is the answer.
    pub thinking: Option<ThinkingSetup>,
    /// Whether [`Finished::mean_logprob`] is wanted.
    pub ranked: bool,
    /// Where guesses at the next tokens come from. Changes the speed and no token.
    pub speculation: Speculation,
    /// The shape that the output has; any without one. The document is always complete within the
    /// limit, or the request is refused.
    pub grammar: Option<Arc<Grammar>>,
    /// Whether a beam search tells its steps: [`Finished::beam_tree`].
    pub beam_tree: bool,
}

impl GenerateRequest {
    /// A request without extras: first choice, explicit limit, chat text, no trace.
    pub fn new(prompt: Vec<TokenId>, params: SamplingParams, seed: u64) -> Self {
        GenerateRequest {
            prompt,
            generated: Vec::new(),
            stage_state: Vec::new(),
            params,
            params_by_limit: Vec::new(),
            shaped_by_limit: None,
            seed,
            owner: 0,
            choice_index: 0,
            on_overflow: LimitOverflow::Refuse,
            text: TextOptions::default(),
            trace: None,
            prompt_logprobs: None,
            thinking: None,
            ranked: false,
            speculation: Speculation::Off,
            grammar: None,
            beam_tree: false,
        }
    }
}

/// What happens when prompt and `max_tokens` together exceed the context.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LimitOverflow {
    /// The request is refused: right for a limit that somebody asked for.
    #[default]
    Refuse,
    /// The limit becomes what fits, and [`Started`] says so: right for a default.
    Shrink,
}

/// How tokens become text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TextOptions {
    /// Whether special tokens are written as their text instead of leaving no trace.
    pub keep_special: bool,
    /// Whether the output continues the prompt's own text, as a plain completion does. An answer
    /// in a chat begins a text; some vocabularies drop a blank there.
    pub continues_prompt: bool,
}

/// What happens to a request, in this order: at most one `Started`, then prompt scores and tokens,
/// then exactly one `Finished`.
#[allow(clippy::large_enum_variant, reason = "the large one is sent once, at the end")]
#[derive(Clone, Debug)]
pub enum Event {
    /// Its computation begins. A request that ends in the queue has none.
    Started(Started),
    /// Scores of some of the prompt's tokens.
    PromptLogprobs(PromptLogprobs),
    /// A new token.
    Token(TokenEvent),
    /// It is over; nothing follows.
    Finished(Box<Finished>),
}

/// The request as it is carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Started {
    /// Which request.
    pub request: RequestId,
    /// Tokens of its prompt.
    pub prompt_tokens: usize,
    /// Tokens generated earlier.
    pub resumed_tokens: usize,
    /// What those say and may be shown. What is still held back comes with later tokens.
    pub resumed_text: String,
    /// The same for the thought.
    pub resumed_thinking_text: String,
    /// The seed in use.
    pub seed: u64,
    /// The most tokens it can generate.
    pub completion_tokens_max: usize,
    /// What set that number.
    pub limit_set_by: LimitSetBy,
    /// The pipeline's stages in force, in order.
    pub stages: Vec<&'static str>,
}

/// What limits the number of new tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LimitSetBy {
    /// The request's `max_tokens`.
    MaxTokens,
    /// The room that the prompt leaves in the context: there was no limit, or it was shrunk.
    Context,
}

/// Scores of consecutive prompt tokens, under the model's own distribution. The first token of a
/// prompt has none.
#[derive(Clone, Debug, PartialEq)]
pub struct PromptLogprobs {
    /// Which request.
    pub request: RequestId,
    /// Index in the prompt of the first token scored here.
    pub first_index: usize,
    /// One per token.
    pub logprobs: Vec<Logprobs>,
}

/// A new token and what it adds.
#[derive(Clone, Debug)]
pub struct TokenEvent {
    /// Which request.
    pub request: RequestId,
    /// Number of the token among those generated, from 0.
    pub index: usize,
    /// The token. The token that ends a text is told as well.
    pub id: TokenId,
    /// What may now be shown: whole characters that no stop string can still take back. Often
    /// empty, and then more than one token's worth. The last token brings all that was held back
    /// and still counts.
    pub text: String,
    /// The same for the thought. [`TokenEvent::text`] is the answer alone.
    pub thinking_text: String,
    /// What the token itself belongs to; its text may come later.
    pub part: Part,
    /// Why it stands in place of the model's choice, where it does.
    pub forced: Option<ForcedBy>,
    /// The probability it was taken with, after all stages; 1 for greedy and forced tokens.
    pub probability: f64,
    /// How many candidates were left to choose from; 1 for greedy.
    pub nucleus_size: usize,
    /// The model's own log-probabilities, if wanted.
    pub logprobs: Option<Box<Logprobs>>,
    /// Why it was chosen, if wanted.
    pub trace: Option<Box<ChoiceTrace>>,
    /// What had been drafted for this place, if something had.
    pub draft: Option<DraftOutcome>,
}

/// The end of a request.
#[derive(Clone, Debug, PartialEq)]
pub struct Finished {
    /// Which request.
    pub request: RequestId,
    /// The API's word for the ending.
    pub finish_reason: FinishReason,
    /// Exactly what ended it.
    pub stop_reason: StopReason,
    /// Why it was cut off from outside, where it was.
    pub interruption: Option<Interruption>,
    /// Text after that of the last token: what was held back when the request was cut off from
    /// outside, and empty otherwise. All texts joined are the text of the request, after that of
    /// the tokens generated earlier.
    pub text: String,
    /// The same for the thought.
    pub thinking_text: String,
    /// What became of the thought; none where there was none.
    pub thinking: Option<ThinkingReport>,
    /// The generated tokens, earlier ones and the ending one included.
    pub ids: Vec<TokenId>,
    /// What a beam search found, best first, `num_return_sequences` at most; its first hypothesis
    /// is the answer. Empty without a beam search, and when one is cut off from outside.
    pub beams: Vec<BeamHypothesis>,
    /// How the beam search went, if wanted.
    pub beam_tree: Option<Box<BeamTree>>,
    /// What stages remember that the ids do not say, to go on later: see
    /// [`GenerateRequest::stage_state`].
    pub stage_state: Vec<(String, f64)>,
    /// How far the document came, if a grammar was asked for.
    pub grammar: Option<GrammarReport>,
    /// Mean natural-log probability of the tokens generated here, the ending one included, under
    /// the model's own distribution; none when it was not wanted or there are none.
    pub mean_logprob: Option<f64>,
    /// What was counted.
    pub usage: Usage,
}

impl Finished {
    /// The end of a request that was cut off before anything was computed or counted.
    pub fn interrupted(request: RequestId, interruption: Interruption) -> Self {
        Finished {
            request,
            finish_reason: interruption.stop_reason().finish_reason(),
            stop_reason: interruption.stop_reason(),
            interruption: Some(interruption),
            text: String::new(),
            thinking_text: String::new(),
            thinking: None,
            ids: Vec::new(),
            beams: Vec::new(),
            beam_tree: None,
            stage_state: Vec::new(),
            grammar: None,
            mean_logprob: None,
            usage: Usage::default(),
        }
    }
}

/// Why a request ended that did not end by its own rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Interruption {
    /// The caller cancelled it.
    Cancelled,
    /// The time that the caller gave it is over. The engine has no clock: the caller says so.
    Deadline,
    /// The caller did not read its events.
    SinkFull,
    /// The reader of the events is gone.
    SinkGone,
    /// The engine was shut down.
    Shutdown,
    /// The model's logits cannot be sampled from.
    BadLogits(sampling::candidates::ChooseError),
    /// The grammar cannot be followed any further.
    GrammarFailed(grammar::MatchError),
    /// The engine broke; what it said.
    EngineFailed(String),
}

impl Interruption {
    /// The ending it stands for.
    pub fn stop_reason(&self) -> StopReason {
        match self {
            Self::Deadline => StopReason::Deadline,
            Self::Cancelled | Self::SinkFull | Self::SinkGone | Self::Shutdown => {
                StopReason::Cancelled
            }
            Self::BadLogits(_) | Self::GrammarFailed(_) | Self::EngineFailed(_) => {
                StopReason::Failed
            }
        }
    }
}

impl From<sampling::candidates::ChooseError> for Interruption {
    fn from(error: sampling::candidates::ChooseError) -> Self {
        Self::BadLogits(error)
    }
}

impl From<grammar::MatchError> for Interruption {
    fn from(error: grammar::MatchError) -> Self {
        Self::GrammarFailed(error)
    }
}

impl fmt::Display for Interruption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cancelled => f.write_str("cancelled by the caller"),
            Self::Deadline => f.write_str("ended: the time that it was given is over"),
            Self::SinkFull => f.write_str("cancelled: its events were not read in time"),
            Self::SinkGone => f.write_str("cancelled: nobody reads its events any more"),
            Self::Shutdown => f.write_str("cancelled: the engine was shut down"),
            Self::BadLogits(error) => write!(f, "the model failed: {error}"),
            Self::GrammarFailed(error) => write!(f, "the output could not go on: {error}"),
            Self::EngineFailed(message) => write!(f, "the engine failed: {message}"),
        }
    }
}

/// What a request used, in tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Tokens of the prompt.
    pub prompt_tokens: usize,
    /// Tokens generated, earlier ones and the ending one included.
    pub completion_tokens: usize,
    /// Those of them that are thought. All others, markers included, are the answer's.
    pub thinking_tokens: usize,
    /// The completion tokens that were generated earlier and not here.
    pub resumed_tokens: usize,
    /// Prompt tokens found in memory instead of computed.
    pub prefix_hit_tokens: usize,
    /// How often its memory was taken away for others, and computed again.
    pub preempted_count: usize,
    /// Guesses at next tokens that were computed, those behind a refused one included. Those behind
    /// the end of the answer do not count.
    pub drafted_tokens: usize,
    /// Of these, the ones that were right. Each saved a forward pass.
    pub accepted_draft_tokens: usize,
}

/// What one step did, and how things stand after it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StepReport {
    /// Token rows computed.
    pub row_count: usize,
    /// Rows of logits made.
    pub logits_count: usize,
    /// Tokens chosen.
    pub token_count: usize,
    /// Requests admitted.
    pub admitted_count: usize,
    /// Requests that gave their memory back.
    pub preempted_count: usize,
    /// Requests that ended.
    pub finished_count: usize,
    /// Sequences that run now.
    pub running_count: usize,
    /// Sequences that wait now.
    pub waiting_count: usize,
    /// Blocks that no sequence holds now.
    pub kv_blocks_free: usize,
}
