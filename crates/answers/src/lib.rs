//! `answers` stands between people's words and the engine: it opens a model, makes engine requests
//! of wishes, and tells what came of them as JSON. The commands and the server both speak through
//! it, so that a request means the same at every door.
//!
//! Reading order: [`open_model`] (files to a model), [`prompt`] (words to tokens), [`effective`]
//! (whose value of each parameter counts), [`request`] (the engine's request), [`response`] (the
//! answer as JSON), [`record`] (what a run was, to check it or to go on).
//!
//! Architecture invariant: no thread, no terminal, no HTTP; files only of models, saved runs and
//! the digests of both. A wish that cannot be met is a [`RequestError`] that names the parameter.
#![forbid(unsafe_code)]

pub mod computing;
mod gguf_vocab;
pub mod model_profile;
pub mod open_model;

pub mod effective;
pub mod param_values;
pub mod prompt;
pub mod request;
pub mod structured;
pub mod thinking;
mod typed_text;

pub mod answer;
pub mod beams;
pub mod json_numbers;
pub mod limit_views;
pub mod response;
pub mod speculation;
pub mod truncation;
pub mod warnings;

pub mod record;
pub mod resume;

mod error;

pub use error::{OpenError, RequestError};
