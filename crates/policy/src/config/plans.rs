//! What keys may do.

use super::types::{Config, Limits};
use crate::price::Money;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What a key may do: a plan, a key's own overrides, or both put together.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct KeyPlan {
    /// Ids of models; a `*` at the end stands for anything. None for all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub models: Option<Vec<String>>,
    /// Bounds of its requests.
    pub limits: Limits,
    /// Requests in any 60 seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requests_per_minute: Option<u64>,
    /// Tokens in any 60 seconds, of prompts and answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokens_per_minute: Option<u64>,
    /// Tokens of a calendar day.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokens_per_day: Option<u64>,
    /// Tokens of a calendar month.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokens_per_month: Option<u64>,
    /// Money of a calendar day.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub money_per_day: Option<Money>,
    /// Money of a calendar month.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub money_per_month: Option<Money>,
    /// Requests at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub concurrency: Option<u64>,
    /// What a running request takes from the budgets before it has ended; none for `prompt`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reserve: Option<Reserve>,
    /// Where days and months begin; none for UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub utc_offset: Option<UtcOffset>,
}

/// What a running request takes from the budgets before it has ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reserve {
    /// Its prompt only: budgets may be exceeded by what requests at once produce.
    #[default]
    Prompt,
    /// Its prompt and its whole limit: budgets are never exceeded.
    Limit,
}

/// Minutes east of UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct UtcOffset(pub i32);

impl TryFrom<String> for UtcOffset {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        UtcOffset::parse(&text).ok_or_else(|| format!("{} ; given {text:?}", UtcOffset::RULE))
    }
}

impl From<UtcOffset> for String {
    fn from(offset: UtcOffset) -> String {
        let (sign, minutes) = (if offset.0 < 0 { '-' } else { '+' }, offset.0.abs());
        format!("{sign}{:02}:{:02}", minutes / 60, minutes % 60)
    }
}

impl UtcOffset {
    pub(super) const RULE: &str = "an offset from UTC like \"+02:00\", from -12:00 to +14:00";

    pub(super) fn parse(text: &str) -> Option<Self> {
        let (hours, minutes) = text.split_once(':')?;
        let sign = match hours.as_bytes() {
            [b'+', _, _] => 1,
            [b'-', _, _] => -1,
            _ => return None,
        };
        let digits = |part: &str| match part.as_bytes() {
            [a @ b'0'..=b'9', b @ b'0'..=b'9'] => {
                Some(i32::from(a - b'0') * 10 + i32::from(b - b'0'))
            }
            _ => None,
        };
        let (hours, minutes) = (digits(hours.get(1..)?)?, digits(minutes)?);
        let offset = sign * (hours * 60 + minutes);
        (minutes < 60 && (-12 * 60..=14 * 60).contains(&offset)).then_some(UtcOffset(offset))
    }
}

impl KeyPlan {
    /// This plan with a key's own settings over it: what the key says replaces what the plan says.
    pub fn overridden(&self, own: &KeyPlan) -> KeyPlan {
        let bounds = |plan: Option<u64>, own: Option<u64>| own.or(plan);
        let (theirs, ours) = (&self.limits.max_tokens, &own.limits.max_tokens);
        let mut limits = self.limits;
        limits.max_tokens.min = bounds(theirs.min, ours.min);
        limits.max_tokens.max = bounds(theirs.max, ours.max);
        limits.max_tokens.default = bounds(theirs.default, ours.default);
        limits.over_limit = own.limits.over_limit.or(self.limits.over_limit);
        limits.over_window = own.limits.over_window.or(self.limits.over_window);
        KeyPlan {
            models: own.models.clone().or_else(|| self.models.clone()),
            limits,
            requests_per_minute: own.requests_per_minute.or(self.requests_per_minute),
            tokens_per_minute: own.tokens_per_minute.or(self.tokens_per_minute),
            tokens_per_day: own.tokens_per_day.or(self.tokens_per_day),
            tokens_per_month: own.tokens_per_month.or(self.tokens_per_month),
            money_per_day: own.money_per_day.or(self.money_per_day),
            money_per_month: own.money_per_month.or(self.money_per_month),
            concurrency: own.concurrency.or(self.concurrency),
            reserve: own.reserve.or(self.reserve),
            utc_offset: own.utc_offset.or(self.utc_offset),
        }
    }

    /// Whether requests may use a model.
    pub fn allows(&self, model: &str) -> bool {
        self.models.as_ref().is_none_or(|names| {
            names.iter().any(|name| match name.strip_suffix('*') {
                Some(start) => model.starts_with(start),
                None => name == model,
            })
        })
    }

    /// Whether it has a budget of a month.
    pub fn has_month(&self) -> bool {
        self.tokens_per_month.is_some() || self.money_per_month.is_some()
    }

    /// A key's own settings from JSON, checked like those of a plan in the configuration.
    ///
    /// # Errors
    /// Every problem with its path, in one text.
    pub fn from_json(overrides: &Value) -> Result<KeyPlan, String> {
        super::read::key_plan(overrides)
    }
}

impl Config {
    /// What counts for a key: its plan with its own settings over it. A plan that is no longer in
    /// the configuration is none here: the caller decides what that means.
    pub fn plan_of(&self, plan: Option<&str>, own: Option<&KeyPlan>) -> Option<KeyPlan> {
        let plan = match plan {
            Some(name) => self.plans.get(name)?.clone(),
            None => KeyPlan::default(),
        };
        Some(own.map_or_else(|| plan.clone(), |own| plan.overridden(own)))
    }
}
