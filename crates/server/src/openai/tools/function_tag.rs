//! `<function=NAME>{...}</function>`: Functionary.

use super::Piece;
use super::scan::{Found, Held};
use crate::openai::limits::TOOL_NAME_BYTES_MAX;

const OPEN: &str = "<function=";
const CLOSE: &str = "</function>";

/// Reads an answer with such calls.
#[derive(Default)]
pub(super) struct FunctionTag {
    held: Held,
    state: State,
    /// White space before the marker of a call: text, if it is none.
    gap: String,
    next_index: usize,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum State {
    #[default]
    Text,
    Name,
    Arguments,
}

impl FunctionTag {
    pub fn push(&mut self, text: &str, pieces: &mut Vec<Piece>) {
        self.held.push(text);
        loop {
            let marker = match self.state {
                State::Text => OPEN,
                State::Name => ">",
                State::Arguments => CLOSE,
            };
            let (text, is_end) = match self.held.find(marker) {
                Found::Marker(before) => (before, true),
                Found::Text(text) => (text, false),
            };
            match self.state {
                State::Text if is_end => {
                    let said = text.trim_end();
                    self.gap = text[said.len()..].to_owned();
                    pieces.push(Piece::Content(said.to_owned()));
                    self.state = State::Name;
                }
                State::Text => pieces.push(Piece::Content(text)),
                State::Name if is_end && text.len() <= TOOL_NAME_BYTES_MAX => {
                    let (index, name) = (self.next_index, text.trim().to_owned());
                    pieces.push(Piece::Call { index, id: None, name });
                    self.next_index += 1;
                    self.state = State::Arguments;
                }
                State::Name if text.len() > TOOL_NAME_BYTES_MAX => {
                    let end = if is_end { ">" } else { "" };
                    pieces.push(Piece::Content(format!("{}{OPEN}{text}{end}", self.gap)));
                    self.state = State::Text;
                }
                // A name that is not over is no name yet.
                State::Name => self.put_back(&text),
                State::Arguments => {
                    let index = self.next_index - 1;
                    let text = if is_end { text.trim_end().to_owned() } else { text };
                    pieces.push(Piece::Arguments { index, text });
                    if is_end {
                        self.state = State::Text;
                    }
                }
            }
            if !is_end {
                return;
            }
        }
    }

    fn put_back(&mut self, text: &str) {
        let behind = self.held.take();
        self.held.push(text);
        self.held.push(&behind);
    }

    pub fn finish(&mut self, pieces: &mut Vec<Piece>) {
        let rest = self.held.take();
        match self.state {
            State::Text if self.next_index > 0 && rest.trim().is_empty() => {}
            State::Text => pieces.push(Piece::Content(rest)),
            State::Name => pieces.push(Piece::Content(format!("{}{OPEN}{rest}", self.gap))),
            State::Arguments => {
                let is_part = CLOSE.starts_with(rest.trim());
                let text = if is_part { String::new() } else { rest };
                pieces.push(Piece::Arguments { index: self.next_index - 1, text });
            }
        }
    }
}
