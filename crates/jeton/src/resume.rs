//! `--resume`: going on from a saved run, where nothing that shapes its tokens has changed.

use crate::failure::Failure;
use crate::{computing, param_flags};
use answers::open_model::OpenModel;
use answers::record::{self, Kind};
use answers::resume::{Resumed, resumed};
use clap::ArgMatches;

/// Reads the state at `path` and holds it against the model and the flags.
///
/// # Errors
/// When it cannot be read, has ended by itself, or something that shapes its tokens is not as it
/// was: which, as it was saved and as it is given.
pub fn open(path: &str, model: &OpenModel, flags: &ArgMatches) -> Result<Resumed, Failure> {
    let record = record::read(path, &[Kind::State])?;
    let given = param_flags::from_matches(flags);
    let resumed = resumed(&record, model, &given).map_err(|error| {
        let failure = Failure::new(format!("{path}: {error}"));
        match error.hint {
            Some(hint) => failure.with_hint(hint),
            None => failure,
        }
    })?;
    computing::agreed(&resumed.computing, flags)?;
    Ok(resumed)
}
