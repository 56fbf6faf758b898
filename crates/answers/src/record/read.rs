//! From a file to a record. The file is outside data: bounded, checked, and refused by name.

use super::{
    Choice, FILE_BYTES_MAX, FORMAT_VERSION, Identity, Kind, Record, RecordError, THINKING_STARTS,
    digest, thinking_word,
};
use crate::computing::Computing;
use crate::json_numbers::to_f64;
use crate::{param_values, structured};
use engine::TextOptions;
use model::TokenId;
use sampling::params::{Kind as ParamKind, ParamSpec, ParamValue};
use serde_json::Value;
use std::io::Read;
use text::thinking::ThinkingStart;

/// Most stages whose state is read.
const STAGE_STATES_MAX: usize = 64;
/// Most choices that are read.
const CHOICES_MAX: usize = 1024;

/// Reads a file of one of these kinds.
///
/// # Errors
/// When it cannot be read, is too large, or is not such a file; the message names the field.
pub fn read(path: &str, kinds: &[Kind]) -> Result<Record, RecordError> {
    let in_file = |error: &dyn std::fmt::Display| RecordError::new(format!("{path}: {error}"));
    let file = std::fs::File::open(path).map_err(|error| in_file(&error))?;
    let mut bytes = Vec::new();
    file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(|error| in_file(&error))?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        return Err(in_file(&format!("at most {FILE_BYTES_MAX} bytes are read")));
    }
    let json: Value = serde_json::from_slice(&bytes).map_err(|error| in_file(&error))?;
    record_from_json(&json, kinds).map_err(|problem| in_file(&problem))
}

/// The record that a JSON object holds; an error says which field is not as it must be.
pub fn record_from_json(json: &Value, kinds: &[Kind]) -> Result<Record, String> {
    let format = json.get("format").and_then(Value::as_str).unwrap_or_default();
    if !kinds.iter().any(|kind| kind.format() == format) {
        let wanted: Vec<&str> = kinds.iter().map(|kind| kind.format()).collect();
        return Err(format!("`format` must be {}", wanted.join(" or ")));
    }
    let version = field(json, "version", Value::as_u64)?;
    if version != FORMAT_VERSION {
        return Err(format!("`version` must be {FORMAT_VERSION}; it is {version}"));
    }
    if field(json, "sha256", text)? != digest(json) {
        return Err("`sha256` does not fit: the file was changed after it was written".to_owned());
    }
    let parameters = field(json, "parameters", Value::as_object)?;
    let parameters =
        parameters.iter().filter_map(|(name, value)| Some((name.clone(), parameter(name, value)?)));
    let flags = field(json, "text", Some)?;
    let choices = field(json, "choices", Value::as_array)?;
    if choices.is_empty() || choices.len() > CHOICES_MAX {
        return Err(format!("`choices` must hold 1 to {CHOICES_MAX} entries"));
    }
    Ok(Record {
        program: field(json, "program", text)?,
        numeric_law: field(json, "numeric_law", Value::as_u64)?,
        identity: field(json, "model", Identity::from_json)?,
        computing: field(json, "computing", Computing::from_json)?,
        prompt_ids: field(json, "prompt_ids", ids)?,
        text: TextOptions {
            keep_special: field(flags, "keep_special", Value::as_bool)?,
            continues_prompt: field(flags, "continues_prompt", Value::as_bool)?,
        },
        thinking_start: match json.get("thinking_start") {
            None | Some(Value::Null) => None,
            Some(_) => Some(field(json, "thinking_start", thinking_start)?),
        },
        parameters: parameters.collect(),
        seed: field(json, "seed", |seed| seed.as_u64().or_else(|| seed.as_str()?.parse().ok()))?,
        shaped_by_limit: match json.get("shaped_by_limit") {
            None | Some(Value::Null) => None,
            Some(_) => Some(field(json, "shaped_by_limit", text)?),
        },
        grammar: match json.get("grammar") {
            None | Some(Value::Null) => None,
            Some(shape) => structured::from_json(shape).map_err(|error| error.message)?,
        },
        eos_ids: field(json, "eos_ids", ids)?,
        choices: choices.iter().map(choice).collect::<Result<_, String>>()?,
    })
}

/// A parameter's value; whole numbers are written without a point, whatever the parameter is.
fn parameter(name: &str, value: &Value) -> Option<ParamValue> {
    let is_float =
        ParamSpec::find(name).is_some_and(|spec| matches!(spec.kind, ParamKind::Float { .. }));
    match param_values::from_json(value)? {
        ParamValue::Int(whole) if is_float => Some(ParamValue::Float(whole as f64)),
        value => Some(value),
    }
}

fn choice(json: &Value) -> Result<Choice, String> {
    Ok(Choice {
        index: field(json, "index", |value| u32::try_from(value.as_u64()?).ok())?,
        ids: field(json, "ids", ids)?,
        text_sha256: field(json, "text_sha256", text)?,
        finish_reason: field(json, "finish_reason", text)?,
        stop_reason: field(json, "stop_reason", text)?,
        stage_state: match json.get("stage_state") {
            None => Vec::new(),
            Some(_) => field(json, "stage_state", stage_state)?,
        },
    })
}

fn field<'j, T>(
    json: &'j Value,
    name: &str,
    read: impl FnOnce(&'j Value) -> Option<T>,
) -> Result<T, String> {
    let value = json.get(name).ok_or_else(|| format!("`{name}` is missing"))?;
    read(value).ok_or_else(|| format!("`{name}` is not as this program writes it"))
}

fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

fn ids(value: &Value) -> Option<Vec<TokenId>> {
    let id = |id: &Value| TokenId::try_from(id.as_u64()?).ok();
    value.as_array()?.iter().map(id).collect()
}

fn thinking_start(value: &Value) -> Option<ThinkingStart> {
    let word = value.as_str()?;
    THINKING_STARTS.into_iter().find(|&start| thinking_word(start) == word)
}

fn stage_state(value: &Value) -> Option<Vec<(String, f64)>> {
    let entries = value.as_object().filter(|entries| entries.len() <= STAGE_STATES_MAX)?;
    let finite = |value: &Value| to_f64(value).filter(|number| number.is_finite());
    entries.iter().map(|(name, value)| Some((name.clone(), finite(value)?))).collect()
}
