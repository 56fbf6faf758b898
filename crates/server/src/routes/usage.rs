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
use std::ops::RangeInclusive;
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
/// Widths that a picture may have: below it no axis fits beside its numbers.
const WIDTH_PX: RangeInclusive<u64> = 240..=4096;
/// Heights that half the width is held to.
const HEIGHT_PX: (u32, u32) = (240, 420);
/// From this width on a title holds what is counted and two days.
const TITLE_WIDTH_PX: u32 = 400;

/// The routes of this file.
pub fn routes() -> Router<Arc<Site>> {
    Router::new().route("/v1/usage", get(usage)).route("/v1/usage/plot.svg", get(plot))
}

type Words = HashMap<String, String>;

/// The words of a query. Both routes know all of them, so that one query asks for both.
const WORDS: [&str; 16] = [
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
    "width_px",
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
    let (filter, size) = (filter(&words, &who)?, size(&words)?);
    let svg = site.service()?.ask_ledger(move |l| tokens_over_time(l, &filter, size)).await?;
    let svg = svg.map_err(|error| ApiError::internal(format!("the picture: {error}")))?;
    Ok(([(header::CONTENT_TYPE, "image/svg+xml")], svg).into_response())
}

/// Tokens by kind, an hour or a day a bar, with the empty ones in between.
fn tokens_over_time(
    ledger: &Ledger,
    filter: &Filter,
    size: Size,
) -> Result<Result<String, plots::PlotError>, LedgerError> {
    let now_ms = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let now_ms = now_ms.map_or(0, |time| time.as_millis() as u64);
    let before_ms = filter.before_ms.unwrap_or(u64::MAX).min(now_ms + 1);
    let since_ms = filter.since_ms.unwrap_or(before_ms.saturating_sub(SPAN_DEFAULT_MS));
    let is_hourly = before_ms.saturating_sub(since_ms) <= HOURLY_MS_MAX;
    let (by, step_ms) = if is_hourly { (GroupBy::Hour, HOUR_MS) } else { (GroupBy::Day, DAY_MS) };
    let last = before_ms.saturating_sub(1) / step_ms;
    let first = (since_ms / step_ms).max(last.saturating_sub(BARS_MAX - 1));
    // A time in the query holds within a bar too, so that the picture has what the rows have.
    let since_ms = filter.since_ms.unwrap_or(0).max(first * step_ms);
    let filter = Filter { since_ms: Some(since_ms), ..filter.clone() };
    let usage = ledger.usage(&filter, &[by], (last + 1).saturating_sub(first).max(1) as usize)?;
    let name = |at: u64| if is_hourly { utc_time(at * step_ms) } else { utc_day(at * step_ms) };
    let names: Vec<String> = (first..=last).map(name).collect();
    Ok(stacked(&usage, &names, is_hourly, size))
}

fn stacked(
    usage: &Usage,
    names: &[String],
    is_hourly: bool,
    size: Size,
) -> Result<String, plots::PlotError> {
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
    // The title has the days, with their year; a bar's hour or day of the year is enough then.
    let short: Vec<String> = match is_hourly {
        true => names.iter().map(|name| name.get(11..16).unwrap_or(name).to_owned()).collect(),
        false => names.iter().map(|name| name.get(5..).unwrap_or(name).to_owned()).collect(),
    };
    let day = |name: &String| name.get(..10).unwrap_or(name).to_owned();
    // Axis and legend say the same; where there is room for one of the two, the days are told.
    let what = if size.width_px < TITLE_WIDTH_PX { "" } else { "Tokens by kind, " };
    let title = match (names.first().map(day), names.last().map(day)) {
        (Some(first), Some(last)) if first == last => format!("{what}{first}"),
        (Some(first), Some(last)) => format!("{what}{first} to {last}"),
        _ => "Tokens by kind".to_owned(),
    };
    let labels = Labels {
        title,
        description: String::new(),
        x: if is_hourly { "hour (UTC)" } else { "day (UTC)" }.to_owned(),
        y: "tokens".to_owned(),
    };
    plots::stacked(&labels, size, &short, &parts)
}

/// How large the picture is: what is drawn in its true size has letters that can be read.
fn size(words: &Words) -> Result<Size, ApiError> {
    let Some(width_px) = whole(words, "width_px")? else { return Ok(Size::default()) };
    if !WIDTH_PX.contains(&width_px) {
        let (least, most) = (WIDTH_PX.start(), WIDTH_PX.end());
        let message = format!("`width_px` must be {least} to {most}, and is {width_px}");
        return Err(ApiError::parameter("width_px", message));
    }
    let width_px = width_px as u32;
    Ok(Size { width_px, height_px: (width_px / 2).clamp(HEIGHT_PX.0, HEIGHT_PX.1) })
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

#[cfg(test)]
mod tests {
    use super::*;
    use ledger::Entry;

    /// 2020-01-02T00:00:00Z.
    const MIDNIGHT_MS: u64 = 18_263 * DAY_MS;

    fn drawn(since_ms: Option<u64>, before_ms: u64) -> String {
        let ledger = Ledger::in_memory().expect("memory");
        for (index, ago_ms) in [1, HOUR_MS, HOUR_MS + 10, 3 * DAY_MS].into_iter().enumerate() {
            let entry = Entry {
                request_id: index.to_string(),
                time_ms: MIDNIGHT_MS - ago_ms,
                prompt_tokens: 10u64.pow(index as u32),
                ..Entry::default()
            };
            ledger.record(entry, Box::new(|result| result.expect("recorded")));
        }
        ledger.flush().expect("written");
        let filter = Filter { since_ms, before_ms: Some(before_ms), ..Filter::default() };
        tokens_over_time(&ledger, &filter, Size::default())
            .expect("it can be read")
            .expect("a picture")
    }

    #[test]
    fn a_picture_has_what_the_rows_have() {
        let svg = drawn(Some(MIDNIGHT_MS - HOUR_MS - 5), MIDNIGHT_MS);
        assert!(svg.contains("<title>Tokens by kind, 2020-01-01</title>"), "{svg}");
        assert!(svg.contains("2 buckets from 22:00 to 23:00; total 11: prompt 11,"), "{svg}");
    }

    #[test]
    fn without_a_time_the_first_bar_is_whole() {
        let svg = drawn(None, MIDNIGHT_MS);
        assert!(svg.contains("<title>Tokens by kind, 2019-12-03 to 2020-01-01</title>"), "{svg}");
        assert!(svg.contains("30 buckets from 12-03 to 01-01; total 1111:"), "{svg}");
        let svg = drawn(Some(0), MIDNIGHT_MS);
        assert!(svg.contains("120 buckets from 09-04 to 01-01; total 1111:"), "{svg}");
        let nothing = drawn(Some(MIDNIGHT_MS), MIDNIGHT_MS);
        assert!(nothing.contains("<desc>No data.</desc>"), "{nothing}");
    }
}
