//! `grammar` constrains: a JSON schema, a regex, a Lark grammar or a list of choices becomes the
//! set of tokens that may follow, and the shortest way to a complete document.
//!
//! Reading order: [`Grammar`] (what is compiled once), [`Matcher`] (what follows one request),
//! [`source`] (what may be asked), then `closing` (how a document is closed in the fewest tokens).
//!
//! Architecture invariant: what a client sends is bounded before it is compiled ([`Limits`]), what
//! is compiled is bounded by fuel, and no panic of a parser leaves this crate. Output depends on
//! the tokens alone: each matcher owns its state, so requests cannot influence each other.
#![forbid(unsafe_code)]

mod check_schema;
mod closing;
mod compile;
mod error;
mod limits;
mod matcher;
pub mod source;
mod vocabulary;

pub use compile::Grammar;
pub use error::{GrammarError, MatchError};
pub use limits::Limits;
pub use matcher::Matcher;
pub use source::GrammarSource;
pub use vocabulary::GrammarVocabulary;
