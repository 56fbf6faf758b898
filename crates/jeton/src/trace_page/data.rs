//! What the page shows, as JSON: the steps of the JSON trace without what only machines read.

use answers::answer::Answer;
use answers::open_model::OpenModel;
use answers::response;
use engine::TokenEvent;
use serde_json::{Value, json};

/// Characters of the prompt that the page shows.
const PROMPT_CHARS: usize = 2000;

/// The data of [`super::page`].
pub fn page_data(model: &OpenModel, answer: &Answer, prompt: &str) -> Value {
    let finished = &answer.completion.finished;
    let steps: Vec<Value> =
        answer.completion.tokens.iter().map(|token| step(model, token)).collect();
    let seed = answer.completion.started.as_ref().map_or(0, |started| started.seed);
    let choice = match answer.effective.params.is_greedy() {
        true => "greedy".to_owned(),
        false => format!("seed {seed}"),
    };
    let about = format!(
        "{} · {} tokens · ended by {} · {choice}",
        model.name(),
        finished.ids.len(),
        finished.stop_reason.name(),
    );
    let shown: String = prompt.chars().take(PROMPT_CHARS).collect();
    let more = if shown.len() < prompt.len() { "…" } else { "" };
    json!({"about": about, "prompt": format!("{shown}{more}"), "steps": steps})
}

fn step(model: &OpenModel, token: &TokenEvent) -> Value {
    let mut step = response::step_json(model, token, "");
    step["shown"] = Value::from(shown(model, token));
    step["part"] = Value::from(token.part.as_str());
    if let Some(fields) = step.as_object_mut() {
        fields.remove("text");
    }
    for stage in step["stages"].as_array_mut().into_iter().flatten() {
        if let Some(fields) = stage.as_object_mut() {
            fields.remove("top");
        }
    }
    step
}

/// The token's share of the text: its own, or for a part of a character what became whole with it.
fn shown(model: &OpenModel, token: &TokenEvent) -> String {
    let bytes = model.tokenizer.piece_bytes(token.id).unwrap_or_default();
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => format!("{}{}", token.thinking_text, token.text),
    }
}
