//! `jeton verify`: runs a receipt again and says whether the tokens are the same.

use crate::failure::Failure;
use crate::generation::Generator;
use crate::open_flags;
use crate::outcome::Outcome;
use crate::runs::{Run, run_all};
use crate::terminal::quoted;
use crate::{args, computing, interrupt, output};
use answers::open_model::OpenModel;
use answers::record::{self, Choice, Identity, Kind, Record};
use answers::thinking;
use clap::{Arg, ArgMatches, Command};
use model::TokenId;
use serde_json::{Value, json};

/// The command line.
pub fn command() -> Command {
    Command::new("verify")
        .about("Run a receipt again and say whether the tokens are the same")
        .after_help(
            "Example:\n  jeton generate \"Hi\" --receipt r.json && jeton verify r.json\n\n\
             Exit code 0: the same; 1: not the same; 2: it could not be tried.",
        )
        .arg(
            Arg::new("receipt")
                .value_name("FILE")
                .required(true)
                .help("A receipt, or a saved state"),
        )
        .arg(args::json())
        .args(args::model_flags())
}

/// Runs the command.
///
/// # Errors
/// When the file or the model cannot be read, or the run cannot be made.
pub fn run(flags: &ArgMatches) -> Result<Outcome, Failure> {
    let path = flags.get_one::<String>("receipt").map_or("", String::as_str);
    let record = record::read(path, &[Kind::Receipt, Kind::State])?;
    let model = open_flags::model(flags)?;
    let difference = match of_inputs(&record, &model)? {
        Some(difference) => Some(difference),
        None => match again(&record, &model, flags)? {
            Some(runs) => of_outputs(&record, &runs, &model),
            None => return Ok(Outcome::Interrupted),
        },
    };
    let law = u64::from(kernels::NUMERIC_LAW);
    let token_count: usize = record.choices.iter().map(|choice| choice.ids.len()).sum();
    if flags.get_flag("json") {
        let json = json!({
            "match": difference.is_none(),
            "tokens": token_count,
            "difference": difference.as_ref().map(Difference::to_json),
            "numeric_law": {"recorded": record.numeric_law, "program": law},
            "program": {"recorded": record.program, "this": env!("CARGO_PKG_VERSION")},
        });
        output::line(&json.to_string())?;
    } else {
        match &difference {
            None => output::line(&format!("match: {token_count} tokens, as recorded"))?,
            Some(difference) => output::line(&format!("no match: {}", difference.words()))?,
        }
        if difference.is_some() && record.numeric_law != law {
            let recorded = record.numeric_law;
            eprintln!("it was made under numeric law {recorded}; this program has {law}");
        }
    }
    Ok(if difference.is_none() { Outcome::Done } else { Outcome::Different })
}

/// The first thing that is not as recorded.
struct Difference {
    /// Where: a field of the receipt.
    field: String,
    recorded: Value,
    now: Value,
    /// What the values say, for people: tokens as text.
    note: String,
}

impl Difference {
    fn new(field: impl Into<String>, recorded: impl Into<Value>, now: impl Into<Value>) -> Self {
        let (field, note) = (field.into(), String::new());
        Difference { field, recorded: recorded.into(), now: now.into(), note }
    }

    fn words(&self) -> String {
        let Difference { field, recorded, now, note } = self;
        format!("`{field}` is {recorded} in the receipt; now it is {now}{note}")
    }

    fn to_json(&self) -> Value {
        json!({"field": self.field, "recorded": self.recorded, "now": self.now})
    }
}

/// What differs before anything is run: another model gives other tokens.
fn of_inputs(record: &Record, model: &OpenModel) -> Result<Option<Difference>, Failure> {
    let now = Identity::of(model, record.template_used())?;
    if let Some((name, recorded, now)) = record.identity.difference(&now) {
        let difference = Difference::new(format!("model.{name}"), recorded, now);
        let note = format!(" (the receipt is of {})", record.identity.name);
        return Ok(Some(Difference { note, ..difference }));
    }
    let params = record.params()?;
    let eos_ids = params.eos_ids(&model.eos_ids).to_vec();
    let differs = eos_ids != record.eos_ids;
    Ok(differs.then(|| Difference::new("eos_ids", record.eos_ids.clone(), eos_ids)))
}

/// The recorded choices, run again together. None when the user stopped it.
fn again(
    record: &Record,
    model: &OpenModel,
    flags: &ArgMatches,
) -> Result<Option<Vec<Run>>, Failure> {
    let computing = computing::agreed(&record.computing, flags)?;
    let params = record.params()?;
    let mut generator = Generator::computing_as(model, flags, computing, record.choices.len())?;
    let grammar = generator.grammar(model, record.grammar.as_ref())?;
    let mut requests = Vec::with_capacity(record.choices.len());
    for choice in &record.choices {
        let mut request = record.request(params.clone(), choice);
        request.grammar = grammar.clone();
        request.thinking = thinking::again(model, record, &params);
        // It ended where nobody can say again; its tokens can be made again. A limit that shapes
        // them has to stay.
        if is_cut_from_outside(choice)
            && request.prefix_safe()
            && let Ok(params) = params.with_max_tokens(choice.ids.len().max(1))
        {
            request.params = params;
        }
        requests.push(request);
    }
    let runs = run_all(generator.engine(), requests, |_, _| Ok(()))?;
    Ok((!interrupt::pressed()).then_some(runs))
}

/// Whether somebody, a deadline or a failure ended it, which happens at no certain token.
fn is_cut_from_outside(choice: &Choice) -> bool {
    matches!(choice.finish_reason.as_str(), "cancelled" | "error")
        || choice.stop_reason == "deadline"
}

/// The first token, or the first word about the ending, that is not as recorded.
fn of_outputs(record: &Record, runs: &[Run], model: &OpenModel) -> Option<Difference> {
    let mut choices = record.choices.iter().zip(runs).enumerate();
    choices.find_map(|(index, (choice, run))| {
        let finished = &run.completion.finished;
        let field = |name: &str| format!("choices[{index}].{name}");
        if is_cut_from_outside(choice) {
            let now = &finished.ids[..finished.ids.len().min(choice.ids.len())];
            return of_ids(&field("ids"), &choice.ids, now, model);
        }
        if let Some(difference) = of_ids(&field("ids"), &choice.ids, &finished.ids, model) {
            return Some(difference);
        }
        let text_sha256 = model::sha256_hex(run.completion.text.as_bytes());
        [
            ("finish_reason", &*choice.finish_reason, finished.finish_reason.as_str()),
            ("stop_reason", &*choice.stop_reason, finished.stop_reason.name()),
            ("text_sha256", &*choice.text_sha256, &*text_sha256),
        ]
        .into_iter()
        .find(|(_, recorded, now)| recorded != now)
        .map(|(name, recorded, now)| Difference::new(field(name), recorded, now))
    })
}

fn of_ids(
    field: &str,
    recorded: &[TokenId],
    now: &[TokenId],
    model: &OpenModel,
) -> Option<Difference> {
    let length = recorded.len().max(now.len());
    let index = (0..length).find(|&index| recorded.get(index) != now.get(index))?;
    let (recorded, now) = (recorded.get(index).copied(), now.get(index).copied());
    let word = |id: Option<TokenId>| {
        let bytes = id.and_then(|id| model.tokenizer.piece_bytes(id).ok());
        bytes.map_or("no token".to_owned(), |bytes| quoted(&String::from_utf8_lossy(bytes)))
    };
    let note = format!(": {} and {}", word(recorded), word(now));
    Some(Difference { note, ..Difference::new(format!("{field}[{index}]"), recorded, now) })
}
