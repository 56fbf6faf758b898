//! What a key may use: requests and tokens of the last 60 seconds, tokens and money of the calendar
//! day and month, requests at once.
//!
//! A request passes three doors. [`check`](Meter::check) says before its limit is decided whether
//! it has a chance, and what is left for its answers. [`admit`](Meter::admit) takes from the
//! budgets what it may need: its prompt, or its whole limit where the plan says `reserve: limit`.
//! [`charge`](Meter::charge) gives that back and counts what it really used, at that time.
//!
//! So with `reserve: limit` no budget is ever exceeded. With `reserve: prompt` each request alone
//! stays within the day and the month, and requests at once may exceed them together, by no more
//! than the limits of those that ran when the budget ended. Tokens per minute are then a rate: what
//! an answer takes beyond it, the next requests wait for.
//!
//! A meter has a fixed size whatever is sent: two windows of 61 seconds and a few numbers.

mod calendar;
mod exceeded;
mod fits;
mod rates;
mod sliding;

pub use exceeded::{Exceeded, Which};
pub use rates::{Rate, Rates};

use crate::config::{KeyPlan, UtcOffset};
use crate::price::{Money, Prices};
use calendar::Span;
use sliding::Sliding;

/// How far callers may be out of order.
const LATE_MS: u64 = 60_000;

/// What a request will take, or several that are let in together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Need {
    /// Requests; 0 counts as 1.
    pub requests: u64,
    /// Tokens of its prompt.
    pub prompt_tokens: u64,
    /// Tokens that its answers together may have.
    pub output_tokens: u64,
    /// Its model's prices.
    pub prices: Prices,
}

impl Need {
    /// Both together, at the prices of the first.
    fn with(self, other: Need) -> Need {
        Need {
            requests: self.requests.max(1).saturating_add(other.requests.max(1)),
            prompt_tokens: self.prompt_tokens.saturating_add(other.prompt_tokens),
            output_tokens: self.output_tokens.saturating_add(other.output_tokens),
            prices: self.prices,
        }
    }
}

/// What tokens and money a request took, or requests together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spent {
    /// Tokens of prompts and answers.
    pub tokens: u64,
    /// Money.
    pub money: Money,
}

/// What is left for a request that has a chance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowance {
    /// Tokens that its answers may have together; none for no bound.
    pub output_tokens_left: Option<u64>,
    /// The numbers for headers.
    pub rates: Rates,
}

/// A request that was let in: what it took, to be given to [`Meter::charge`] when it has ended.
#[derive(Debug, PartialEq, Eq)]
#[must_use = "what was taken is given back by `charge`"]
pub struct Admission {
    taken: Spent,
    requests: u64,
}

/// When the windows of a plan began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Starts {
    /// The last 60 seconds.
    pub minute_ms: u64,
    /// The day.
    pub day_ms: u64,
    /// The month.
    pub month_ms: u64,
}

/// What was used before this process began, from the ledger.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Restored {
    /// Requests since [`Starts::minute_ms`].
    pub minute_requests: u64,
    /// Tokens since [`Starts::minute_ms`].
    pub minute_tokens: u64,
    /// Since [`Starts::day_ms`].
    pub day: Spent,
    /// Since [`Starts::month_ms`].
    pub month: Spent,
}

/// The account of one key.
#[derive(Clone, Debug)]
pub struct Meter {
    plan: KeyPlan,
    requests: Sliding,
    tokens: Sliding,
    day: Calendar,
    month: Calendar,
    /// What running requests hold.
    taken: Spent,
    running: u64,
    latest_ms: u64,
}

/// What was used in a calendar window.
#[derive(Clone, Copy, Debug)]
struct Calendar {
    span: Span,
    index: i64,
    spent: Spent,
}

impl Calendar {
    fn new(span: Span) -> Self {
        Calendar { span, index: i64::MIN, spent: Spent::default() }
    }

    /// Forgets what is over. A clock that went back takes what was counted with it.
    fn advance(&mut self, now_ms: u64, offset: UtcOffset) {
        let index = self.span.index(now_ms, offset);
        if index > self.index {
            self.spent = Spent::default();
        }
        self.index = index;
    }

    fn ends_ms(&self, offset: UtcOffset) -> u64 {
        self.span.start_ms(self.index + 1, offset)
    }
}

impl Spent {
    fn add(&mut self, other: Spent) {
        self.tokens = self.tokens.saturating_add(other.tokens);
        self.money.0 = self.money.0.saturating_add(other.money.0);
    }

    fn take(&mut self, other: Spent) {
        self.tokens = self.tokens.saturating_sub(other.tokens);
        self.money.0 = self.money.0.saturating_sub(other.money.0).max(0);
    }
}

impl Meter {
    /// A meter that has counted nothing.
    pub fn new(plan: KeyPlan) -> Self {
        Meter {
            plan,
            requests: Sliding::default(),
            tokens: Sliding::default(),
            day: Calendar::new(Span::Day),
            month: Calendar::new(Span::Month),
            taken: Spent::default(),
            running: 0,
            latest_ms: 0,
        }
    }

    /// The plan that counts.
    pub fn plan(&self) -> &KeyPlan {
        &self.plan
    }

    /// Another plan counts from now on, over what was counted already.
    pub fn set_plan(&mut self, now_ms: u64, plan: KeyPlan) {
        let now_ms = self.advance(now_ms);
        self.plan = plan;
        // The windows of another offset are the same windows.
        let offset = self.offset();
        self.day.index = Span::Day.index(now_ms, offset);
        self.month.index = Span::Month.index(now_ms, offset);
    }

    /// When the windows began: what [`restore`](Self::restore) wants to know is since then.
    pub fn starts(plan: &KeyPlan, now_ms: u64) -> Starts {
        let offset = plan.utc_offset.unwrap_or_default();
        let start = |span: Span| span.start_ms(span.index(now_ms, offset), offset);
        Starts {
            minute_ms: now_ms.saturating_sub(60_000),
            day_ms: start(Span::Day),
            month_ms: start(Span::Month),
        }
    }

    /// Counts what was used before this process began. The last minute counts as of now.
    pub fn restore(&mut self, now_ms: u64, restored: &Restored) {
        let now_ms = self.advance(now_ms);
        self.requests.add(now_ms, restored.minute_requests);
        self.tokens.add(now_ms, restored.minute_tokens);
        self.day.spent.add(restored.day);
        self.month.spent.add(restored.month);
    }

    /// Whether a request has a chance, and what is left for its answers. Takes nothing. Before its
    /// limit is decided, `need.output_tokens` is the number of its answers: one token for each.
    ///
    /// # Errors
    /// The first budget that it does not fit into: those that pass soonest come first.
    pub fn check(&mut self, now_ms: u64, need: &Need) -> Result<Allowance, Exceeded> {
        let now_ms = self.advance(now_ms);
        self.fits(now_ms, need)?;
        let output_tokens_left = self.output_tokens_left(need);
        Ok(Allowance { output_tokens_left, rates: self.rates(now_ms) })
    }

    /// Lets a request in: counts it, and takes what it may need.
    ///
    /// # Errors
    /// As [`check`](Self::check); then nothing is counted or taken.
    pub fn admit(&mut self, now_ms: u64, need: &Need) -> Result<Admission, Exceeded> {
        let now_ms = self.advance(now_ms);
        self.fits(now_ms, need)?;
        let taken = self.needed(need);
        let requests = need.requests.max(1);
        self.requests.add(now_ms, requests);
        self.taken.add(taken);
        self.running += requests;
        Ok(Admission { taken, requests })
    }

    /// Lets several requests in, or none of them.
    ///
    /// # Errors
    /// When they do not fit together, in the numbers of them all.
    pub fn admit_all(&mut self, now_ms: u64, needs: &[Need]) -> Result<Vec<Admission>, Exceeded> {
        let all = needs.iter().copied().reduce(Need::with).unwrap_or_default();
        self.check(now_ms, &all)?;
        // The sum fits, and so does each of them after the others, but for a rounding of money.
        let mut after = self.clone();
        let admissions: Result<Vec<_>, _> =
            needs.iter().map(|need| after.admit(now_ms, need)).collect();
        if admissions.is_ok() {
            *self = after;
        }
        admissions
    }

    /// A request has ended: gives back what it took and counts what it used.
    pub fn charge(&mut self, now_ms: u64, admission: Admission, spent: Spent) {
        let now_ms = self.advance(now_ms);
        self.taken.take(admission.taken);
        self.running = self.running.saturating_sub(admission.requests);
        self.tokens.add(now_ms, spent.tokens);
        self.day.spent.add(spent);
        self.month.spent.add(spent);
    }

    /// The numbers for headers.
    pub fn rates(&mut self, now_ms: u64) -> Rates {
        let now_ms = self.advance(now_ms);
        let held = self.taken.tokens;
        let rate = |limit: u64, used: u64, resets_at_ms: u64| Rate {
            limit,
            remaining: limit.saturating_sub(used),
            reset_ms: resets_at_ms.saturating_sub(now_ms),
        };
        let sliding = |limit: Option<u64>, window: &Sliding, held: u64| {
            let used = window.sum().saturating_add(held);
            Some(rate(limit?, used, window.sinks_to_ms(0, now_ms)))
        };
        let calendar = |limit: Option<u64>, window: &Calendar| {
            let used = window.spent.tokens.saturating_add(held);
            Some(rate(limit?, used, window.ends_ms(self.offset())))
        };
        let plan = &self.plan;
        let tokens = sliding(plan.tokens_per_minute, &self.tokens, held)
            .or_else(|| calendar(plan.tokens_per_day, &self.day))
            .or_else(|| calendar(plan.tokens_per_month, &self.month));
        Rates { requests: sliding(plan.requests_per_minute, &self.requests, 0), tokens }
    }

    /// Requests that were let in and have not ended.
    pub fn running(&self) -> u64 {
        self.running
    }

    fn offset(&self) -> UtcOffset {
        self.plan.utc_offset.unwrap_or_default()
    }

    /// Forgets what is over; gives the time that counts. Callers on several threads may come a
    /// little out of order: then it is the latest that was seen. A clock that was set back is
    /// followed, and what was counted stays counted.
    fn advance(&mut self, now_ms: u64) -> u64 {
        let is_late = now_ms < self.latest_ms && self.latest_ms - now_ms <= LATE_MS;
        let now_ms = if is_late { self.latest_ms } else { now_ms };
        self.latest_ms = now_ms;
        let offset = self.offset();
        self.requests.advance(now_ms);
        self.tokens.advance(now_ms);
        self.day.advance(now_ms, offset);
        self.month.advance(now_ms, offset);
        now_ms
    }
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
