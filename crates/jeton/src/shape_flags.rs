//! The shape of the output, as flags.

use crate::failure::Failure;
use clap::{Arg, ArgAction, ArgGroup, ArgMatches, Command};
use grammar::{GrammarSource, Limits};
use std::io::Read;
use std::path::Path;

/// Adds the flags to a command; at most one of them can be given.
pub fn with_flags(command: Command) -> Command {
    let flag = |name: &'static str, value: &'static str, help: &'static str| {
        let arg = Arg::new(name).long(name).value_name(value).help(help);
        arg.allow_hyphen_values(true).help_heading("Shape of the output")
    };
    let object = Arg::new("json-object")
        .long("json-object")
        .action(ArgAction::SetTrue)
        .help("Write a JSON object, whatever is in it")
        .help_heading("Shape of the output");
    let flags = [
        flag("json-schema", "FILE|JSON", "Write JSON that is valid under this schema"),
        object,
        flag("regex", "REGEX", "Write text that this regex matches as a whole"),
        flag("lark", "FILE|TEXT", "Write text of this Lark grammar"),
        flag("choice", "TEXT", "Write one of these texts; give it once for each")
            .action(ArgAction::Append),
    ];
    let names = flags.each_ref().map(|flag| flag.get_id().clone());
    command.args(flags).group(ArgGroup::new("shape").args(names))
}

/// What the flags ask for.
///
/// # Errors
/// When a file cannot be read or a schema is no JSON.
pub fn from_flags(flags: &ArgMatches) -> Result<Option<GrammarSource>, Failure> {
    let text = |name: &str| flags.get_one::<String>(name);
    if let Some(given) = text("json-schema") {
        let is_json = given.trim_start().starts_with(['{', '[']) || is_bool(given.trim());
        let schema = if is_json { given.clone() } else { read_file("--json-schema", given)? };
        let schema = serde_json::from_str(&schema)
            .map_err(|error| Failure::new(format!("--json-schema is not JSON: {error}")))?;
        return Ok(Some(GrammarSource::JsonSchema(schema)));
    }
    if flags.get_flag("json-object") {
        return Ok(Some(GrammarSource::JsonObject));
    }
    if let Some(regex) = text("regex") {
        return Ok(Some(GrammarSource::Regex(regex.clone())));
    }
    if let Some(given) = text("lark") {
        // A grammar has at least a rule, written with a colon; hardly a file's name has one.
        let is_text = given.contains(':') && !Path::new(given).is_file();
        let grammar = if is_text { given.clone() } else { read_file("--lark", given)? };
        return Ok(Some(GrammarSource::Lark(grammar)));
    }
    let choices = flags.get_many::<String>("choice");
    Ok(choices.map(|choices| GrammarSource::Choice(choices.cloned().collect())))
}

fn is_bool(text: &str) -> bool {
    text == "true" || text == "false"
}

/// A file that a flag names, no longer than any source may be.
fn read_file(flag: &str, path: &str) -> Result<String, Failure> {
    let max = Limits::default().source_bytes_max as u64;
    let failed = |error: std::io::Error| Failure::new(format!("{flag}: {path}: {error}"));
    let mut text = String::new();
    let file = std::fs::File::open(path).map_err(failed)?;
    file.take(max + 1).read_to_string(&mut text).map_err(failed)?;
    match text.len() as u64 > max {
        true => Err(Failure::new(format!("{flag}: {path}: at most {max} bytes are read"))),
        false => Ok(text),
    }
}
