//! Why something that was asked for cannot be had.

use serde_json::{Value, json};

/// Why a request is not served: in words that every edge of the program can say in its own form.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct RequestError {
    /// A short fixed word: `invalid_json`, `invalid_parameter`, `context_length_exceeded`, ...
    pub kind: &'static str,
    /// One sentence: what was wrong, what is allowed.
    pub message: String,
    /// The parameter it is about, if one.
    pub param: Option<String>,
}

impl RequestError {
    /// An error about parameter `param`.
    pub fn parameter(param: &str, message: impl Into<String>) -> Self {
        RequestError {
            kind: "invalid_parameter",
            message: message.into(),
            param: Some(param.to_string()),
        }
    }

    /// An error of `kind` about the request as a whole.
    pub fn new(kind: &'static str, message: impl Into<String>) -> Self {
        RequestError { kind, message: message.into(), param: None }
    }

    /// The error as it stands on a line of the JSON Lines protocol.
    pub fn to_json(&self) -> Value {
        json!({"error": {"kind": self.kind, "message": self.message, "param": self.param}})
    }
}

/// Why a model cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// A file is missing, malformed or not supported.
    #[error(transparent)]
    File(#[from] model::LoadError),
    /// A part of it cannot be used: which, and why.
    #[error("{part}: {message}")]
    Part {
        /// The file, and what of it.
        part: String,
        /// What was wrong.
        message: String,
    },
    /// The window asked for is larger than the model's.
    #[error("`--context` must be at most the model's own {own} tokens; given {asked}")]
    Context {
        /// The model's window.
        own: usize,
        /// The one asked for.
        asked: usize,
    },
}

impl OpenError {
    pub(crate) fn part(part: impl Into<String>, message: impl std::fmt::Display) -> Self {
        OpenError::Part { part: part.into(), message: message.to_string() }
    }
}
