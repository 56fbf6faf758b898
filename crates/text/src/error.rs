//! What can go wrong with vocabularies, texts and ids; templates have their own error.

use crate::TokenId;

/// Why a vocabulary cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VocabError {
    /// The bytes are no JSON, or JSON of another shape than `tokenizer.json`.
    #[error("tokenizer.json cannot be read: {0}")]
    Json(String),
    /// A size is beyond what is accepted (see [`crate::limits`]).
    #[error("{what} is {given}; at most {max} is accepted")]
    TooLarge {
        /// What was measured, with its unit.
        what: &'static str,
        /// How much the file has.
        given: u64,
        /// The bound.
        max: u64,
    },
    /// Something needed is absent.
    #[error("{0} is missing")]
    Missing(&'static str),
    /// Two lists that describe the same tokens differ in length.
    #[error("{what} has {given} entries for {tokens} tokens; the numbers must be equal")]
    LengthMismatch {
        /// The list that does not fit.
        what: &'static str,
        /// Its length.
        given: usize,
        /// The number of tokens.
        tokens: usize,
    },
    /// Two tokens claim the same id, or one text has two ids.
    #[error("token {token:?} (id {id}) is given twice: {detail}")]
    Duplicate {
        /// Text of the token.
        token: String,
        /// Its id.
        id: TokenId,
        /// What it collides with.
        detail: String,
    },
    /// A merge rule names a token that the vocabulary lacks, or is not a pair.
    #[error("merge {index} ({merge:?}) is not usable: {reason}")]
    BadMerge {
        /// Position in the list of merges, from 0.
        index: usize,
        /// The rule as written.
        merge: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A kind of model, pre-tokenizer, normalizer or decoder that is not implemented.
    #[error("{what} {given:?} is not supported; known: {known}")]
    Unsupported {
        /// Which part of the tokenizer.
        what: &'static str,
        /// Its name in the file.
        given: String,
        /// The accepted names, separated by commas.
        known: String,
    },
    /// A special id lies outside the vocabulary.
    #[error("{what} is {id}, but the vocabulary has {vocab_size} tokens")]
    IdOutOfRange {
        /// Which id.
        what: &'static str,
        /// Its value.
        id: u64,
        /// Number of tokens.
        vocab_size: usize,
    },
    /// A part of the file holds values that contradict each other or cannot be used.
    #[error("{what} is not usable: {reason}")]
    Invalid {
        /// Which part.
        what: &'static str,
        /// What is wrong with it.
        reason: String,
    },
}

/// Why a text cannot be encoded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EncodeError {
    /// The text is longer than [`crate::limits::ENCODE_TEXT_BYTES_MAX`].
    #[error("the text has {given} bytes; at most {max} are accepted")]
    TextTooLong {
        /// Bytes of the text.
        given: usize,
        /// The bound in bytes.
        max: usize,
    },
    /// The vocabulary has no token for a part of the text and no unknown token either.
    #[error("the text cannot be expressed in this vocabulary: {0}")]
    NotExpressible(String),
}

/// Why ids cannot be turned into text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("token id {id} is not in the vocabulary; ids are below {vocab_size}")]
pub struct DecodeError {
    /// The id that was given.
    pub id: TokenId,
    /// Number of ids in the vocabulary.
    pub vocab_size: usize,
}
