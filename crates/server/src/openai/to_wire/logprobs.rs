//! Log-probabilities, as chats and as completions tell them.

use sampling::logprobs::{Logprobs, TokenLogprob};
use serde_json::{Map, Value, json};
use text::Tokenizer;

/// What stands for the log-probability of what is impossible: JSON has no infinity, and OpenAI's
/// answers have this number.
const IMPOSSIBLE: f64 = -9999.0;

/// A token's own bytes, and those as text.
fn token_bytes(tokenizer: &Tokenizer, id: u32) -> &[u8] {
    tokenizer.piece_bytes(id).unwrap_or_default()
}

fn number(logprob: f64) -> Value {
    Value::from(if logprob.is_finite() { logprob } else { IMPOSSIBLE })
}

/// A token of `logprobs.content` in a chat.
pub fn chat_entry(tokenizer: &Tokenizer, logprobs: &Logprobs) -> Value {
    let entry = |of: &TokenLogprob| {
        let bytes = token_bytes(tokenizer, of.id);
        json!({
            "token": String::from_utf8_lossy(bytes),
            "logprob": number(of.logprob),
            "bytes": bytes,
        })
    };
    let mut json = entry(&logprobs.chosen);
    json["top_logprobs"] = logprobs.top.iter().map(entry).collect();
    json
}

/// The `logprobs` of a chat's choice or delta; null where none are wanted.
pub fn chat_json(entries: Option<Vec<Value>>) -> Value {
    entries.map_or(Value::Null, |content| json!({"content": content, "refusal": null}))
}

/// A token of a completion's `logprobs`.
#[derive(Clone, Debug)]
pub struct CompletionEntry {
    token: String,
    /// Characters that begin in it.
    chars: usize,
    logprob: Value,
    top: Value,
}

impl CompletionEntry {
    /// Of a token with its alternatives.
    pub fn new(tokenizer: &Tokenizer, logprobs: &Logprobs) -> Self {
        let mut top = Map::new();
        for of in logprobs.top.iter().chain([&logprobs.chosen]) {
            let token = String::from_utf8_lossy(token_bytes(tokenizer, of.id)).into_owned();
            // Of two tokens with the same text the likelier one is told; it comes first.
            top.entry(token).or_insert_with(|| number(of.logprob));
        }
        CompletionEntry {
            logprob: number(logprobs.chosen.logprob),
            top: Value::Object(top),
            ..CompletionEntry::unknown(tokenizer, logprobs.chosen.id)
        }
    }

    /// Of a token without any: the first one of a prompt.
    pub fn unknown(tokenizer: &Tokenizer, id: u32) -> Self {
        let bytes = token_bytes(tokenizer, id);
        let is_special = tokenizer.is_special(id);
        let chars = bytes.iter().filter(|byte| **byte & 0xC0 != 0x80).count();
        CompletionEntry {
            token: String::from_utf8_lossy(bytes).into_owned(),
            chars: if is_special { 0 } else { chars },
            logprob: Value::Null,
            top: Value::Null,
        }
    }
}

/// The `logprobs` of a completion's choice or chunk; null where none are wanted. `offset` counts
/// the characters before, and goes on.
pub fn completion_json(entries: Option<Vec<CompletionEntry>>, offset: &mut usize) -> Value {
    let Some(entries) = entries else { return Value::Null };
    let mut offsets = Vec::with_capacity(entries.len());
    for entry in &entries {
        offsets.push(*offset);
        *offset += entry.chars;
    }
    let of =
        |part: fn(&CompletionEntry) -> Value| -> Vec<Value> { entries.iter().map(part).collect() };
    json!({
        "tokens": of(|entry| Value::from(entry.token.as_str())),
        "token_logprobs": of(|entry| entry.logprob.clone()),
        "top_logprobs": of(|entry| entry.top.clone()),
        "text_offset": offsets,
    })
}
