use super::*;
use crate::config::Reserve;
use crate::price::Money;

/// 2026-11-21 12:00:00 UTC.
const NOON_MS: u64 = 1_795_262_400_000;

fn need(prompt_tokens: u64, output_tokens: u64) -> Need {
    Need { requests: 1, prompt_tokens, output_tokens, prices: Prices::default() }
}

fn spent(tokens: u64) -> Spent {
    Spent { tokens, money: Money(0) }
}

fn meter(plan: KeyPlan) -> Meter {
    Meter::new(plan)
}

#[test]
fn requests_per_minute_wait_for_the_oldest() {
    let mut meter = meter(KeyPlan { requests_per_minute: Some(2), ..KeyPlan::default() });
    for at_ms in [0, 10_000] {
        let admission = meter.admit(NOON_MS + at_ms, &need(1, 1)).expect("free");
        meter.charge(NOON_MS + at_ms, admission, spent(2));
    }
    let exceeded = meter.admit(NOON_MS + 20_000, &need(1, 1)).expect_err("two in a minute");
    assert_eq!(exceeded.which, Which::RequestsPerMinute);
    assert_eq!((exceeded.limit, exceeded.used, exceeded.remaining), (2, 2, 0));
    assert_eq!(exceeded.retry_after_ms, Some(41_000));
    let rates = meter.rates(NOON_MS + 20_000);
    let requests = Rate { limit: 2, remaining: 0, reset_ms: 51_000 };
    assert_eq!(rates, Rates { requests: Some(requests), tokens: None });
    assert!(meter.check(NOON_MS + 60_999, &need(1, 1)).is_err());
    assert!(meter.check(NOON_MS + 61_000, &need(1, 1)).is_ok());
}

#[test]
fn a_day_ends_at_midnight_of_the_plan() {
    let plan = KeyPlan {
        tokens_per_day: Some(1000),
        utc_offset: Some(UtcOffset(60)),
        ..KeyPlan::default()
    };
    let mut meter = meter(plan);
    let admission = meter.admit(NOON_MS, &need(100, 1)).expect("free");
    meter.charge(NOON_MS, admission, spent(900));
    let allowance = meter.check(NOON_MS, &need(40, 1)).expect("100 left");
    assert_eq!(allowance.output_tokens_left, Some(60));
    let exceeded = meter.check(NOON_MS, &need(100, 1)).expect_err("no room for an answer");
    let refusal = exceeded.refusal("EUR");
    assert_eq!(
        refusal.message,
        "this key's `tokens_per_day` is 1000: 900 used, 100 left, and this request needs 101; \
         resets at 2026-11-22T00:00:00+01:00"
    );
    assert_eq!((refusal.status, refusal.code), (429, Some("insufficient_quota")));
    assert_eq!(refusal.retry_after_ms, Some(11 * 3_600_000));
    let midnight = NOON_MS + 11 * 3_600_000;
    assert!(meter.check(midnight - 1, &need(100, 1)).is_err());
    assert_eq!(
        meter.check(midnight, &need(100, 1)).expect("a new day").output_tokens_left,
        Some(900)
    );
}

#[test]
fn money_bounds_tokens_by_their_price() {
    let plan = KeyPlan { money_per_month: Some(Money(1_000_000)), ..KeyPlan::default() };
    let mut meter = meter(plan);
    let prices =
        Prices { prompt: Money(1_000_000_000), answer: Money(2_000_000_000), ..Prices::default() };
    let need = Need { requests: 1, prompt_tokens: 200, output_tokens: 1, prices };
    // 0.001 for the month; 200 prompt tokens are 0.0002; 0.0008 buys 400 tokens of answer.
    assert_eq!(meter.check(NOON_MS, &need).expect("free").output_tokens_left, Some(400));
    let admission = meter.admit(NOON_MS, &need).expect("free");
    meter.charge(NOON_MS, admission, Spent { tokens: 600, money: Money(1_000_000) });
    let exceeded = meter.check(NOON_MS, &need).expect_err("used up");
    let message = exceeded.refusal("EUR").message;
    assert_eq!(
        message,
        "this key's `money_per_month` is 0.001 EUR: 0.001 EUR used, 0 EUR left, and this request \
         needs 0.000202 EUR; resets at 2026-12-01T00:00:00+00:00"
    );
}

#[test]
fn a_strict_plan_takes_the_whole_limit_until_the_request_ends() {
    let plan = KeyPlan {
        tokens_per_minute: Some(1000),
        reserve: Some(Reserve::Limit),
        ..KeyPlan::default()
    };
    let mut meter = meter(plan);
    assert_eq!(meter.check(NOON_MS, &need(100, 1)).expect("free").output_tokens_left, Some(900));
    let first = meter.admit(NOON_MS, &need(100, 500)).expect("600 of 1000");
    let exceeded = meter.admit(NOON_MS, &need(100, 500)).expect_err("1200 of 1000");
    assert_eq!((exceeded.used, exceeded.needed, exceeded.resets_at_ms), (600, 600, None));
    assert!(exceeded.to_string().contains("when a running request ends"), "{exceeded}");
    meter.charge(NOON_MS, first, spent(120));
    let _running = meter.admit(NOON_MS, &need(100, 500)).expect("720 of 1000");
    let too_large = meter.admit(NOON_MS, &need(600, 500)).expect_err("never");
    assert_eq!(too_large.retry_after_ms, None);
    assert!(too_large.to_string().contains("ask for less"), "{too_large}");
}

#[test]
fn requests_at_once_are_counted_until_they_end() {
    let mut meter = meter(KeyPlan { concurrency: Some(1), ..KeyPlan::default() });
    let running = meter.admit(NOON_MS, &need(1, 1)).expect("free");
    let exceeded = meter.check(NOON_MS, &need(1, 1)).expect_err("one runs");
    assert_eq!((exceeded.which, exceeded.retry_after_ms), (Which::Concurrency, Some(1000)));
    meter.charge(NOON_MS, running, spent(2));
    assert_eq!(meter.running(), 0);
    assert!(meter.check(NOON_MS, &need(1, 1)).is_ok());
}

#[test]
fn what_the_ledger_knows_is_restored_and_a_new_plan_keeps_the_counts() {
    let plan = KeyPlan { tokens_per_day: Some(100), ..KeyPlan::default() };
    let starts = Meter::starts(&plan, NOON_MS);
    assert_eq!(starts.day_ms, NOON_MS - 12 * 3_600_000);
    assert_eq!(starts.month_ms, NOON_MS - (20 * 24 + 12) * 3_600_000);
    let mut meter = meter(plan.clone());
    let day = spent(95);
    meter.restore(NOON_MS, &Restored { day, month: spent(700), ..Restored::default() });
    assert!(meter.check(NOON_MS, &need(5, 1)).is_err());
    let more = KeyPlan {
        tokens_per_day: Some(200),
        tokens_per_month: Some(701),
        utc_offset: Some(UtcOffset(840)),
        ..plan
    };
    meter.set_plan(NOON_MS, more);
    assert_eq!(meter.check(NOON_MS, &need(5, 1)).expect_err("month").which, Which::TokensPerMonth);
}

#[test]
fn a_clock_that_goes_back_frees_nothing() {
    let plan =
        KeyPlan { tokens_per_minute: Some(10), tokens_per_day: Some(10), ..KeyPlan::default() };
    let mut meter = meter(plan);
    let admission = meter.admit(NOON_MS, &need(1, 1)).expect("free");
    meter.charge(NOON_MS, admission, spent(10));
    let yesterday = NOON_MS - 86_400_000;
    let exceeded = meter.check(yesterday, &need(1, 1)).expect_err("still used");
    assert_eq!(exceeded.retry_after_ms, Some(61_000));
    assert_eq!(meter.check(yesterday + 61_000, &need(1, 1)).expect_err("day").used, 10);
    assert!(meter.check(NOON_MS, &need(1, 1)).is_ok());
}

#[test]
fn callers_out_of_order_change_nothing() {
    let plan = KeyPlan { requests_per_minute: Some(3), ..KeyPlan::default() };
    let mut meter = meter(plan);
    for at_ms in [0, 30_000, 29_999] {
        let admission = meter.admit(NOON_MS + at_ms, &need(1, 1)).expect("free");
        meter.charge(NOON_MS + at_ms, admission, spent(2));
    }
    assert!(meter.check(NOON_MS + 60_999, &need(1, 1)).is_err());
    assert!(meter.check(NOON_MS + 61_000, &need(1, 1)).is_ok());
}

#[test]
fn the_largest_numbers_are_no_problem() {
    let plan = KeyPlan {
        tokens_per_minute: Some(u64::MAX),
        money_per_day: Some(Money(i64::MAX)),
        reserve: Some(Reserve::Limit),
        ..KeyPlan::default()
    };
    let mut meter = meter(plan);
    let dear = Prices { answer: Money(i64::MAX), prompt: Money(i64::MAX), ..Prices::default() };
    let most = Need { requests: 1, prompt_tokens: u64::MAX, output_tokens: u64::MAX, prices: dear };
    for now_ms in [0, NOON_MS, u64::MAX] {
        if let Ok(admission) = meter.admit(now_ms, &most) {
            let money = Money(i64::MAX);
            meter.charge(now_ms, admission, Spent { tokens: u64::MAX, money });
        }
        let _ = meter.rates(now_ms);
    }
}
