//! `jeton lint`: what is wrong with the settings of a request, before it runs.

use super::generate::request_values;
use crate::failure::Failure;
use crate::open_flags;
use crate::outcome::Outcome;
use crate::terminal::{Paint, Stream};
use crate::{output, param_flags, prompt_argument};
use answers::effective::Effective;
use answers::{response, warnings};
use clap::{Arg, ArgMatches, Command};
use sampling::lint::{Kind, Warning};
use serde_json::{Value, json};

/// The command; it takes the flags of `generate`, so that one word turns the one into the other.
pub fn command(generate: Command) -> Command {
    let prompt = Arg::new("prompt")
        .value_name("PROMPT")
        .help("A prompt, which is not looked at; - reads a JSON request from standard input");
    generate
        .name("lint")
        .about("Say which settings do nothing, fight each other or differ from the model's advice")
        .after_help(
            "Example:\n  jeton lint --temperature 0 --top-p 0.9\n  \
             echo '{\"profile\":\"vllm\",\"temperature\":0.001}' | jeton lint -\n\n\
             Exit code 0 without warnings, 1 with some, 2 when a setting is refused.",
        )
        .mut_arg("prompt", |_| prompt)
}

/// Runs the command.
///
/// # Errors
/// When the model cannot be opened or a setting is refused.
pub fn run(flags: &ArgMatches) -> Result<Outcome, Failure> {
    let model = open_flags::model(flags)?;
    let from_flags = param_flags::from_matches(flags);
    let values = match flags.get_one::<String>("prompt").map(String::as_str) {
        Some("-") => request_values(&read_request()?, &from_flags),
        _ => from_flags,
    };
    let effective = Effective::merge(&values, &model.recommended())?;
    let found = warnings::of(&model, &effective);
    if flags.get_flag("json") {
        let parameters = response::effective_json(&effective);
        let report = json!({"warnings": warnings::to_json(&found), "parameters": parameters});
        output::line(&report.to_string())?;
    } else {
        output::text(&report(&found))?;
    }
    Ok(if found.is_empty() { Outcome::Done } else { Outcome::Warned })
}

/// A JSON object on standard input.
fn read_request() -> Result<Value, Failure> {
    let text = prompt_argument::read_argument("-")?;
    match serde_json::from_str(&text) {
        Ok(request @ Value::Object(_)) => Ok(request),
        Ok(_) => Err(Failure::new("the request on standard input must be a JSON object")),
        Err(error) => Err(Failure::new(format!("the request on standard input: {error}"))),
    }
}

fn report(found: &[Warning]) -> String {
    if found.is_empty() {
        return "no warnings\n".to_owned();
    }
    let paint = Paint::for_stream(Stream::Out);
    let line = |warning: &Warning| {
        let head = paint.bold(words(warning.kind));
        let code = paint.dim(&format!("[{}]", warning.code));
        format!("{head}: {} {code}\n", warning.message)
    };
    found.iter().map(line).collect()
}

fn words(kind: Kind) -> &'static str {
    match kind {
        Kind::NoEffect => "no effect",
        Kind::Conflict => "conflict",
        Kind::Profile => "profile",
        Kind::Advice => "advice",
    }
}
