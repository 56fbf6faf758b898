//! What an answer that ended at its limit left open: as JSON and as the summary's line.

use crate::answer::Answer;
use crate::open_model::OpenModel;
use engine::thinking::{ThinkingClosed, ThinkingReport};
use model::TokenId;
use policy::truncation::{Context, Diagnosis, Open, diagnose};
use sampling::stop::FinishReason;
use serde_json::{Value, json};
use text::EncodeOptions;

/// The diagnosis of a completion of `ids` that ended at a limit; none when nothing is visibly open.
/// Special tokens count, since some models mark their thinking with them; `thinking` tells
/// whether a thought is open, where that is known.
pub fn of_ids(
    model: &OpenModel,
    ids: &[TokenId],
    thinking: Option<ThinkingReport>,
) -> Option<Diagnosis> {
    let text = model.tokenizer.decode(ids, false).ok()?;
    let options = EncodeOptions { add_special: false, parse_special: false };
    let count_tokens =
        |text: &str| model.tokenizer.encode(text, options).map_or(0, |ids| ids.len());
    let format = model.thinking();
    let context = Context {
        completion_tokens: ids.len(),
        count_tokens: Some(&count_tokens),
        is_thinking: thinking.map(|report| report.closed == ThinkingClosed::Open),
        markers: format.map(|format| (&*format.open.text, &*format.close.text)),
    };
    diagnose(&text, &context)
}

/// The `truncation` field of a result whose text ended at a limit.
pub fn to_json(diagnosis: Option<&Diagnosis>) -> Value {
    let Some(found) = diagnosis else {
        let explanation = "nothing is visibly open";
        return json!({
            "open": [], "closing": null, "explanation": explanation, "suggestion": null,
        });
    };
    json!({
        "open": found.open.iter().map(open_json).collect::<Vec<Value>>(),
        "closing": found.closing,
        "explanation": found.explanation,
        "suggestion": {
            "at_least": found.suggestion.at_least,
            "max_tokens": found.suggestion.max_tokens,
        },
    })
}

/// `truncation` for an answer that ended by `length`, nothing for others.
pub fn answer_json(model: &OpenModel, answer: &Answer) -> Option<Value> {
    let finished = &answer.completion.finished;
    let is_cut = finished.finish_reason == FinishReason::Length;
    is_cut.then(|| to_json(of_ids(model, &finished.ids, finished.thinking).as_ref()))
}

/// The summary's line for an answer that ended by `length`.
pub fn answer_line(model: &OpenModel, answer: &Answer) -> Option<String> {
    let finished = &answer.completion.finished;
    if finished.finish_reason != FinishReason::Length {
        return None;
    }
    let found = of_ids(model, &finished.ids, finished.thinking)?;
    Some(format!("{}; try --max-tokens {}", found.explanation, found.suggestion.max_tokens))
}

fn open_json(open: &Open) -> Value {
    let mut entry = json!({"kind": open.name(), "certain": open.is_certain()});
    match open {
        Open::Json { inside, depth, .. } => {
            entry["inside"] = Value::from(inside.name());
            entry["depth"] = Value::from(*depth);
        }
        Open::CodeFence { language, .. } => entry["language"] = Value::from(language.as_str()),
        Open::TableRow { cells, columns } => {
            entry["cells"] = Value::from(*cells);
            entry["columns"] = Value::from(*columns);
        }
        Open::List { items, announced } => {
            entry["items"] = Value::from(*items);
            entry["announced"] = Value::from(*announced);
        }
        Open::ListItem { number } => entry["number"] = Value::from(*number),
        Open::Bracket { opened, .. } => entry["opened"] = Value::from(opened.to_string()),
        _ => {}
    }
    if let Some(closing) = open.closing() {
        entry["closing"] = Value::from(closing);
    }
    entry
}

#[cfg(test)]
mod tests {
    use super::*;
    use engine::thinking::ThinkingEndedBy;
    use text::ChatTemplate;

    #[test]
    fn what_a_thought_left_open_is_not_the_answers() {
        let mut model = OpenModel::open(None).expect("the model inside");
        let source = "{{ messages[0].content }}{# <thought> </thought> #}";
        model.template = Some(ChatTemplate::new(source).expect("it parses"));
        let options = EncodeOptions { add_special: false, parse_special: true };
        let text = "<thought>So:\n```rust\nlet x = (</thought>It is four.";
        let ids = model.tokenizer.encode(text, options).expect("encodes");
        let report = ThinkingReport {
            tokens: 9,
            closed: ThinkingClosed::Natural,
            ended_by: Some(ThinkingEndedBy::Model),
            budget: None,
            answer_reserve: 0,
        };
        assert_eq!(of_ids(&model, &ids, Some(report)), None);
        assert_eq!(of_ids(&model, &ids, None), None);
        let open = of_ids(&model, &ids[..9], None).expect("cut in its thought");
        assert_eq!(open.open, [Open::Thinking]);
    }
}
