//! `jeton key`: the keys that requests to the server come with.

use crate::failure::Failure;
use crate::ledger_file::{self, now_ms, shown};
use crate::terminal::{self, Align};
use crate::{args, output};
use clap::{Arg, ArgAction, ArgMatches, Command};
use ledger::{KeyRecord, NewKey, Revoked, TIME_MS_MAX, utc_day, utc_time};
use policy::config::KeyPlan;
use serde_json::{Value, json};

/// The command.
pub fn command() -> Command {
    Command::new("key")
        .about("Make, list and revoke the keys that requests to the server come with")
        .after_help(
            "Example:\n  jeton key create laptop --expires 30d\n  jeton key list\n  \
             jeton key revoke laptop\n\n\
             A running server sees each change at once.",
        )
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommands([create(), list(), revoke()])
}

fn create() -> Command {
    let name = Arg::new("name")
        .value_name("NAME")
        .required(true)
        .help("Whose key it is; not the name of another one that is not revoked");
    let plan = Arg::new("plan")
        .long("plan")
        .value_name("PLAN")
        .help("The plan of the server's settings whose limits hold for it");
    let limits = Arg::new("limits")
        .long("limits")
        .value_name("JSON")
        .help("Limits of its own over those of the plan, with the words of a plan's settings");
    let expires = Arg::new("expires")
        .long("expires")
        .value_name("SPAN")
        .value_parser(ledger_file::span)
        .help("Refuse it after this time, such as 12h or 30d; without it never");
    let admin = Arg::new("admin")
        .long("admin")
        .action(ArgAction::SetTrue)
        .help("Let it see the accounts of all keys");
    Command::new("create")
        .about("Make a key and print it: it is shown this once")
        .after_help(
            "Example:\n  jeton key create laptop --plan team --expires 30d\n  \
             jeton key create intern --limits '{\"tokens_per_day\": 50000}'",
        )
        .args([name, plan, limits, expires, admin, args::json(), ledger_file::flag()])
}

fn list() -> Command {
    Command::new("list")
        .about("List the keys, the newest first, without their secrets")
        .after_help(
            "Example:\n  jeton key list --json\n\nWhat limits of its own a key has is in --json.",
        )
        .args([args::json(), ledger_file::flag()])
}

fn revoke() -> Command {
    let key = Arg::new("key")
        .value_name("ID|NAME")
        .required(true)
        .help("The id of a key, or the name of one");
    Command::new("revoke")
        .about("Refuse a key from now on")
        .after_help(
            "Example:\n  jeton key revoke laptop\n\n\
             Exit code 0 also when it was revoked before, which is said with the time.",
        )
        .args([key, args::json(), ledger_file::flag()])
}

/// Runs the command.
///
/// # Errors
/// When the ledger cannot be opened, a name is refused or no key has it.
pub fn run(flags: &ArgMatches) -> Result<(), Failure> {
    match flags.subcommand() {
        Some(("create", flags)) => run_create(flags),
        Some(("list", flags)) => run_list(flags),
        Some((_, flags)) => run_revoke(flags),
        None => Err(Failure::new("`key` needs a command; see `jeton key --help`")),
    }
}

/// A key's own limits, if they are such.
fn limits(flags: &ArgMatches) -> Result<Option<String>, Failure> {
    let Some(json) = flags.get_one::<String>("limits") else { return Ok(None) };
    let value: Value = serde_json::from_str(json)
        .map_err(|error| Failure::new(format!("--limits: is no JSON: {error}")))?;
    KeyPlan::from_json(&value).map_err(|problems| Failure::new(format!("--limits: {problems}")))?;
    Ok(Some(value.to_string()))
}

fn run_create(flags: &ArgMatches) -> Result<(), Failure> {
    let created_ms = now_ms();
    let expires_in_ms = flags.get_one::<u64>("expires");
    let new = NewKey {
        name: text(flags, "name").unwrap_or_default(),
        plan: text(flags, "plan"),
        overrides: limits(flags)?,
        admin: flags.get_flag("admin"),
        created_ms,
        expires_ms: expires_in_ms.map(|span_ms| (created_ms + span_ms).min(TIME_MS_MAX)),
    };
    let (record, key) = ledger_file::open_or_make(flags)?.keys().create(&new)?;
    if flags.get_flag("json") {
        let mut json = record_json(&record, created_ms);
        json["key"] = key.into();
        return Ok(output::line(&json.to_string())?);
    }
    let plan = record.plan.as_ref().map(|plan| format!(", plan {}", shown(Some(plan))));
    let expires = record.expires_ms.map(|time_ms| format!(", expires {}", utc_time(time_ms)));
    eprintln!(
        "key {} ({}){}{}{}; it is shown this once, keep it safe",
        record.id,
        shown(Some(&record.name)),
        plan.unwrap_or_default(),
        if record.overrides.is_some() { ", limits of its own" } else { "" },
        expires.unwrap_or_default()
    );
    Ok(output::line(&key)?)
}

fn run_list(flags: &ArgMatches) -> Result<(), Failure> {
    let keys = ledger_file::open(flags)?.keys().list()?;
    let now_ms = now_ms();
    if flags.get_flag("json") {
        let keys: Vec<Value> = keys.iter().map(|key| record_json(key, now_ms)).collect();
        return Ok(output::line(&json!({"keys": keys}).to_string())?);
    }
    if keys.is_empty() {
        return Ok(output::line("no keys")?);
    }
    let heads =
        ["id", "name", "plan", "limits", "state", "admin", "created", "expires", "last used"]
            .map(|head| (head, Align::Left));
    let day = |time_ms: Option<u64>| time_ms.map_or_else(|| "-".to_owned(), utc_day);
    let rows: Vec<Vec<String>> = keys
        .iter()
        .map(|key| {
            vec![
                key.id.clone(),
                shown(Some(&key.name)),
                shown(key.plan.as_deref()),
                if key.overrides.is_some() { "its own" } else { "-" }.to_owned(),
                state(key, now_ms).to_owned(),
                if key.admin { "yes" } else { "no" }.to_owned(),
                utc_day(key.created_ms),
                day(key.expires_ms),
                key.last_used_ms.map_or_else(|| "-".to_owned(), utc_time),
            ]
        })
        .collect();
    Ok(output::text(&terminal::table(&heads, &rows))?)
}

fn run_revoke(flags: &ArgMatches) -> Result<(), Failure> {
    let name = text(flags, "key").unwrap_or_default();
    let now_ms = now_ms();
    let Revoked { key, was_before } = ledger_file::open(flags)?.keys().revoke(&name, now_ms)?;
    if flags.get_flag("json") {
        let mut json = record_json(&key, now_ms);
        json["was_revoked"] = was_before.into();
        return Ok(output::line(&json.to_string())?);
    }
    let said = match key.revoked_ms.filter(|_| was_before) {
        Some(time_ms) => format!("was revoked already, {}", utc_time(time_ms)),
        None => "is revoked".to_owned(),
    };
    Ok(output::line(&format!("key {} ({}) {said}", key.id, shown(Some(&key.name))))?)
}

fn text(flags: &ArgMatches, name: &str) -> Option<String> {
    flags.get_one::<String>(name).cloned()
}

fn state(key: &KeyRecord, now_ms: u64) -> &'static str {
    match key {
        KeyRecord { revoked_ms: Some(_), .. } => "revoked",
        KeyRecord { expires_ms: Some(expires_ms), .. } if *expires_ms <= now_ms => "expired",
        _ => "valid",
    }
}

fn record_json(key: &KeyRecord, now_ms: u64) -> Value {
    json!({
        "id": key.id,
        "name": key.name,
        "plan": key.plan,
        "limits": key.overrides.as_ref().and_then(|json| serde_json::from_str::<Value>(json).ok()),
        "admin": key.admin,
        "state": state(key, now_ms),
        "created_ms": key.created_ms,
        "expires_ms": key.expires_ms,
        "revoked_ms": key.revoked_ms,
        "last_used_ms": key.last_used_ms,
    })
}
