//! Parameters as flags, made into the values that the parameter table checks.

use clap::{Arg, ArgAction, ArgMatches};
use sampling::params::{Kind, PARAMS, ParamSpec, ParamValue};

/// One flag per parameter of the table, in its order.
pub fn flags() -> Vec<Arg> {
    PARAMS.iter().map(flag).collect()
}

fn flag(spec: &ParamSpec) -> Arg {
    let arg = Arg::new(spec.name)
        .long(kebab(spec.name))
        .aliases(other_spellings(spec))
        .help(help(spec))
        .help_heading("Choosing tokens")
        .hide_possible_values(true)
        .allow_hyphen_values(!matches!(spec.kind, Kind::Bool { .. }));
    match spec.kind {
        Kind::Float { .. } => arg.value_name("NUMBER"),
        Kind::Integer { .. } => arg.value_name("COUNT"),
        Kind::Limits { .. } => arg.value_name("COUNT[,...]"),
        Kind::Bool { .. } => arg
            .value_name("true|false")
            .num_args(0..=1)
            .require_equals(true)
            .default_missing_value("true"),
        Kind::Texts { .. } => arg.value_name("TEXT").action(ArgAction::Append),
        Kind::TokenIds { .. } => arg.value_name("ID,...").action(ArgAction::Append),
        Kind::TokenLists { .. } => arg.value_name("ID,...").action(ArgAction::Append),
        Kind::CountAndFactor { .. } => arg.value_name("COUNT,FACTOR"),
        Kind::TokenMap { .. } => arg.value_name("ID|TEXT=BIAS").action(ArgAction::Append),
        Kind::Choice { .. } => arg.value_name("NAME"),
        Kind::Stages { .. } => arg.value_name("STAGE,..."),
    }
}

/// The sentence of the table, and what is allowed and assumed.
fn help(spec: &ParamSpec) -> String {
    let default =
        if spec.default.is_empty() { String::new() } else { format!("; default {}", spec.default) };
    format!("{} [{}{default}]", spec.help, spec.kind.rule())
}

fn kebab(name: &str) -> String {
    name.replace('_', "-")
}

/// The aliases as flags, and every name with underscores, as people paste them from configurations.
fn other_spellings(spec: &ParamSpec) -> Vec<String> {
    let mut spellings: Vec<String> = spec
        .names()
        .flat_map(|name| [kebab(name), name.to_string()])
        .filter(|spelling| *spelling != kebab(spec.name))
        .collect();
    spellings.dedup();
    spellings
}

/// The parameters that the command line names.
pub fn from_matches(matches: &ArgMatches) -> Vec<(String, ParamValue)> {
    let mut values = Vec::new();
    for spec in PARAMS {
        let Ok(Some(given)) = matches.try_get_many::<String>(spec.name) else { continue };
        let given: Vec<&str> = given.map(String::as_str).collect();
        values.push((spec.name.to_string(), from_words(&spec.kind, &given)));
    }
    if let Ok(Some(word)) = matches.try_get_one::<String>("think") {
        values.push(("enable_thinking".to_string(), ParamValue::Bool(word == "on")));
    }
    values
}

/// Flag words as the kind of value that is expected; what does not fit stays text, so that the
/// table's own message names what was wrong.
pub fn from_words(kind: &Kind, words: &[&str]) -> ParamValue {
    let first = words.first().copied().unwrap_or_default();
    let pieces = || words.iter().flat_map(|word| word.split(',')).map(str::trim);
    match kind {
        Kind::Float { .. } | Kind::Integer { .. } => number(first),
        Kind::Limits { .. } if first.contains(',') => {
            ParamValue::List(pieces().map(number).collect())
        }
        Kind::Limits { .. } => number(first),
        Kind::Bool { .. } => match first {
            "true" => ParamValue::Bool(true),
            "false" => ParamValue::Bool(false),
            other => ParamValue::Str(other.to_string()),
        },
        Kind::Texts { .. } => {
            ParamValue::List(words.iter().map(|word| ParamValue::Str(word.to_string())).collect())
        }
        Kind::TokenIds { .. } | Kind::CountAndFactor { .. } => {
            ParamValue::List(pieces().map(number).collect())
        }
        Kind::TokenLists { .. } => {
            let ids = |word: &&str| word.split(',').map(|id| number(id.trim())).collect();
            ParamValue::List(words.iter().map(ids).map(ParamValue::List).collect())
        }
        Kind::Choice { .. } => ParamValue::Str(first.to_string()),
        // llama.cpp separates them by semicolons.
        Kind::Stages { .. } => ParamValue::List(
            pieces()
                .flat_map(|piece| piece.split(';'))
                .map(|name| ParamValue::Str(name.trim().to_string()))
                .collect(),
        ),
        Kind::TokenMap { .. } => {
            ParamValue::Map(words.iter().flat_map(|word| word.split(',')).map(bias).collect())
        }
    }
}

/// `7=1.5`, `7=false` or ` word=-2`: blanks count in a text, and not around an id.
fn bias(entry: &str) -> (String, ParamValue) {
    let (target, bias) = entry.rsplit_once(['=', ':']).unwrap_or((entry, ""));
    let is_id = target.trim().parse::<i128>().is_ok();
    let target = if is_id { target.trim() } else { target };
    let bias = match bias.trim() {
        "false" => ParamValue::Bool(false),
        bias => number(bias),
    };
    (target.to_string(), bias)
}

fn number(word: &str) -> ParamValue {
    if let Ok(whole) = word.parse::<i128>() {
        return ParamValue::Int(whole);
    }
    word.parse::<f64>().map_or_else(|_| ParamValue::Str(word.to_string()), ParamValue::Float)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Command;
    use sampling::params::SamplingParams;

    fn parse(words: &[&str]) -> Result<SamplingParams, String> {
        let matches = Command::new("t")
            .no_binary_name(true)
            .args(flags())
            .try_get_matches_from(words)
            .map_err(|error| error.to_string())?;
        SamplingParams::from_values(from_matches(&matches)).map_err(|error| error.to_string())
    }

    #[test]
    fn every_parameter_is_a_flag_with_help() {
        let flags = flags();
        assert_eq!(flags.len(), PARAMS.len());
        Command::new("t").args(flags).debug_assert();
    }

    #[test]
    fn flags_reach_the_parameters() {
        let params = parse(&[
            "--temperature",
            "0.5",
            "--frequency-penalty",
            "-1.5",
            "--ignore-eos",
            "--stop",
            "a",
            "--stop",
            "b,c",
            "--stop-token-ids",
            "3,4",
            "--logit-bias",
            "7=-inf",
            "--n-predict",
            "12",
            "--top_k",
            "40",
        ])
        .expect("all of these are valid");
        assert_eq!(params.temperature(), 0.5);
        assert_eq!(params.frequency_penalty(), -1.5);
        assert!(params.ignore_eos());
        assert_eq!(params.stop(), ["a", "b,c"]);
        assert_eq!(params.stop_token_ids(), [3, 4]);
        assert!(params.logit_bias().eq([(7, f64::NEG_INFINITY)]));
        assert_eq!(params.max_tokens(), Some(12));
        assert_eq!(params.top_k(), 40);
    }

    #[test]
    fn biases_are_for_ids_or_texts() {
        let entry = |word| match from_words(&token_map(), &[word]) {
            ParamValue::Map(entries) => entries,
            other => panic!("{other}"),
        };
        let id = |id: &str, bias| (id.to_string(), bias);
        assert_eq!(
            entry("7=1.5, 8=false,9:-inf"),
            [
                id("7", ParamValue::Float(1.5)),
                id("8", ParamValue::Bool(false)),
                id("9", ParamValue::Float(f64::NEG_INFINITY)),
            ]
        );
        assert_eq!(entry(" a:b=-2"), [id(" a:b", ParamValue::Int(-2))]);
    }

    fn token_map() -> Kind {
        PARAMS.iter().find(|spec| spec.name == "logit_bias").expect("it is there").kind
    }

    #[test]
    fn a_bad_flag_is_refused_with_the_range() {
        let message = parse(&["--top-p", "1.5"]).expect_err("out of range");
        assert!(message.contains("`top_p`") && message.contains("[0, 1]"), "{message}");
        let message = parse(&["--temperature", "nan"]).expect_err("not a number");
        assert!(message.contains("`temperature`"), "{message}");
        let message = parse(&["--max-tokens", "many"]).expect_err("no number");
        assert!(message.contains("\"many\""), "{message}");
    }
}
