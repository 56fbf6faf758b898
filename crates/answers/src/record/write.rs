//! From an answer to its record, and from a record to its file.

use super::{Choice, FORMAT_VERSION, Identity, Kind, Record, RecordError, digest, thinking_word};
use crate::answer::Answer;
use crate::computing::Computing;
use crate::json_numbers::from_f64;
use crate::open_model::OpenModel;
use crate::{param_values, structured};
use serde_json::{Map, Value, json};

/// The record of an answer.
///
/// # Errors
/// When the model's files cannot be read again, or the answer is several runs: one per limit.
pub fn of_answer(
    model: &OpenModel,
    answer: &Answer,
    computing: &Computing,
    template_used: bool,
) -> Result<Record, RecordError> {
    if !answer.views.is_empty() && !answer.request.prefix_safe() {
        let message = "limits that shape the tokens are runs of their own; record one at a time";
        return Err(RecordError::new(message));
    }
    let params = &answer.request.params;
    let values = sampling::params::PARAMS.iter().filter(|spec| spec.name != "seed");
    let values = values.filter_map(|spec| match (spec.name, params.max_tokens()) {
        // Of several limits the largest was run.
        ("max_tokens", limit) => {
            limit.map(|limit| (spec.name, sampling::params::ParamValue::Int(limit as i128)))
        }
        // A search draws nothing, whatever the default says; said aloud it would contradict.
        ("do_sample", _) if params.is_beam_search() => {
            Some((spec.name, sampling::params::ParamValue::Bool(false)))
        }
        _ => params.value_of(spec).map(|value| (spec.name, value)),
    });
    let finished = &answer.completion.finished;
    super::recall_or_remember(&model.file);
    Ok(Record {
        program: env!("CARGO_PKG_VERSION").to_owned(),
        numeric_law: u64::from(kernels::NUMERIC_LAW),
        identity: Identity::of(model, template_used)?,
        computing: computing.clone(),
        prompt_ids: answer.request.prompt.clone(),
        text: answer.request.text,
        thinking_start: answer.request.thinking.as_ref().map(|setup| setup.start),
        parameters: values.map(|(name, value)| (name.to_owned(), value)).collect(),
        seed: answer.request.seed,
        shaped_by_limit: answer.request.shaped_by_limit.map(str::to_owned),
        grammar: answer.request.grammar.as_ref().map(|grammar| grammar.source().clone()),
        eos_ids: params.eos_ids(&model.eos_ids).to_vec(),
        choices: vec![Choice {
            index: answer.request.choice_index,
            ids: finished.ids.clone(),
            text_sha256: model::sha256_hex(answer.completion.text.as_bytes()),
            finish_reason: finished.finish_reason.as_str().to_owned(),
            stop_reason: finished.stop_reason.name().to_owned(),
            stage_state: finished.stage_state.clone(),
        }],
    })
}

/// The largest seed that every reader of JSON can hold as a number.
const SEED_NUMBER_MAX: u64 = 1 << 53;

impl Record {
    /// The record as a receipt or a state. A state also says `text`, for people: it is not read.
    pub fn to_json(&self, kind: Kind, text: &str) -> Value {
        let parameters: Map<String, Value> = self
            .parameters
            .iter()
            .map(|(name, value)| (name.clone(), param_values::to_json(value)))
            .collect();
        let choice = |choice: &Choice| {
            let mut json = json!({
                "index": choice.index,
                "ids": choice.ids,
                "text_sha256": choice.text_sha256,
                "finish_reason": choice.finish_reason,
                "stop_reason": choice.stop_reason,
            });
            if kind == Kind::State {
                let state = choice.stage_state.iter();
                let state = state.map(|(name, value)| (name.clone(), from_f64(*value)));
                json["stage_state"] = Value::Object(state.collect());
                json["text"] = Value::from(text);
            }
            json
        };
        let mut json = json!({
            "format": kind.format(),
            "version": FORMAT_VERSION,
            "program": self.program,
            "numeric_law": self.numeric_law,
            "model": self.identity.to_json(),
            "computing": self.computing.to_json(),
            "prompt_ids": self.prompt_ids,
            "text": {
                "keep_special": self.text.keep_special,
                "continues_prompt": self.text.continues_prompt,
            },
            "thinking_start": self.thinking_start.map(thinking_word),
            "parameters": parameters,
            "seed": match self.seed {
                seed @ ..=SEED_NUMBER_MAX => Value::from(seed),
                seed => Value::from(seed.to_string()),
            },
            "shaped_by_limit": self.shaped_by_limit,
            "grammar": self.grammar.as_ref().map(structured::to_json),
            "eos_ids": self.eos_ids,
            "choices": self.choices.iter().map(choice).collect::<Vec<_>>(),
        });
        whole_numbers(&mut json);
        json["sha256"] = Value::from(digest(&json));
        json
    }
}

/// Writes whole numbers without a point. A program that reads the file and writes it again may know
/// one kind of number only, as JavaScript does: the digest has to fit afterwards too.
fn whole_numbers(value: &mut Value) {
    /// Below it every whole number is one of its own.
    const WHOLE_MAX: f64 = (1_u64 << 53) as f64;
    match value {
        Value::Number(number) if number.is_f64() => {
            let whole = number.as_f64().filter(|n| n.fract() == 0.0 && n.abs() <= WHOLE_MAX);
            if let Some(whole) = whole {
                *value = Value::from(whole as i64);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(whole_numbers),
        Value::Object(entries) => entries.values_mut().for_each(whole_numbers),
        _ => {}
    }
}
