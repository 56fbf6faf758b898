//! What requests will take, foretold from those that went before, and whether that held.

use super::govern::{Begun, Governed};
use ledger::{Filter, HistoryRow, Ledger, LedgerError, QuoteOutcome, Quoted, Spread};
use policy::Class;
use policy::price::Used;
use policy::quote::{self, Billed, Facts, Held, Interval, Quote, Row};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Requests of the past that are looked at, of all classes together.
const ROWS_MAX: usize = 2000;
/// Fewer of a class than this are joined by those of other classes.
const ROWS_OF_CLASS_MIN: usize = 30;
/// Quotes of the past that are held against what came.
const OUTCOMES_MAX: usize = 1000;
/// How long the past stays as it was read: quotes need not know the last second.
const FRESH_FOR: Duration = Duration::from_secs(5);

/// What was read of the past, by model.
pub(super) struct Quotes {
    ledger: Ledger,
    past: Mutex<HashMap<String, Past>>,
}

/// A model's past, and when it was read.
struct Past {
    read: Instant,
    all: Arc<Vec<Row>>,
    of_class: HashMap<String, Arc<Vec<Row>>>,
}

impl Past {
    fn of(history: &[HistoryRow]) -> Past {
        let mut of_class: HashMap<String, Vec<Row>> = HashMap::new();
        for past in history {
            of_class.entry(past.class.clone().unwrap_or_default()).or_default().push(row(past));
        }
        Past {
            read: Instant::now(),
            all: Arc::new(history.iter().map(row).collect()),
            of_class: of_class.into_iter().map(|(class, rows)| (class, Arc::new(rows))).collect(),
        }
    }

    fn rows(&self, class: Class) -> Arc<Vec<Row>> {
        let own = self.of_class.get(class.as_str()).filter(|own| own.len() >= ROWS_OF_CLASS_MIN);
        Arc::clone(own.unwrap_or(&self.all))
    }
}

impl Quotes {
    /// From this ledger.
    pub fn new(ledger: Ledger) -> Self {
        Quotes { ledger, past: Mutex::default() }
    }

    /// The past of requests like this one. Reads the ledger now and then: not for a thread that
    /// others wait for.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub fn past(&self, begun: &Begun) -> Result<Arc<Vec<Row>>, LedgerError> {
        let model = &begun.who().model;
        let lock = || self.past.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(past) = lock().get(model).filter(|past| past.read.elapsed() < FRESH_FOR) {
            return Ok(past.rows(begun.class()));
        }
        let of_model = Filter { model: Some(model.clone()), ..Filter::default() };
        let past = Past::of(&self.ledger.history(&of_model, ROWS_MAX)?);
        let rows = past.rows(begun.class());
        lock().insert(model.clone(), past);
        Ok(rows)
    }
}

/// How quotes of a model held.
///
/// # Errors
/// When the ledger cannot be read.
pub(super) fn calibration(ledger: &Ledger, model: &str) -> Result<Value, LedgerError> {
    let filter = Filter { model: Some(model.to_owned()), ..Filter::default() };
    let outcomes = ledger.quotes(&filter, OUTCOMES_MAX)?;
    let of = |held: fn(&QuoteOutcome) -> Option<Held>| {
        let held: Vec<Held> = outcomes.iter().filter_map(held).collect();
        let found = quote::calibration(&held);
        json!({
            "count": found.count,
            "within_share": found.within_share,
            "within_low": found.within_low,
            "within_high": found.within_high,
            "below_share": found.below_share,
            "above_share": found.above_share,
            "verdict": found.verdict.as_str(),
        })
    };
    Ok(json!({
        "tokens": of(|one| Some(held(one.quoted.tokens, |n| n as f64, one.tokens as f64))),
        "ms": of(|one| Some(held(one.quoted.ms, |ms| ms, one.total_ms?))),
        "cost": of(|one| {
            Some(held(one.quoted.cost_nano, |nano| nano as f64, one.cost_nano as f64))
        }),
    }))
}

fn held<T: Copy>(quoted: Spread<T>, number: fn(T) -> f64, outcome: f64) -> Held {
    let Spread { p10, p50, p90 } = quoted;
    Held { quoted: Interval { p10: number(p10), p50: number(p50), p90: number(p90) }, outcome }
}

/// One answer of the past: of several choices each is taken to be as long as the others.
fn row(past: &HistoryRow) -> Row {
    let choices = past.choices.max(1);
    Row {
        answer_tokens: past.answer_tokens / choices,
        thinking_tokens: past.thinking_tokens / choices,
        is_cut: past.finish_reason.as_deref() == Some("length"),
        prompt_tokens: past.prompt_tokens,
        cached_tokens: past.cached_tokens,
        queue_ms: past.queue_ms,
        ttft_ms: past.ttft_ms,
        tpot_ms: past.tpot_ms,
    }
}

/// The quote of a request whose limit is decided.
pub(super) fn of(rows: &[Row], governed: &Governed, prompt_tokens: usize, choices: u64) -> Quote {
    let facts = Facts {
        prompt_tokens: prompt_tokens as u64,
        cached_tokens: 0,
        limit_tokens: governed.plan.max_tokens(),
        choices: u32::try_from(choices).unwrap_or(u32::MAX),
        queue_ms: None,
    };
    let cost = |billed: &Billed| {
        let used = Used {
            prompt_tokens: billed.prompt_tokens,
            cached_prompt_tokens: billed.cached_tokens,
            thinking_tokens: billed.thinking_tokens,
            answer_tokens: billed.answer_tokens,
        };
        governed.prices.cost(&used).total.0
    };
    quote::quote(rows, &facts, &cost)
}

/// What the ledger keeps of a quote, to see later whether it held; none without times.
pub(super) fn kept(quote: &Quote, choices: u64) -> Option<Quoted> {
    let spread = |Interval { p10, p50, p90 }: Interval<f64>| Spread { p10, p50, p90 };
    let tokens = |tokens: u64| tokens.saturating_mul(choices.max(1));
    let Interval { p10, p50, p90 } = quote.tokens;
    let cost = quote.cost;
    Some(Quoted {
        tokens: Spread { p10: tokens(p10), p50: tokens(p50), p90: tokens(p90) },
        ms: spread(quote.ms?),
        cost_nano: Spread { p10: cost.p10, p50: cost.p50, p90: cost.p90 },
    })
}

/// A quote as it is told.
pub(super) fn to_json(quote: &Quote, currency: &str) -> Value {
    let units = |nano: i64| nano as f64 / 1e9;
    let (tokens, cost) = (quote.tokens, quote.cost);
    let ms = quote.ms.map(|ms| {
        let rounded = |ms: f64| (ms * 1e3).round() / 1e3;
        json!({
            "p10": rounded(ms.p10), "p50": rounded(ms.p50), "p90": rounded(ms.p90),
            "basis": quote.ms_basis.as_str(),
        })
    });
    json!({
        "tokens": {
            "p10": tokens.p10, "p50": tokens.p50, "p90": tokens.p90,
            "basis": quote.tokens_basis.as_str(),
        },
        "ms": ms,
        "cost": {
            "currency": currency,
            "p10": units(cost.p10), "p50": units(cost.p50), "p90": units(cost.p90),
        },
        "rows": quote.rows,
        "cut_rows": quote.cut_rows,
        "timed_rows": quote.timed_rows,
        "assumptions": quote.assumptions.iter().map(|one| one.sentence()).collect::<Vec<_>>(),
    })
}
