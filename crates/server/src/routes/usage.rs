//! `GET /v1/usage`: who used what, from the ledger; `GET /v1/usage/plot.svg`: the same as a
//! picture. A key sees its own accounts; administrators, and everybody where no keys are needed,
//! see all.

use crate::error::ApiError;
use crate::guard::WhoAsks;
use crate::site::Site;
use axum::extract::{Query, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use ledger::{Filter, GroupBy, Ledger, LedgerError, Status, Usage, utc_day, utc_time};
use plots::{Labels, Series, Size};
use serde_json::Value;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::SystemTime;

const HOUR_MS: u64 = 3_600_000;
const DAY_MS: u64 = 24 * HOUR_MS;

/// Rows that are told where the query says nothing.
const ROWS_DEFAULT: usize = 100;
/// Bars that a picture has at most: beyond it nobody tells them apart.
const BARS_MAX: u64 = 120;
/// A span up to this is shown by the hour.
const HOURLY_MS_MAX: u64 = 2 * DAY_MS;
/// What a picture shows where the query says nothing.
const SPAN_DEFAULT_MS: u64 = 30 * DAY_MS;

/// The routes of this file.
pub fn routes() -> Router<Arc<Site>> {
    Router::new().route("/v1/usage", get(usage)).route("/v1/usage/plot.svg", get(plot))
}

type Words = HashMap<String, String>;

/// The words of a query. Both routes know all of them, so that one query asks for both.
const WORDS: [&str; 15] = [
    "group_by",
    "limit",
    "since_ms",
    "before_ms",
    "key",
    "key_name",
    "plan",
    "model",
    "route",
    "tag",
    "scenario",
    "class",
    "preset",
    "finish_reason",
    "status",
];

async fn usage(
    State(site): State<Arc<Site>>,
    who: WhoAsks,
    Query(words): Query<Words>,
) -> Result<Json<Value>, ApiError> {
    let (filter, by) = (filter(&words, &who)?, groups(&words)?);
    let rows = whole(&words, "limit")?.map_or(ROWS_DEFAULT, |rows| rows as usize);
    let groups = by.clone();
    let question = filter.clone();
    let usage = site.service()?.ask_ledger(move |l| l.usage(&question, &groups, rows)).await?;
    let mut json = usage.to_json(&by);
    json["since_ms"] = Value::from(filter.since_ms);
    json["before_ms"] = Value::from(filter.before_ms);
    Ok(Json(json))
}

async fn plot(
    State(site): State<Arc<Site>>,
    who: WhoAsks,
    Query(words): Query<Words>,
) -> Result<Response, ApiError> {
    let filter = filter(&words, &who)?;
    let svg = site.service()?.ask_ledger(move |l| tokens_over_time(l, &filter)).await?;
    let svg = svg.map_err(|error| ApiError::internal(format!("the picture: {error}")))?;
    Ok(([(header::CONTENT_TYPE, "image/svg+xml")], svg).into_response())
}

/// Tokens by kind, an hour or a day a bar, with the empty ones in between.
fn tokens_over_time(
    ledger: &Ledger,
    filter: &Filter,
) -> Result<Result<String, plots::PlotError>, LedgerError> {
    let now_ms = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let now_ms = now_ms.map_or(0, |time| time.as_millis() as u64);
    let before_ms = filter.before_ms.unwrap_or(now_ms).min(now_ms);
    let since_ms = filter.since_ms.unwrap_or(before_ms.saturating_sub(SPAN_DEFAULT_MS));
    let hourly = before_ms.saturating_sub(since_ms) <= HOURLY_MS_MAX;
    let (by, step_ms) = if hourly { (GroupBy::Hour, HOUR_MS) } else { (GroupBy::Day, DAY_MS) };
    let last = before_ms / step_ms;
    let first = (since_ms / step_ms).max(last.saturating_sub(BARS_MAX - 1));
    let filter = Filter { since_ms: Some(first * step_ms), ..filter.clone() };
    let usage = ledger.usage(&filter, &[by], (last + 1).saturating_sub(first).max(1) as usize)?;
    let name = |at: u64| if hourly { utc_time(at * step_ms) } else { utc_day(at * step_ms) };
    let names: Vec<String> = (first..=last).map(name).collect();
    Ok(stacked(&usage, &names, hourly))
}

fn stacked(usage: &Usage, names: &[String], hourly: bool) -> Result<String, plots::PlotError> {
    let rows: HashMap<&str, _> =
        usage.rows.iter().filter_map(|row| Some((row.group.first()?.as_deref()?, row))).collect();
    let series = |name: &str, count: fn(&ledger::UsageRow) -> u64| Series {
        name: name.to_owned(),
        values: names
            .iter()
            .map(|bar| rows.get(bar.as_str()).map_or(0.0, |row| count(row) as f64))
            .collect(),
    };
    let parts = [
        series("prompt", |row| row.prompt_tokens),
        series("thinking", |row| row.thinking_tokens),
        series("answer", |row| row.answer_tokens),
    ];
    // Of an hour the date is in the title of the axis' ends; its time is enough in between.
    let short: Vec<String> = match hourly {
        true => names.iter().map(|name| name.get(11..16).unwrap_or(name).to_owned()).collect(),
        false => names.iter().map(|name| name.get(5..).unwrap_or(name).to_owned()).collect(),
    };
    let labels = Labels {
        title: "Tokens by kind".to_owned(),
        description: String::new(),
        x: if hourly { "hour (UTC)" } else { "day (UTC)" }.to_owned(),
        y: "tokens".to_owned(),
    };
    plots::stacked(&labels, Size::default(), &short, &parts)
}

/// Which entries the query means, and whoever asks may see.
fn filter(words: &Words, who: &WhoAsks) -> Result<Filter, ApiError> {
    // A filter with a slip in its name would count everything.
    if let Some(word) = words.keys().filter(|word| !WORDS.contains(&word.as_str())).min() {
        let shown: String = word.chars().take(64).collect();
        let message = format!("`{shown}` is no word of this query; there are {}", WORDS.join(", "));
        return Err(ApiError::parameter(shown, message));
    }
    let word = |name: &str| words.get(name).filter(|word| !word.is_empty()).cloned();
    let status = word("status").map(|word| {
        let names: Vec<&str> = Status::ALL.iter().map(|status| status.name()).collect();
        Status::from_name(&word).ok_or_else(|| {
            ApiError::parameter("status", format!("`status` must be one of {}", names.join(", ")))
        })
    });
    let mut filter = Filter {
        since_ms: whole(words, "since_ms")?,
        before_ms: whole(words, "before_ms")?,
        key_id: word("key"),
        key_name: word("key_name"),
        plan: word("plan"),
        model: word("model"),
        route: word("route"),
        tag: word("tag"),
        scenario: word("scenario"),
        class: word("class"),
        preset: word("preset"),
        finish_reason: word("finish_reason"),
        status: status.transpose()?,
    };
    if let Some(caller) = who.0.as_deref().filter(|_| !who.sees_everything()) {
        filter.key_id = Some(caller.key_id.clone());
    }
    Ok(filter)
}

/// What the rows are put together by: `group_by=day,model`.
fn groups(words: &Words) -> Result<Vec<GroupBy>, ApiError> {
    let mut groups = Vec::new();
    let given = words.get("group_by").map(String::as_str).unwrap_or_default();
    for word in given.split(',').filter(|word| !word.is_empty()) {
        let group = GroupBy::from_name(word).ok_or_else(|| {
            let names: Vec<&str> = GroupBy::ALL.iter().map(|group| group.name()).collect();
            let message = format!("`group_by` must be made of {}", names.join(", "));
            ApiError::parameter("group_by", message)
        })?;
        if !groups.contains(&group) {
            groups.push(group);
        }
    }
    Ok(groups)
}

fn whole(words: &Words, name: &str) -> Result<Option<u64>, ApiError> {
    let Some(word) = words.get(name).filter(|word| !word.is_empty()) else { return Ok(None) };
    let wrong = |_| ApiError::parameter(name, format!("`{name}` must be a whole number"));
    word.parse().map(Some).map_err(wrong)
}
