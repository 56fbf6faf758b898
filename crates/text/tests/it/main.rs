//! Conformance and contract tests of the `text` crate.

mod bad_templates;
mod bad_vocabularies;
mod chat_conformance;
mod chat_contracts;
mod data;
mod hostile_templates;
mod own_vocabularies;
mod thinking;
mod tokenizer_conformance;
mod tokenizer_contracts;
