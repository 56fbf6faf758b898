//! What a refused request is told: OpenAI's error body with its four fields, and a status.

use answers::RequestError;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use engine::Rejection;
use serde_json::{Value, json};
use std::borrow::Cow;

/// The request was wrong.
pub const INVALID_REQUEST: &str = "invalid_request_error";
/// The client asks too much at once.
pub const RATE_LIMIT: &str = "rate_limit_error";
/// The server is at fault or unable.
pub const SERVER_ERROR: &str = "server_error";

/// Why a request is refused, as the client is told.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ApiError {
    /// The HTTP status.
    pub status: StatusCode,
    /// One sentence: what was wrong, what is allowed. Never text of a prompt.
    pub message: String,
    /// OpenAI's `type`: one of this module's words.
    pub kind: &'static str,
    /// The field it is about, if one.
    pub param: Option<String>,
    /// A fixed word for programs, if there is one.
    pub code: Option<Cow<'static, str>>,
    /// Further headers, such as `Retry-After`.
    pub headers: Vec<(HeaderName, HeaderValue)>,
}

impl ApiError {
    /// An error with this status; its `type` follows from that.
    pub fn new(status: StatusCode, message: impl Into<String>) -> Self {
        let kind = match status {
            StatusCode::TOO_MANY_REQUESTS => RATE_LIMIT,
            status if status.is_server_error() => SERVER_ERROR,
            _ => INVALID_REQUEST,
        };
        ApiError {
            status,
            message: message.into(),
            kind,
            param: None,
            code: None,
            headers: Vec::new(),
        }
    }

    /// 400: the request as a whole is wrong.
    pub fn bad_request(message: impl Into<String>) -> Self {
        ApiError::new(StatusCode::BAD_REQUEST, message)
    }

    /// 400: the field `param` is wrong.
    pub fn parameter(param: impl Into<String>, message: impl Into<String>) -> Self {
        ApiError::bad_request(message).with_param(param)
    }

    /// 404: no model has this name.
    pub fn model_not_found(model: &str) -> Self {
        let shown: String = model.chars().take(200).collect();
        let message = format!("The model `{shown}` does not exist; GET /v1/models lists them");
        ApiError::new(StatusCode::NOT_FOUND, message)
            .with_param("model")
            .with_code("model_not_found")
    }

    /// 401: no key or a wrong one.
    pub fn invalid_key(message: impl Into<String>) -> Self {
        ApiError::new(StatusCode::UNAUTHORIZED, message)
            .with_code("invalid_api_key")
            .with_header(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))
    }

    /// 503: not now. The client may come again after `retry_after_s` seconds.
    pub fn unavailable(message: impl Into<String>, retry_after_s: u64) -> Self {
        ApiError::new(StatusCode::SERVICE_UNAVAILABLE, message).with_retry_after(retry_after_s)
    }

    /// 503: the server goes down.
    pub fn stopping() -> Self {
        ApiError::unavailable("The server is stopping", 30).with_code("stopping")
    }

    /// 500: our fault; `message` holds nothing of the request.
    pub fn internal(message: impl Into<String>) -> Self {
        ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, message)
    }

    /// Names the field.
    pub fn with_param(mut self, param: impl Into<String>) -> Self {
        self.param = Some(param.into());
        self
    }

    /// The same about a field that the client calls otherwise.
    pub fn renamed(mut self, param: &str, given: &str) -> Self {
        if self.param.as_deref() == Some(param) {
            self.param = Some(given.to_owned());
            self.message = self.message.replace(&format!("`{param}`"), &format!("`{given}`"));
        }
        self
    }

    /// Adds the word for programs.
    pub fn with_code(mut self, code: impl Into<Cow<'static, str>>) -> Self {
        self.code = Some(code.into());
        self
    }

    /// Adds a header.
    pub fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// Adds `Retry-After`, in seconds.
    pub fn with_retry_after(self, seconds: u64) -> Self {
        self.with_header(header::RETRY_AFTER, HeaderValue::from(seconds))
    }

    /// The body: `{"error": {message, type, param, code}}`, always all four.
    pub fn to_json(&self) -> Value {
        json!({"error": {
            "message": self.message,
            "type": self.kind,
            "param": self.param,
            "code": self.code,
        }})
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = (self.status, axum::Json(self.to_json())).into_response();
        for (name, value) in &self.headers {
            response.headers_mut().insert(name.clone(), value.clone());
        }
        // The access log names the code, so that errors can be counted.
        response.extensions_mut().insert(ErrorCode(match &self.code {
            Some(code) => code.clone(),
            None => Cow::Borrowed(self.kind),
        }));
        response
    }
}

/// The code of an error response, or its type where it has none: for the log and the counters.
#[derive(Clone, Debug)]
pub struct ErrorCode(pub Cow<'static, str>);

impl From<Rejection> for ApiError {
    fn from(rejection: Rejection) -> Self {
        let message = rejection.to_string();
        match &rejection {
            Rejection::QueueFull { .. } => ApiError::new(StatusCode::TOO_MANY_REQUESTS, message)
                .with_code("queue_full")
                .with_retry_after(1),
            Rejection::Stopped => ApiError::unavailable(message, 5).with_code("engine_stopped"),
            // OpenAI's own names no parameter of ours: the prompt is what is too long.
            Rejection::ContextLengthExceeded { .. } => {
                ApiError::parameter("messages", message).with_code("context_length_exceeded")
            }
            // A parameter out of range has no code in OpenAI's errors.
            Rejection::Param(error) => ApiError::parameter(error.param.to_string(), message),
            other => {
                let error = ApiError::bad_request(message).with_code(other.kind());
                match other.param() {
                    Some(param) => error.with_param(param),
                    None => error,
                }
            }
        }
    }
}

impl From<RequestError> for ApiError {
    fn from(error: RequestError) -> Self {
        let RequestError { kind, message, param } = error;
        let mut told = ApiError::bad_request(message);
        told.param = param;
        match kind {
            // What is wrong with a field has no code in OpenAI's errors.
            "invalid_json" | "invalid_parameter" => told,
            "too_large" => ApiError { status: StatusCode::PAYLOAD_TOO_LARGE, ..told },
            "output" | "engine_failed" => ApiError::internal(told.message),
            kind => told.with_code(kind),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_body_has_all_four_fields() {
        let error = ApiError::bad_request("no");
        let fields = json!({"message": "no", "type": INVALID_REQUEST, "param": null, "code": null});
        assert_eq!(error.to_json(), json!({"error": fields}));
        let error = ApiError::model_not_found("x");
        assert_eq!(error.status, StatusCode::NOT_FOUND);
        assert_eq!(error.to_json()["error"]["code"], "model_not_found");
        assert_eq!(error.to_json()["error"]["param"], "model");
    }

    #[test]
    fn a_full_queue_is_a_429_that_says_when_to_come_again() {
        let error = ApiError::from(Rejection::QueueFull { requests_max: 3 });
        assert_eq!((error.status.as_u16(), error.kind), (429, RATE_LIMIT));
        let response = error.into_response();
        assert_eq!(response.headers()[header::RETRY_AFTER], "1");
    }
}
