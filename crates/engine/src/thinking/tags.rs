//! Markers that are texts around the thought, of one token or several.

use model::TokenId;
use text::thinking::{Marker, ThinkingFormat};

/// Blanks that are waited through for the beginning of a thought, in bytes; GLM writes one.
const BLANK_BYTES_MAX: usize = 64;

/// Finds the markers in text that arrives in pieces; holds back what may become one.
#[derive(Clone, Debug, Default)]
pub(crate) struct TagReader {
    held: String,
    /// Tokens that brought the text held back, while a thought is read.
    held_tokens: usize,
}

/// What a token said before any thought.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Beginning {
    /// Nothing yet.
    Waiting,
    /// A thought begins; the text that follows its marker.
    Thought(String),
    /// The answer begins, with this text.
    Answer(String),
}

/// What a token said in a thought.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Within {
    /// More of it.
    Thought(String),
    /// Its end.
    End {
        /// What came before the marker.
        thought: String,
        /// What follows it.
        answer: String,
        /// Earlier tokens that were counted as thought and are part of the marker.
        marker_tokens: usize,
    },
}

impl TagReader {
    /// Reads before the first thought, where only blanks and the marker may stand.
    pub fn before(&mut self, format: &ThinkingFormat, token: TokenId, text: &str) -> Beginning {
        if Some(token) == format.open.id {
            self.held.clear();
            return Beginning::Thought(String::new());
        }
        self.held.push_str(text);
        let written = self.held.trim_start();
        let marker = format.open.text.as_str();
        if format.open.id.is_none() {
            if let Some(rest) = written.strip_prefix(marker) {
                let rest = rest.to_owned();
                self.held.clear();
                return Beginning::Thought(rest);
            }
            if marker.starts_with(written) {
                return Beginning::Waiting;
            }
        }
        match written.is_empty() && self.held.len() <= BLANK_BYTES_MAX {
            true => Beginning::Waiting,
            false => Beginning::Answer(std::mem::take(&mut self.held)),
        }
    }

    /// Reads in a thought.
    pub fn within(&mut self, close: &Marker, token: TokenId, text: &str) -> Within {
        if close.id.is_some() {
            return match Some(token) == close.id {
                true => {
                    Within::End { thought: String::new(), answer: String::new(), marker_tokens: 0 }
                }
                false => Within::Thought(text.to_owned()),
            };
        }
        let searched = self.held.len();
        self.held.push_str(text);
        if let Some(place) = self.held.find(&close.text) {
            let answer = self.held[place + close.text.len()..].to_owned();
            self.held.truncate(place);
            let thought = std::mem::take(&mut self.held);
            return Within::End {
                thought,
                answer,
                marker_tokens: std::mem::take(&mut self.held_tokens),
            };
        }
        let kept = (0..=close.text.len())
            .rev()
            .filter(|&length| close.text.is_char_boundary(length))
            .find(|&length| self.held.ends_with(&close.text[..length]))
            .unwrap_or(0);
        self.held_tokens = match kept {
            0 => 0,
            // All text that was held before is still part of the same beginning.
            kept if kept == self.held.len() && searched > 0 => self.held_tokens + 1,
            _ => 1,
        };
        let keep = self.held.split_off(self.held.len() - kept);
        Within::Thought(std::mem::replace(&mut self.held, keep))
    }

    /// Bytes of the closing marker that the thought ends with.
    pub fn matched_bytes(&self) -> usize {
        self.held.len()
    }

    /// Whether more than blanks wait before the first thought.
    pub fn is_opening(&self) -> bool {
        !self.held.trim_start().is_empty()
    }

    /// Gives out what is held back, with the number of its tokens.
    pub fn release(&mut self) -> (String, usize) {
        (std::mem::take(&mut self.held), std::mem::take(&mut self.held_tokens))
    }
}
