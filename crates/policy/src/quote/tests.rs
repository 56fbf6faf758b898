//! Contracts over arbitrary history, and traffic made up to see whether quotes hold.

use proptest::prelude::*;

use super::*;

fn price(billed: &Billed) -> i64 {
    (billed.prompt_tokens * 3 + billed.cached_tokens) as i64
        + (billed.thinking_tokens * 5 + billed.answer_tokens * 7) as i64
}

#[test]
fn without_history_everything_up_to_the_limit_is_possible() {
    let facts = Facts { prompt_tokens: 10, limit_tokens: 500, choices: 2, ..Facts::default() };
    let quote = quote(&[], &facts, &price);
    assert_eq!(quote.tokens, Interval { p10: 0, p50: 500, p90: 500 });
    assert_eq!(quote.tokens_basis, Basis::Bound);
    assert_eq!((quote.ms, quote.ms_basis), (None, Basis::Bound));
    assert_eq!(quote.cost, Interval { p10: 30, p50: 7030, p90: 7030 });
    assert_eq!(quote.assumptions, [Assumption::WholeLimit, Assumption::EqualChoices]);
}

#[test]
fn thinking_is_paid_at_its_own_price() {
    let row = Row { thinking_tokens: 30, answer_tokens: 10, ..Row::default() };
    let facts =
        Facts { prompt_tokens: 100, cached_tokens: 64, limit_tokens: 400, ..Facts::default() };
    let quote = quote(&[row; 20], &facts, &price);
    assert_eq!(quote.cost.p50, 36 * 3 + 64 + 30 * 5 + 10 * 7);
    assert!(quote.assumptions.contains(&Assumption::ThinkingShare));
    assert_eq!((quote.rows, quote.cut_rows, quote.timed_rows), (20, 0, 0));
}

fn any_ms() -> impl Strategy<Value = Option<f64>> {
    prop_oneof![Just(None), Just(Some(f64::NAN)), (-5.0..5e4).prop_map(Some)]
}

prop_compose! {
    fn any_row()(
        answer_tokens in prop_oneof![0u64..400, Just(u64::MAX)],
        thinking_tokens in 0u64..400,
        is_cut: bool,
        prompt_tokens in 0u64..3000,
        cached_tokens in 0u64..3000,
        queue_ms in any_ms(),
        ttft_ms in any_ms(),
        tpot_ms in any_ms(),
    ) -> Row {
        Row {
            answer_tokens, thinking_tokens, is_cut, prompt_tokens, cached_tokens, queue_ms, ttft_ms,
            tpot_ms,
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn quantiles_rise_stay_within_the_limit_and_cost_follows_tokens(
        rows in proptest::collection::vec(any_row(), 0..40),
        prompt_tokens in 0u64..4000,
        cached_tokens in 0u64..4000,
        limit_tokens in 0u64..3000,
        more in 0u64..3000,
    ) {
        let facts = Facts { prompt_tokens, cached_tokens, limit_tokens, ..Facts::default() };
        let first = quote(&rows, &facts, &price);
        let wider = Facts { limit_tokens: limit_tokens + more, ..facts };
        let second = quote(&rows, &wider, &price);
        for one in [&first, &second] {
            prop_assert!(one.tokens.p10 <= one.tokens.p50 && one.tokens.p50 <= one.tokens.p90);
            prop_assert!(one.cost.p10 <= one.cost.p50 && one.cost.p50 <= one.cost.p90);
            if let Some(ms) = one.ms {
                prop_assert!(0.0 <= ms.p10 && ms.p10 <= ms.p50 && ms.p50 <= ms.p90);
                prop_assert!(ms.p90.is_finite());
            }
        }
        prop_assert!(first.tokens.p90 <= limit_tokens);
        // A larger limit never makes anything smaller.
        prop_assert!(first.tokens.p10 <= second.tokens.p10);
        prop_assert!(first.tokens.p50 <= second.tokens.p50);
        prop_assert!(first.tokens.p90 <= second.tokens.p90);
        prop_assert!(first.cost.p50 <= second.cost.p50);
        prop_assert_eq!(&first, &quote(&rows, &facts, &price));
    }
}

/// A small generator (splitmix64), so that the traffic is the same on every machine.
struct Draws(u64);

impl Draws {
    fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }

    fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.uniform()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.uniform()).cos()
    }

    /// An answer under `limit`: lognormal length, noisy speed, now and then a stall.
    fn row(&mut self, limit: u64) -> Row {
        let tokens = (5.0 + 0.7 * self.normal()).exp().ceil() as u64;
        let prompt_tokens = 50 + (self.uniform() * 900.0) as u64;
        let queue_ms = -20.0 * (1.0 - self.uniform()).ln();
        let stall = if self.uniform() < 0.03 { 2000.0 } else { 0.0 };
        let prefill = 8.0 + prompt_tokens as f64 * 0.4 * (1.0 + 0.05 * self.normal()) + stall;
        Row {
            answer_tokens: tokens.min(limit),
            is_cut: tokens >= limit,
            prompt_tokens,
            queue_ms: Some(queue_ms),
            ttft_ms: Some(queue_ms + prefill),
            tpot_ms: Some(20.0 * (1.0 + 0.1 * self.normal()).max(0.2)),
            ..Row::default()
        }
    }
}

/// Quotes `limit` from `count` rows under limits drawn from `limits`, many times; how tokens and
/// time did.
fn traffic(count: usize, limits: &[u64], limit: u64) -> (Calibration, Calibration) {
    let mut draws = Draws(7);
    let (mut tokens, mut times) = (Vec::new(), Vec::new());
    for _ in 0..250 {
        let rows: Vec<Row> = (0..count)
            .map(|_| {
                let which = (draws.uniform() * limits.len() as f64) as usize;
                draws.row(limits[which])
            })
            .collect();
        let outcome = draws.row(limit);
        let facts =
            Facts { prompt_tokens: outcome.prompt_tokens, limit_tokens: limit, ..Facts::default() };
        let quote = quote(&rows, &facts, &|_| 0);
        let as_f64 = |n: u64| n as f64;
        let quoted = Interval {
            p10: as_f64(quote.tokens.p10),
            p50: as_f64(quote.tokens.p50),
            p90: as_f64(quote.tokens.p90),
        };
        tokens.push(Held { quoted, outcome: as_f64(outcome.answer_tokens) });
        let (Some(quoted), Some(ttft), Some(tpot)) = (quote.ms, outcome.ttft_ms, outcome.tpot_ms)
        else {
            panic!("every row has times");
        };
        let outcome = ttft + (as_f64(outcome.answer_tokens) - 1.0) * tpot;
        times.push(Held { quoted, outcome });
    }
    (calibration(&tokens), calibration(&times))
}

#[test]
fn eight_of_ten_outcomes_fall_inside() {
    for (count, limits) in
        [(60, vec![100_000]), (200, vec![100_000]), (200, vec![100, 200, 400, 1000])]
    {
        let (tokens, times) = traffic(count, &limits, 100_000);
        for (kind, seen) in [("tokens", tokens), ("time", times)] {
            let share = seen.within_share;
            assert!((0.76..0.90).contains(&share), "{kind}, {count} rows, {limits:?}: {seen:?}");
        }
    }
}

#[test]
fn few_rows_promise_less() {
    for count in [1, 4, 8, 12, 20] {
        let (tokens, times) = traffic(count, &[100_000], 100_000);
        for seen in [tokens, times] {
            assert!(seen.within_share >= 0.78, "{count} rows: {seen:?}");
            assert_ne!(seen.verdict, Verdict::TooNarrow);
        }
    }
}

#[test]
fn history_cut_at_its_limit_does_not_fool_a_larger_one() {
    let (tokens, _) = traffic(100, &[120], 100_000);
    assert!(tokens.above_share < 0.12, "{tokens:?}");
    let (tokens, times) = traffic(100, &[50, 100, 150, 3000], 150);
    assert_ne!(tokens.verdict, Verdict::TooNarrow, "{tokens:?}");
    assert_ne!(times.verdict, Verdict::TooNarrow, "{times:?}");
}
