//! `--draft` and `--lookup`: where guesses at the next tokens come from.

use crate::computing::effort;
use crate::failure::Failure;
use answers::computing::Computing;
use answers::open_model::OpenModel;
use clap::{Arg, ArgAction, ArgMatches};
use engine::{DraftModel, Engine, Speculation};
use model::Forward;
use std::path::Path;

/// The flags of commands that generate.
pub fn flags() -> [Arg; 2] {
    let draft = Arg::new("draft").long("draft").value_name("PATH").help(
        "A smaller model with the same vocabulary that guesses ahead; never changes the tokens",
    );
    let lookup = Arg::new("lookup")
        .long("lookup")
        .action(ArgAction::SetTrue)
        .conflicts_with("draft")
        .help("Guess ahead from the text so far; never changes the tokens");
    [draft, lookup].map(|arg| arg.help_heading("Speed"))
}

/// Where guesses come from, as the flags say. Commands without these flags guess nothing.
pub fn source(flags: &ArgMatches) -> Speculation {
    let lookup = flags.try_get_one::<bool>("lookup").ok().flatten();
    match (draft_path(flags), lookup) {
        (Some(_), _) => Speculation::Model,
        (None, Some(true)) => Speculation::Lookup,
        _ => Speculation::Off,
    }
}

/// The engine of `model`, with the draft model that the flags name, if they name one.
///
/// # Errors
/// When the draft model cannot be opened or speaks in other tokens.
pub fn with_draft(
    engine: Engine,
    model: &OpenModel,
    flags: &ArgMatches,
    computing: &Computing,
) -> Result<Engine, Failure> {
    let Some(path) = draft_path(flags) else { return Ok(engine) };
    let draft = OpenModel::open(Some(Path::new(path)))?;
    let window = draft.file.config().context_tokens_max;
    let context_tokens = computing.context_tokens.map(|tokens| tokens.min(window));
    let computing = Computing { context_tokens, ..computing.clone() };
    let loaded: Box<dyn Forward> = Box::new(draft.load(&computing, &effort(flags)?)?);
    let draft = DraftModel { name: draft.file.name(), model: loaded, tokenizer: draft.tokenizer };
    Ok(engine.with_draft(&model.file.name(), draft)?)
}

fn draft_path(flags: &ArgMatches) -> Option<&str> {
    flags.try_get_one::<String>("draft").ok().flatten().map(String::as_str)
}
