//! `POST /tokenize`, `POST /detokenize`, `POST /apply-template`: between text, tokens and prompts,
//! under the field names of llama.cpp's server, of vLLM's, and our own.

use crate::error::ApiError;
use crate::guard::WhoAsks;
use crate::json_body::JsonBody;
use crate::openai::fields::Fields;
use crate::service::ServedModel;
use crate::site::Site;
use answers::{RequestError, prompt};
use axum::extract::State;
use axum::routing::post;
use axum::{Json, Router};
use serde_json::{Map, Value, json};
use std::sync::Arc;
use text::EncodeOptions;

/// The routes of this file.
pub fn routes() -> Router<Arc<Site>> {
    Router::new()
        .route("/tokenize", post(tokenize))
        .route("/detokenize", post(detokenize))
        .route("/apply-template", post(apply_template))
}

async fn tokenize(
    State(site): State<Arc<Site>>,
    who: WhoAsks,
    body: JsonBody,
) -> Result<Json<Value>, ApiError> {
    at_work(&site, who, body, tokens_of).await
}

async fn detokenize(
    State(site): State<Arc<Site>>,
    who: WhoAsks,
    body: JsonBody,
) -> Result<Json<Value>, ApiError> {
    at_work(&site, who, body, text_of).await
}

async fn apply_template(
    State(site): State<Arc<Site>>,
    who: WhoAsks,
    body: JsonBody,
) -> Result<Json<Value>, ApiError> {
    at_work(&site, who, body, prompt_of).await
}

/// Answers on a thread that may take its time, with the model that the body names.
async fn at_work(
    site: &Site,
    who: WhoAsks,
    body: JsonBody,
    answer: fn(&ServedModel, &Map<String, Value>) -> Result<Value, RequestError>,
) -> Result<Json<Value>, ApiError> {
    let service = site.service()?;
    let name = Fields::top(&body.fields).text("model")?;
    let model = service.model_for(name, who.0.as_deref())?;
    let work = move || answer(&model, &body.fields);
    Ok(Json(service.at_work(work).await??))
}

/// The tokens of a text, or of a conversation's prompt.
fn tokens_of(served: &ServedModel, body: &Map<String, Value>) -> Result<Value, RequestError> {
    let fields = Fields::top(body);
    let model = served.model();
    let flag = |names: [&str; 2]| -> Result<Option<bool>, RequestError> {
        Ok(fields.flag(names[0])?.or(fields.flag(names[1])?))
    };
    let add_special = flag(["add_special", "add_special_tokens"])?;
    let parse_special = fields.flag("parse_special")?.unwrap_or(true);
    let encode = |text: &str, default: bool, field: &str| {
        let add_special = add_special.unwrap_or(default);
        let options = EncodeOptions { add_special, parse_special };
        let refused = |error: text::EncodeError| fields.refuse(field, error.to_string());
        model.tokenizer.encode(text, options).map_err(refused)
    };
    let given = given(&fields, &["text", "content", "prompt", "messages"])?;
    let ids = match given {
        "messages" => {
            let input = conversation(body)?;
            match add_special {
                Some(true) => encode(&prompt::render(model, &input)?, true, "messages")?,
                _ => prompt::Prompt::Strangers(Box::new(input)).encode(model)?,
            }
        }
        // vLLM's `prompt` gets what a model expects before a text; llama.cpp's `content` does not.
        field => encode(fields.required_text(field)?, field == "prompt", field)?,
    };
    let mut json = json!({
        "tokens": ids,
        "count": ids.len(),
        "max_model_len": served.engine().info().context_tokens_max,
        "model": served.id(),
    });
    if fields.flag("with_pieces")?.unwrap_or(false) {
        json["tokens"] =
            ids.iter().map(|&id| json!({"id": id, "piece": piece(served, id)})).collect();
    }
    if flag(["return_token_strs", "return_token_strings"])?.unwrap_or(false) {
        let text = |&id: &u32| model.tokenizer.token_text(id).unwrap_or_default();
        json["token_strs"] = ids.iter().map(text).collect();
    }
    Ok(json)
}

/// What a token says; as bytes where it is no text by itself.
fn piece(served: &ServedModel, id: u32) -> Value {
    let tokenizer = &served.model().tokenizer;
    let bytes = tokenizer.piece_bytes(id).unwrap_or_default();
    match std::str::from_utf8(bytes) {
        Ok("") => json!(tokenizer.token_text(id).unwrap_or_default()),
        Ok(text) => json!(text),
        Err(_) => json!(bytes),
    }
}

/// The text of tokens, under all the names that others give it.
fn text_of(served: &ServedModel, body: &Map<String, Value>) -> Result<Value, RequestError> {
    let fields = Fields::top(body);
    let field = given(&fields, &["ids", "tokens"])?;
    let ids = ids(&fields, field)?;
    let skip_special = fields.flag("skip_special_tokens")?.unwrap_or(false);
    let decoded = served.model().tokenizer.decode(&ids, skip_special);
    let text = decoded.map_err(|error| fields.refuse(field, format!("cannot be text: {error}")))?;
    Ok(json!({"text": text, "content": text, "prompt": text, "model": served.id()}))
}

/// The prompt that a conversation becomes.
fn prompt_of(served: &ServedModel, body: &Map<String, Value>) -> Result<Value, RequestError> {
    let input = conversation(body)?;
    let text = prompt::render(served.model(), &input)?;
    Ok(json!({"prompt": text, "model": served.id()}))
}

/// A conversation; the arguments of its template may have vLLM's name.
fn conversation(body: &Map<String, Value>) -> Result<text::ChatInput, RequestError> {
    let mut body = body.clone();
    if let Some(kwargs) = body.remove("chat_template_kwargs") {
        body.entry("template_kwargs").or_insert(kwargs);
    }
    prompt::chat_from_json(&Value::Object(body))
}

/// Token ids.
pub fn ids(fields: &Fields, name: &str) -> Result<Vec<u32>, RequestError> {
    let list = fields.list(name, usize::MAX)?.ok_or_else(|| fields.missing(name))?;
    let id = |(index, id): (usize, &Value)| {
        let id = id.as_u64().and_then(|id| u32::try_from(id).ok());
        id.ok_or_else(|| {
            fields.refuse(name, format!("must hold token ids; index {index} has none"))
        })
    };
    list.iter().enumerate().map(id).collect()
}

/// Which one of some fields is given.
fn given<'a>(fields: &Fields, names: &[&'a str]) -> Result<&'a str, RequestError> {
    let mut there = names.iter().copied().filter(|name| fields.get(name).is_some());
    match (there.next(), there.next()) {
        (Some(one), None) => Ok(one),
        (None, _) => Err(fields.missing(names[0])),
        (Some(one), Some(other)) => {
            Err(fields.refuse(other, format!("cannot go with `{one}`: give one of them")))
        }
    }
}
