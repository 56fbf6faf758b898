//! From bytes to checked requests: pure, bounded, and every error names its field.

pub mod chat;
pub mod completion;
pub mod field_table;
mod messages;
pub mod tool_wish;
pub mod wishes;

#[cfg(test)]
mod any_request_tests;
