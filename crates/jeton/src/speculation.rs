//! `--draft` and `--lookup`: guesses at the next tokens, and what they saved.

use crate::computing::Computing;
use crate::failure::Failure;
use crate::generation::Answer;
use crate::json_numbers::from_f64;
use crate::open_model::OpenModel;
use clap::{Arg, ArgAction, ArgMatches};
use engine::{DraftModel, DraftOutcome, Engine, Speculation, Usage};
use model::Forward;
use serde_json::{Value, json};
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
    let loaded: Box<dyn Forward> = Box::new(draft.load_as(flags, &computing)?);
    let draft = DraftModel { name: draft.file.name(), model: loaded, tokenizer: draft.tokenizer };
    Ok(engine.with_draft(&model.file.name(), draft)?)
}

fn draft_path(flags: &ArgMatches) -> Option<&str> {
    flags.try_get_one::<String>("draft").ok().flatten().map(String::as_str)
}

/// The `speculation` key of an answer; none where nothing was to be guessed.
pub fn answer_json(answer: &Answer) -> Option<Value> {
    let source = source_word(answer.request.speculation)?;
    Some(to_json(source, &answer.completion.finished.usage))
}

fn to_json(source: &str, usage: &Usage) -> Value {
    json!({
        "source": source,
        "drafted_tokens": usage.drafted_tokens,
        "accepted_tokens": usage.accepted_draft_tokens,
        "acceptance_rate": acceptance_rate(usage).map_or(Value::Null, from_f64),
        "forward_passes": forward_passes(usage),
        "forward_passes_saved": usage.accepted_draft_tokens,
    })
}

/// The line of an answer's summary; none where nothing was to be guessed.
pub fn answer_line(answer: &Answer) -> Option<String> {
    usage_line(answer, &answer.completion.finished.usage)
}

/// The same for what several answers like this one used.
pub fn usage_line(answer: &Answer, usage: &Usage) -> Option<String> {
    let source = match answer.request.speculation {
        Speculation::Off => return None,
        Speculation::Lookup => "look-up",
        Speculation::Model => "the draft model",
    };
    let Some(rate) = acceptance_rate(usage) else {
        return Some(format!("nothing was drafted by {source}"));
    };
    Some(format!(
        "{} tokens drafted by {source}, {} accepted ({:.0} %): {} of {} forward passes saved",
        usage.drafted_tokens,
        usage.accepted_draft_tokens,
        rate * 100.0,
        usage.accepted_draft_tokens,
        forward_passes(usage) + usage.accepted_draft_tokens,
    ))
}

/// Passes of the model that each gave at least one token.
fn forward_passes(usage: &Usage) -> usize {
    usage.completion_tokens - usage.resumed_tokens - usage.accepted_draft_tokens
}

fn acceptance_rate(usage: &Usage) -> Option<f64> {
    let (drafted, accepted) = (usage.drafted_tokens, usage.accepted_draft_tokens);
    (drafted > 0).then(|| accepted as f64 / drafted as f64)
}

fn source_word(speculation: Speculation) -> Option<&'static str> {
    match speculation {
        Speculation::Off => None,
        Speculation::Lookup => Some("lookup"),
        Speculation::Model => Some("draft"),
    }
}

/// What had been guessed for a step, as a step of a trace tells it.
pub fn step_json(model: &OpenModel, draft: DraftOutcome) -> Value {
    let bytes = model.tokenizer.piece_bytes(draft.token).unwrap_or_default();
    json!({
        "id": draft.token,
        "token": String::from_utf8_lossy(bytes),
        "accepted": draft.accepted,
    })
}
