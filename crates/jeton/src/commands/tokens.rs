//! `jeton tokenize` and `jeton detokenize`: text to ids and back.

use crate::commands::sample::token_ids;
use crate::failure::Failure;
use crate::jsonl;
use crate::open_flags;
use crate::output;
use answers::RequestError;
use clap::ArgMatches;
use serde_json::{Value, json};
use text::{EncodeOptions, Tokenizer};

/// Runs `tokenize`.
///
/// # Errors
/// When the tokenizer cannot be opened or the text is too long.
pub fn tokenize(flags: &ArgMatches) -> Result<(), Failure> {
    let tokenizer = open_flags::tokenizer(flags)?;
    if let Some(text) = flags.get_one::<String>("text") {
        let options = EncodeOptions { add_special: false, parse_special: true };
        let ids = tokenizer.encode(text, options)?;
        let words: Vec<String> = ids.iter().map(ToString::to_string).collect();
        return Ok(output::line(&words.join(" "))?);
    }
    let answer = |request: &Value| tokenize_line(&tokenizer, request);
    Ok(jsonl::serve(std::io::stdin().lock(), std::io::stdout().lock(), answer)?)
}

/// Runs `detokenize`.
///
/// # Errors
/// When the tokenizer cannot be opened or an id is outside of the vocabulary.
pub fn detokenize(flags: &ArgMatches) -> Result<(), Failure> {
    let tokenizer = open_flags::tokenizer(flags)?;
    if let Some(ids) = flags.get_many::<u32>("ids") {
        let ids: Vec<u32> = ids.copied().collect();
        return Ok(output::line(&tokenizer.decode(&ids, false)?)?);
    }
    let answer = |request: &Value| detokenize_line(&tokenizer, request);
    Ok(jsonl::serve(std::io::stdin().lock(), std::io::stdout().lock(), answer)?)
}

fn tokenize_line(tokenizer: &Tokenizer, request: &Value) -> Result<Value, RequestError> {
    let text = request["text"]
        .as_str()
        .ok_or_else(|| RequestError::parameter("text", "`text` must be a text"))?;
    let options = EncodeOptions {
        add_special: flag(request, "add_special", false)?,
        parse_special: flag(request, "parse_special", true)?,
    };
    let ids = tokenizer
        .encode(text, options)
        .map_err(|error| RequestError::parameter("text", error.to_string()))?;
    Ok(json!({"ids": ids}))
}

fn detokenize_line(tokenizer: &Tokenizer, request: &Value) -> Result<Value, RequestError> {
    if request["ids"].is_null() {
        return Err(RequestError::parameter("ids", "`ids` must be a list of token ids"));
    }
    let ids = token_ids("ids", &request["ids"])?;
    let text = tokenizer
        .decode(&ids, flag(request, "skip_special", false)?)
        .map_err(|error| RequestError::parameter("ids", error.to_string()))?;
    Ok(json!({"text": text}))
}

/// A true-or-false field.
fn flag(request: &Value, name: &str, default: bool) -> Result<bool, RequestError> {
    match &request[name] {
        Value::Null => Ok(default),
        Value::Bool(value) => Ok(*value),
        _ => Err(RequestError::parameter(name, format!("`{name}` must be true or false"))),
    }
}
