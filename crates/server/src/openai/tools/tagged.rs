//! Calls as JSON behind a marker: Hermes, Qwen, Mistral, Granite.

use super::Piece;
use super::json_calls::{JsonCalls, Read};
use super::scan::{Found, Held};

/// Reads an answer in which a marker begins calls, and another may end them.
pub(super) struct Tagged {
    open: &'static str,
    close: Option<&'static str>,
    held: Held,
    calls: Option<JsonCalls>,
    /// White space before the marker that began them: text, if they are none.
    gap: String,
    /// Whether a call has ended and its closing marker not come.
    closes: bool,
    next_index: usize,
}

impl Tagged {
    pub fn new(open: &'static str, close: Option<&'static str>) -> Self {
        let (held, gap) = (Held::default(), String::new());
        Tagged { open, close, held, calls: None, gap, closes: false, next_index: 0 }
    }

    pub fn push(&mut self, text: &str, pieces: &mut Vec<Piece>) {
        self.held.push(text);
        loop {
            if self.calls.is_some() {
                if !self.read_calls(pieces) {
                    return;
                }
                continue;
            }
            if self.closes && !self.skip_close() {
                return;
            }
            match self.held.find(self.open) {
                Found::Marker(before) => {
                    let text = before.trim_end();
                    self.gap = before[text.len()..].to_owned();
                    pieces.push(Piece::Content(text.to_owned()));
                    self.calls = Some(JsonCalls::default());
                }
                Found::Text(text) => {
                    pieces.push(Piece::Content(text));
                    return;
                }
            }
        }
    }

    /// Reads what is held as calls; whether they ended.
    fn read_calls(&mut self, pieces: &mut Vec<Piece>) -> bool {
        let text = self.held.take();
        let Some(calls) = &mut self.calls else { return true };
        for (place, character) in text.char_indices() {
            let rest = &text[place + character.len_utf8()..];
            match calls.feed(character, &mut self.next_index, pieces) {
                Read::More => {}
                Read::Done => {
                    self.calls = None;
                    self.closes = self.close.is_some();
                    self.held.push(rest);
                    return true;
                }
                Read::NoCall(raw) => {
                    self.calls = None;
                    pieces.push(Piece::Content(format!("{}{}{raw}", self.gap, self.open)));
                    self.held.push(rest);
                    return true;
                }
            }
        }
        false
    }

    /// Passes over white space and the closing marker; false while more may come of it.
    fn skip_close(&mut self) -> bool {
        let text = self.held.take();
        let start = text.trim_start();
        let close = self.close.unwrap_or_default();
        if let Some(rest) = start.strip_prefix(close) {
            self.held.push(rest);
        } else if close.starts_with(start) {
            self.held.push(&text);
            return false;
        } else {
            self.held.push(&text);
        }
        self.closes = false;
        true
    }

    pub fn finish(&mut self, pieces: &mut Vec<Piece>) {
        let calls = self.calls.take();
        let raw = calls.and_then(|mut calls| calls.finish(&mut self.next_index, pieces));
        if let Some(raw) = raw {
            pieces.push(Piece::Content(format!("{}{}{raw}", self.gap, self.open)));
        }
        let rest = self.held.take();
        // Behind a call white space divides it from what did not come, and part of a closing
        // marker is no text.
        let is_part = self.closes && self.close.unwrap_or_default().starts_with(rest.trim());
        if self.next_index == 0 || !(rest.trim().is_empty() || is_part) {
            pieces.push(Piece::Content(rest));
        }
    }
}
