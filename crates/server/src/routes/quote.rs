//! `POST /v1/quote`: what a request to `/v1/chat/completions` with the same body would likely take,
//! in tokens, time and money. Nothing is run.

use crate::error::ApiError;
use crate::guard::WhoAsks;
use crate::json_body::JsonBody;
use crate::openai::asking::asked;
use crate::openai::from_wire::chat::{ChatRequest, chat_request};
use crate::openai::template_fit;
use crate::service::Route;
use crate::site::Site;
use answers::prompt::Prompt;
use axum::extract::State;
use axum::routing::post;
use axum::{Json, Router};
use serde_json::Value;
use std::sync::Arc;

/// The routes of this file.
pub fn routes() -> Router<Arc<Site>> {
    Router::new().route("/v1/quote", post(quote))
}

async fn quote(
    State(site): State<Arc<Site>>,
    who: WhoAsks,
    body: JsonBody,
) -> Result<Json<Value>, ApiError> {
    let service = site.service()?;
    let ChatRequest { wishes, mut input, .. } = chat_request(&body.fields)?;
    let served = service.model_for(wishes.model.as_deref(), who.0.as_deref())?;
    if let Some(template) = &served.model().template {
        template_fit::fit(&mut input, template);
    }
    let prompt = Prompt::Strangers(Box::new(input));
    let asked = asked(Route::ChatCompletions, prompt, &wishes, &who);
    Ok(Json(service.quote(asked).await?))
}
