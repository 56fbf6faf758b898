//! `--save` and `--receipt`: what a run was, written to files.

use crate::failure::Failure;
use answers::answer::Answer;
use answers::computing::Computing;
use answers::open_model::OpenModel;
use answers::record::{Kind, of_answer};
use clap::ArgMatches;
use serde_json::Value;
use std::path::Path;

/// Writes what `--save` and `--receipt` ask for. The receipt where one is made: for `--json` too.
///
/// # Errors
/// When a file cannot be written, or one was asked for and the answer is several runs.
pub fn keep(
    model: &OpenModel,
    answer: &Answer,
    computing: &Computing,
    template_used: bool,
    flags: &ArgMatches,
) -> Result<Option<Value>, Failure> {
    let path = |name: &str| flags.get_one::<String>(name);
    let (state_path, receipt_path) = (path("save"), path("receipt"));
    if state_path.is_none() && receipt_path.is_none() && !flags.get_flag("json") {
        return Ok(None);
    }
    let record = match of_answer(model, answer, computing, template_used) {
        Ok(record) => record,
        Err(_) if state_path.is_none() && receipt_path.is_none() => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    if let Some(path) = state_path {
        write("--save", path, &record.to_json(Kind::State, &answer.completion.text))?;
    }
    let receipt = record.to_json(Kind::Receipt, &answer.completion.text);
    if let Some(path) = receipt_path {
        write("--receipt", path, &receipt)?;
    }
    Ok(Some(receipt))
}

/// Writes `json` to `path`, a file whole or not at all: first beside it, then in its place.
///
/// # Errors
/// When the file cannot be written.
fn write(flag: &str, path: &str, json: &Value) -> Result<(), Failure> {
    let failed = |error: std::io::Error| Failure::new(format!("{flag}: `{path}`: {error}"));
    // A device, a pipe or a link stays what it is: renaming over it would put a file in its place.
    if std::fs::symlink_metadata(path).is_ok_and(|existing| !existing.is_file()) {
        return std::fs::write(path, format!("{json}\n")).map_err(failed);
    }
    let beside = format!("{path}.{}.part", std::process::id());
    std::fs::write(&beside, format!("{json}\n")).map_err(failed)?;
    std::fs::rename(&beside, Path::new(path)).map_err(failed)
}
