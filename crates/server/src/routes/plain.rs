//! What `/generate` and `/chat` have in common: the answer as a plain object, whole or in pieces.

use crate::error::ApiError;
use crate::service::{AnswerEvent, Running, Settled};
use crate::site::Site;
use crate::sse::{self, Frames, ReaderGone};
use crate::whole_answer;
use answers::thinking;
use axum::response::Response;
use serde_json::{Value, json};
use std::sync::Arc;

/// Makes the body of an answer, or the last frame of a stream.
pub type Body = fn(&Settled, &Shown) -> Value;

/// What is to be shown of an answer.
#[derive(Clone, Debug, Default)]
pub struct Shown {
    /// Whether the answer comes in pieces.
    pub stream: bool,
    /// Text to put before the answer: the prompt, where it is wanted back.
    pub before: String,
    /// Whether each token is wanted with what is known of it.
    pub details: bool,
}

/// What is wrong with a prompt is wrong with the field that it was made of here.
pub fn about(field: &str, error: ApiError) -> ApiError {
    match error.param.as_deref() {
        Some(param @ ("messages" | "prompt")) => {
            let param = param.to_owned();
            error.renamed(&param, field)
        }
        _ => error,
    }
}

/// The response of a request that runs.
///
/// # Errors
/// When the answer fails before anything was sent.
pub async fn respond(
    site: &Site,
    running: Running,
    shown: Shown,
    body: Body,
) -> Result<Response, ApiError> {
    let told = Arc::clone(running.told());
    if !shown.stream {
        let settled = running.settled().await?;
        let whole = whole_answer::respond(site.service()?, move || body(&settled, &shown)).await?;
        return Ok(told.with_headers(whole));
    }
    let write = move |frames: Frames| async move {
        // A reader that is gone needs nothing any more; dropping the request ends it.
        let _ = stream(running, &frames, &shown, body).await;
    };
    Ok(told.with_headers(sse::respond(site.limits.keep_alive, write)))
}

/// Writes `{"token": {id, text}, ...}` for each token, then what a whole body would be, then
/// `[DONE]`.
async fn stream(
    mut running: Running,
    frames: &Frames,
    shown: &Shown,
    body: Body,
) -> Result<(), ReaderGone> {
    while let Some(event) = running.next().await {
        match event {
            AnswerEvent::Started(told) => frames.json(&json!({"jeton": told.jeton})).await?,
            AnswerEvent::Token { choice, event } => {
                let mut token = json!({"id": event.id, "text": event.text});
                if !event.thinking_text.is_empty() {
                    token["thinking"] = Value::from(event.thinking_text);
                }
                frames.json(&json!({"index": choice, "token": token})).await?;
            }
            AnswerEvent::Choice { choice, finished } => {
                let mut rest = json!({"text": finished.text});
                if !finished.thinking_text.is_empty() {
                    rest["thinking"] = Value::from(finished.thinking_text.as_str());
                }
                if !(finished.text.is_empty() && finished.thinking_text.is_empty()) {
                    frames.json(&json!({"index": choice, "token": rest})).await?;
                }
            }
            AnswerEvent::End(settled) => {
                if let Some(error) = &settled.error {
                    return frames.json(&error.to_json()).await;
                }
                frames.json(&body(&settled, shown)).await?;
                return frames.done().await;
            }
        }
    }
    frames.json(&ApiError::stopping().to_json()).await
}

/// The `usage` of an answer.
pub fn usage_json(settled: &Settled) -> Value {
    let usage = &settled.usage;
    let mut json = json!({
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "total_tokens": usage.prompt_tokens + usage.completion_tokens,
        "prompt_tokens_details": {"cached_tokens": usage.prefix_hit_tokens},
    });
    thinking::add_usage(&mut json, usage);
    json
}
