//! The one reason that ended a sequence, and the API's word for it.

use crate::TokenId;

/// Exactly what ended a sequence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StopReason {
    /// The model produced one of its end-of-sequence tokens.
    Eos(TokenId),
    /// The model produced a token of the request's `stop_token_ids`.
    StopToken(TokenId),
    /// A stop string appeared in the text.
    StopString {
        /// Its place in the request's list, from 0.
        index: usize,
        /// The string itself; it is not part of the text.
        text: String,
    },
    /// The grammar that was asked for is complete, and nothing may follow.
    GrammarComplete,
    /// The limit of tokens to generate was reached.
    MaxTokens,
    /// Prompt and output fill the model's context window.
    ContextFull,
    /// The time that the request was given is over.
    Deadline,
    /// The caller gave up or its connection ended.
    Cancelled,
    /// The model gave logits that cannot be sampled from, or the engine failed.
    Failed,
}

/// The word for the kind of ending.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FinishReason {
    /// The model ended by itself, by a stop token or string, or with a complete document.
    Stop,
    /// A limit ended it: of tokens, of the context, or of time.
    Length,
    /// The caller ended it.
    Cancelled,
    /// It could not go on.
    Error,
}

impl StopReason {
    /// The kind of this ending.
    pub fn finish_reason(&self) -> FinishReason {
        match self {
            Self::Eos(_) | Self::StopToken(_) | Self::StopString { .. } | Self::GrammarComplete => {
                FinishReason::Stop
            }
            Self::MaxTokens | Self::ContextFull | Self::Deadline => FinishReason::Length,
            Self::Cancelled => FinishReason::Cancelled,
            Self::Failed => FinishReason::Error,
        }
    }

    /// The name of this ending, as `stop_reason` objects spell it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Eos(_) => "eos",
            Self::StopToken(_) => "stop_token",
            Self::StopString { .. } => "stop_string",
            Self::GrammarComplete => "grammar_complete",
            Self::MaxTokens => "max_tokens",
            Self::ContextFull => "context_full",
            Self::Deadline => "deadline",
            Self::Cancelled => "cancelled",
            Self::Failed => "failed",
        }
    }
}

impl FinishReason {
    /// The word used for `finish_reason`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Stop => "stop",
            Self::Length => "length",
            Self::Cancelled => "cancelled",
            Self::Error => "error",
        }
    }
}
