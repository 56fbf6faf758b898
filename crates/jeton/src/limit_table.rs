//! What each limit of a list gives, as a table.

use crate::terminal::{Align, table};
use answers::limit_views::{LimitView, apart_line};
use answers::open_model::OpenModel;
use engine::GenerateRequest;
use std::time::Duration;

/// The limits as a table for the summary: what each gives, needs and leaves open; empty without a
/// list of limits.
pub fn summary_table(model: &OpenModel, request: &GenerateRequest, views: &[LimitView]) -> String {
    if views.is_empty() {
        return String::new();
    }
    let heads = [
        ("limit", Align::Right),
        ("tokens", Align::Right),
        ("finish", Align::Left),
        ("latency", Align::Right),
        ("left open", Align::Left),
    ];
    let row = |view: &LimitView| {
        vec![
            view.view.limit.to_string(),
            view.view.ids.len().to_string(),
            view.view.finish_reason.as_str().to_owned(),
            milliseconds(view.latency),
            view.diagnosis(model).map_or(String::new(), |found| found.explanation),
        ]
    };
    let apart = apart_line(request).map_or(String::new(), |line| format!("{line}\n"));
    apart + &table(&heads, &views.iter().map(row).collect::<Vec<_>>())
}

/// A time as people read it.
pub fn milliseconds(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1e3)
}
