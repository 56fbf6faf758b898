//! What guesses at the next tokens saved.

use crate::answer::Answer;
use crate::json_numbers::from_f64;
use crate::open_model::OpenModel;
use engine::{DraftOutcome, Speculation, Usage};
use serde_json::{Value, json};

/// The `speculation` key of an answer; none where nothing was to be guessed.
pub fn answer_json(answer: &Answer) -> Option<Value> {
    let source = source_word(answer.request.speculation)?;
    Some(to_json(source, &answer.completion.finished.usage))
}

fn to_json(source: &str, usage: &Usage) -> Value {
    json!({
        "source": source,
        "drafted_tokens": usage.drafted_tokens,
        "accepted_tokens": usage.accepted_draft_tokens,
        "acceptance_rate": acceptance_rate(usage).map_or(Value::Null, from_f64),
        "forward_passes": forward_passes(usage),
        "forward_passes_saved": usage.accepted_draft_tokens,
    })
}

/// The line of an answer's summary; none where nothing was to be guessed.
pub fn answer_line(answer: &Answer) -> Option<String> {
    usage_line(answer, &answer.completion.finished.usage)
}

/// The same for what several answers like this one used.
pub fn usage_line(answer: &Answer, usage: &Usage) -> Option<String> {
    let source = match answer.request.speculation {
        Speculation::Off => return None,
        Speculation::Lookup => "look-up",
        Speculation::Model => "the draft model",
    };
    let Some(rate) = acceptance_rate(usage) else {
        return Some(format!("nothing was drafted by {source}"));
    };
    Some(format!(
        "{} tokens drafted by {source}, {} accepted ({:.0} %): {} of {} forward passes saved",
        usage.drafted_tokens,
        usage.accepted_draft_tokens,
        rate * 100.0,
        usage.accepted_draft_tokens,
        forward_passes(usage) + usage.accepted_draft_tokens,
    ))
}

/// Passes of the model that each gave at least one token.
fn forward_passes(usage: &Usage) -> usize {
    usage.completion_tokens - usage.resumed_tokens - usage.accepted_draft_tokens
}

fn acceptance_rate(usage: &Usage) -> Option<f64> {
    let (drafted, accepted) = (usage.drafted_tokens, usage.accepted_draft_tokens);
    (drafted > 0).then(|| accepted as f64 / drafted as f64)
}

fn source_word(speculation: Speculation) -> Option<&'static str> {
    match speculation {
        Speculation::Off => None,
        Speculation::Lookup => Some("lookup"),
        Speculation::Model => Some("draft"),
    }
}

/// What had been guessed for a step, as a step of a trace tells it.
pub fn step_json(model: &OpenModel, draft: DraftOutcome) -> Value {
    let bytes = model.tokenizer.piece_bytes(draft.token).unwrap_or_default();
    json!({
        "id": draft.token,
        "token": String::from_utf8_lossy(bytes),
        "accepted": draft.accepted,
    })
}
