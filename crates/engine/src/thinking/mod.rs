//! Thinking that is counted, bounded and reported.
//!
//! [`ThinkingTracker`] follows the tokens of one answer: which belong to the thought, which to the
//! answer, which are markers between them. With a budget or a reserve it also says when the thought
//! must end, and by which tokens: those of the model's own marker. It sees tokens only after they
//! are settled, so it never takes anything back, whatever was drafted.
//!
//! A thought ends
//! - by the model itself (*natural*);
//! - at the end of a sentence or line in the last quarter of its budget (*soft*), or where the
//!   model would end its text without an answer;
//! - at its budget, or where the answer's reserve begins (*hard*).
//!
//! It is never ended inside a character, and inside a tool call only after
//! [`TOOL_CALL_TOKENS_MAX`](crate::limits::TOOL_CALL_TOKENS_MAX) tokens of it.

mod boundary;
mod channels;
mod parts;
mod plan;
mod tags;
mod tracker;
mod writer;

#[cfg(test)]
mod tracker_tests;

pub(crate) use parts::PartTexts;
pub use plan::EffortBudget;
pub(crate) use plan::{ThinkingPlan, shaped_by_limit};
pub(crate) use tracker::{ForcedToken, ThinkingTracker};
pub(crate) use writer::{Writer, Written};

use std::sync::Arc;
use text::thinking::{ThinkingFormat, ThinkingStart};

/// What a request says about thinking beside its parameters: how the model marks it, and where the
/// prompt ends. Without it all text is the answer, markers included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ThinkingSetup {
    /// How the model marks its thoughts.
    pub format: Arc<ThinkingFormat>,
    /// Where the prompt leaves the model.
    pub start: ThinkingStart,
    /// A budget that an effort stands for, used where the request names none.
    pub effort: Option<EffortBudget>,
}

/// What a token belongs to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Part {
    /// The thought.
    Thinking,
    /// What divides thought and answer, and headers of messages.
    Marker,
    /// The answer: all tokens of a model that does not think.
    #[default]
    Answer,
}

impl Part {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Part::Thinking => "thinking",
            Part::Marker => "marker",
            Part::Answer => "answer",
        }
    }
}

/// Why a token stands where the model would have chosen for itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ForcedBy {
    /// The thought ends at a natural place near its budget.
    ThinkingSoft,
    /// The thought ends in place of the text, which would have had no answer.
    ThinkingEnd,
    /// The thought ends at its budget, or where the answer's reserve begins.
    ThinkingHard,
    /// The grammar closes its document within the limit.
    Grammar,
}

impl ForcedBy {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            ForcedBy::ThinkingSoft => "thinking_soft",
            ForcedBy::ThinkingEnd => "thinking_end",
            ForcedBy::ThinkingHard => "thinking_hard",
            ForcedBy::Grammar => "grammar",
        }
    }

    /// The end of a thought that this word is for, and nothing else.
    pub(crate) fn end_of_thought(word: &str) -> Option<Self> {
        let ends = [ForcedBy::ThinkingSoft, ForcedBy::ThinkingEnd, ForcedBy::ThinkingHard];
        ends.into_iter().find(|by| by.as_str() == word)
    }
}

/// How a thought ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ThinkingClosed {
    /// By the model.
    Natural,
    /// Forced, at a natural place.
    Soft,
    /// Forced, where it stood.
    Hard,
    /// Not at all: the whole output ended first.
    Open,
}

impl ThinkingClosed {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            ThinkingClosed::Natural => "natural",
            ThinkingClosed::Soft => "soft",
            ThinkingClosed::Hard => "hard",
            ThinkingClosed::Open => "open",
        }
    }
}

/// What made the end of a thought necessary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ThinkingEndedBy {
    /// The model was done with it.
    Model,
    /// Its budget.
    Budget,
    /// The tokens kept for the answer.
    AnswerReserve,
    /// The model would have ended its text without an answer.
    EndOfText,
}

impl ThinkingEndedBy {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            ThinkingEndedBy::Model => "model",
            ThinkingEndedBy::Budget => "budget",
            ThinkingEndedBy::AnswerReserve => "answer_reserve",
            ThinkingEndedBy::EndOfText => "end_of_text",
        }
    }
}

/// What became of a request's thinking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ThinkingReport {
    /// Tokens of all thoughts, markers not counted.
    pub tokens: usize,
    /// How the last thought ended.
    pub closed: ThinkingClosed,
    /// Why; none while it is open.
    pub ended_by: Option<ThinkingEndedBy>,
    /// The most tokens it could have, where that was bounded: the request's or the effort's.
    pub budget: Option<usize>,
    /// Tokens kept for the answer.
    pub answer_reserve: usize,
}

/// What may be chosen next, for a grammar that bounds answers and not thoughts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnswerGate<'a> {
    /// A thought, a marker or a header is being written: nothing is bounded.
    Shut,
    /// The answer may begin, or a thought by these tokens.
    Undecided(&'a [model::TokenId]),
    /// Only the answer can follow.
    Open,
}
