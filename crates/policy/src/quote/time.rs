//! Seconds: queue, prefill and tokens, each from history, put together as if independent.

use super::lengths::{Length, Lengths, ROWS_FOR_AN_INTERVAL};
use super::{Basis, Facts, Interval, Row};

/// Combinations of parts that are tried: evenly spread, so that their quantiles are stable.
const SAMPLES: usize = 1024;
/// Rows that a line is fitted to; the number of slopes is its square.
const FIT_ROWS_MAX: usize = 128;
/// Rows of which at least half must differ in prompt length for a slope to be seen.
const FIT_ROWS_MIN: usize = 4;

/// The time part of a quote.
pub(super) struct Times {
    pub ms: Option<Interval<f64>>,
    pub basis: Basis,
    pub rows: usize,
}

/// Time until the last token of one choice under the limit.
pub(super) fn interval(rows: &[Row], facts: &Facts, lengths: &Lengths) -> Times {
    let nothing = Times { ms: None, basis: Basis::Bound, rows: 0 };
    let Some(parts) = Parts::of(rows, facts) else { return nothing };
    let mut sampled: Vec<f64> = (0..SAMPLES)
        .map(|index| parts.total(lengths, facts.limit_tokens, &spread(index)))
        .collect();
    sampled.sort_by(f64::total_cmp);
    let at = |rank: f64| {
        let index = (rank * SAMPLES as f64).ceil() as usize;
        sampled[index.clamp(1, SAMPLES) - 1]
    };
    let rows = parts.rows;
    let high_rank = (9 * (rows + 1)).div_ceil(10);
    let low_rank = (rows + 1) / 10;
    let p50 = at(0.5);
    let p10 = match low_rank {
        0 => parts.least(),
        rank => at(rank as f64 / rows as f64),
    };
    let p90 = match high_rank > rows {
        true => parts.most(facts.limit_tokens),
        false => at(high_rank as f64 / rows as f64),
    };
    let tokens_basis = lengths.interval(facts.limit_tokens).1;
    let basis = if rows < ROWS_FOR_AN_INTERVAL { Basis::Sparse } else { tokens_basis };
    Times { ms: Some(Interval { p10: p10.min(p50), p50, p90: p90.max(p50) }), basis, rows }
}

/// What a request's time is made of, each part sorted.
struct Parts {
    queue_ms: Vec<f64>,
    /// For the request's own prompt: the fitted line plus what rows were above or below it.
    prefill_ms: Vec<f64>,
    tpot_ms: Vec<f64>,
    rows: usize,
}

impl Parts {
    /// None unless some row says how long a first and a next token take.
    fn of(rows: &[Row], facts: &Facts) -> Option<Self> {
        let queue_ms = match known(facts.queue_ms) {
            Some(now) => vec![now],
            None => sorted(rows.iter().filter_map(|row| known(row.queue_ms))),
        };
        let tpot_ms = sorted(rows.iter().filter_map(|row| known(row.tpot_ms)));
        let computed = facts.prompt_tokens.saturating_sub(facts.cached_tokens) as f64;
        let points: Vec<(f64, f64)> = rows.iter().filter_map(prefill_point).collect();
        let slope = slope(&points);
        let prefill_ms =
            sorted(points.iter().map(|(tokens, ms)| (ms + slope * (computed - tokens)).max(0.0)));
        let rows = prefill_ms.len().min(tpot_ms.len());
        let queue_ms = if queue_ms.is_empty() { vec![0.0] } else { queue_ms };
        (rows > 0).then_some(Self { queue_ms, prefill_ms, tpot_ms, rows })
    }

    /// One combination; `levels` are four numbers from 0 to 1.
    fn total(&self, lengths: &Lengths, limit_tokens: u64, levels: &[f64; 4]) -> f64 {
        let tokens = match lengths.quantile(levels[0]) {
            Length::Tokens(tokens) => tokens.min(limit_tokens),
            Length::Unseen => limit_tokens,
        };
        let [_, tpot, prefill, queue] = *levels;
        level(&self.queue_ms, queue)
            + level(&self.prefill_ms, prefill)
            + tokens.saturating_sub(1) as f64 * level(&self.tpot_ms, tpot)
    }

    /// The first token alone, at its fastest.
    fn least(&self) -> f64 {
        level(&self.queue_ms, 0.0) + level(&self.prefill_ms, 0.0)
    }

    /// The whole limit, each part at its slowest.
    fn most(&self, limit_tokens: u64) -> f64 {
        level(&self.queue_ms, 1.0)
            + level(&self.prefill_ms, 1.0)
            + limit_tokens.saturating_sub(1) as f64 * level(&self.tpot_ms, 1.0)
    }
}

/// Computed prompt tokens and the milliseconds that they took.
fn prefill_point(row: &Row) -> Option<(f64, f64)> {
    let ms = known(row.ttft_ms)? - known(row.queue_ms).unwrap_or(0.0);
    Some((row.prompt_tokens.saturating_sub(row.cached_tokens) as f64, ms.max(0.0)))
}

/// Milliseconds per prompt token: the median of all pairs' slopes (Theil 1950, Sen 1968), which a
/// few stalled rows do not bend; never negative.
fn slope(points: &[(f64, f64)]) -> f64 {
    let stride = points.len().div_ceil(FIT_ROWS_MAX).max(1);
    let points: Vec<_> = points.iter().step_by(stride).collect();
    if points.len() < FIT_ROWS_MIN {
        return 0.0;
    }
    let mut slopes = Vec::new();
    for (index, (x, y)) in points.iter().enumerate() {
        let later = points[index + 1..].iter().filter(|other| other.0 != *x);
        slopes.extend(later.map(|other| (other.1 - y) / (other.0 - x)));
    }
    let slopes = sorted(slopes.into_iter());
    if slopes.len() < points.len() / 2 { 0.0 } else { level(&slopes, 0.5).max(0.0) }
}

/// The value at a level of a sorted list that is not empty.
fn level(sorted: &[f64], level: f64) -> f64 {
    let rank = (level * sorted.len() as f64).ceil() as usize;
    sorted[rank.clamp(1, sorted.len()) - 1]
}

fn sorted(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values
}

/// A time that can be one.
fn known(ms: Option<f64>) -> Option<f64> {
    ms.filter(|ms| ms.is_finite() && *ms >= 0.0)
}

/// Point `index` of an additive recurrence that fills the cube of four dimensions evenly: powers of
/// the reciprocal root of `x^5 = x + 1` (Roberts 2018).
fn spread(index: usize) -> [f64; 4] {
    const ROOT: f64 = 1.167_303_978_261_418_7;
    let mut step = 1.0;
    std::array::from_fn(|_| {
        step /= ROOT;
        (0.5 + step * (index + 1) as f64).fract()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_found_through_outliers() {
        let mut points: Vec<_> = (0..40).map(|n| (n as f64 * 10.0, 5.0 + n as f64 * 2.0)).collect();
        for point in points.iter_mut().step_by(7) {
            point.1 += 500.0;
        }
        assert!((slope(&points) - 0.2).abs() < 0.02, "{}", slope(&points));
        assert_eq!(slope(&[(10.0, 5.0); 20]), 0.0);
    }

    #[test]
    fn points_are_spread_evenly() {
        for dimension in 0..4 {
            let low = (0..SAMPLES).filter(|index| spread(*index)[dimension] < 0.1).count() as f64;
            assert!((low / SAMPLES as f64 - 0.1).abs() < 0.01, "{dimension}: {low}");
        }
    }

    #[test]
    fn time_is_queue_and_prefill_and_tokens() {
        let row = |prompt_tokens: u64| Row {
            answer_tokens: 101,
            prompt_tokens,
            queue_ms: Some(3.0),
            ttft_ms: Some(3.0 + 20.0 + prompt_tokens as f64 * 0.5),
            tpot_ms: Some(10.0),
            ..Row::default()
        };
        let rows: Vec<_> = (1..=30).map(|n| row(n * 10)).collect();
        let facts =
            Facts { prompt_tokens: 600, cached_tokens: 200, limit_tokens: 500, ..Facts::default() };
        let times = interval(&rows, &facts, &Lengths::of(&rows));
        let ms = times.ms.expect("times in every row");
        for value in [ms.p10, ms.p50, ms.p90] {
            assert!((value - (3.0 + 20.0 + 400.0 * 0.5 + 100.0 * 10.0)).abs() < 1e-6, "{ms:?}");
        }
        let now = Facts { queue_ms: Some(1000.0), ..facts };
        let later = interval(&rows, &now, &Lengths::of(&rows)).ms.expect("the same rows");
        assert!((later.p50 - ms.p50 - 997.0).abs() < 1e-6);
    }
}
