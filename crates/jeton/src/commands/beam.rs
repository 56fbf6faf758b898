//! `jeton beam`: the tree of a beam search, and the texts that won.

use super::generate::{parse_request, prompt_from_flags};
use crate::beam_tree;
use crate::failure::Failure;
use crate::generation::{AnswerError, Generator};
use crate::jsonl;
use crate::open_flags;
use crate::outcome::Outcome;
use crate::terminal::{Paint, Stream};
use crate::{args, interrupt, output, param_flags, summary};
use answers::RequestError;
use answers::answer::Answer;
use answers::beams::number;
use answers::effective::Effective;
use answers::open_model::OpenModel;
use answers::prompt::Prompt;
use answers::request::Extras;
use answers::response;
use clap::{Arg, ArgAction, ArgMatches, Command};
use sampling::params::{ParamSpec, ParamValue};
use serde_json::Value;

/// Hypotheses of a search that names no number.
const NUM_BEAMS: usize = 4;

/// Hypotheses that a stream of requests has memory for at full length. More are possible where
/// the texts are shorter than the context.
const STREAM_BEAMS: usize = 8;

/// The command line.
pub fn command() -> Command {
    let jsonl = Arg::new("jsonl")
        .long("jsonl")
        .action(ArgAction::SetTrue)
        .help("Serve JSON Lines requests from standard input (see docs)");
    Command::new("beam")
        .about("Search for the most likely texts, and show how the search went")
        .after_help(
            "Example:\n  jeton beam \"Once upon a time\" --raw --num-beams 4 --max-tokens 20\n\n\
             Without --num-beams there are 4. Each step lists the hypotheses that live on, each \
             with the number of the one it continues, and those that ended with their score.",
        )
        .arg(args::prompt().required_unless_present("jsonl").conflicts_with("jsonl"))
        .args([args::json(), jsonl])
        .args(args::prompt_flags())
        .args(args::model_flags())
        .args(param_flags::flags())
}

/// Runs the command.
///
/// # Errors
/// When the model cannot be opened or the request is refused.
pub fn run(flags: &ArgMatches) -> Result<Outcome, Failure> {
    let model = open_flags::model(flags)?;
    let mut values = param_flags::from_matches(flags);
    if flags.get_flag("jsonl") {
        serve(&model, &values, flags)?;
        return Ok(Outcome::Done);
    }
    interrupt::install();
    set_default(&mut values, "num_beams", NUM_BEAMS);
    // The winners are shown beside each other, unless somebody wants fewer.
    let width = values.iter().find(|(name, _)| is_named(name, "num_beams"));
    let width = width.and_then(|(_, value)| value.integer()).unwrap_or(1);
    set_default(&mut values, "num_return_sequences", usize::try_from(width).unwrap_or(1));
    let effective = Effective::merge(&values, &model.recommended())?;
    let prompt = prompt_from_flags(&model, flags)?;
    let mut generator = Generator::new(&model, flags, effective.params.beams().num_beams)?;
    let answer = search(&mut generator, &model, &prompt, effective, Extras::default())?;
    if flags.get_flag("json") {
        let mut json = answer_json(&model, &answer);
        json["tree"] = beam_tree::to_json(&model, &answer);
        output::line(&json.to_string())?;
    } else {
        output::text(&beam_tree::drawing(&model, &answer, Paint::for_stream(Stream::Out)))?;
        let paint = Paint::for_stream(Stream::Err);
        eprintln!("\n{}", paint.dim(&summary::lines(&model, &answer)));
    }
    Outcome::of_answers([&answer.completion.finished.interruption])
}

/// Serves JSON Lines requests.
fn serve(
    model: &OpenModel,
    from_flags: &[(String, ParamValue)],
    flags: &ArgMatches,
) -> Result<(), Failure> {
    let mut from_flags = from_flags.to_vec();
    let mut generator = Generator::new(model, flags, STREAM_BEAMS)?;
    set_default(&mut from_flags, "num_beams", NUM_BEAMS);
    let answer = |request: &Value| {
        let line = parse_request(model, &from_flags, None, request)?;
        let answer = search(&mut generator, model, &line.prompt, line.effective, line.extras)?;
        Ok::<Value, RequestError>(answer_json(model, &answer))
    };
    jsonl::serve(std::io::stdin().lock(), std::io::stdout().lock(), answer)?;
    Ok(())
}

fn search(
    generator: &mut Generator,
    model: &OpenModel,
    prompt: &Prompt,
    effective: Effective,
    extras: Extras,
) -> Result<Answer, AnswerError> {
    if !effective.params.is_beam_search() {
        let message = "`num_beams` must be at least 2 for a beam search; given 1";
        return Err(RequestError::parameter("num_beams", message).into());
    }
    let mut request = generator.request(model, prompt, &effective, extras)?;
    request.beam_tree = true;
    generator.answer_request(request, effective, |_| Ok(()))
}

/// Everything about the answer, and what the search returned.
fn answer_json(model: &OpenModel, answer: &Answer) -> Value {
    let mut json = response::answer_json(model, answer);
    let beams = &answer.completion.finished.beams;
    json["sequences"] = beams.iter().map(|beam| Value::from(beam.ids.as_slice())).collect();
    json["scores"] = beams.iter().map(|beam| number(beam.score)).collect();
    json
}

fn set_default(values: &mut Vec<(String, ParamValue)>, name: &str, value: usize) {
    if !values.iter().any(|(given, _)| is_named(given, name)) {
        values.push((name.to_owned(), ParamValue::Int(value as i128)));
    }
}

fn is_named(given: &str, name: &str) -> bool {
    ParamSpec::find(given).is_some_and(|spec| spec.name == name)
}
