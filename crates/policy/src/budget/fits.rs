//! Whether a request fits into the budgets.

use super::sliding::Sliding;
use super::{Calendar, Exceeded, Meter, Need, Spent, Which};
use crate::config::Reserve;
use crate::price::{Money, Prices, Used};

/// The shortest wait that is told.
const RETRY_MS: u64 = 1000;

impl Meter {
    fn is_strict(&self) -> bool {
        self.plan.reserve == Some(Reserve::Limit)
    }

    /// What a request takes while it runs. One token of output at least, since no request ends
    /// without.
    pub(super) fn needed(&self, need: &Need) -> Spent {
        let output_tokens =
            if self.is_strict() { need.output_tokens } else { need.requests.max(1) };
        let Need { prompt_tokens, prices, .. } = *need;
        let output = prices.answer.max(prices.thinking());
        let prompt = prices.prompt.max(prices.cached_prompt());
        let dearest = Prices { prompt, answer: output, ..Prices::default() };
        let used = Used { prompt_tokens, answer_tokens: output_tokens, ..Used::default() };
        let tokens = prompt_tokens.saturating_add(output_tokens);
        Spent { tokens, money: dearest.cost(&used).total }
    }

    /// Tokens of output for which day and month have room. In a strict plan a request that is
    /// larger than a whole minute would wait for ever, so that bounds it as well.
    pub(super) fn output_tokens_left(&self, need: &Need) -> Option<u64> {
        let plan = &self.plan;
        let tokens = |limit: Option<u64>, window: &Calendar| {
            let used = window.spent.tokens.saturating_add(self.taken.tokens);
            Some(limit?.saturating_sub(used).saturating_sub(need.prompt_tokens))
        };
        let money = |limit: Option<Money>, window: &Calendar| {
            let used = window.spent.money.0.saturating_add(self.taken.money.0);
            let left = Money(limit?.0.saturating_sub(used));
            need.prices.output_tokens_for(left, need.prompt_tokens)
        };
        let minute = plan.tokens_per_minute.filter(|_| self.is_strict());
        [
            tokens(plan.tokens_per_day, &self.day),
            tokens(plan.tokens_per_month, &self.month),
            money(plan.money_per_day, &self.day),
            money(plan.money_per_month, &self.month),
            minute.map(|limit| limit.saturating_sub(need.prompt_tokens)),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// The first budget that a request does not fit into, those that pass soonest first.
    pub(super) fn fits(&self, now_ms: u64, need: &Need) -> Result<(), Exceeded> {
        let plan = &self.plan;
        let needed = self.needed(need);
        let count = need.requests.max(1);
        self.fits_running(count)?;
        let (requests, tokens) = (&self.requests, &self.tokens);
        let which = Which::RequestsPerMinute;
        self.fits_rate(which, plan.requests_per_minute, requests, 0, count, now_ms)?;
        let held = self.taken.tokens;
        let which = Which::TokensPerMinute;
        self.fits_rate(which, plan.tokens_per_minute, tokens, held, needed.tokens, now_ms)?;
        for (window, which, tokens_limit, money_which, money_limit) in [
            (
                &self.day,
                Which::TokensPerDay,
                plan.tokens_per_day,
                Which::MoneyPerDay,
                plan.money_per_day,
            ),
            (
                &self.month,
                Which::TokensPerMonth,
                plan.tokens_per_month,
                Which::MoneyPerMonth,
                plan.money_per_month,
            ),
        ] {
            let nano = |money: Money| money.0.max(0) as u64;
            let spent = (window.spent.tokens, held);
            self.fits_calendar(which, tokens_limit, window, spent, needed.tokens, now_ms)?;
            let limit = money_limit.map(nano);
            let spent = (nano(window.spent.money), nano(self.taken.money));
            self.fits_calendar(money_which, limit, window, spent, nano(needed.money), now_ms)?;
        }
        Ok(())
    }

    fn fits_running(&self, count: u64) -> Result<(), Exceeded> {
        match self.plan.concurrency {
            Some(limit) if self.running.saturating_add(count) > limit => Err(Exceeded {
                retry_after_ms: (count <= limit).then_some(RETRY_MS),
                ..self.exceeded(Which::Concurrency, limit, self.running, count)
            }),
            _ => Ok(()),
        }
    }

    fn fits_rate(
        &self,
        which: Which,
        limit: Option<u64>,
        window: &Sliding,
        held: u64,
        needed: u64,
        now_ms: u64,
    ) -> Result<(), Exceeded> {
        let Some(limit) = limit else { return Ok(()) };
        let used = window.sum().saturating_add(held);
        if used.saturating_add(needed) <= limit {
            return Ok(());
        }
        let mut exceeded = self.exceeded(which, limit, used, needed);
        if needed <= limit {
            let most = (limit - needed).checked_sub(held);
            exceeded.resets_at_ms = most.map(|most| window.sinks_to_ms(most, now_ms));
            let wait = exceeded.resets_at_ms.map_or(0, |at| at.saturating_sub(now_ms));
            exceeded.retry_after_ms = Some(wait.max(RETRY_MS));
        }
        Err(exceeded)
    }

    fn fits_calendar(
        &self,
        which: Which,
        limit: Option<u64>,
        window: &Calendar,
        (spent, held): (u64, u64),
        needed: u64,
        now_ms: u64,
    ) -> Result<(), Exceeded> {
        let Some(limit) = limit else { return Ok(()) };
        let used = spent.saturating_add(held);
        if used.saturating_add(needed) <= limit {
            return Ok(());
        }
        let mut exceeded = self.exceeded(which, limit, used, needed);
        if spent.saturating_add(needed) <= limit {
            // Running requests hold the rest, and give back what they do not use.
            exceeded.retry_after_ms = Some(RETRY_MS);
        } else if needed <= limit {
            let ends_ms = window.ends_ms(self.offset());
            exceeded.resets_at_ms = Some(ends_ms);
            exceeded.retry_after_ms = Some(ends_ms.saturating_sub(now_ms).max(RETRY_MS));
        }
        Err(exceeded)
    }

    fn exceeded(&self, which: Which, limit: u64, used: u64, needed: u64) -> Exceeded {
        Exceeded {
            which,
            limit,
            used,
            remaining: limit.saturating_sub(used),
            needed,
            resets_at_ms: None,
            retry_after_ms: None,
            utc_offset: self.offset(),
        }
    }
}
