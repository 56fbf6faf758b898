//! Calls as the whole answer: Llama 3, and answers whose shape is a call.

use super::Piece;
use super::json_calls::{JsonCalls, Read};
use crate::openai::from_wire::tool_wish::Tool;

/// What Llama may write before a call.
const MARK: &str = "<|python_tag|>";

/// Reads an answer that is either calls from its beginning, or text.
pub(super) struct Bare {
    names: Vec<String>,
    state: State,
    /// What has come before it is known which it is.
    start: String,
    next_index: usize,
}

enum State {
    Start,
    Calls(JsonCalls),
    Between,
    Text,
}

impl Bare {
    pub fn new(tools: &[Tool]) -> Self {
        let names = tools.iter().map(|tool| tool.name.clone()).collect();
        Bare { names, state: State::Start, start: String::new(), next_index: 0 }
    }

    pub fn push(&mut self, text: &str, pieces: &mut Vec<Piece>) {
        let mut rest = text;
        while let Some(character) = rest.chars().next() {
            match &mut self.state {
                State::Text => {
                    pieces.push(Piece::Content(rest.to_owned()));
                    return;
                }
                State::Start | State::Between => {
                    self.start.push(character);
                    self.begin();
                    if matches!(self.state, State::Text) {
                        pieces.push(Piece::Content(std::mem::take(&mut self.start)));
                    } else if matches!(self.state, State::Calls(_)) {
                        // The brace that began them is theirs.
                        continue;
                    }
                }
                State::Calls(calls) => match calls.feed(character, &mut self.next_index, pieces) {
                    Read::More => {}
                    Read::Done => {
                        self.state = State::Between;
                        self.start.clear();
                    }
                    Read::NoCall(raw) => {
                        let start = std::mem::take(&mut self.start);
                        let before = start.strip_suffix(['{', '[']).unwrap_or(&start);
                        pieces.push(Piece::Content(format!("{before}{raw}")));
                        self.state = State::Text;
                    }
                },
            }
            rest = &rest[character.len_utf8()..];
        }
    }

    /// Looks at what has come: white space and the mark tell nothing yet.
    fn begin(&mut self) {
        let is_between = matches!(self.state, State::Between);
        let seen = self.start.trim_start_matches(|character: char| {
            character.is_whitespace() || (is_between && matches!(character, ';' | ','))
        });
        let seen = seen.strip_prefix(MARK).unwrap_or(seen).trim_start();
        match seen.chars().next() {
            None => {}
            Some('{' | '[') => self.state = State::Calls(JsonCalls::of(self.names.clone())),
            Some(_) if MARK.starts_with(seen) => {}
            Some(_) => self.state = State::Text,
        }
    }

    pub fn finish(&mut self, pieces: &mut Vec<Piece>) {
        let start = std::mem::take(&mut self.start);
        match &mut self.state {
            State::Calls(calls) => {
                if let Some(raw) = calls.finish(&mut self.next_index, pieces) {
                    let before = start.strip_suffix(['{', '[']).unwrap_or(&start);
                    pieces.push(Piece::Content(format!("{before}{raw}")));
                }
            }
            State::Between if start.trim().is_empty() => {}
            _ => pieces.push(Piece::Content(start)),
        }
        self.state = State::Text;
    }
}
