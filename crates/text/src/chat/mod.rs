//! Chat templates: messages into a model's prompt, exactly as Transformers renders them.
//!
//! A template is a Jinja program that comes with a model. It runs in `minijinja` with the settings
//! and functions Transformers gives its own engine, and under limits: it can neither run for ever,
//! nor recurse or write without bound, nor reach anything outside its arguments.

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
