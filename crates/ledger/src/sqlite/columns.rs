//! The columns of an entry: the one list that inserting, exporting and the schema agree on.

use crate::{Entry, Quoted};
use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};

/// The columns of `entries`, in the order of [`values`], as exports name them.
pub const COLUMNS: [&str; 42] = [
    "request_id",
    "time_ms",
    "model",
    "route",
    "key_id",
    "key_name",
    "plan",
    "tag",
    "scenario",
    "class",
    "stream",
    "status",
    "prompt_tokens",
    "cached_tokens",
    "thinking_tokens",
    "answer_tokens",
    "choices",
    "asked_max_tokens",
    "effective_max_tokens",
    "limit_set_by",
    "rule",
    "preset",
    "queue_ms",
    "ttft_ms",
    "tpot_ms",
    "total_ms",
    "cost_nano",
    "currency",
    "finish_reason",
    "stop_reason",
    "truncation",
    "seed",
    "quoted_tokens_p10",
    "quoted_tokens_p50",
    "quoted_tokens_p90",
    "quoted_ms_p10",
    "quoted_ms_p50",
    "quoted_ms_p90",
    "quoted_cost_nano_p10",
    "quoted_cost_nano_p50",
    "quoted_cost_nano_p90",
    "text",
];

/// Stores `entry` unless one with its id is there.
pub fn insert(connection: &Connection, entry: &Entry) -> rusqlite::Result<()> {
    let marks = vec!["?"; COLUMNS.len()].join(",");
    let names = COLUMNS.join(",");
    let sql = format!(
        "INSERT INTO entries ({names}) VALUES ({marks}) ON CONFLICT (request_id) DO NOTHING"
    );
    connection.prepare_cached(&sql)?.execute(params_from_iter(values(entry)))?;
    Ok(())
}

/// What each column holds. Seeds are decimal text: they may be beyond an `i64`.
fn values(entry: &Entry) -> [Value; COLUMNS.len()] {
    let Quoted { tokens, ms, cost_nano } = entry.quoted.unwrap_or_default();
    let foretold = |value: Value| if entry.quoted.is_some() { value } else { Value::Null };
    [
        entry.request_id.clone().into(),
        count(entry.time_ms),
        entry.model.clone().into(),
        entry.route.clone().into(),
        entry.key_id.clone().into(),
        entry.key_name.clone().into(),
        entry.plan.clone().into(),
        entry.tag.clone().into(),
        entry.scenario.clone().into(),
        entry.class.clone().into(),
        entry.stream.into(),
        entry.status.name().to_owned().into(),
        count(entry.prompt_tokens),
        count(entry.cached_tokens),
        count(entry.thinking_tokens),
        count(entry.answer_tokens),
        count(entry.choices),
        entry.asked_max_tokens.map_or(Value::Null, count),
        entry.effective_max_tokens.map_or(Value::Null, count),
        entry.limit_set_by.clone().into(),
        entry.rule.clone().into(),
        entry.preset.clone().into(),
        entry.queue_ms.into(),
        entry.ttft_ms.into(),
        entry.tpot_ms.into(),
        entry.total_ms.into(),
        entry.cost_nano.into(),
        entry.currency.clone().into(),
        entry.finish_reason.clone().into(),
        entry.stop_reason.clone().into(),
        entry.truncation.clone().into(),
        entry.seed.map(|seed| seed.to_string()).into(),
        foretold(count(tokens.p10)),
        foretold(count(tokens.p50)),
        foretold(count(tokens.p90)),
        foretold(ms.p10.into()),
        foretold(ms.p50.into()),
        foretold(ms.p90.into()),
        foretold(cost_nano.p10.into()),
        foretold(cost_nano.p50.into()),
        foretold(cost_nano.p90.into()),
        entry.text.clone().into(),
    ]
}

/// A count as SQLite stores it; what is beyond an `i64` is its largest number.
fn count(value: u64) -> Value {
    Value::Integer(i64::try_from(value).unwrap_or(i64::MAX))
}
