//! Quotes: how many tokens, how long and how much, before a request runs.
//!
//! From rows of history that the caller finds alike, with an interval that eight of ten outcomes
//! fall into, and what it rests on. [`calibration`] holds past quotes against what happened.
//!
//! - Lengths: an answer cut at a limit says only that it would have been longer, so the
//!   distribution is Kaplan and Meier's (`lengths.rs`), and a limit larger than any in history is
//!   quoted without pretending that answers end where they used to be cut.
//! - Time: queue, plus prefill fitted on the prompt tokens that are computed, plus tokens times
//!   time per token (`time.rs`).
//! - Few rows widen: with `n` rows the interval is from the `floor(0.1 (n + 1))`-th to the
//!   `ceil(0.9 (n + 1))`-th of them, which holds for a next one drawn alike (order statistics);
//!   below 9 rows that is everything from nothing to the limit.

pub mod calibration;
mod lengths;
mod time;

#[cfg(test)]
mod tests;

pub use calibration::{Calibration, Held, Verdict, calibration};

use lengths::Lengths;

/// Rows that are looked at; of more, the first.
pub const ROWS_MAX: usize = 10_000;

/// One past answer.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Row {
    /// Tokens of the answer without its thinking.
    pub answer_tokens: u64,
    /// Tokens of thinking.
    pub thinking_tokens: u64,
    /// It ended by a limit, a deadline or its client, so it would have been longer.
    pub is_cut: bool,
    /// Tokens of the prompt.
    pub prompt_tokens: u64,
    /// Of these, tokens whose keys and values were already there.
    pub cached_tokens: u64,
    /// Time in the queue; none when unknown.
    pub queue_ms: Option<f64>,
    /// Time from arrival to the first token, the queue included; none when unknown.
    pub ttft_ms: Option<f64>,
    /// Time per token after the first; none when unknown.
    pub tpot_ms: Option<f64>,
}

/// What is known about the request to come.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Facts {
    /// Tokens of the prompt.
    pub prompt_tokens: u64,
    /// Of these, tokens that are likely cached.
    pub cached_tokens: u64,
    /// The effective limit on thinking and answer together.
    pub limit_tokens: u64,
    /// Answers asked for (`n`); zero counts as one.
    pub choices: u32,
    /// The wait that the queue means now; none to take the waits of history.
    pub queue_ms: Option<f64>,
}

/// Tokens to be paid for, by kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Billed {
    /// Prompt tokens that are computed.
    pub prompt_tokens: u64,
    /// Prompt tokens that were cached.
    pub cached_tokens: u64,
    /// Tokens of thinking, over all choices.
    pub thinking_tokens: u64,
    /// Tokens of answers, over all choices.
    pub answer_tokens: u64,
}

/// Three quantiles: one of ten is below `p10`, half below `p50`, nine of ten up to `p90`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Interval<T> {
    /// Lower end.
    pub p10: T,
    /// Middle.
    pub p50: T,
    /// Upper end.
    pub p90: T,
}

/// What a quote's tokens or time rest on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Basis {
    /// Enough history for both ends.
    History,
    /// Some history, but an end is a bound: too few rows, or none that long was seen to its end.
    Sparse,
    /// No history: the interval is everything that the limit allows.
    Bound,
}

impl Basis {
    /// `history`, `sparse` or `bound`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::History => "history",
            Self::Sparse => "sparse",
            Self::Bound => "bound",
        }
    }
}

/// What was taken for granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Assumption {
    /// Without history an answer may be anything up to the limit; the middle is the limit itself.
    WholeLimit,
    /// Fewer than 9 rows: an interval from nothing to the limit.
    FewRows,
    /// Some answers were cut; how long they would have been is estimated.
    CutAnswers,
    /// No answer was seen to end as late as the upper end, so that is the limit.
    UnseenTail,
    /// Thinking is the share of tokens that it was in history.
    ThinkingShare,
    /// All choices are as long as each other.
    EqualChoices,
    /// The wait is that of history, not of the queue now.
    QueueOfHistory,
    /// The machine is as busy as it was in history.
    SpeedOfHistory,
}

impl Assumption {
    /// A sentence for people.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::WholeLimit => "no history: anything up to the limit is possible",
            Self::FewRows => "fewer than 9 answers in history: from nothing to the limit",
            Self::CutAnswers => "answers cut at a limit count as longer than they are",
            Self::UnseenTail => "no answer was seen to end so late: the upper end is the limit",
            Self::ThinkingShare => "thinking is the share of tokens that it was in history",
            Self::EqualChoices => "all choices are equally long",
            Self::QueueOfHistory => "the wait in the queue is as in history",
            Self::SpeedOfHistory => "the server is as busy as in history",
        }
    }
}

/// A quote.
#[derive(Clone, Debug, PartialEq)]
pub struct Quote {
    /// Tokens of one choice, thinking and answer together; never beyond the limit.
    pub tokens: Interval<u64>,
    /// What [`Quote::tokens`] rests on.
    pub tokens_basis: Basis,
    /// Time until the last token; none without times in history.
    pub ms: Option<Interval<f64>>,
    /// What [`Quote::ms`] rests on; [`Basis::Bound`] without it.
    pub ms_basis: Basis,
    /// What the prompt and the tokens of all choices cost, in the caller's unit.
    pub cost: Interval<i64>,
    /// Rows whose length was used.
    pub rows: usize,
    /// Of these, rows that were cut.
    pub cut_rows: usize,
    /// Rows whose times were used.
    pub timed_rows: usize,
    /// What was taken for granted, each once.
    pub assumptions: Vec<Assumption>,
}

/// Quotes a request from rows that are like it. `cost` says what tokens cost (integer, in any
/// unit); it is called three times.
pub fn quote(rows: &[Row], facts: &Facts, cost: &dyn Fn(&Billed) -> i64) -> Quote {
    let rows = &rows[..rows.len().min(ROWS_MAX)];
    let lengths = Lengths::of(rows);
    let (tokens, tokens_basis) = lengths.interval(facts.limit_tokens);
    let times = time::interval(rows, facts, &lengths);
    let shares = ThinkingShare::of(rows);
    let billed = |tokens: u64| cost(&shares.billed(facts, tokens));
    let mut quote = Quote {
        tokens,
        tokens_basis,
        ms: times.ms,
        ms_basis: times.basis,
        cost: Interval {
            p10: billed(tokens.p10),
            p50: billed(tokens.p50),
            p90: billed(tokens.p90),
        },
        rows: rows.len(),
        cut_rows: rows.iter().filter(|row| row.is_cut).count(),
        timed_rows: times.rows,
        assumptions: Vec::new(),
    };
    quote.assumptions = assumptions(&quote, facts, &shares);
    quote
}

fn assumptions(quote: &Quote, facts: &Facts, shares: &ThinkingShare) -> Vec<Assumption> {
    let has_history = quote.rows > 0;
    let is_few = has_history && quote.rows < lengths::ROWS_FOR_AN_INTERVAL;
    let is_sparse = quote.tokens_basis == Basis::Sparse;
    [
        (!has_history, Assumption::WholeLimit),
        (is_few, Assumption::FewRows),
        (quote.cut_rows > 0, Assumption::CutAnswers),
        (is_sparse && !is_few, Assumption::UnseenTail),
        (shares.thinking > 0, Assumption::ThinkingShare),
        (facts.choices > 1, Assumption::EqualChoices),
        (quote.ms.is_some() && facts.queue_ms.is_none(), Assumption::QueueOfHistory),
        (quote.ms.is_some(), Assumption::SpeedOfHistory),
    ]
    .into_iter()
    .filter_map(|(holds, assumption)| holds.then_some(assumption))
    .collect()
}

/// How much of history's tokens were thinking.
struct ThinkingShare {
    thinking: u128,
    all: u128,
}

impl ThinkingShare {
    fn of(rows: &[Row]) -> Self {
        let thinking = rows.iter().map(|row| u128::from(row.thinking_tokens)).sum();
        let answer: u128 = rows.iter().map(|row| u128::from(row.answer_tokens)).sum();
        Self { thinking, all: thinking + answer }
    }

    /// `tokens` of each choice by kind. Both kinds only grow with `tokens`, so that a cost does.
    fn billed(&self, facts: &Facts, tokens: u64) -> Billed {
        let choices = u64::from(facts.choices.max(1));
        let thinking = u128::from(tokens).saturating_mul(self.thinking) / self.all.max(1);
        let thinking = u64::try_from(thinking).unwrap_or(tokens).min(tokens);
        let cached_tokens = facts.cached_tokens.min(facts.prompt_tokens);
        Billed {
            prompt_tokens: facts.prompt_tokens - cached_tokens,
            cached_tokens,
            thinking_tokens: thinking.saturating_mul(choices),
            answer_tokens: (tokens - thinking).saturating_mul(choices),
        }
    }
}
