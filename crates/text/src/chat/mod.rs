//! Chat templates: messages into a model's prompt, exactly as Transformers renders them.
//!
//! A template is a Jinja program that comes with a model. It runs in `minijinja` with the settings
//! and functions Transformers gives its own engine, and under limits: it can neither run for ever,
//! nor recurse or write without bound, nor reach anything outside its arguments.
//!
//! What is bounded: the source's chains ([`shape`]), steps and depth (the engine), every value made
//! and the bytes read ([`program`], [`allowance`]), and what is written ([`environment`]). What is
//! not: the time of one step of a filter on one large value (a sort of a million items, again and
//! again), and memory and time in proportion to the conversation, which is the caller's own.

mod allowance;
mod clock;
mod environment;
mod error;
mod filters;
mod json;
mod methods;
mod program;
mod render;
mod shape;
mod source;

pub use clock::LocalTime;
pub use error::{TemplateError, TemplateErrorKind};
pub use render::{ChatInput, ChatTemplate};
