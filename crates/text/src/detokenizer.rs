//! Ids to text, one at a time.
//!
//! Law: everything `push` returned, joined, and then `flush`, is `Tokenizer::decode` of the same
//! ids. A character that spans tokens is held back until it is whole; what can no longer become a
//! character is released at once as U+FFFD, so never more than three bytes wait.

use std::sync::Arc;

use crate::pieces::Pieces;
use crate::{DecodeError, TokenId};

/// Turns a stream of ids into text without ever splitting a character.
#[derive(Clone)]
pub struct Detokenizer {
    pieces: Arc<Pieces>,
    skip_special: bool,
    /// Blanks still to be taken from the beginning of the text.
    blanks_to_drop: usize,
    /// Beginning of a character whose other bytes have not come yet: at most 3 bytes.
    pending: Vec<u8>,
}

impl Detokenizer {
    pub(crate) fn new(pieces: Arc<Pieces>, skip_special: bool) -> Self {
        let blanks_to_drop = pieces.leading_blanks_dropped();
        Self { pieces, skip_special, blanks_to_drop, pending: Vec::new() }
    }

    /// Keeps the blank at the beginning: for text that continues other text (the completion of a
    /// prompt), where the rule about the beginning of a text does not apply.
    #[must_use]
    pub fn continuing(mut self) -> Self {
        self.blanks_to_drop = 0;
        self
    }

    /// Takes the next id and returns the whole characters that are now certain; often none.
    /// An id outside the vocabulary is refused and changes nothing.
    pub fn push(&mut self, id: TokenId) -> Result<String, DecodeError> {
        let pieces = Arc::clone(&self.pieces);
        let piece = pieces.get(id)?;
        if self.skip_special && pieces.is_special(id) {
            return Ok(String::new());
        }
        self.pending.extend_from_slice(drop_blanks(piece, &mut self.blanks_to_drop));
        Ok(self.release())
    }

    /// Ends the text and returns what was held back: U+FFFD for an unfinished character.
    pub fn flush(&mut self) -> String {
        let rest = String::from_utf8_lossy(&self.pending).into_owned();
        self.pending.clear();
        rest
    }

    /// Bytes held back, from 0 to 3.
    pub fn pending_bytes(&self) -> usize {
        self.pending.len()
    }

    /// Moves everything out that no later byte can change.
    fn release(&mut self) -> String {
        let mut text = String::new();
        let mut rest = self.pending.as_slice();
        loop {
            match std::str::from_utf8(rest) {
                Ok(valid) => {
                    text.push_str(valid);
                    rest = &[];
                    break;
                }
                Err(error) => {
                    let (valid, after) = rest.split_at(error.valid_up_to());
                    text.push_str(std::str::from_utf8(valid).expect("checked just above"));
                    rest = after;
                    let Some(broken) = error.error_len() else { break };
                    text.push(char::REPLACEMENT_CHARACTER);
                    rest = &rest[broken..];
                }
            }
        }
        let released = self.pending.len() - rest.len();
        self.pending.drain(..released);
        debug_assert!(self.pending.len() <= 3, "an unfinished character has at most 3 bytes");
        text
    }
}

/// The piece without the blanks that the beginning of a text loses.
pub(crate) fn drop_blanks<'p>(mut piece: &'p [u8], blanks_to_drop: &mut usize) -> &'p [u8] {
    while *blanks_to_drop > 0 && !piece.is_empty() {
        match piece.strip_prefix(b" ") {
            Some(rest) => {
                piece = rest;
                *blanks_to_drop -= 1;
            }
            None => *blanks_to_drop = 0,
        }
    }
    piece
}
