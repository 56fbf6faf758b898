//! Why a request is not accepted, and why a configuration is not.

use sampling::params::ParamError;

/// Why a request was refused. Nothing was queued, and no event follows.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Rejection {
    /// There is nothing to continue.
    #[error("the prompt must hold at least one token; given none")]
    EmptyPrompt,
    /// A token id that the model does not have.
    #[error("the prompt must hold token ids below {vocab_size}; given {token} at index {index}")]
    TokenOutsideVocabulary {
        /// The id.
        token: u32,
        /// Where it stands in the prompt.
        index: usize,
        /// The model's vocabulary size.
        vocab_size: usize,
    },
    /// A token generated earlier that the model does not have.
    #[error(
        "the tokens generated earlier must be ids below {vocab_size}; given {token} at \
         index {index}"
    )]
    ResumedOutsideVocabulary {
        /// The id.
        token: u32,
        /// Where it stands among them.
        index: usize,
        /// The model's vocabulary size.
        vocab_size: usize,
    },
    /// A request to go on that allows no more tokens than there are.
    #[error(
        "`max_tokens` must be more than the {resumed_tokens} tokens generated earlier; \
         given {limit}"
    )]
    NothingLeft {
        /// Tokens generated earlier.
        resumed_tokens: usize,
        /// The most tokens that the output may have.
        limit: usize,
    },
    /// The prompt alone, or with the limit asked for, is longer than the context.
    #[error(
        "{prompt_tokens} prompt tokens and {completion_tokens} to generate are {} tokens; \
         at most {context_tokens_max} fit {window}",
        prompt_tokens.saturating_add(*completion_tokens)
    )]
    ContextLengthExceeded {
        /// Tokens of the prompt.
        prompt_tokens: usize,
        /// Tokens asked for: `max_tokens`, or 1 where there was no limit to keep.
        completion_tokens: usize,
        /// What fits.
        context_tokens_max: usize,
        /// What sets the bound.
        window: ContextSetBy,
    },
    /// The shortest document that the grammar allows is longer than the limit.
    #[error(
        "the shortest output that satisfies the {kind} has {needed_tokens} tokens; \
         {limit} may be generated"
    )]
    DocumentTooLong {
        /// What was asked for: `json_schema`, `regex`, ...
        kind: &'static str,
        /// Tokens of the shortest document.
        needed_tokens: usize,
        /// The most tokens that the output may have.
        limit: usize,
    },
    /// What the request wants to know of each token is more than may be kept.
    #[error(
        "what is asked about each of {completion_tokens} tokens can take {needed_bytes} bytes; \
         {bytes_max} may be kept, which is enough for {fitting} tokens"
    )]
    EventsTooLarge {
        /// Bytes that its events can hold.
        needed_bytes: usize,
        /// What this engine allows.
        bytes_max: usize,
        /// The limit asked for.
        completion_tokens: usize,
        /// The limit that would do.
        fitting: usize,
    },
    /// A parameter that does not go with this model or engine.
    #[error(transparent)]
    Param(#[from] ParamError),
    /// Too many requests wait already.
    #[error("at most {requests_max} requests may run and wait; try again later")]
    QueueFull {
        /// How many may.
        requests_max: usize,
    },
    /// The engine was shut down, or it failed.
    #[error("the engine has stopped and takes no more requests")]
    Stopped,
}

impl Rejection {
    /// A short name for programs. `context_length_exceeded` is OpenAI's.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::EmptyPrompt => "empty_prompt",
            Self::TokenOutsideVocabulary { .. } => "token_outside_vocabulary",
            Self::ResumedOutsideVocabulary { .. } => "token_outside_vocabulary",
            Self::NothingLeft { .. } => "nothing_left",
            Self::ContextLengthExceeded { .. } => "context_length_exceeded",
            Self::DocumentTooLong { .. } => "document_too_long",
            Self::EventsTooLarge { .. } => "events_too_large",
            Self::Param(_) => "invalid_parameter",
            Self::QueueFull { .. } => "queue_full",
            Self::Stopped => "engine_stopped",
        }
    }

    /// The parameter that was wrong, where one was.
    pub fn param(&self) -> Option<&str> {
        match self {
            Self::EmptyPrompt | Self::TokenOutsideVocabulary { .. } => Some("prompt"),
            Self::ResumedOutsideVocabulary { .. } => Some("generated"),
            Self::ContextLengthExceeded { .. }
            | Self::NothingLeft { .. }
            | Self::DocumentTooLong { .. }
            | Self::EventsTooLarge { .. } => Some("max_tokens"),
            Self::Param(error) => Some(&error.param),
            Self::QueueFull { .. } | Self::Stopped => None,
        }
    }
}

/// What bounds the length of a sequence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContextSetBy {
    /// The model's window.
    Model,
    /// The engine's key-value memory, which is smaller.
    KvMemory,
}

impl std::fmt::Display for ContextSetBy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Model => "the model's context window",
            Self::KvMemory => "the key-value memory of this engine",
        })
    }
}

/// Why an engine cannot be built.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// A number that is too small or too large.
    #[error("`{name}` must be in [{min}, {max}]; given {given}")]
    OutOfRange {
        /// The field of the configuration.
        name: &'static str,
        /// What it holds.
        given: usize,
        /// Smallest value.
        min: usize,
        /// Largest value.
        max: usize,
    },
    /// Block sizes are powers of two.
    #[error("`kv_block_tokens` must be a power of two; given {given}")]
    NotAPowerOfTwo {
        /// What it holds.
        given: usize,
    },
    /// A draft model whose tokens are others.
    #[error("the draft model `{draft}` must have the vocabulary of `{target}`: {difference}")]
    DraftVocabulary {
        /// The draft model.
        draft: String,
        /// The model that it should draft for.
        target: String,
        /// How it differs.
        difference: String,
    },
    /// An end-of-sequence id that the model does not have.
    #[error("`eos_ids` must be below {vocab_size}; given {id}")]
    EosOutsideVocabulary {
        /// The id.
        id: u32,
        /// The model's vocabulary size.
        vocab_size: usize,
    },
}
