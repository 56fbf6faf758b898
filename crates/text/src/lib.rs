//! `text` reads and writes: it turns text into token ids, ids back into text (whole, or one token
//! at a time without ever splitting a character), and messages into a model's prompt.
//!
//! Architecture invariant: no file, no clock and no model here. Vocabularies and templates arrive
//! as plain data, the time a template may print arrives as an argument, and every size a file or
//! a client chooses is bounded in [`limits`].
//!
//! Reading order: [`Tokenizer`], [`VocabSource`], [`Detokenizer`], [`ChatTemplate`].

#![forbid(unsafe_code)]

mod tokenizer;

mod encoder;
mod pieces;
mod source_gguf;
mod source_json;
mod source_json_decoder;
mod source_json_format;

mod byte_alphabet;
mod charsmap;
mod merge;
mod model_bpe;
mod model_spm;
mod pre_tokenizers;
mod vocab;

mod detokenizer;

mod chat;

pub mod thinking;

mod error;
pub mod limits;

pub use chat::{ChatInput, ChatTemplate, LocalTime, TemplateError, TemplateErrorKind};
pub use detokenizer::Detokenizer;
pub use error::{DecodeError, EncodeError, VocabError};
pub use source_gguf::VocabSource;
pub use tokenizer::{EncodeOptions, SpecialIds, Tokenizer};

/// The number of a token in the vocabulary.
pub type TokenId = u32;
