//! Thinking at the edge: what a request says about it, told to the template and to the engine.

use crate::error::RequestError;
use crate::model_profile;
use crate::open_model::OpenModel;
use crate::prompt::Prompt;
use crate::record::Record;
use engine::Usage;
use engine::thinking::{
    EffortBudget, ThinkingClosed, ThinkingEndedBy, ThinkingReport, ThinkingSetup,
};
use model::TokenId;
use sampling::params::{EffortShare, SamplingParams};
use serde_json::{Map, Value, json};
use text::ChatInput;
use text::thinking::ThinkingFormat;

/// A prompt as the engine takes it.
pub struct Prepared {
    /// Its tokens.
    pub ids: Vec<TokenId>,
    /// How the model thinks about it; none for prompts that are no conversation, and for models
    /// that mark no thoughts.
    pub thinking: Option<ThinkingSetup>,
}

/// Renders and encodes a prompt, with what the parameters say about thinking.
///
/// # Errors
/// When there is no template for a conversation, it refuses this one, or a parameter asks for
/// thinking where there is none.
pub fn prepare(
    model: &OpenModel,
    prompt: &Prompt,
    params: &SamplingParams,
) -> Result<Prepared, RequestError> {
    let (Some(input), Some(format)) = (prompt.conversation(), model.thinking()) else {
        check_absent(params)?;
        return Ok(Prepared { ids: prompt.encode(model)?, thinking: None });
    };
    let wish = Wish::of(params, format, model);
    let (text, ids) = prompt.rendered(model, &wish.template_kwargs)?;
    let start = match final_text(input) {
        Some(final_text) => format.start_of_continued(&text, &final_text),
        None => format.start(&text),
    };
    let setup = ThinkingSetup { format: format.clone(), start, effort: wish.effort };
    Ok(Prepared { ids, thinking: Some(setup) })
}

/// How the model thinks about a prompt that was prepared in an earlier run.
pub fn again(model: &OpenModel, record: &Record, params: &SamplingParams) -> Option<ThinkingSetup> {
    let format = model.thinking().filter(|_| record.template_used())?;
    let start = match record.thinking_start {
        Some(start) => start,
        // An early build wrote the file: then the prompt tells, save for continued messages.
        None => format.start(&model.tokenizer.decode(&record.prompt_ids, false).ok()?),
    };
    let effort = Wish::of(params, format, model).effort;
    Some(ThinkingSetup { format: format.clone(), start, effort })
}

/// What `enable_thinking` and `reasoning_effort` come to with a model.
struct Wish {
    template_kwargs: Map<String, Value>,
    effort: Option<EffortBudget>,
}

impl Wish {
    fn of(params: &SamplingParams, format: &ThinkingFormat, model: &OpenModel) -> Self {
        let effort = params.reasoning_effort();
        let mut wish = Wish { template_kwargs: Map::new(), effort: None };
        let is_off = params.enable_thinking() == Some(false) || effort == Some("none");
        let enabled = match (params.enable_thinking(), effort) {
            _ if is_off => Some(false),
            (None, effort) => effort.map(|_| true),
            (enabled, _) => enabled,
        };
        if let Some(enabled) = enabled {
            let name = format.switch.unwrap_or("enable_thinking");
            wish.template_kwargs.insert(name.to_owned(), Value::from(enabled));
        }
        if is_off && format.switch.is_none() {
            // A template that cannot turn thinking off: the thought is ended where it begins.
            wish.effort = Some(EffortBudget { percent: 0, tokens_max: 0, reserve_percent: 0 });
        }
        match effort {
            Some(word) if format.reads_effort => {
                let word = model_profile::of(model).effort_word(word);
                wish.template_kwargs.insert("reasoning_effort".to_owned(), Value::from(word));
            }
            Some(word) if word != "none" => wish.effort = EffortShare::of(word).map(budget),
            _ => {}
        }
        wish
    }
}

/// A share of the limit; a twentieth is kept for the answer at least.
fn budget(share: &EffortShare) -> EffortBudget {
    let tokens_max = share.tokens_max.unwrap_or(usize::MAX);
    EffortBudget { percent: share.percent, tokens_max, reserve_percent: 5 }
}

/// The text of the last message, where that is to be continued.
fn final_text(input: &ChatInput) -> Option<String> {
    let content = input.messages.last()?.get("content").filter(|_| input.continue_final_message)?;
    let block = |block: &Value| block.get("text")?.as_str().map(str::to_owned);
    match content {
        Value::String(text) => Some(text.clone()),
        Value::Array(blocks) => blocks.iter().rev().find_map(block),
        _ => None,
    }
}

/// Without thoughts only those parameters may be given that ask for none.
fn check_absent(params: &SamplingParams) -> Result<(), RequestError> {
    let asked = match (params.enable_thinking(), params.reasoning_effort()) {
        (Some(true), _) => "enable_thinking",
        (_, Some(effort)) if effort != "none" => "reasoning_effort",
        // Budgets and reserves are the engine's to refuse.
        _ => return Ok(()),
    };
    let message = format!(
        "`{asked}` needs a model that marks its thoughts, and a conversation as its prompt"
    );
    Err(RequestError::parameter(asked, message))
}

/// What became of an answer's thought: the `thinking` field of a result. None where there was none.
pub fn to_json(report: Option<ThinkingReport>, text: &str) -> Option<Value> {
    let report = report?;
    Some(json!({
        "text": text,
        "tokens": report.tokens,
        "closed": report.closed.as_str(),
        "ended_by": report.ended_by.map(|by| by.as_str()),
        "budget": report.budget,
        "answer_reserve": report.answer_reserve,
    }))
}

/// The counts of thought and answer, for the `usage` of a result.
pub fn add_usage(json: &mut Value, usage: &Usage) {
    json["thinking_tokens"] = Value::from(usage.thinking_tokens);
    json["answer_tokens"] = Value::from(usage.completion_tokens - usage.thinking_tokens);
    json["completion_tokens_details"]["reasoning_tokens"] = Value::from(usage.thinking_tokens);
}

/// The summary's words about an answer's tokens; none where there was no thought.
pub fn summary_words(completion: &engine::Completion) -> Option<String> {
    let report = completion.finished.thinking?;
    let usage = &completion.finished.usage;
    let why = match (report.ended_by, report.budget) {
        (Some(ThinkingEndedBy::EndOfText), _) => "in place of the text's end".to_owned(),
        (Some(ThinkingEndedBy::Budget), Some(budget)) => format!("by its budget of {budget}"),
        (Some(ThinkingEndedBy::AnswerReserve), _) => {
            format!("to leave {} for the answer", report.answer_reserve)
        }
        _ => "by the model".to_owned(),
    };
    let ended = match report.closed {
        ThinkingClosed::Open => "thinking not ended".to_owned(),
        ThinkingClosed::Natural => "thinking ended by the model".to_owned(),
        ThinkingClosed::Soft => format!("thinking ended softly {why}"),
        ThinkingClosed::Hard => format!("thinking ended hard {why}"),
    };
    let answer = usage.completion_tokens - usage.thinking_tokens;
    Some(format!("{} thinking + {answer} answer; {ended}", usage.thinking_tokens))
}
