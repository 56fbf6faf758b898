//! `POST /v1/completions`.

use crate::error::ApiError;
use crate::guard::WhoAsks;
use crate::json_body::JsonBody;
use crate::openai::asking::{asked, with_warnings};
use crate::openai::from_wire::completion::{CompletionRequest, completion_request};
use crate::openai::to_wire::completion::{CompletionStream, Continued, Telling, body};
use crate::openai::to_wire::head::Head;
use crate::openai::to_wire::{ids, trace};
use crate::routes::plain;
use crate::service::{AnswerEvent, Route, Running, ServedModel, Settled};
use crate::site::Site;
use crate::sse::{self, Frames, ReaderGone};
use crate::whole_answer;
use answers::prompt::Prompt;
use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::post;
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
    let of_prompt = |prompt: &Prompt| {
        let mut asked = asked(Route::Completions, prompt.clone(), &wishes, &who);
        asked.prompt_logprobs = logprobs.filter(|_| echo);
        asked
    };
    let all = prompts.iter().map(of_prompt).collect();
    let running = service.ask_all(all).await.map_err(|error| plain::about("prompt", error))?;
    drop(share);
    let first = Arc::clone(running[0].told());
    let head = Head {
        id: ids::completion_id(),
        created_s: first.created_s,
        model: first.model.clone(),
        fingerprint: served.fingerprint().to_owned(),
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
        return Ok(first.with_headers(sse::respond(site.limits.keep_alive, write)));
    }
    let mut settled = Vec::with_capacity(running.len());
    for running in running {
        settled.push(running.settled().await?);
    }
    let whole = whole_answer::respond(service, move || whole(&told, &settled)).await?;
    Ok(first.with_headers(whole))
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

/// Tells all prompts side by side, as their tokens come.
async fn write(frames: Frames, mut running: Vec<Running>, told: Told) -> Result<(), ReaderGone> {
    let of_prompt = |(index, running): (usize, &Running)| {
        let places = (index * told.choices_per_prompt, running.told().choices);
        CompletionStream::new(told.head.clone(), &told.telling, places, told.include_usage)
    };
    let mut streams: Vec<_> = running.iter().enumerate().map(of_prompt).collect();
    let mut usages = vec![Usage::default(); running.len()];
    let (mut last, mut ended) = (0, 0);
    while ended < running.len() {
        let Some((index, event)) = Running::next_of(&mut running, last).await else {
            return frames.json(&ApiError::stopping().to_json()).await;
        };
        if let AnswerEvent::End(settled) = &event {
            if let Some(error) = &settled.error {
                return frames.json(&error.to_json()).await;
            }
            usages[index] = settled.usage;
            ended += 1;
        }
        for chunk in chunks(&mut streams[index], event, &told, index) {
            frames.json(&chunk).await?;
        }
        last = index;
    }
    if let Some(chunk) = streams[last].usage(&sum(&usages)) {
        frames.json(&chunk).await?;
    }
    frames.done().await
}

/// What is written of an event.
fn chunks(
    stream: &mut CompletionStream,
    event: AnswerEvent,
    told: &Told,
    index: usize,
) -> Vec<Value> {
    match event {
        AnswerEvent::Started(started) => {
            let before = prompt_text(told, &told.prompts[index]);
            stream.begin(&with_warnings(started.jeton.clone(), &told.warnings), &before)
        }
        AnswerEvent::Token { choice, event } => {
            let token = trace::traced(told.served.model(), &event);
            stream.token(choice, &event, token).into_iter().collect()
        }
        AnswerEvent::Choice { choice, finished } => {
            stream.finish(choice, &finished).into_iter().collect()
        }
        AnswerEvent::End(settled) => stream.end(settled.jeton.clone()),
    }
}
