//! How a model marks its reasoning: found in its vocabulary and its chat template.
//!
//! Two styles are known. *Tags*: the thought stands between two texts such as `<think>` and
//! `</think>`, each one token or several (Qwen3, DeepSeek R1, SmolLM3, GLM, Granite, Magistral,
//! Command A). *Channels*: each message begins with a header that names its channel, and thoughts
//! go to the channel `analysis` (gpt-oss's harmony format).

mod find;
mod start;
mod template;

pub use start::ThinkingStart;

use crate::TokenId;

/// How a model marks its reasoning, and what its template can be told about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ThinkingFormat {
    /// What the markers are made of.
    pub style: ThinkingStyle,
    /// Begins a thought.
    pub open: Marker,
    /// Ends it; what follows is the answer.
    pub close: Marker,
    /// Ends a thought that stands in the middle of a line: the line's end where the model's own
    /// thoughts end with one, and then `close`.
    pub close_line: Vec<TokenId>,
    /// Between these a thought is not interrupted.
    pub tool_calls: Vec<Fence>,
    /// The template's variable that turns thinking on and off, where it has one.
    pub switch: Option<&'static str>,
    /// Whether the template reads `reasoning_effort`.
    pub reads_effort: bool,
}

/// What markers are made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ThinkingStyle {
    /// A text before and a text after the thought, at the beginning of the answer.
    Tags,
    /// A header before each message.
    Channels(ChannelIds),
}

/// The tokens of which message headers are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChannelIds {
    /// `<|start|>`: a role follows.
    pub start: TokenId,
    /// `<|channel|>`: the channel's name follows.
    pub channel: TokenId,
    /// `<|message|>`: the content follows.
    pub message: TokenId,
    /// `<|end|>`: the message is over.
    pub end: TokenId,
}

/// A text that divides thought and answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Marker {
    /// The text.
    pub text: String,
    /// Its token, where it is a single one.
    pub id: Option<TokenId>,
    /// By the number of its bytes that are written already: the tokens of the others. Empty where
    /// a character would be split; the first entry never is.
    pub rest: Vec<Vec<TokenId>>,
}

impl Marker {
    /// All its tokens.
    pub fn ids(&self) -> &[TokenId] {
        &self.rest[0]
    }
}

/// The tokens around something that is written in one go, such as a tool call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fence {
    /// Begins it.
    pub open: TokenId,
    /// Ends it.
    pub close: TokenId,
}

impl ThinkingFormat {
    /// The most tokens that a forced end takes.
    pub fn close_tokens_max(&self) -> usize {
        let rests = self.close.rest.iter().map(Vec::len);
        rests.chain([self.close_line.len()]).max().unwrap_or(0)
    }
}
