//! What the ledger can be asked. Each answer is bounded, and is read from one state of the file.

mod export;
mod filter;
mod history;
mod percentiles;
mod spent;
mod usage;
mod usage_json;

pub use export::Format;
pub use filter::Filter;
pub use history::{HistoryRow, QuoteOutcome};
pub use percentiles::Percentiles;
pub use spent::{Cost, Spent};
pub use usage::{GroupBy, LimitUse, Usage, UsageRow};

use crate::LedgerError;

/// The most rows that one question is answered with; exports have no such limit.
pub const ROWS_MAX: usize = 10_000;

/// Refuses a question for more rows than are answered at once.
fn rows_max(field: &'static str, rows: usize) -> Result<i64, LedgerError> {
    match i64::try_from(rows) {
        Ok(count) if (1..=ROWS_MAX).contains(&rows) => Ok(count),
        _ => Err(LedgerError::Question { field, allowed: format!("1 to {ROWS_MAX}") }),
    }
}
