//! `jeton config`: is a `jeton.yaml` right, what does it come to, an example, a schema.

use crate::failure::Failure;
use crate::outcome::Outcome;
use crate::output;
use crate::terminal::{Paint, Stream};
use clap::{Arg, ArgAction, ArgMatches, Command};
use policy::config::{At, Config, ConfigError, EXAMPLE, FILE_BYTES_MAX, Problem};
use serde_json::{Value, json};
use std::fs::File;
use std::io::Read;

/// The command.
pub fn command() -> Command {
    let file = || {
        Arg::new("file")
            .value_name("FILE")
            .required(true)
            .help("A jeton.yaml; - reads standard input")
    };
    let json = Arg::new("json")
        .long("json")
        .action(ArgAction::SetTrue)
        .help("Print the result as one JSON object");
    Command::new("config")
        .about("Check the settings of `jeton serve`")
        .after_help(
            "Example:\n  jeton config example > jeton.yaml\n  jeton config check jeton.yaml\n\n\
             Exit code 0 when the file is right, 2 when it is not.",
        )
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommand(
            Command::new("check")
                .about("Say everything that is wrong, with file, line and column")
                .args([file(), json]),
        )
        .subcommand(
            Command::new("show")
                .about("Print every setting that a file comes to, defaults included, as JSON")
                .arg(file()),
        )
        .subcommand(Command::new("example").about("Print an example with comments"))
        .subcommand(Command::new("schema").about("Print a JSON schema for editors"))
}

/// Runs the command.
///
/// # Errors
/// When the file cannot be read or is wrong.
pub fn run(flags: &ArgMatches) -> Result<Outcome, Failure> {
    match flags.subcommand() {
        Some(("check", flags)) => check(&name(flags), flags.get_flag("json"))?,
        Some(("show", flags)) => {
            let name = name(flags);
            let config = Config::from_yaml(&read(&name)?, &shown(&name)).map_err(Failure::new)?;
            output::line(&pretty(&json!(config)))?;
        }
        Some(("schema", _)) => output::line(&pretty(&Config::json_schema()))?,
        _ => output::text(EXAMPLE)?,
    }
    Ok(Outcome::Done)
}

fn check(name: &str, as_json: bool) -> Result<(), Failure> {
    let read = Config::from_yaml(&read(name)?, &shown(name));
    if as_json {
        let problems = read.as_ref().err().map(told).unwrap_or_default();
        let ok = read.is_ok();
        output::line(&json!({"file": shown(name), "ok": ok, "problems": problems}).to_string())?;
    }
    match read {
        Ok(config) if !as_json => {
            output::line(&format!("{} is right: {}", shown(name), sizes(&config)))?;
            Ok(())
        }
        Ok(_) => Ok(()),
        Err(error) => {
            let count = error.problems.len() + error.more;
            if !as_json {
                print_problems(&error);
            }
            let problems = if count == 1 { "1 problem" } else { &format!("{count} problems") };
            Err(Failure::new(format!("{}: {problems}", shown(name))))
        }
    }
}

fn told(error: &ConfigError) -> Vec<Value> {
    let one = |problem: &Problem| {
        let Problem { at: At { line, column }, path, message } = problem;
        json!({"line": line, "column": column, "path": path, "message": message})
    };
    error.problems.iter().map(one).collect()
}

/// As compilers do, so that editors find the places.
fn print_problems(error: &ConfigError) {
    let paint = Paint::for_stream(Stream::Err);
    for Problem { at, path, message } in &error.problems {
        let place = paint.bold(&format!("{}:{}:{}:", error.file, at.line, at.column));
        let colon = if path.is_empty() { "" } else { ": " };
        eprintln!("{place} {path}{colon}{message}");
    }
}

fn sizes(config: &Config) -> String {
    let counts = [
        (config.models.len(), "model"),
        (config.presets.len(), "preset"),
        (config.defaults.len(), "default rule"),
        (config.scenarios.len(), "scenario"),
        (config.plans.len(), "plan"),
    ];
    let words =
        counts.map(|(count, what)| format!("{count} {what}{}", if count == 1 { "" } else { "s" }));
    words.join(", ")
}

fn name(flags: &ArgMatches) -> String {
    flags.get_one::<String>("file").cloned().unwrap_or_default()
}

/// The name in messages.
fn shown(name: &str) -> String {
    if name == "-" { "standard input".to_owned() } else { name.to_owned() }
}

/// The text, and no more of a huge file than is needed to refuse it.
fn read(name: &str) -> Result<String, Failure> {
    let failed = |error| Failure::new(format!("{}: cannot be read: {error}", shown(name)));
    let source: Box<dyn Read> = match name {
        "-" => Box::new(std::io::stdin()),
        name => Box::new(File::open(name).map_err(failed)?),
    };
    let mut bytes = Vec::new();
    source.take(FILE_BYTES_MAX as u64 + 1).read_to_end(&mut bytes).map_err(failed)?;
    let no_text = |_| Failure::new(format!("{}: is no UTF-8 text", shown(name)));
    String::from_utf8(bytes).map_err(no_text)
}

fn pretty(value: &Value) -> String {
    format!("{value:#}")
}
