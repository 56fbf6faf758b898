//! `POST /chat`: one question, one answer, in the words of
//! `{"prompt": "...", "temperature": 0.8, "frequency_penalty": 0.9, "max_tokens": 200}`.

use super::plain::{self, Shown, usage_json};
use crate::error::ApiError;
use crate::guard::WhoAsks;
use crate::json_body::JsonBody;
use crate::openai::asking;
use crate::openai::fields::Fields;
use crate::openai::from_wire::field_table::Routes;
use crate::openai::from_wire::wishes::own_wishes;
use crate::service::{Asked, Route, ServedModel, Settled};
use crate::site::Site;
use answers::prompt::{self, Prompt};
use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::post;
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// The routes of this file.
pub fn routes() -> Router<Arc<Site>> {
    Router::new().route("/chat", post(chat))
}

async fn chat(
    State(site): State<Arc<Site>>,
    who: WhoAsks,
    JsonBody { fields, share }: JsonBody,
) -> Result<Response, ApiError> {
    let service = site.service()?;
    let model = service.model_for(Fields::top(&fields).text("model")?, who.0.as_deref())?;
    let asked = asked(&model, fields, &who)?;
    let shown = Shown { stream: asked.stream, ..Shown::default() };
    let running = service.ask(asked).await.map_err(|error| plain::about("prompt", error))?;
    drop(share);
    plain::respond(&site, running, shown, answer).await
}

/// The question goes through the model's chat template, where it has one.
fn asked(
    model: &ServedModel,
    mut fields: Map<String, Value>,
    who: &WhoAsks,
) -> Result<Asked, ApiError> {
    let top = Fields::top(&fields);
    let question = top.required_text("prompt")?.to_owned();
    let system = top.text("system")?.map(str::to_owned);
    let prompt = match model.model().template {
        Some(_) => Prompt::Strangers(Box::new(prompt::question(system.as_deref(), &question))),
        None if system.is_some() => {
            return Err(top.refuse("system", "needs a model with a chat template").into());
        }
        None => Prompt::Text(question),
    };
    for name in ["prompt", "system"] {
        fields.remove(name);
    }
    let wishes = own_wishes(&fields, Routes::Chat)?;
    Ok(asking::asked(Route::Chat, prompt, &wishes, who))
}

/// The answer's object.
fn answer(settled: &Settled, _shown: &Shown) -> Value {
    let first = settled.answers.first();
    let text = first.map_or("", |answer| answer.completion.text.as_str());
    let finish = first.map(|answer| answer.completion.finished.finish_reason.as_str());
    let mut json = json!({
        "id": settled.told.request_id,
        "model": settled.told.model,
        "text": text,
        "finish_reason": finish,
        "usage": usage_json(settled),
        "jeton": settled.jeton_whole(),
    });
    if settled.answers.len() > 1 {
        let texts = settled.answers.iter().map(|answer| answer.completion.text.as_str());
        json["texts"] = texts.collect();
    }
    json
}
