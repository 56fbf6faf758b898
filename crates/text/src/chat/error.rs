//! Why a template or a conversation could not be rendered.

use minijinja::{Error, ErrorKind};

/// What kind of failure it was; the words of [`TemplateErrorKind::as_str`] are those of the CLI.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TemplateErrorKind {
    /// The template itself refused the conversation (`raise_exception`).
    Raised,
    /// The template is not valid, or uses a filter, test or statement that does not exist.
    Syntax,
    /// The template needs a value that is not there, or an operation its values do not have.
    Undefined,
    /// A bound of [`crate::limits`] was reached.
    Limit,
    /// The conversation cannot be rendered as asked: `continue_final_message` without a message
    /// to continue.
    Input,
}

impl TemplateErrorKind {
    /// One lower-case word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Raised => "raised",
            Self::Syntax => "syntax",
            Self::Undefined => "undefined",
            Self::Limit => "limit",
            Self::Input => "input",
        }
    }
}

/// A failure with its message; for [`TemplateErrorKind::Raised`] the message is the template's own
/// and nothing else.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct TemplateError {
    /// What kind of failure.
    pub kind: TemplateErrorKind,
    /// What was wrong and, where known, in which line of the template.
    pub message: String,
}

impl TemplateError {
    pub(super) fn new(kind: TemplateErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }
}

/// What `raise_exception` was called with; carried as the source of the engine's error.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct RaisedByTemplate(pub String);

/// A bound was reached inside one of our functions.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct LimitReached(pub String);

impl From<Error> for TemplateError {
    fn from(error: Error) -> Self {
        let mut source: Option<&(dyn std::error::Error + 'static)> = Some(&error);
        while let Some(cause) = source {
            if let Some(raised) = cause.downcast_ref::<RaisedByTemplate>() {
                return Self::new(TemplateErrorKind::Raised, raised.0.clone());
            }
            if let Some(limit) = cause.downcast_ref::<LimitReached>() {
                return Self::new(TemplateErrorKind::Limit, limit.0.clone());
            }
            if let Some(kind) = cause.downcast_ref::<Error>().and_then(limit_of) {
                return Self::new(kind, error.to_string());
            }
            source = cause.source();
        }
        let kind = match error.kind() {
            ErrorKind::SyntaxError
            | ErrorKind::BadEscape
            | ErrorKind::UnknownFilter
            | ErrorKind::UnknownTest
            | ErrorKind::TemplateNotFound => TemplateErrorKind::Syntax,
            _ => TemplateErrorKind::Undefined,
        };
        Self::new(kind, error.to_string())
    }
}

/// The engine tells its own limits by kind or, for depth and size, by message only.
fn limit_of(error: &Error) -> Option<TemplateErrorKind> {
    let told = |text: &str| error.detail().is_some_and(|detail| detail.contains(text));
    let limit = matches!(error.kind(), ErrorKind::OutOfFuel | ErrorKind::WriteFailure)
        || told("recursion limit")
        || told("too large")
        || told("too many elements");
    limit.then_some(TemplateErrorKind::Limit)
}
