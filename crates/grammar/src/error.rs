//! Why a grammar cannot be used, and why a matcher cannot go on.

use text::TokenId;
use thiserror::Error;

/// A grammar that is refused: says what is wrong and what is allowed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum GrammarError {
    /// Something is larger than its bound.
    #[error("{what} must be at most {max}; given {given}")]
    TooLarge {
        /// What, with its unit.
        what: &'static str,
        /// Its size.
        given: usize,
        /// The bound.
        max: usize,
    },
    /// The JSON schema asks for something that is not known or not supported.
    #[error("json_schema: at {place}: {problem}")]
    Schema {
        /// JSON pointer into the schema; `/` for the schema itself.
        place: String,
        /// What is wrong there and what is allowed.
        problem: String,
    },
    /// The source cannot be compiled.
    #[error("{kind}: {problem}")]
    Invalid {
        /// `json_schema`, `regex`, `lark` or `choice`.
        kind: &'static str,
        /// What the compiler says.
        problem: String,
    },
    /// No text at all satisfies it.
    #[error("{kind}: no text satisfies it: {problem}")]
    Unsatisfiable {
        /// `json_schema`, `regex`, `lark` or `choice`.
        kind: &'static str,
        /// Why, as far as known.
        problem: String,
    },
    /// The vocabulary cannot spell what the grammar needs.
    #[error("the grammar needs text that this model's {vocab_size} tokens cannot spell")]
    Unspeakable {
        /// Size of the vocabulary.
        vocab_size: usize,
    },
}

/// A matcher that cannot go on.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum MatchError {
    /// The token is not among those allowed.
    #[error("token {token} does not fit the grammar here")]
    NotAllowed {
        /// The token.
        token: TokenId,
    },
    /// A step would cost more than its limits allow, or the parser failed.
    #[error("the grammar cannot be followed: {0}")]
    Failed(String),
    /// The document cannot be completed within the tokens that are left.
    #[error("no closing of at most {tokens_max} tokens was found")]
    NoClosing {
        /// Tokens that were left.
        tokens_max: usize,
    },
}
