//! A wish that is not granted, in the words of the API.

use std::fmt;

/// Why a request is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// HTTP status: 400, 404 or 429.
    pub status: u16,
    /// The kind, in OpenAI's words: `invalid_request_error`, `rate_limit_error`.
    pub kind: &'static str,
    /// What programs look at; none where the API has no word for it.
    pub code: Option<&'static str>,
    /// The parameter at fault.
    pub param: Option<String>,
    /// What was wrong and what is allowed.
    pub message: String,
    /// When to try again; none when waiting does not help.
    pub retry_after_ms: Option<u64>,
}

impl Refusal {
    /// A parameter that cannot be what it is.
    pub(crate) fn parameter(param: impl Into<String>, message: impl Into<String>) -> Self {
        Refusal {
            status: 400,
            kind: "invalid_request_error",
            code: None,
            param: Some(param.into()),
            message: message.into(),
            retry_after_ms: None,
        }
    }

    pub(crate) fn with_code(mut self, code: &'static str) -> Self {
        self.code = Some(code);
        self
    }

    /// A model that does not exist, or that this key may not see: the two cannot be told apart.
    pub fn model_not_found(model: &str) -> Self {
        let shown: String = model.chars().take(80).collect();
        let message = format!(
            "the model `{shown}` does not exist, or this key may not use it; GET /v1/models \
             lists those it may"
        );
        let refusal = Refusal::parameter("model", message).with_code("model_not_found");
        Refusal { status: 404, ..refusal }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Refusal {}
