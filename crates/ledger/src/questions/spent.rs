//! What a key has used up: the sums that budgets are held against.

use crate::{Ledger, LedgerError};

/// Money of one currency.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// The currency, such as `EUR`; empty where nothing had a price.
    pub currency: String,
    /// In 1e-9 of it.
    pub nano: i64,
}

/// What a key has used up. Sums of every entry, whatever its status.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Spent {
    /// Requests.
    pub requests: u64,
    /// Tokens of prompts, the cached ones among them.
    pub prompt_tokens: u64,
    /// Tokens of prompts that did not have to be computed.
    pub cached_tokens: u64,
    /// Tokens of thought.
    pub thinking_tokens: u64,
    /// Tokens of answers.
    pub answer_tokens: u64,
    /// Money, by currency, in the order of their names.
    pub costs: Vec<Cost>,
}

impl Spent {
    /// What was spent of `currency`, in 1e-9 of it.
    pub fn cost_nano(&self, currency: &str) -> i64 {
        self.costs.iter().find(|cost| cost.currency == currency).map_or(0, |cost| cost.nano)
    }

    /// Tokens that count towards a budget of tokens: prompts and what was produced.
    pub fn tokens(&self) -> u64 {
        self.prompt_tokens + self.thinking_tokens + self.answer_tokens
    }
}

impl Ledger {
    /// What a key, or everybody without one, has used up by requests that arrived at `since_ms` or
    /// later. Reads one index from there on: about a millisecond per thousand requests. What was
    /// refused counts nowhere.
    ///
    /// # Errors
    /// What the file says.
    pub fn spent(&self, key_id: Option<&str>, since_ms: u64) -> Result<Spent, LedgerError> {
        let since = i64::try_from(since_ms).unwrap_or(i64::MAX);
        self.shared.pool.with(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT currency, sum(cost_nano), \
                 sum(prompt_tokens + thinking_tokens + answer_tokens > 0), sum(prompt_tokens), \
                 sum(cached_tokens), sum(thinking_tokens), sum(answer_tokens) FROM entries \
                 WHERE key_id IS ?1 AND time_ms >= ?2 GROUP BY currency ORDER BY currency",
            )?;
            let mut rows = statement.query((key_id, since))?;
            let mut spent = Spent::default();
            while let Some(row) = rows.next()? {
                let count = |column: usize| -> rusqlite::Result<u64> {
                    Ok(u64::try_from(row.get::<_, i64>(column)?).unwrap_or(0))
                };
                spent.costs.push(Cost { currency: row.get(0)?, nano: row.get(1)? });
                spent.requests += count(2)?;
                spent.prompt_tokens += count(3)?;
                spent.cached_tokens += count(4)?;
                spent.thinking_tokens += count(5)?;
                spent.answer_tokens += count(6)?;
            }
            Ok(spent)
        })
    }
}
