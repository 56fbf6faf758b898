//! What each token adds to the text, as bytes, and the one rule about the beginning of a text.
//!
//! Turning ids into text is nothing but joining these bytes: bytes that are no UTF-8 become U+FFFD,
//! and where the vocabulary writes a blank before every text, the first blank is taken away.

use crate::vocab::{TokenKind, Vocab, byte_token_value};
use crate::{DecodeError, TokenId, byte_alphabet};

/// How the text of an ordinary token becomes bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct PieceRule {
    /// Texts are written in the byte alphabet of GPT-2.
    pub byte_alphabet: bool,
    /// `<0x0A>` is the byte 10.
    pub byte_tokens: bool,
    /// Replacements made in every token's text, in order (`▁` by a blank).
    pub replacements: Vec<(String, String)>,
    /// Added before every token's text (vocabularies of whole words).
    pub separator: &'static str,
    /// How many blanks are taken from the beginning of a text.
    pub leading_blanks_dropped: usize,
}

/// The bytes of every token.
pub(crate) struct Pieces {
    bytes: Vec<u8>,
    /// Piece `i` lies at `ends[i - 1]..ends[i]`.
    ends: Vec<u32>,
    special: Vec<bool>,
    leading_blanks_dropped: usize,
}

impl Pieces {
    /// `verbatim` tells which tokens were added beside the model's own: they mean what they say.
    pub(crate) fn new(vocab: &Vocab, rule: &PieceRule, verbatim: impl Fn(TokenId) -> bool) -> Self {
        let count = vocab.len();
        let mut bytes = Vec::with_capacity(count * 8);
        let mut ends = Vec::with_capacity(count);
        let mut special = Vec::with_capacity(count);
        for id in 0..count as TokenId {
            let kind = vocab.kind(id).expect("ids below the length have a kind");
            let text = vocab.text(id).expect("ids below the length have a text");
            if kind == TokenKind::Hole {
                // A model may be wider than its vocabulary; such ids add nothing.
            } else if kind.is_special() || kind == TokenKind::UserDefined || verbatim(id) {
                bytes.extend_from_slice(text.as_bytes());
            } else {
                rule.push_piece(text, &mut bytes);
            }
            ends.push(bytes.len() as u32);
            special.push(kind.is_special());
        }
        bytes.shrink_to_fit();
        Self { bytes, ends, special, leading_blanks_dropped: rule.leading_blanks_dropped }
    }

    /// Number of ids.
    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether a token is structure and not text.
    pub(crate) fn is_special(&self, id: TokenId) -> bool {
        self.special.get(id as usize).copied().unwrap_or(false)
    }

    /// How many blanks are taken from the beginning of a text.
    pub(crate) fn leading_blanks_dropped(&self) -> usize {
        self.leading_blanks_dropped
    }

    /// The bytes a token adds.
    pub(crate) fn get(&self, id: TokenId) -> Result<&[u8], DecodeError> {
        let index = id as usize;
        let end = *self.ends.get(index).ok_or(DecodeError { id, vocab_size: self.len() })?;
        let start = if index == 0 { 0 } else { self.ends[index - 1] };
        Ok(&self.bytes[start as usize..end as usize])
    }
}

impl PieceRule {
    fn push_piece(&self, text: &str, out: &mut Vec<u8>) {
        out.extend_from_slice(self.separator.as_bytes());
        if self.byte_alphabet {
            return byte_alphabet::push_bytes(text, out);
        }
        if self.byte_tokens
            && let Some(byte) = byte_token_value(text)
        {
            return out.push(byte);
        }
        match self.replacements.as_slice() {
            [] => out.extend_from_slice(text.as_bytes()),
            [(from, to)] if !text.contains(from.as_str()) || from == to => {
                out.extend_from_slice(text.as_bytes());
            }
            several => {
                let replaced = several
                    .iter()
                    .fold(text.to_owned(), |text, (from, to)| text.replace(from.as_str(), to));
                out.extend_from_slice(replaced.as_bytes());
            }
        }
    }
}
