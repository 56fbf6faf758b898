//! `jeton usage`: who used what, exports of the accounts, forgetting old ones.

use crate::failure::Failure;
use crate::ledger_file::{self, money, now_ms, shown};
use crate::terminal::{self, Align};
use crate::{args, output};
use clap::{Arg, ArgAction, ArgGroup, ArgMatches, Command, value_parser};
use ledger::{
    Filter, Format, GroupBy, Ledger, LedgerError, Percentiles, Usage, UsageRow, utc_time,
};
use serde_json::json;
use std::fs::File;
use std::io::{BufWriter, Write};

/// The command.
pub fn command() -> Command {
    let by = Arg::new("by")
        .long("by")
        .value_name("LIST")
        .value_delimiter(',')
        .value_parser(GroupBy::ALL.map(GroupBy::name))
        .help("Put requests together by these, separated by commas");
    let rows = Arg::new("rows")
        .long("rows")
        .value_name("COUNT")
        .value_parser(value_parser!(u32).range(1..=ledger::ROWS_MAX as i64))
        .default_value("100")
        .help("Most rows; by day or hour the newest, else those with the most requests");
    Command::new("usage")
        .about("Show who used what: tokens, cost, limits asked for against used, times")
        .after_help(
            "Example:\n  jeton usage --since 7d --by key,model\n  \
             jeton usage export --csv --out accounts.csv\n  jeton usage prune --before 90d\n\n\
             Days and hours are those of UTC.",
        )
        .args_conflicts_with_subcommands(true)
        .args([by, rows, args::json()])
        .args(filter_flags())
        .subcommands([export(), prune()])
}

fn export() -> Command {
    let format = |name: &'static str, help: &'static str| {
        Arg::new(name).long(name).action(ArgAction::SetTrue).help(help)
    };
    let out = Arg::new("out")
        .long("out")
        .value_name("FILE")
        .help("Write to FILE, which is replaced; without it to standard output");
    Command::new("export")
        .about("Write every account, for spreadsheets or programs")
        .after_help("Example:\n  jeton usage export --jsonl --since 30d --out accounts.jsonl")
        .args([
            format("csv", "Comma-separated values; what would be a formula gets a ' before it"),
            format("jsonl", "One JSON object per line, every text as it was"),
        ])
        .group(ArgGroup::new("format").args(["csv", "jsonl"]).required(true))
        .arg(out)
        .args(filter_flags())
}

fn prune() -> Command {
    let before = Arg::new("before")
        .long("before")
        .value_name("SPAN")
        .required(true)
        .value_parser(ledger_file::span)
        .help("Remove what is older than this, such as 90d");
    Command::new("prune")
        .about("Remove the accounts of old requests for good")
        .after_help("Example:\n  jeton usage prune --before 90d")
        .args([before, args::json(), ledger_file::flag()])
}

/// Which requests are meant.
fn filter_flags() -> [Arg; 6] {
    let span = |name: &'static str, help: &'static str| {
        Arg::new(name).long(name).value_name("SPAN").value_parser(ledger_file::span).help(help)
    };
    let label = |name: &'static str, value: &'static str, help: &'static str| {
        Arg::new(name).long(name).value_name(value).help(help)
    };
    [
        span("since", "Only requests of the last SPAN, such as 24h or 7d"),
        span("until", "Only requests older than SPAN"),
        label("key", "ID|NAME", "Only requests with this key"),
        label("model", "MODEL", "Only requests to this model"),
        label("tag", "TAG", "Only requests with this tag"),
        ledger_file::flag(),
    ]
}

/// Runs the command.
///
/// # Errors
/// When the ledger is not there or cannot be read.
pub fn run(flags: &ArgMatches) -> Result<(), Failure> {
    match flags.subcommand() {
        Some(("export", flags)) => run_export(flags),
        Some((_, flags)) => run_prune(flags),
        None => run_usage(flags),
    }
}

fn run_usage(flags: &ArgMatches) -> Result<(), Failure> {
    let ledger = ledger_file::open(flags)?;
    let filter = filter(&ledger, flags)?;
    let words = flags.get_many::<String>("by").into_iter().flatten();
    let mut by: Vec<GroupBy> = Vec::new();
    for group in words.filter_map(|word| GroupBy::from_name(word)) {
        if !by.contains(&group) {
            by.push(group);
        }
    }
    let rows = flags.get_one::<u32>("rows").copied().unwrap_or(1) as usize;
    let usage = ledger.usage(&filter, &by, rows)?;
    if flags.get_flag("json") {
        let mut json = usage.to_json(&by);
        json["since_ms"] = json!(filter.since_ms);
        json["before_ms"] = json!(filter.before_ms);
        return Ok(output::line(&json.to_string())?);
    }
    if usage.rows.iter().all(|row| row.requests == 0) {
        return Ok(output::line("no requests")?);
    }
    output::text(&table(&usage, &by))?;
    if usage.left_out > 0 {
        eprintln!("{} more rows; see --rows", usage.left_out);
    }
    Ok(())
}

fn run_export(flags: &ArgMatches) -> Result<(), Failure> {
    let ledger = ledger_file::open(flags)?;
    let filter = filter(&ledger, flags)?;
    let format = if flags.get_flag("csv") { Format::Csv } else { Format::JsonLines };
    let exported = match flags.get_one::<String>("out") {
        Some(path) => {
            let unwritable = |error| Failure::new(format!("{path}: cannot be written: {error}"));
            let mut file = BufWriter::new(private_file(path).map_err(unwritable)?);
            let count = ledger.export(&filter, format, &mut file);
            file.flush().map_err(unwritable)?;
            count
        }
        None => ledger.export(&filter, format, &mut std::io::stdout().lock()),
    };
    match exported {
        Ok(count) => eprintln!("{count} requests exported"),
        // As with every command: `| head` is no error.
        Err(LedgerError::Export { reader_is_gone: true, .. }) => {}
        Err(error) => return Err(error.into()),
    }
    Ok(())
}

/// An empty file for the owner alone: accounts tell who did what. One that was there before is
/// closed to others before it is emptied; a pipe or a device stays as it is.
fn private_file(path: &str) -> std::io::Result<File> {
    let mut options = File::options();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(path)?;
    if file.metadata()?.is_file() {
        #[cfg(unix)]
        close_to_others(&file)?;
        file.set_len(0)?;
    }
    Ok(file)
}

#[cfg(unix)]
fn close_to_others(file: &File) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let mode = file.metadata()?.permissions().mode();
    // Where nothing is open there may be no permissions to set at all, as on a foreign disk.
    if mode & 0o077 == 0 { Ok(()) } else { file.set_permissions(PermissionsExt::from_mode(0o600)) }
}

fn run_prune(flags: &ArgMatches) -> Result<(), Failure> {
    let ledger = ledger_file::open(flags)?;
    let span_ms = flags.get_one::<u64>("before").copied().unwrap_or(0);
    let before_ms = now_ms().saturating_sub(span_ms);
    let removed = ledger.prune(before_ms)?;
    if flags.get_flag("json") {
        let json = json!({"removed": removed, "before_ms": before_ms});
        return Ok(output::line(&json.to_string())?);
    }
    Ok(output::line(&format!("{removed} requests from before {} removed", utc_time(before_ms)))?)
}

fn filter(ledger: &Ledger, flags: &ArgMatches) -> Result<Filter, Failure> {
    let text = |name: &str| flags.get_one::<String>(name).cloned();
    let now_ms = now_ms();
    let ago =
        |name: &str| flags.get_one::<u64>(name).map(|span_ms| now_ms.saturating_sub(*span_ms));
    let mut filter = Filter {
        since_ms: ago("since"),
        before_ms: ago("until"),
        model: text("model"),
        tag: text("tag"),
        ..Filter::default()
    };
    if let Some(key) = text("key") {
        // A name stands for every key that ever had it.
        match ledger.keys().list()?.iter().any(|known| known.id == key) {
            true => filter.key_id = Some(key),
            false => filter.key_name = Some(key),
        }
    }
    Ok(filter)
}

fn table(usage: &Usage, by: &[GroupBy]) -> String {
    let mut heads: Vec<(&str, Align)> = by.iter().map(|by| (by.name(), Align::Left)).collect();
    heads.extend(
        [
            "requests",
            "prompt",
            "cached",
            "thinking",
            "answer",
            "cost",
            "cut",
            "asked",
            "used",
            "TTFT p50/p95",
            "TPOT p50/p95",
            "total p50/p95",
        ]
        .map(|head| (head, Align::Right)),
    );
    let rows: Vec<Vec<String>> = usage.rows.iter().map(cells).collect();
    terminal::table(&heads, &rows)
}

fn cells(row: &UsageRow) -> Vec<String> {
    let mut cells: Vec<String> = row.group.iter().map(|value| shown(value.as_deref())).collect();
    let costs: Vec<String> = row
        .costs
        .iter()
        .filter(|cost| cost.nano > 0)
        .map(|cost| money(cost.nano, &cost.currency))
        .collect();
    let tokens =
        |mean: Option<f64>| mean.map_or_else(|| "-".to_owned(), |mean| format!("{mean:.0}"));
    let used = match (row.limits.used_mean, row.limits.used_share) {
        (Some(mean), Some(share)) => format!("{mean:.0} ({})", percent(Some(share))),
        (mean, _) => tokens(mean),
    };
    cells.extend([
        row.requests.to_string(),
        row.prompt_tokens.to_string(),
        row.cached_tokens.to_string(),
        row.thinking_tokens.to_string(),
        row.answer_tokens.to_string(),
        if costs.is_empty() { "-".to_owned() } else { costs.join(" + ") },
        percent(row.truncated_share()),
        tokens(row.limits.asked_mean),
        used,
        times(&row.ttft_ms),
        times(&row.tpot_ms),
        times(&row.total_ms),
    ]);
    cells
}

fn percent(share: Option<f64>) -> String {
    share.map_or_else(|| "-".to_owned(), |share| format!("{:.0} %", share * 100.0))
}

fn times(times: &Percentiles) -> String {
    match times {
        Percentiles { p50: Some(p50), p95: Some(p95) } => format!("{}/{} ms", ms(*p50), ms(*p95)),
        _ => "-".to_owned(),
    }
}

/// Two digits that count.
fn ms(value: f64) -> String {
    if value < 10.0 { format!("{value:.1}") } else { format!("{value:.0}") }
}
