//! `jeton logits`: what the model computes, before anything is chosen.

use crate::commands::sample::token_ids;
use crate::failure::Failure;
use crate::jsonl;
use crate::open_flags;
use answers::RequestError;
use answers::json_numbers::from_f32;
use clap::ArgMatches;
use model::{
    Forward, KvBlockId, KvPool, LoadedModel, Logits, Segment, StepRows, TokenId, WantedLogits,
};
use serde_json::{Value, json};

/// Positions per block of the memory used here.
const BLOCK_TOKENS: usize = 64;
/// Numbers in one answer at most: 256 MB of JSON text or so.
const LOGITS_MAX: usize = 1 << 24;

/// Runs the command.
///
/// # Errors
/// When the model cannot be opened.
pub fn run(flags: &ArgMatches) -> Result<(), Failure> {
    let model = open_flags::model(flags)?;
    let mut loaded = crate::computing::load(&model, flags)?;
    let answer = |request: &Value| answer(&mut loaded, request);
    Ok(jsonl::serve(std::io::stdin().lock(), std::io::stdout().lock(), answer)?)
}

fn answer(model: &mut LoadedModel, request: &Value) -> Result<Value, RequestError> {
    let ids = token_ids("ids", &request["ids"])?;
    check_ids(model, &ids)?;
    let wanted = match &request["positions"] {
        Value::Null => WantedLogits::Last,
        Value::String(word) if word == "all" => WantedLogits::All,
        Value::String(word) if word == "last" => WantedLogits::Last,
        _ => {
            let rule = "`positions` must be \"all\" or \"last\"";
            return Err(RequestError::parameter("positions", rule));
        }
    };
    if wanted == WantedLogits::All && ids.len() * model.vocab_size() > LOGITS_MAX {
        let most = LOGITS_MAX / model.vocab_size();
        let message = format!("at most {most} positions fit one answer; given {}", ids.len());
        return Err(RequestError::parameter("positions", message));
    }
    let logits = compute(model, ids, wanted);
    let rows: Vec<Vec<Value>> = (0..logits.rows())
        .map(|row| logits.row(row).iter().map(|&logit| from_f32(logit)).collect())
        .collect();
    Ok(json!({"logits": rows}))
}

fn check_ids(model: &LoadedModel, ids: &[TokenId]) -> Result<(), RequestError> {
    let (count, most) = (ids.len(), model.context_tokens_max());
    if count == 0 || count > most {
        let message = format!("`ids` must hold 1 to {most} tokens; given {count}");
        return Err(RequestError::parameter("ids", message));
    }
    let vocab_size = model.vocab_size();
    match ids.iter().find(|&&id| id as usize >= vocab_size) {
        None => Ok(()),
        Some(id) => {
            let message = format!("`ids` must be below {vocab_size}; given {id}");
            Err(RequestError::parameter("ids", message))
        }
    }
}

fn compute(model: &mut LoadedModel, tokens: Vec<TokenId>, logits: WantedLogits) -> Logits {
    let block_count = tokens.len().div_ceil(BLOCK_TOKENS);
    let mut kv = KvPool::new(model.kv_shape(), BLOCK_TOKENS, block_count);
    let kv_blocks = (0..block_count as u32).map(KvBlockId).collect();
    let rows =
        StepRows { segments: vec![Segment { tokens, first_position: 0, kv_blocks, logits }] };
    let mut out = Logits::new();
    model.forward(&rows, &mut kv, &mut out);
    out
}
