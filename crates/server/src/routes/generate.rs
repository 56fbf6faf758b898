//! `POST /generate`: text to be continued, with Transformers' names of parameters, in the form that
//! text-generation-inference made known: `{"inputs": "...", "parameters": {...}}` to
//! `{"generated_text": "..."}`.

use super::plain::{self, Shown, usage_json};
use crate::error::ApiError;
use crate::guard::WhoAsks;
use crate::json_body::JsonBody;
use crate::openai::asking;
use crate::openai::fields::Fields;
use crate::openai::from_wire::field_table::Routes;
use crate::openai::from_wire::wishes::own_wishes;
use crate::service::{Asked, Route, Settled};
use crate::site::Site;
use answers::RequestError;
use answers::answer::Answer;
use answers::prompt::Prompt;
use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::post;
use sampling::stop::StopReason;
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// The routes of this file.
pub fn routes() -> Router<Arc<Site>> {
    Router::new().route("/generate", post(generate))
}

async fn generate(
    State(site): State<Arc<Site>>,
    who: WhoAsks,
    JsonBody { fields, share }: JsonBody,
) -> Result<Response, ApiError> {
    let service = site.service()?;
    let prompt = PROMPTS.into_iter().find(|name| fields.contains_key(*name));
    let (asked, shown) = asked(fields, &who)?;
    let about_prompt = |error| plain::about(prompt.unwrap_or("inputs"), error);
    let running = service.ask(asked).await.map_err(about_prompt)?;
    drop(share);
    plain::respond(&site, running, shown, answer).await
}

/// Fields that say what the prompt is.
const PROMPTS: [&str; 3] = ["inputs", "prompt", "ids"];

/// Fields of text-generation-inference that ask for nothing of ours.
const PASSED_OVER: [&str; 5] =
    ["decoder_input_details", "return_full_text", "details", "watermark", "truncate"];

/// The request; what stands in `parameters` counts as if it stood beside `inputs`.
fn asked(mut fields: Map<String, Value>, who: &WhoAsks) -> Result<(Asked, Shown), RequestError> {
    let parameters = match fields.remove("parameters") {
        None | Some(Value::Null) => Map::new(),
        Some(Value::Object(parameters)) => parameters,
        Some(_) => {
            return Err(RequestError::parameter("parameters", "`parameters` must be an object"));
        }
    };
    for (name, value) in parameters {
        if fields.insert(name.clone(), value).is_some() {
            let message =
                format!("`{name}` stands beside `parameters` and in it: give one of them");
            return Err(RequestError::parameter(&name, message));
        }
    }
    let top = Fields::top(&fields);
    let prompt = prompt(&top)?;
    let shown = Shown {
        stream: top.flag("stream")?.unwrap_or(false),
        before: match (&prompt, top.flag("return_full_text")?) {
            (Prompt::Text(text), Some(true)) => text.clone(),
            _ => String::new(),
        },
        details: top.flag("details")?.unwrap_or(false),
    };
    refuse_unsupported(&top)?;
    let shape = shape(&top)?;
    for name in PROMPTS.iter().chain(&PASSED_OVER) {
        fields.remove(*name);
    }
    if let Some((name, value)) = shape {
        fields.remove("grammar");
        fields.insert(name.to_owned(), value);
    }
    let wishes = own_wishes(&fields, Routes::Chat)?;
    Ok((asking::asked(Route::Generate, prompt, &wishes, who), shown))
}

fn prompt(fields: &Fields) -> Result<Prompt, RequestError> {
    let given: Vec<&str> = PROMPTS.into_iter().filter(|name| fields.get(name).is_some()).collect();
    match given.as_slice() {
        ["ids"] => Ok(Prompt::Ids(super::tokenize::ids(fields, "ids")?)),
        [name] => Ok(Prompt::Text(fields.required_text(name)?.to_owned())),
        // A saved run that goes on has its prompt already.
        [] if fields.get("resume").is_some() => Ok(Prompt::Ids(Vec::new())),
        _ => {
            Err(fields.refuse("inputs", "must be given, or one of `prompt` and `ids` in its place"))
        }
    }
}

/// What would change the text and is not done must not be passed over.
fn refuse_unsupported(fields: &Fields) -> Result<(), RequestError> {
    if fields.flag("watermark")?.unwrap_or(false) {
        return Err(fields.refuse("watermark", "is not supported: nothing here marks its text"));
    }
    match fields.get("truncate") {
        None => Ok(()),
        Some(_) => Err(fields.refuse("truncate", "is not supported: prompts are never cut")),
    }
}

/// text-generation-inference's `grammar`, `{"type": "json" | "regex", "value": ...}`, as a field of
/// ours; a text is ours already.
fn shape(fields: &Fields) -> Result<Option<(&'static str, Value)>, RequestError> {
    let Some(grammar @ Value::Object(_)) = fields.get("grammar") else { return Ok(None) };
    let inner = Fields::inside(grammar, "grammar", "grammar")?;
    let value = inner.get("value").cloned().ok_or_else(|| inner.missing("value"))?;
    Ok(match inner.word("type", &["json", "regex"])? {
        Some("regex") => Some(("regex", value)),
        _ => Some((
            "response_format",
            json!({"type": "json_schema", "json_schema": {"name": "grammar", "schema": value}}),
        )),
    })
}

/// The answer's object; a list of texts beside it where several were asked for.
fn answer(settled: &Settled, shown: &Shown) -> Value {
    let text = |answer: &Answer| format!("{}{}", shown.before, answer.completion.text);
    let first = settled.answers.first();
    let mut json = json!({
        "id": settled.told.request_id,
        "model": settled.told.model,
        "generated_text": first.map(text).unwrap_or_default(),
        "finish_reason": first.map(|answer| answer.completion.finished.finish_reason.as_str()),
        "usage": usage_json(settled),
        "jeton": settled.jeton_whole(),
    });
    if settled.answers.len() > 1 {
        json["generated_texts"] = settled.answers.iter().map(text).collect();
    }
    if shown.details {
        json["details"] = first.map(details).unwrap_or_default();
    }
    json
}

/// What text-generation-inference tells of an answer, in its words.
fn details(answer: &Answer) -> Value {
    let finished = &answer.completion.finished;
    let finish_reason = match finished.stop_reason {
        StopReason::Eos(_) => "eos_token",
        StopReason::StopToken(_) | StopReason::StopString { .. } | StopReason::GrammarComplete => {
            "stop_sequence"
        }
        StopReason::MaxTokens | StopReason::ContextFull | StopReason::Deadline => "length",
        StopReason::Cancelled | StopReason::Failed => finished.finish_reason.as_str(),
    };
    let token = |token: &engine::TokenEvent| {
        let logprob = token.logprobs.as_ref().map(|logprobs| logprobs.chosen.logprob);
        json!({"id": token.id, "text": token.text, "logprob": logprob})
    };
    json!({
        "finish_reason": finish_reason,
        "generated_tokens": finished.usage.completion_tokens,
        "seed": answer.request.seed,
        "prefill": [],
        "tokens": answer.completion.tokens.iter().map(token).collect::<Vec<Value>>(),
    })
}
