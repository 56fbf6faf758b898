//! What keys have used and may use: a meter per key, restored from the ledger when a key is first
//! seen, so that a restart forgives nothing.

use super::govern::Begun;
use crate::error::ApiError;
use axum::http::{HeaderName, HeaderValue};
use ledger::{Ledger, LedgerError};
use policy::Who;
use policy::budget::{Admission, Exceeded, Meter, Need, Rates, Restored, Spent};
use policy::config::KeyPlan;
use policy::price::{Cost, Money, Used};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

/// The meters of all keys that were seen. There are no more than keys in the ledger.
pub(super) struct Meters {
    ledger: Ledger,
    /// By the id of the key; all requests without one are one.
    by_key: Mutex<HashMap<Option<String>, Meter>>,
}

/// What a request that was let in holds of its key's budgets. It is given back when it is charged,
/// or dropped because the request never ran.
pub(super) struct Held {
    meters: Arc<Meters>,
    key: Option<String>,
    admission: Option<Admission>,
}

impl Meters {
    /// Meters that are restored from this ledger.
    pub fn new(ledger: Ledger) -> Arc<Meters> {
        Arc::new(Meters { ledger, by_key: Mutex::default() })
    }

    /// Sees to it that a key has its meter. Reads the ledger, the first time: not for a thread that
    /// others wait for.
    ///
    /// # Errors
    /// When the ledger cannot be read: nobody knows what the key has used.
    pub fn make_ready(&self, who: &Who, currency: &str) -> Result<(), LedgerError> {
        let key = who.key.as_ref().map(|key| key.id.clone());
        if self.lock().contains_key(&key) {
            return Ok(());
        }
        let now_ms = now_ms();
        let mut meter = Meter::new(who.key_plan.clone());
        let restored = self.restored(key.as_deref(), &who.key_plan, currency, now_ms)?;
        meter.restore(now_ms, &restored);
        // Another request of the key may have been faster: its meter has counted since.
        self.lock().entry(key).or_insert(meter);
        Ok(())
    }

    fn restored(
        &self,
        key: Option<&str>,
        plan: &KeyPlan,
        currency: &str,
        now_ms: u64,
    ) -> Result<Restored, LedgerError> {
        let starts = Meter::starts(plan, now_ms);
        let since = |since_ms: u64| self.ledger.spent(key, since_ms);
        let spent = |sums: &ledger::Spent| Spent {
            tokens: sums.tokens(),
            money: Money(sums.cost_nano(currency)),
        };
        let minute = since(starts.minute_ms)?;
        Ok(Restored {
            minute_requests: minute.requests,
            minute_tokens: minute.tokens(),
            day: spent(&since(starts.day_ms)?),
            month: spent(&since(starts.month_ms)?),
        })
    }

    /// Whether a key whose meter is there has room for one more request, whatever its prompt is.
    ///
    /// # Errors
    /// 429 when it has none.
    pub fn check_rates(&self, begun: &Begun) -> Result<(), ApiError> {
        let is_ready =
            self.lock().contains_key(&begun.who().key.as_ref().map(|key| key.id.clone()));
        if is_ready {
            self.check(begun, &begun.need(0, begun.choices()))?;
        }
        Ok(())
    }

    /// Tokens that a key's budgets leave to the answers of a request; none for no bound.
    ///
    /// # Errors
    /// 429 when there is no room for the request at all.
    pub fn check(&self, begun: &Begun, need: &Need) -> Result<Option<u64>, ApiError> {
        let allowance = self.with(begun.who(), |meter| meter.check(now_ms(), need));
        let refused = |exceeded: Exceeded| self.refusal(begun, &exceeded);
        Ok(allowance.map_err(refused)?.output_tokens_left)
    }

    /// Lets requests of one key in, all or none: takes what they may need, until each returned hold
    /// is charged or dropped.
    ///
    /// # Errors
    /// 429 when there is no room, as after others came in between.
    pub fn admit_all(
        self: &Arc<Self>,
        begun: &Begun,
        needs: &[Need],
    ) -> Result<(Vec<Held>, Rates), ApiError> {
        let (admissions, rates) = self.with(begun.who(), |meter| {
            let admissions = meter.admit_all(now_ms(), needs);
            (admissions, meter.rates(now_ms()))
        });
        let admissions = admissions.map_err(|exceeded| self.refusal(begun, &exceeded))?;
        let key = begun.who().key.as_ref().map(|key| key.id.clone());
        let held = |admission| Held {
            meters: Arc::clone(self),
            key: key.clone(),
            admission: Some(admission),
        };
        Ok((admissions.into_iter().map(held).collect(), rates))
    }

    fn refusal(&self, begun: &Begun, exceeded: &Exceeded) -> ApiError {
        let rates = self.with(begun.who(), |meter| meter.rates(now_ms()));
        let mut error = ApiError::from(exceeded.refusal(&begun.config().currency));
        error.headers.extend(headers(&rates));
        error
    }

    /// Does something with the meter of who asks, under the plan that counts now.
    fn with<T>(&self, who: &Who, work: impl FnOnce(&mut Meter) -> T) -> T {
        let key = who.key.as_ref().map(|key| key.id.clone());
        let mut by_key = self.lock();
        let meter = by_key.entry(key).or_insert_with(|| Meter::new(who.key_plan.clone()));
        if *meter.plan() != who.key_plan {
            meter.set_plan(now_ms(), who.key_plan.clone());
        }
        work(meter)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Option<String>, Meter>> {
        self.by_key.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Held {
    /// Gives back what was taken and counts what was used.
    pub fn charge(&mut self, used: &Used, cost: &Cost) {
        let tokens = [
            used.prompt_tokens,
            used.cached_prompt_tokens,
            used.thinking_tokens,
            used.answer_tokens,
        ];
        self.give_back(Spent { tokens: tokens.iter().sum(), money: cost.total });
    }

    fn give_back(&mut self, spent: Spent) {
        let Some(admission) = self.admission.take() else { return };
        if let Some(meter) = self.meters.lock().get_mut(&self.key) {
            meter.charge(now_ms(), admission, spent);
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.give_back(Spent::default());
    }
}

/// The numbers of a key's rates, as headers.
pub(super) fn headers(rates: &Rates) -> Vec<(HeaderName, HeaderValue)> {
    let header = |(name, value): (&'static str, String)| {
        Some((HeaderName::from_static(name), HeaderValue::from_str(&value).ok()?))
    };
    rates.headers().into_iter().filter_map(header).collect()
}

/// Milliseconds since 1970.
fn now_ms() -> u64 {
    let since_1970 = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since_1970.map_or(0, |time| time.as_millis() as u64)
}
