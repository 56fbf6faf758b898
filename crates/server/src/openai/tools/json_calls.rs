//! Calls as JSON: one object, several after each other, or a list of them.

use super::Piece;
use super::call_json::{CallJson, Fed};

/// Reads calls up to their end.
#[derive(Default)]
pub(super) struct JsonCalls {
    call: Option<CallJson>,
    in_list: bool,
    /// Whether the name of the current call has been told.
    is_told: bool,
    /// Whether a call before it was.
    has_told: bool,
    /// What has come since the last call that was told.
    raw: String,
    /// Names that count; any without a list.
    names: Option<Vec<String>>,
}

/// What a character did.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Read {
    /// The calls go on.
    More,
    /// A call or a list of calls ended with this character.
    Done,
    /// This text, the character included, is no call.
    NoCall(String),
}

impl JsonCalls {
    /// Only calls of these tools count; what names another is text.
    pub fn of(names: Vec<String>) -> Self {
        JsonCalls { names: Some(names), ..JsonCalls::default() }
    }

    /// Takes a character; `next_index` numbers the next call.
    pub fn feed(
        &mut self,
        character: char,
        next_index: &mut usize,
        pieces: &mut Vec<Piece>,
    ) -> Read {
        self.raw.push(character);
        let Some(call) = &mut self.call else { return self.between(character) };
        let fed = call.feed(character);
        let is_ours = |name: &String| self.names.as_ref().is_none_or(|names| names.contains(name));
        if !self.is_told
            && let Some(name) = call.name.as_ref()
        {
            if !is_ours(name) {
                return self.no_call();
            }
            // An id that follows the name is waited for: it has to be told with it.
            let begins_arguments = !call.arguments.is_empty();
            if begins_arguments || fed != Fed::More {
                let (id, name) = (call.id.clone(), name.clone());
                pieces.push(Piece::Call { index: *next_index, id, name });
                *next_index += 1;
                self.is_told = true;
            }
        }
        if self.is_told {
            self.raw.clear();
            let text = std::mem::take(&mut call.arguments);
            pieces.push(Piece::Arguments { index: *next_index - 1, text });
        }
        match fed {
            Fed::More => Read::More,
            Fed::Broken | Fed::Done if !self.is_told => self.no_call(),
            Fed::Broken | Fed::Done => {
                self.call = None;
                self.is_told = false;
                self.has_told = true;
                if self.in_list { Read::More } else { Read::Done }
            }
        }
    }

    /// A character outside of an object.
    fn between(&mut self, character: char) -> Read {
        match character {
            '{' => {
                let mut call = CallJson::default();
                call.feed(character);
                self.call = Some(call);
                Read::More
            }
            '[' if !self.in_list => {
                self.in_list = true;
                Read::More
            }
            ']' if self.in_list && self.has_told => {
                self.in_list = false;
                self.raw.clear();
                Read::Done
            }
            ',' if self.in_list => Read::More,
            _ if character.is_whitespace() => Read::More,
            _ => self.no_call(),
        }
    }

    fn no_call(&mut self) -> Read {
        self.call = None;
        self.in_list = false;
        self.is_told = false;
        Read::NoCall(std::mem::take(&mut self.raw))
    }

    /// The text is over: what has come and is no call; none where all of it was.
    pub fn finish(&mut self, next_index: &mut usize, pieces: &mut Vec<Piece>) -> Option<String> {
        let named = self.call.as_ref().filter(|_| !self.is_told);
        let named = named.and_then(|call| Some((call.id.clone(), call.name.clone()?)));
        let is_ours = |name: &String| self.names.as_ref().is_none_or(|names| names.contains(name));
        if let Some((id, name)) = named.filter(|(_, name)| is_ours(name)) {
            pieces.push(Piece::Call { index: *next_index, id, name });
            *next_index += 1;
            return None;
        }
        let is_all_told = self.is_told || self.has_told && self.raw.trim().is_empty();
        (!is_all_told).then(|| std::mem::take(&mut self.raw))
    }
}
