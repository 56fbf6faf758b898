//! A token with why it was chosen, as `jeton.token` tells it.

use answers::answer::Answer;
use answers::open_model::OpenModel;
use answers::response;
use engine::TokenEvent;
use serde_json::{Map, Value};

/// Fields of a step that are about its trace and not about the token.
const TRACE_FIELDS: [&str; 4] = ["raw", "stages", "final", "draw"];

/// The token of an event: what it is, what it was chosen with, and from what.
pub fn token_json(model: &OpenModel, event: &TokenEvent) -> Value {
    let mut step = response::step_json(model, event, &event.text);
    let mut trace = Map::new();
    let mut token = Map::new();
    token.insert("index".to_owned(), Value::from(event.index));
    token.insert("part".to_owned(), Value::from(event.part.as_str()));
    for (name, value) in step.as_object_mut().map(std::mem::take).unwrap_or_default() {
        match name.as_str() {
            "step" | "part" => {}
            name if TRACE_FIELDS.contains(&name) => drop(trace.insert(name.to_owned(), value)),
            _ => drop(token.insert(name, value)),
        }
    }
    if !trace.is_empty() {
        token.insert("trace".to_owned(), Value::Object(trace));
    }
    Value::Object(token)
}

/// The token of an event that has a trace.
pub fn traced(model: &OpenModel, event: &TokenEvent) -> Option<Value> {
    event.trace.is_some().then(|| token_json(model, event))
}

/// Adds the tokens of traced answers to the `jeton` of a whole body: under `tokens`, and with
/// several choices under that of each.
pub fn add_tokens(jeton: &mut Value, model: &OpenModel, answers: &[Answer]) {
    for (index, answer) in answers.iter().enumerate() {
        let tokens = answer.completion.tokens.iter();
        let tokens: Vec<Value> = tokens.filter_map(|event| traced(model, event)).collect();
        if tokens.is_empty() {
            continue;
        }
        let place = match answers.len() {
            1 => Some(&mut *jeton),
            _ => jeton.get_mut("choices").and_then(|choices| choices.get_mut(index)),
        };
        if let Some(fields) = place.and_then(Value::as_object_mut) {
            fields.insert("tokens".to_owned(), Value::Array(tokens));
        }
    }
}
