//! What tokens cost, exactly: whole nano-units (1e-9 of the currency), no floating point.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::str::FromStr;

/// Nano-units in one unit of the currency.
const NANO: i64 = 1_000_000_000;
/// Tokens that a price is for.
const TOKENS_PER_PRICE: u128 = 1_000_000;
/// The most that a configuration may name, in units of the currency.
const UNITS_MAX: i64 = 1_000_000_000;

/// An amount of money in nano-units of the currency.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Money(pub i64);

/// A text that is no amount of money.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "must be an amount like 0.15: 0 to {UNITS_MAX}, at most nine digits behind the point, no sign \
     and no exponent; given {0:?}"
)]
pub struct NotMoney(String);

impl FromStr for Money {
    type Err = NotMoney;

    fn from_str(text: &str) -> Result<Self, NotMoney> {
        parse(text).map(Money).ok_or_else(|| NotMoney(text.chars().take(40).collect()))
    }
}

fn parse(text: &str) -> Option<i64> {
    let (units, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let is_digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    if !is_digits(units) || !is_digits(fraction) || fraction.len() > 9 {
        return None;
    }
    let units: i64 = units.parse().ok()?;
    let nano: i64 = format!("{fraction:0<9}").parse().ok()?;
    let total = units.checked_mul(NANO)?.checked_add(nano)?;
    (total <= UNITS_MAX * NANO).then_some(total)
}

/// All digits that matter and no more: `0.15`, `12`, `0.000000001`.
impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let nano = self.0.unsigned_abs();
        let (units, rest) = (nano / NANO as u64, nano % NANO as u64);
        if rest == 0 {
            return write!(f, "{sign}{units}");
        }
        let rest = format!("{rest:09}");
        write!(f, "{sign}{units}.{}", rest.trim_end_matches('0'))
    }
}

impl Money {
    /// The amount as a float, for plots and for JSON numbers; exact up to 2^53 nano-units.
    pub fn as_f64(self) -> f64 {
        self.0 as f64 / NANO as f64
    }
}

/// As text, so that no digit is lost.
impl Serialize for Money {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Money {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = serde_json::Value::deserialize(deserializer)?;
        let text = match &value {
            serde_json::Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// What a million tokens of each kind cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Prices {
    /// Prompt tokens that were computed.
    pub prompt: Money,
    /// Prompt tokens found in the cache; as `prompt` where not said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cached_prompt: Option<Money>,
    /// Tokens of thought; as `answer` where not said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thinking: Option<Money>,
    /// Tokens of the answer.
    pub answer: Money,
}

/// Tokens of a request, each counted once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Used {
    /// Prompt tokens that were computed.
    pub prompt_tokens: u64,
    /// Prompt tokens found in the cache.
    pub cached_prompt_tokens: u64,
    /// Tokens of thought.
    pub thinking_tokens: u64,
    /// Tokens of the answer without the thought.
    pub answer_tokens: u64,
}

/// What a request cost. The parts add up to the total.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Cost {
    /// For computed prompt tokens.
    pub prompt: Money,
    /// For cached prompt tokens.
    pub cached_prompt: Money,
    /// For tokens of thought.
    pub thinking: Money,
    /// For tokens of the answer.
    pub answer: Money,
    /// For all: the exact sum, rounded once to the nearest nano-unit, halves up.
    pub total: Money,
}

impl Prices {
    /// The price of cached prompt tokens.
    pub fn cached_prompt(&self) -> Money {
        self.cached_prompt.unwrap_or(self.prompt)
    }

    /// The price of tokens of thought.
    pub fn thinking(&self) -> Money {
        self.thinking.unwrap_or(self.answer)
    }

    /// What `used` costs. Only the total is rounded; a part is the growth of the rounded sum, so
    /// each is within one nano-unit of its exact cost. Beyond `i64` it stays at the largest.
    pub fn cost(&self, used: &Used) -> Cost {
        let parts = [
            (used.prompt_tokens, self.prompt),
            (used.cached_prompt_tokens, self.cached_prompt()),
            (used.thinking_tokens, self.thinking()),
            (used.answer_tokens, self.answer),
        ];
        let mut exact = 0u128;
        let mut before = 0i64;
        let [prompt, cached_prompt, thinking, answer] = parts.map(|(tokens, price)| {
            exact = exact.saturating_add(u128::from(tokens) * price.0.max(0) as u128);
            let sum = rounded(exact);
            let part = sum - before;
            before = sum;
            Money(part)
        });
        Cost { prompt, cached_prompt, thinking, answer, total: Money(before) }
    }

    /// The most tokens of output that surely cost no more than `left`, after a prompt of
    /// `prompt_tokens`; none when output is free.
    pub fn output_tokens_for(&self, left: Money, prompt_tokens: u64) -> Option<u64> {
        let dearest = u128::try_from(self.answer.max(self.thinking()).0).ok().filter(|&p| p > 0)?;
        let prompt = self.prompt.max(self.cached_prompt()).0.max(0) as u128;
        let left = left.0.max(0) as u128 * TOKENS_PER_PRICE;
        let left = left.saturating_sub(u128::from(prompt_tokens) * prompt);
        Some(u64::try_from(left / dearest).unwrap_or(u64::MAX))
    }
}

fn rounded(exact: u128) -> i64 {
    let nano = exact.saturating_add(TOKENS_PER_PRICE / 2) / TOKENS_PER_PRICE;
    i64::try_from(nano).unwrap_or(i64::MAX)
}

#[cfg(test)]
#[path = "price_tests.rs"]
mod tests;
