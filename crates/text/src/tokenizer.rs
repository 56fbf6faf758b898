//! The tokenizer as the other rooms see it.

use std::sync::Arc;

use crate::detokenizer::drop_blanks;
use crate::encoder::Encoder;
use crate::limits::ENCODE_TEXT_BYTES_MAX;
use crate::pieces::Pieces;
use crate::vocab::Vocab;
use crate::{DecodeError, Detokenizer, EncodeError, TokenId};

/// A vocabulary and its rules, ready to encode and decode. Cheap to share behind an `Arc`; all
/// methods take `&self`.
///
/// Made by [`Tokenizer::from_vocab`] (GGUF metadata) or [`Tokenizer::from_json`]
/// (`tokenizer.json`).
pub struct Tokenizer {
    pub(crate) vocab: Vocab,
    pub(crate) encoder: Encoder,
    pub(crate) pieces: Arc<Pieces>,
    pub(crate) special_ids: SpecialIds,
    /// Ids written before and after a text under `add_special`.
    pub(crate) prefix: Vec<TokenId>,
    pub(crate) suffix: Vec<TokenId>,
}

/// How a text is encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct EncodeOptions {
    /// Write the begin and end tokens the model was trained with. Off for chat prompts, whose
    /// template writes them itself.
    pub add_special: bool,
    /// Turn the text of special tokens into those tokens. Off for text that a user wrote: then no
    /// text can become a control token. Tokens that are added but not special (runs of blanks,
    /// and in some vocabularies `<think>`) are recognized either way.
    pub parse_special: bool,
}

/// The ids with a role. All are `None` or empty where the vocabulary names no such token.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SpecialIds {
    /// Begin of text.
    pub bos: Option<TokenId>,
    /// End of text, or of the assistant's turn, as the model's files name it.
    pub eos: Option<TokenId>,
    /// What unknown text becomes.
    pub unk: Option<TokenId>,
    /// Padding.
    pub pad: Option<TokenId>,
    /// End of a turn, where it differs from the end of text.
    pub eot: Option<TokenId>,
    /// Every id that ends a generation, ascending: `eos`, `eot` and, for GGUF vocabularies, the
    /// control tokens with a well-known end-of-turn text.
    pub ends: Vec<TokenId>,
}

impl Tokenizer {
    /// Turns a text into ids. An empty text has no ids of its own.
    pub fn encode(&self, text: &str, options: EncodeOptions) -> Result<Vec<TokenId>, EncodeError> {
        if text.len() > ENCODE_TEXT_BYTES_MAX {
            let (given, max) = (text.len(), ENCODE_TEXT_BYTES_MAX);
            return Err(EncodeError::TextTooLong { given, max });
        }
        let mut ids = Vec::with_capacity(text.len() / 3 + 2);
        if options.add_special {
            ids.extend_from_slice(&self.prefix);
        }
        if !text.is_empty() {
            self.encoder.encode(&self.vocab, text, options.parse_special, &mut ids)?;
        }
        if options.add_special {
            ids.extend_from_slice(&self.suffix);
        }
        Ok(ids)
    }

    /// Where in a text stand special tokens, as `parse_special` would find them: byte ranges, in
    /// order. Blanks that such a token swallows belong to it.
    pub fn special_ranges(&self, text: &str) -> Vec<std::ops::Range<usize>> {
        self.encoder.special_ranges(text)
    }

    /// Turns ids into text. Bytes that are no UTF-8 become U+FFFD; with `skip_special` the special
    /// tokens leave no trace, without it they are written as their text.
    pub fn decode(&self, ids: &[TokenId], skip_special: bool) -> Result<String, DecodeError> {
        let mut bytes = Vec::with_capacity(ids.len() * 4);
        let mut blanks_to_drop = self.pieces.leading_blanks_dropped();
        for &id in ids {
            let piece = self.pieces.get(id)?;
            if !(skip_special && self.pieces.is_special(id)) {
                bytes.extend_from_slice(drop_blanks(piece, &mut blanks_to_drop));
            }
        }
        Ok(match String::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
        })
    }

    /// Starts turning a stream of ids into text: see [`Detokenizer`].
    pub fn detokenizer(&self, skip_special: bool) -> Detokenizer {
        Detokenizer::new(Arc::clone(&self.pieces), skip_special)
    }

    /// The bytes a token adds to a text; for a special token, its text. They need not be UTF-8 on
    /// their own. The blank that the beginning of a text loses is still there.
    pub fn piece_bytes(&self, id: TokenId) -> Result<&[u8], DecodeError> {
        self.pieces.get(id)
    }

    /// Blanks that the beginning of a text loses when ids are decoded: the encoder put them there.
    pub fn leading_blanks_dropped(&self) -> usize {
        self.pieces.leading_blanks_dropped()
    }

    /// The token's text as the vocabulary writes it (`Ġhello`, `▁hello`, `<0x0A>`).
    pub fn token_text(&self, id: TokenId) -> Option<&str> {
        self.vocab.text(id)
    }

    /// The id of a token by its exact text in the vocabulary.
    pub fn token_to_id(&self, text: &str) -> Option<TokenId> {
        self.vocab.id(text)
    }

    /// Number of ids: the highest id and one. A model's logits may be wider; ids from here on have
    /// no text.
    pub fn vocab_size(&self) -> usize {
        self.vocab.len()
    }

    /// Whether a token is structure (begin, end, roles, unknown) and not text.
    pub fn is_special(&self, id: TokenId) -> bool {
        self.pieces.is_special(id)
    }

    /// The ids with a role.
    pub fn special_ids(&self) -> &SpecialIds {
        &self.special_ids
    }

    /// Begin of text.
    pub fn bos(&self) -> Option<TokenId> {
        self.special_ids.bos
    }

    /// End of text or turn.
    pub fn eos(&self) -> Option<TokenId> {
        self.special_ids.eos
    }

    /// What unknown text becomes.
    pub fn unk(&self) -> Option<TokenId> {
        self.special_ids.unk
    }

    /// Padding.
    pub fn pad(&self) -> Option<TokenId> {
        self.special_ids.pad
    }

    /// Every id that ends a generation, ascending.
    pub fn end_ids(&self) -> &[TokenId] {
        &self.special_ids.ends
    }

    /// Whether `add_special` writes a begin token. A prompt whose text already begins with it is
    /// then given two; callers that render a chat template encode without `add_special`.
    pub fn adds_bos(&self) -> bool {
        self.special_ids.bos.is_some_and(|bos| self.prefix.contains(&bos))
    }
}

impl std::fmt::Debug for Tokenizer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tokenizer")
            .field("vocab_size", &self.vocab.len())
            .field("special_ids", &self.special_ids)
            .finish_non_exhaustive()
    }
}
