//! Where a prompt leaves the model: about to think or not, in a thought, or behind one.

use super::{ThinkingFormat, ThinkingStyle};

/// Where a prompt ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ThinkingStart {
    /// The model may open a thought or answer at once.
    Undecided,
    /// In a thought that the prompt opened.
    Open,
    /// Behind a thought (an empty one turns thinking off), or in an answer.
    Closed,
}

impl ThinkingFormat {
    /// Where a rendered prompt ends that asks for an answer.
    pub fn start(&self, prompt: &str) -> ThinkingStart {
        match self.style {
            ThinkingStyle::Tags => {
                let written = prompt.trim_end();
                if written.ends_with(&self.open.text) {
                    ThinkingStart::Open
                } else if written.ends_with(&self.close.text) {
                    ThinkingStart::Closed
                } else {
                    ThinkingStart::Undecided
                }
            }
            ThinkingStyle::Channels(_) => {
                let header = prompt.rsplit("<|start|>").next().unwrap_or_default();
                match header.split_once("<|message|>") {
                    None => ThinkingStart::Undecided,
                    Some((header, _)) if header.contains("<|channel|>analysis") => {
                        ThinkingStart::Open
                    }
                    Some(_) => ThinkingStart::Closed,
                }
            }
        }
    }

    /// Where a prompt ends whose last message, `text`, is to be continued.
    pub fn start_of_continued(&self, prompt: &str, text: &str) -> ThinkingStart {
        if let ThinkingStyle::Channels(_) = self.style {
            return self.start(prompt);
        }
        match (text.rfind(&self.open.text), text.rfind(&self.close.text)) {
            (open, Some(close)) if open.is_none_or(|open| open < close) => ThinkingStart::Closed,
            (Some(_), _) => ThinkingStart::Open,
            _ if text.trim().is_empty() => self.start(prompt),
            _ => ThinkingStart::Closed,
        }
    }
}
