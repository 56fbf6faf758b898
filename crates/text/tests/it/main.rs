//! Conformance and contract tests of the `text` crate.

mod chat_conformance;
mod data;
mod tokenizer_conformance;
