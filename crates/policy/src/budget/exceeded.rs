//! A budget that is used up, in words and numbers.

use super::calendar::Timestamp;
use crate::config::UtcOffset;
use crate::price::Money;
use crate::refusal::Refusal;
use std::fmt;

/// One of a key's budgets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Which {
    /// Requests at once.
    Concurrency,
    /// Requests in 60 seconds.
    RequestsPerMinute,
    /// Tokens in 60 seconds.
    TokensPerMinute,
    /// Tokens of a day.
    TokensPerDay,
    /// Tokens of a month.
    TokensPerMonth,
    /// Money of a day, in nano-units.
    MoneyPerDay,
    /// Money of a month, in nano-units.
    MoneyPerMonth,
}

impl Which {
    /// Its key in a plan.
    pub fn as_str(self) -> &'static str {
        match self {
            Which::Concurrency => "concurrency",
            Which::RequestsPerMinute => "requests_per_minute",
            Which::TokensPerMinute => "tokens_per_minute",
            Which::TokensPerDay => "tokens_per_day",
            Which::TokensPerMonth => "tokens_per_month",
            Which::MoneyPerDay => "money_per_day",
            Which::MoneyPerMonth => "money_per_month",
        }
    }

    /// OpenAI's word: a rate passes by itself within a minute, a quota does not.
    fn code(self) -> &'static str {
        match self {
            Which::Concurrency | Which::RequestsPerMinute | Which::TokensPerMinute => {
                "rate_limit_exceeded"
            }
            _ => "insufficient_quota",
        }
    }

    fn is_money(self) -> bool {
        matches!(self, Which::MoneyPerDay | Which::MoneyPerMonth)
    }
}

/// A request that does not fit into a budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exceeded {
    /// The budget.
    pub which: Which,
    /// What it allows: a count, or nano-units of money. So are the next three.
    pub limit: u64,
    /// What is used or taken by running requests.
    pub used: u64,
    /// What is left.
    pub remaining: u64,
    /// What this request needs.
    pub needed: u64,
    /// When the window ends; for rates, when enough of it will have passed. None for what running
    /// requests hold, and for a request that is larger than the whole budget.
    pub resets_at_ms: Option<u64>,
    /// How long to wait; none when waiting does not help.
    pub retry_after_ms: Option<u64>,
    /// Where the plan's days begin.
    pub utc_offset: UtcOffset,
}

impl Exceeded {
    /// The refusal, with amounts of money in a currency.
    pub fn refusal(&self, currency: &str) -> Refusal {
        let amount = |number: u64| match self.which.is_money() {
            true => format!("{} {currency}", Money(i64::try_from(number).unwrap_or(i64::MAX))),
            false => number.to_string(),
        };
        let mut message = format!(
            "this key's `{}` is {}: {} used, {} left, and this request needs {}",
            self.which.as_str(),
            amount(self.limit),
            amount(self.used),
            amount(self.remaining),
            amount(self.needed),
        );
        message.push_str(&match (self.resets_at_ms, self.retry_after_ms) {
            (Some(at), _) => format!("; resets at {}", Timestamp(at, self.utc_offset)),
            (None, Some(_)) => "; it is free again when a running request ends".to_owned(),
            (None, None) => "; it is larger than the whole budget, so ask for less".to_owned(),
        });
        Refusal {
            status: 429,
            kind: "rate_limit_error",
            code: Some(self.which.code()),
            param: None,
            message,
            retry_after_ms: self.retry_after_ms,
        }
    }
}

impl fmt::Display for Exceeded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.refusal("units").message)
    }
}

impl std::error::Error for Exceeded {}
