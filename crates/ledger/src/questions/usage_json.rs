//! Usage as JSON: the same for the command line and the API.

use super::{Cost, GroupBy, Percentiles, Usage, UsageRow};
use serde_json::{Map, Value, json};

impl Usage {
    /// `{"by": [...], "rows": [...], "left_out": 0}`; `by` is what was asked for. Each row has
    /// `group` (an object with the words of `by`), `requests` and how many of them ended how,
    /// `tokens` by kind, `cost` (a list of `{currency, nano}`), `truncated_share`, `limits` and
    /// times as `{p50, p95}` in milliseconds. What is not known is `null`.
    pub fn to_json(&self, by: &[GroupBy]) -> Value {
        let names: Vec<&str> = by.iter().map(|group| group.name()).collect();
        let rows: Vec<Value> = self.rows.iter().map(|row| row_json(row, by)).collect();
        json!({"by": names, "rows": rows, "left_out": self.left_out})
    }
}

fn row_json(row: &UsageRow, by: &[GroupBy]) -> Value {
    let group: Map<String, Value> =
        by.iter().zip(&row.group).map(|(by, value)| (by.name().to_owned(), json!(value))).collect();
    let limits = json!({
        "requests": row.limits.requests,
        "asked_mean": row.limits.asked_mean,
        "used_mean": row.limits.used_mean,
        "used_share": row.limits.used_share,
    });
    json!({
        "group": group,
        "requests": row.requests,
        "done": row.done,
        "cancelled": row.cancelled,
        "failed": row.failed,
        "rejected": row.rejected,
        "tokens": {
            "prompt": row.prompt_tokens,
            "cached_prompt": row.cached_tokens,
            "thinking": row.thinking_tokens,
            "answer": row.answer_tokens,
        },
        "cost": row.costs.iter().map(cost_json).collect::<Vec<_>>(),
        "truncated": row.truncated,
        "truncated_share": row.truncated_share(),
        "limits": limits,
        "ttft_ms": times_json(&row.ttft_ms),
        "tpot_ms": times_json(&row.tpot_ms),
        "total_ms": times_json(&row.total_ms),
    })
}

fn cost_json(cost: &Cost) -> Value {
    json!({"currency": cost.currency, "nano": cost.nano})
}

fn times_json(times: &Percentiles) -> Value {
    json!({"p50": times.p50, "p95": times.p95})
}
