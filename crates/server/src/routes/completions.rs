//! `POST /v1/completions`.

use crate::error::ApiError;
use crate::guard::WhoAsks;
use crate::json_body::JsonBody;
use crate::openai::asking::{asked, with_warnings};
use crate::openai::fingerprint;
use crate::openai::from_wire::completion::{CompletionRequest, completion_request};
use crate::openai::to_wire::completion::{CompletionStream, Continued, Telling, body};
use crate::openai::to_wire::head::Head;
use crate::openai::to_wire::{ids, trace};
use crate::service::{AnswerEvent, Route, Running, ServedModel, Settled};
use crate::site::Site;
use crate::sse::{self, Frames, ReaderGone};
use answers::prompt::Prompt;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use engine::Usage;
use engine::choices::usage_of_choices;
use serde_json::Value;
use std::sync::Arc;

/// The routes of this file.
pub fn routes() -> Router<Arc<Site>> {
    Router::new().route("/v1/completions", post(answer))
}

/// What an answer is told with.
struct Told {
    served: Arc<ServedModel>,
    head: Head,
    telling: Telling,
    prompts: Vec<Prompt>,
    choices_per_prompt: usize,
    warnings: Vec<Value>,
    include_usage: bool,
}

async fn answer(
    State(site): State<Arc<Site>>,
    who: WhoAsks,
    JsonBody { fields, share }: JsonBody,
) -> Result<Response, ApiError> {
    let service = site.service()?;
    let request = completion_request(&fields)?;
    drop(fields);
    let CompletionRequest { wishes, prompts, echo, choices_per_prompt } = request;
    let served = service.model_for(wishes.model.as_deref(), who.0.as_deref())?;
    let logprobs = wishes.top_logprobs();
    let mut running = Vec::with_capacity(prompts.len());
    for prompt in &prompts {
        let mut asked = asked(Route::Completions, prompt.clone(), &wishes, &who);
        asked.prompt_logprobs = logprobs.filter(|_| echo);
        // Those that were taken before a refusal end when they are dropped.
        running.push(service.ask(asked).await.map_err(about_the_prompt)?);
    }
    drop(share);
    // The last one knows what is left of the rates.
    let last = Arc::clone(running[running.len() - 1].told());
    let first = running[0].told();
    let head = Head {
        id: ids::completion_id(),
        created_s: first.created_s,
        model: first.model.clone(),
        fingerprint: fingerprint::of(&served),
        names_tier: false,
    };
    let tokenizer = Arc::clone(&served.model().tokenizer);
    let telling = Telling { tokenizer, logprobs: logprobs.is_some(), echo };
    let (warnings, include_usage) = (wishes.warnings, wishes.include_usage);
    let told = Told { served, head, telling, prompts, choices_per_prompt, warnings, include_usage };
    if wishes.stream {
        let write = |frames| async move {
            // Who is gone needs nothing more; the answers end with their reader.
            let _ = write(frames, running, told).await;
        };
        return Ok(last.with_headers(sse::respond(site.limits.keep_alive, write)));
    }
    let mut settled = Vec::with_capacity(running.len());
    for running in running {
        settled.push(running.settled().await?);
    }
    Ok(last.with_headers(Json(whole(&told, &settled)).into_response()))
}

/// What is too long here is no message.
fn about_the_prompt(mut error: ApiError) -> ApiError {
    if error.param.as_deref() == Some("messages") {
        error.param = Some("prompt".to_owned());
    }
    error
}

fn whole(told: &Told, settled: &[Box<Settled>]) -> Value {
    let model = told.served.model();
    let mut jetons = settled.iter().map(|settled| {
        let mut jeton = with_warnings(settled.jeton_whole(), &told.warnings);
        trace::add_tokens(&mut jeton, model, &settled.answers);
        jeton
    });
    let jeton = match settled.len() {
        1 => jetons.next().unwrap_or_default(),
        _ => serde_json::json!({"prompts": jetons.collect::<Vec<Value>>()}),
    };
    let texts: Vec<String> = told.prompts.iter().map(|prompt| prompt_text(told, prompt)).collect();
    let prompts: Vec<Continued> = settled
        .iter()
        .zip(&texts)
        .map(|(settled, text)| Continued {
            prompt_text: text,
            prompt_ids: settled.answers.first().map_or(&[], |answer| &answer.request.prompt),
            answers: settled.answers.iter().map(|answer| &answer.completion).collect(),
        })
        .collect();
    let usages: Vec<Usage> = settled.iter().map(|settled| settled.usage).collect();
    body(&told.head, &told.telling, &prompts, &sum(&usages), jeton)
}

/// The prompt as text, where it is told.
fn prompt_text(told: &Told, prompt: &Prompt) -> String {
    match prompt {
        _ if !told.telling.echo => String::new(),
        Prompt::Text(text) => text.clone(),
        Prompt::Ids(ids) => told.telling.tokenizer.decode(ids, true).unwrap_or_default(),
        _ => String::new(),
    }
}

/// What several prompts used together: each has its own.
fn sum(usages: &[Usage]) -> Usage {
    Usage {
        prompt_tokens: usages.iter().map(|usage| usage.prompt_tokens).sum(),
        prefix_hit_tokens: usages.iter().map(|usage| usage.prefix_hit_tokens).sum(),
        drafted_tokens: usages.iter().map(|usage| usage.drafted_tokens).sum(),
        accepted_draft_tokens: usages.iter().map(|usage| usage.accepted_draft_tokens).sum(),
        ..usage_of_choices(usages)
    }
}

/// Tells the prompts one after the other: all of them run at the same time, and what later ones
/// have said waits for its turn.
async fn write(frames: Frames, running: Vec<Running>, told: Told) -> Result<(), ReaderGone> {
    let mut usages = Vec::with_capacity(running.len());
    let mut last = None;
    for (index, running) in running.into_iter().enumerate() {
        let places = (index * told.choices_per_prompt, running.told().choices);
        let stream =
            CompletionStream::new(told.head.clone(), &told.telling, places, told.include_usage);
        let before = prompt_text(&told, &told.prompts[index]);
        let Some((usage, stream)) = write_one(&frames, running, stream, &told, &before).await?
        else {
            return Ok(());
        };
        usages.push(usage);
        last = Some(stream);
    }
    if let Some(chunk) = last.and_then(|stream| stream.usage(&sum(&usages))) {
        frames.json(&chunk).await?;
    }
    frames.done().await
}

/// Tells one prompt's choices; none when it failed, which has been told.
async fn write_one(
    frames: &Frames,
    mut running: Running,
    mut stream: CompletionStream,
    told: &Told,
    before: &str,
) -> Result<Option<(Usage, CompletionStream)>, ReaderGone> {
    while let Some(event) = running.next().await {
        let chunks = match event {
            AnswerEvent::Started(started) => {
                stream.begin(&with_warnings(started.jeton.clone(), &told.warnings), before)
            }
            AnswerEvent::Token { choice, event } => {
                let token = trace::traced(told.served.model(), &event);
                stream.token(choice, &event, token).into_iter().collect()
            }
            AnswerEvent::Choice { choice, finished } => {
                stream.finish(choice, &finished).into_iter().collect()
            }
            AnswerEvent::End(settled) => {
                if let Some(error) = &settled.error {
                    frames.json(&error.to_json()).await?;
                    return Ok(None);
                }
                for chunk in stream.end(settled.jeton.clone()) {
                    frames.json(&chunk).await?;
                }
                return Ok(Some((settled.usage, stream)));
            }
        };
        for chunk in &chunks {
            frames.json(chunk).await?;
        }
    }
    frames.json(&ApiError::unavailable("The server is stopping", 30).to_json()).await?;
    Ok(None)
}
