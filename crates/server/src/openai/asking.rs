//! From checked requests to what the service is asked.

use super::from_wire::tool_wish::{ToolChoice, ToolWish};
use super::from_wire::wishes::{Wishes, warning};
use super::to_wire::choice::{Reading, ToolReading};
use super::tools::{ToolParser, ToolSyntax};
use crate::guard::WhoAsks;
use crate::service::{Asked, Route};
use answers::open_model::OpenModel;
use answers::prompt::Prompt;
use serde_json::Value;
use std::sync::Arc;

/// What the service is asked for one prompt.
pub fn asked(route: Route, prompt: Prompt, wishes: &Wishes, who: &WhoAsks) -> Asked {
    Asked {
        model: wishes.model.clone(),
        caller: who.0.clone(),
        values: wishes.values.clone(),
        shape: wishes.shape.clone(),
        trace: wishes.trace,
        length: wishes.length.clone(),
        tag: wishes.tag.clone(),
        scenario: wishes.scenario.clone(),
        stream: wishes.stream,
        deadline_ms: wishes.deadline_ms,
        resume: wishes.resume.clone(),
        return_state: wishes.return_state,
        receipt: wishes.receipt,
        unknown_fields: wishes.unknown_fields.clone(),
        ..Asked::new(route, prompt)
    }
}

/// How the answers to a conversation are read. A model whose template shows no calls gets a warning
/// in place of a parser.
pub fn reading(
    model: &OpenModel,
    wishes: &mut Wishes,
    tools: Option<ToolWish>,
    continues_prompt: bool,
) -> Reading {
    let reading = Reading {
        tokenizer: Arc::clone(&model.tokenizer),
        logprobs: wishes.top_logprobs().is_some(),
        continues_prompt,
        tools: None,
    };
    let Some(ToolWish { tools, choice, parallel }) = tools else { return reading };
    let syntax = model.template.as_ref().and_then(|template| ToolSyntax::of(template.source()));
    if syntax.is_none() {
        let message = "the model's chat template shows it no tools and no way to call them: what \
                       it is not made to call by `tool_choice` comes as text";
        wishes.warnings.push(warning(&["tools"], message));
    }
    let tools = match (choice, syntax) {
        (ToolChoice::Required, _) => Some(ToolReading {
            parser: Arc::new(move || ToolParser::forced(&tools)),
            mark: None,
            short_ids: syntax.is_some_and(ToolSyntax::has_short_ids),
        }),
        (_, Some(syntax)) => {
            if tools.iter().any(|tool| tool.strict) {
                let message = "`strict` holds where `tool_choice` makes the model call; a call of \
                               its own choice is not held to the schema";
                wishes.warnings.push(warning(&["tools"], message));
            }
            let parser = move || ToolParser::new(syntax, &tools, parallel);
            Some(ToolReading::new(syntax, &model.tokenizer, Arc::new(parser)))
        }
        (_, None) => None,
    };
    Reading { tools, ..reading }
}

/// `jeton` with the warnings of this room behind those that are there.
pub fn with_warnings(mut jeton: Value, warnings: &[Value]) -> Value {
    if let (Some(fields), false) = (jeton.as_object_mut(), warnings.is_empty()) {
        let all = fields.entry("warnings").or_insert_with(|| Value::Array(Vec::new()));
        if let Some(all) = all.as_array_mut() {
            all.extend(warnings.iter().cloned());
        }
    }
    jeton
}
