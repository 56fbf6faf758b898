//! `jeton serve`: one address for programs and people.

mod own_key;
mod plan;

use crate::failure::{EXIT_INTERRUPTED, Failure};
use crate::outcome::Outcome;
use crate::terminal::{Paint, Stream, bytes};
use crate::{args, output};
use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use ledger::{Durability, Ledger, Location, Options};
use plan::Plan;
use policy::config::{Config, KV_GB, LedgerDurability};
use serde_json::json;
use server::loading::{self, Loaded};
use server::service::Service;
use server::{Running, Setup, Stopped};
use std::net::SocketAddr;
use std::path::PathBuf;

/// The command.
pub fn command() -> Command {
    let computing = args::model_flags().into_iter().filter(|arg| arg.get_id() != "model");
    Command::new("serve")
        .about("Answer programs and people at one address, as OpenAI's API does and with a page")
        .after_help(
            "Example:\n  jeton serve\n  \
             jeton serve --model qwen=Qwen3-0.6B-Q8_0.gguf --config jeton.yaml\n  \
             jeton serve --port 0 --json\n\n\
             Ctrl-C or SIGTERM lets running answers end first, a second one does not. SIGHUP, or \
             saving the file, has the settings read again. JETON_API_KEY holds a key that opens \
             the server beside those made with `jeton key create`.\n\n\
             Exit code 0 when it was told to stop, 2 when it cannot start, 130 when it was told \
             twice.",
        )
        .args([models(), config(), host(), port(), ledger_flag(), kv_gb()])
        .args([prefill_beside(), lookup(), insecure(), log(), args::json()])
        .args(computing)
}

fn models() -> Arg {
    Arg::new("model")
        .long("model")
        .short('m')
        .value_name("[ID=]PATH")
        .action(ArgAction::Append)
        .help(
            "A GGUF file or a Hugging Face folder; may be given again. The first one answers \
               requests that name none. Without it those of the settings, or the model inside",
        )
}

fn config() -> Arg {
    Arg::new("config")
        .long("config")
        .short('c')
        .value_name("FILE")
        .help("Settings: limits, presets, prices, plans of keys. `jeton config example` shows all")
}

fn host() -> Arg {
    Arg::new("host")
        .long("host")
        .value_name("ADDRESS")
        .help("The address to listen on [default: 127.0.0.1]. Others than this machine need a key")
}

fn port() -> Arg {
    Arg::new("port")
        .long("port")
        .short('p')
        .value_name("PORT")
        .value_parser(value_parser!(u16))
        .help("The port [default: 8080]; 0 takes a free one")
}

fn ledger_flag() -> Arg {
    Arg::new("ledger").long("ledger").value_name("FILE").help(
        "Where accounts and keys are kept; without it jeton/ledger.db in the user's data folder",
    )
}

fn kv_gb() -> Arg {
    Arg::new("kv-gb").long("kv-gb").value_name("GIB").value_parser(gib).help(
        "Memory for keys and values of each model, in GiB; without it what is useful and fits",
    )
}

/// Reads `--kv-gb`, with the bounds of the setting `kv_gb`.
fn gib(text: &str) -> Result<f64, String> {
    let number = text.parse().ok().filter(|number| KV_GB.contains(number));
    number.ok_or_else(|| format!("must be a number from {} to {}", KV_GB.start(), KV_GB.end()))
}

fn prefill_beside() -> Arg {
    Arg::new("prefill-beside")
        .long("prefill-beside")
        .value_name("TOKENS")
        .value_parser(value_parser!(u32).range(1..=1 << 20))
        .help(
            "Tokens of prompts computed in a step in which others write [default: 64]: more end \
             prompts sooner, fewer keep the others' pace",
        )
}

fn lookup() -> Arg {
    Arg::new("lookup")
        .long("lookup")
        .action(ArgAction::SetTrue)
        .help("Guess ahead from the text so far; never changes the tokens")
}

fn insecure() -> Arg {
    Arg::new("insecure-no-keys")
        .long("insecure-no-keys")
        .action(ArgAction::SetTrue)
        .help("Let everybody in who can reach an address beyond this machine")
}

fn log() -> Arg {
    Arg::new("log")
        .long("log")
        .value_name("LEVEL")
        .value_parser(["off", "error", "warn", "info", "debug"])
        .default_value("info")
        .help("What is told on standard error; info has a line for each request, never a text")
}

/// Runs the command until the server is told to stop.
///
/// # Errors
/// When the settings, a model, the address or the ledger is wrong, or memory does not suffice.
pub fn run(flags: &ArgMatches) -> Result<Outcome, Failure> {
    start_log(flags);
    let plan = Plan::of(flags)?;
    let own_key = own_key::from_environment()?;
    let ledger = open_ledger(&plan)?;
    let address = plan.address()?;
    let settings = plan.config.server.clone();
    let running = server::start(Setup { address, settings, ledger: ledger.clone(), own_key })
        .map_err(|error| failed_to_start(&error))?;
    let to_serve = plan.to_serve(flags)?;
    let mut loaded = Vec::new();
    let models = loading::load(to_serve, loading::available_bytes(), |model| {
        eprintln!("{}", described(model));
        loaded.push(model.clone());
    })?;
    running.site().serve(Service::new(models, plan.config.clone(), ledger.clone()));
    announce(flags, running.address(), &loaded)?;
    finish(flags, running, plan, &ledger)
}

/// Attends to the server to its end.
fn finish(
    flags: &ArgMatches,
    running: Running,
    plan: Plan,
    ledger: &Ledger,
) -> Result<Outcome, Failure> {
    let file = plan.file.clone().map(PathBuf::from);
    let name = plan.file.clone().unwrap_or_default();
    let overrides = flags.clone();
    let settings = move |text: &str| -> Result<Config, String> {
        let config = Config::from_yaml(text, &name).map_err(|error| error.to_string())?;
        Ok(plan::with_flags(config, &overrides))
    };
    plan::start_pruning(ledger, plan.config.ledger.retention_days);
    match server::attend(&running, file, settings)? {
        Stopped::Drained => {
            running.join();
            Ok(Outcome::Done)
        }
        // Accounts that are not committed are of answers whose end nobody was told.
        Stopped::AtOnce => std::process::exit(i32::from(EXIT_INTERRUPTED)),
    }
}

fn start_log(flags: &ArgMatches) {
    use tracing_subscriber::filter::LevelFilter;
    let level = match flags.get_one::<String>("log").map(String::as_str) {
        Some("off") => LevelFilter::OFF,
        Some("error") => LevelFilter::ERROR,
        Some("warn") => LevelFilter::WARN,
        Some("debug") => LevelFilter::DEBUG,
        _ => LevelFilter::INFO,
    };
    let log = tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_ansi(Paint::for_stream(Stream::Err).is_on())
        .with_max_level(level);
    // An error says that there is a log already: then that one is written.
    let _ = log.try_init();
}

fn open_ledger(plan: &Plan) -> Result<Ledger, Failure> {
    let location = match &plan.ledger {
        Some(text) => Location::parse(text)?,
        None => Location::Sqlite(ledger::default_path()?),
    };
    let settings = &plan.config.ledger;
    let durability = match settings.durability {
        LedgerDurability::Process => Durability::Process,
        LedgerDurability::Power => Durability::Power,
    };
    let options = Options { durability, keep_text: settings.keep_text, ..Options::default() };
    let ledger = Ledger::open_with(&location, &options)?;
    eprintln!("accounts and keys: {}", location.path().display());
    Ok(ledger)
}

fn failed_to_start(error: &server::StartError) -> Failure {
    let failure = Failure::new(error);
    match error {
        server::StartError::NoKeys { .. } => failure.with_hint(
            "make a key with `jeton key create NAME`, set JETON_API_KEY, or let everybody in with \
             --insecure-no-keys",
        ),
        server::StartError::Listen { .. } => {
            failure.with_hint("--port 0 takes a port that is free")
        }
        _ => failure,
    }
}

fn described(model: &Loaded) -> String {
    format!(
        "{}: weights {}, workspace {}, keys and values up to {} ({} tokens), context {} tokens",
        model.id,
        bytes(model.need.weights_bytes),
        bytes(model.need.workspace_bytes),
        bytes(model.kv_bytes),
        model.kv_tokens,
        model.context_tokens,
    )
}

/// The one line on standard output: from now on requests are answered.
fn announce(flags: &ArgMatches, address: SocketAddr, loaded: &[Loaded]) -> Result<(), Failure> {
    let url = format!("http://{address}");
    if !flags.get_flag("json") {
        output::line(&format!("listening on {url}"))?;
        return Ok(());
    }
    let models: Vec<_> = loaded
        .iter()
        .map(|model| {
            json!({
                "id": model.id,
                "context_tokens": model.context_tokens,
                "weights_bytes": model.need.weights_bytes,
                "workspace_bytes": model.need.workspace_bytes,
                "kv_bytes_max": model.kv_bytes,
                "kv_tokens_max": model.kv_tokens,
            })
        })
        .collect();
    let told = json!({"url": url, "pid": std::process::id(), "models": models});
    output::line(&told.to_string())?;
    Ok(())
}
