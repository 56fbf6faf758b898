//! `--model`: which model, or only its tokenizer.

use crate::failure::Failure;
use answers::open_model::{OpenModel, open_tokenizer};
use clap::ArgMatches;
use std::path::Path;
use text::Tokenizer;

/// Opens the model that `--model` names, or the one inside the program.
///
/// # Errors
/// When a file is missing, malformed or not supported.
pub fn model(flags: &ArgMatches) -> Result<OpenModel, Failure> {
    Ok(OpenModel::open(path(flags))?)
}

/// Opens only the tokenizer of what `--model` names.
///
/// # Errors
/// As [`model`].
pub fn tokenizer(flags: &ArgMatches) -> Result<Tokenizer, Failure> {
    Ok(open_tokenizer(path(flags))?)
}

fn path(flags: &ArgMatches) -> Option<&Path> {
    flags.get_one::<String>("model").map(Path::new)
}
