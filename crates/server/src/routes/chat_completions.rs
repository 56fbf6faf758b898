//! `POST /v1/chat/completions`.

use crate::error::ApiError;
use crate::guard::WhoAsks;
use crate::json_body::JsonBody;
use crate::openai::asking::{asked, reading, with_warnings};
use crate::openai::from_wire::chat::{ChatRequest, chat_request};
use crate::openai::template_fit;
use crate::openai::to_wire::chat::{ChatStream, body};
use crate::openai::to_wire::choice::Reading;
use crate::openai::to_wire::head::Head;
use crate::openai::to_wire::{ids, trace};
use crate::service::{AnswerEvent, Route, Running, ServedModel, Settled};
use crate::site::Site;
use crate::sse::{self, Frames, ReaderGone};
use crate::whole_answer;
use answers::prompt::Prompt;
use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::post;
use serde_json::Value;
use std::sync::Arc;

/// The routes of this file.
pub fn routes() -> Router<Arc<Site>> {
    Router::new().route("/v1/chat/completions", post(answer))
}

/// What an answer is told with.
struct Telling {
    served: Arc<ServedModel>,
    head: Head,
    reading: Reading,
    warnings: Vec<Value>,
    include_usage: bool,
}

async fn answer(
    State(site): State<Arc<Site>>,
    who: WhoAsks,
    JsonBody { fields, share }: JsonBody,
) -> Result<Response, ApiError> {
    let service = site.service()?;
    let ChatRequest { mut wishes, mut input, tools, names_tier } = chat_request(&fields)?;
    drop(fields);
    let served = service.model_for(wishes.model.as_deref(), who.0.as_deref())?;
    if let Some(template) = &served.model().template {
        template_fit::fit(&mut input, template);
    }
    let reading = reading(served.model(), &mut wishes, tools, input.continue_final_message);
    let prompt = Prompt::Chat(Box::new(input));
    let running = service.ask(asked(Route::ChatCompletions, prompt, &wishes, &who)).await?;
    drop(share);
    let told = Arc::clone(running.told());
    let head = Head {
        id: ids::chat_id(),
        created_s: told.created_s,
        model: told.model.clone(),
        fingerprint: served.fingerprint().to_owned(),
        names_tier,
    };
    let (warnings, include_usage) = (wishes.warnings, wishes.include_usage);
    let telling = Telling { served, head, reading, warnings, include_usage };
    if wishes.stream {
        let write = |frames| async move {
            // Who is gone needs nothing more; the answer ends with its reader.
            let _ = write(frames, running, telling).await;
        };
        return Ok(told.with_headers(sse::respond(site.limits.keep_alive, write)));
    }
    let settled = running.settled().await?;
    let whole = whole_answer::respond(service, move || whole(&telling, &settled)).await?;
    Ok(told.with_headers(whole))
}

fn whole(telling: &Telling, settled: &Settled) -> Value {
    let mut jeton = with_warnings(settled.jeton_whole(), &telling.warnings);
    trace::add_tokens(&mut jeton, telling.served.model(), &settled.answers);
    let completions: Vec<_> = settled.answers.iter().map(|answer| &answer.completion).collect();
    body(&telling.head, &telling.reading, &completions, &settled.usage, jeton)
}

async fn write(frames: Frames, mut running: Running, telling: Telling) -> Result<(), ReaderGone> {
    let Telling { served, head, reading, warnings, include_usage } = telling;
    let choices = running.told().choices;
    let mut stream = ChatStream::new(head, &reading, choices, include_usage);
    while let Some(event) = running.next().await {
        let chunks = match event {
            AnswerEvent::Started(told) => {
                stream.begin(&with_warnings(told.jeton.clone(), &warnings))
            }
            AnswerEvent::Token { choice, event } => {
                let token = trace::traced(served.model(), &event);
                stream.token(choice, &event, token).into_iter().collect()
            }
            AnswerEvent::Choice { choice, finished } => {
                stream.finish(choice, &finished).into_iter().collect()
            }
            AnswerEvent::End(settled) => {
                if let Some(error) = &settled.error {
                    return frames.json(&error.to_json()).await;
                }
                for chunk in stream.end(&settled.usage, settled.jeton.clone()) {
                    frames.json(&chunk).await?;
                }
                return frames.done().await;
            }
        };
        for chunk in &chunks {
            frames.json(chunk).await?;
        }
    }
    frames.json(&ApiError::stopping().to_json()).await
}
