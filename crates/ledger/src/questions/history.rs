//! What became of recent requests: what quotes are made from, and how they turned out.

use super::{Filter, rows_max};
use crate::{Ledger, LedgerError, Quoted, Spread, Status};
use rusqlite::{Row, params_from_iter};

/// What a request that was answered took.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HistoryRow {
    /// When it arrived, in milliseconds since 1970-01-01 UTC.
    pub time_ms: u64,
    /// What kind of request it was taken for.
    pub class: Option<String>,
    /// The length preset asked for.
    pub preset: Option<String>,
    /// Tokens of the prompt, the cached ones among them.
    pub prompt_tokens: u64,
    /// Tokens of the prompt that did not have to be computed.
    pub cached_tokens: u64,
    /// Tokens of thought, over all choices.
    pub thinking_tokens: u64,
    /// Tokens of the answer, over all choices.
    pub answer_tokens: u64,
    /// Answers asked for.
    pub choices: u64,
    /// The limit that held.
    pub effective_max_tokens: Option<u64>,
    /// The API's word for why it ended: after `length` the tokens are a lower bound.
    pub finish_reason: Option<String>,
    /// From arrival to the first computed row.
    pub queue_ms: Option<f64>,
    /// From arrival to the first token.
    pub ttft_ms: Option<f64>,
    /// Per token after the first.
    pub tpot_ms: Option<f64>,
    /// From arrival to the end.
    pub total_ms: Option<f64>,
}

/// What was foretold about a request, and what came.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct QuoteOutcome {
    /// When it arrived, in milliseconds since 1970-01-01 UTC.
    pub time_ms: u64,
    /// The model.
    pub model: String,
    /// What kind of request it was taken for.
    pub class: Option<String>,
    /// What was foretold.
    pub quoted: Quoted,
    /// Tokens of thought and answer that came, over all choices.
    pub tokens: u64,
    /// Milliseconds that it took, from arrival to the end.
    pub total_ms: Option<f64>,
    /// What it cost, in 1e-9 of the currency.
    pub cost_nano: i64,
    /// The currency.
    pub currency: String,
}

impl Ledger {
    /// The newest requests that were answered from their beginning on (what went on from an earlier
    /// answer has no class) and that the filter lets through, at most `rows`, newest first. With a
    /// model in the filter, and nothing else, it reads hardly more entries than that.
    ///
    /// # Errors
    /// When `rows` is not 1 to [`crate::ROWS_MAX`], or what the file says.
    pub fn history(&self, filter: &Filter, rows: usize) -> Result<Vec<HistoryRow>, LedgerError> {
        let columns = "time_ms, class, preset, prompt_tokens, cached_tokens, thinking_tokens, \
                       answer_tokens, choices, effective_max_tokens, finish_reason, queue_ms, \
                       ttft_ms, tpot_ms, total_ms";
        self.newest(columns, "class IS NOT NULL", filter, rows, |row| {
            Ok(HistoryRow {
                time_ms: count(row, 0)?,
                class: row.get(1)?,
                preset: row.get(2)?,
                prompt_tokens: count(row, 3)?,
                cached_tokens: count(row, 4)?,
                thinking_tokens: count(row, 5)?,
                answer_tokens: count(row, 6)?,
                choices: count(row, 7)?,
                effective_max_tokens: some_count(row, 8)?,
                finish_reason: row.get(9)?,
                queue_ms: row.get(10)?,
                ttft_ms: row.get(11)?,
                tpot_ms: row.get(12)?,
                total_ms: row.get(13)?,
            })
        })
    }

    /// The newest answered requests that had been quoted, with what came of it; as
    /// [`Ledger::history`].
    ///
    /// # Errors
    /// As [`Ledger::history`].
    pub fn quotes(&self, filter: &Filter, rows: usize) -> Result<Vec<QuoteOutcome>, LedgerError> {
        let columns = "time_ms, model, class, thinking_tokens + answer_tokens, total_ms, \
                       cost_nano, currency, \
                       quoted_tokens_p10, quoted_tokens_p50, quoted_tokens_p90, \
                       quoted_ms_p10, quoted_ms_p50, quoted_ms_p90, \
                       quoted_cost_nano_p10, quoted_cost_nano_p50, quoted_cost_nano_p90";
        self.newest(columns, "quoted_tokens_p50 IS NOT NULL", filter, rows, |row| {
            let quoted = Quoted {
                tokens: Spread { p10: count(row, 7)?, p50: count(row, 8)?, p90: count(row, 9)? },
                ms: Spread { p10: row.get(10)?, p50: row.get(11)?, p90: row.get(12)? },
                cost_nano: Spread { p10: row.get(13)?, p50: row.get(14)?, p90: row.get(15)? },
            };
            Ok(QuoteOutcome {
                time_ms: count(row, 0)?,
                model: row.get(1)?,
                class: row.get(2)?,
                quoted,
                tokens: count(row, 3)?,
                total_ms: row.get(4)?,
                cost_nano: row.get(5)?,
                currency: row.get(6)?,
            })
        })
    }

    fn newest<R>(
        &self,
        columns: &str,
        also: &str,
        filter: &Filter,
        rows: usize,
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<R>,
    ) -> Result<Vec<R>, LedgerError> {
        let limit = rows_max("rows", rows)?;
        let filter = Filter { status: Some(Status::Done), ..filter.clone() };
        let (condition, values) = filter.condition();
        let sql = format!(
            "SELECT {columns} FROM entries WHERE {condition} AND {also} \
             ORDER BY time_ms DESC, number DESC LIMIT {limit}"
        );
        self.shared.pool.with(|connection| {
            let mut statement = connection.prepare_cached(&sql)?;
            statement.query_map(params_from_iter(values), read)?.collect()
        })
    }
}

/// A count, which the schema keeps from being negative.
fn count(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    Ok(some_count(row, column)?.unwrap_or(0))
}

fn some_count(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<u64>> {
    let value: Option<i64> = row.get(column)?;
    Ok(value.map(|value| u64::try_from(value).unwrap_or(0)))
}
