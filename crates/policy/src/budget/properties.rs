//! Meters against a list of all events, looked through from the beginning each time.

use super::*;
use crate::config::Reserve;
use proptest::option;
use proptest::prelude::*;

/// One thing that happens, some time after the one before.
#[derive(Clone, Debug)]
enum Event {
    /// A request asks to be let in.
    Ask { prompt: u64, output: u64 },
    /// A running request ends; it made this share of its limit, in percent.
    End { which: usize, share: u64 },
}

fn any_event() -> impl Strategy<Value = (u64, Event)> {
    let ask = (0u64..300, 1u64..300).prop_map(|(prompt, output)| Event::Ask { prompt, output });
    let end = (any::<usize>(), 0u64..=100).prop_map(|(which, share)| Event::End { which, share });
    // Mostly seconds, sometimes hours and weeks.
    let wait = prop_oneof![
        8 => 0u64..20_000,
        2 => 20_000u64..100_000,
        1 => 3_600_000u64..40_000_000,
        1 => 86_400_000u64..2_000_000_000,
    ];
    (wait, prop_oneof![ask, end])
}

fn any_plan() -> impl Strategy<Value = KeyPlan> {
    let tokens = |most: u64| option::weighted(0.5, 300..most);
    let money = |most: i64| option::weighted(0.3, (1000..most).prop_map(Money));
    let reserve = prop_oneof![Just(None), Just(Some(Reserve::Prompt)), Just(Some(Reserve::Limit))];
    let rates = (option::of(1u64..6), tokens(1500), option::weighted(0.3, 1u64..4));
    let offset = option::of((-720i32..=840).prop_map(UtcOffset));
    let calendar = (tokens(4000), tokens(9000), money(900_000), money(2_000_000));
    (rates, calendar, reserve, offset).prop_map(|(rates, calendar, reserve, utc_offset)| KeyPlan {
        requests_per_minute: rates.0,
        tokens_per_minute: rates.1,
        concurrency: rates.2,
        tokens_per_day: calendar.0,
        tokens_per_month: calendar.1,
        money_per_day: calendar.2,
        money_per_month: calendar.3,
        reserve,
        utc_offset,
        ..KeyPlan::default()
    })
}

const PRICES: Prices = Prices {
    prompt: Money(300_000_000),
    cached_prompt: None,
    thinking: None,
    answer: Money(1_100_000_000),
};

/// Everything that ever happened.
#[derive(Default)]
struct Naive {
    asked_ms: Vec<u64>,
    ended: Vec<(u64, Spent)>,
    running: Vec<(Need, Spent)>,
}

impl Naive {
    /// Whether a request may come in, by the words of the plan.
    fn fits(&self, plan: &KeyPlan, now_ms: u64, taken: Spent) -> bool {
        let in_minute = |at_ms: &u64| at_ms / 1000 + 61 > now_ms / 1000;
        let offset = plan.utc_offset.unwrap_or_default();
        let sum = |counts: &dyn Fn(u64) -> bool| {
            let ended = self.ended.iter().filter(|(at, _)| counts(*at)).map(|(_, spent)| spent);
            let mut sum = Spent::default();
            ended.chain(self.running.iter().map(|(_, taken)| taken)).for_each(|s| sum.add(*s));
            sum.add(taken);
            sum
        };
        let minute = sum(&|at| in_minute(&at));
        let day = sum(&|at| Span::Day.index(at, offset) == Span::Day.index(now_ms, offset));
        let month = sum(&|at| Span::Month.index(at, offset) == Span::Month.index(now_ms, offset));
        let requests = self.asked_ms.iter().filter(|at| in_minute(at)).count() as u64 + 1;
        let running = self.running.len() as u64 + 1;
        let within = |limit: Option<u64>, sum: u64| limit.is_none_or(|limit| sum <= limit);
        let paid = |limit: Option<Money>, sum: Money| limit.is_none_or(|limit| sum <= limit);
        within(plan.requests_per_minute, requests)
            && within(plan.concurrency, running)
            && within(plan.tokens_per_minute, minute.tokens)
            && within(plan.tokens_per_day, day.tokens)
            && within(plan.tokens_per_month, month.tokens)
            && paid(plan.money_per_day, day.money)
            && paid(plan.money_per_month, month.money)
    }
}

fn need(prompt_tokens: u64, output_tokens: u64) -> Need {
    Need { requests: 1, prompt_tokens, output_tokens, prices: PRICES }
}

fn cost(prompt_tokens: u64, answer_tokens: u64) -> Spent {
    let used = crate::price::Used { prompt_tokens, answer_tokens, ..Default::default() };
    Spent { tokens: prompt_tokens + answer_tokens, money: PRICES.cost(&used).total }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn a_meter_lets_in_what_the_list_of_events_lets_in(
        plan in any_plan(), events in prop::collection::vec(any_event(), 1..60),
    ) {
        let mut meter = Meter::new(plan.clone());
        let mut naive = Naive::default();
        let mut admissions = Vec::new();
        let mut now_ms = 1_795_262_400_000;
        let is_strict = plan.reserve == Some(Reserve::Limit);
        for (wait_ms, event) in events {
            now_ms += wait_ms;
            match event {
                Event::Ask { prompt, output } => {
                    let need = need(prompt, output);
                    let taken = cost(prompt, if is_strict { output } else { 1 });
                    let expected = naive.fits(&plan, now_ms, taken);
                    let checked = meter.check(now_ms, &need);
                    let admitted = meter.admit(now_ms, &need);
                    prop_assert_eq!(checked.is_ok(), expected);
                    prop_assert_eq!(admitted.is_ok(), expected);
                    match admitted {
                        Ok(admission) => {
                            naive.asked_ms.push(now_ms);
                            naive.running.push((need, taken));
                            admissions.push(admission);
                        }
                        Err(exceeded) => check_exceeded(&exceeded, &meter, &need, now_ms)?,
                    }
                }
                Event::End { which, share } if !admissions.is_empty() => {
                    let which = which % admissions.len();
                    let (need, _) = naive.running.swap_remove(which);
                    let spent = cost(need.prompt_tokens, need.output_tokens * share / 100);
                    meter.charge(now_ms, admissions.swap_remove(which), spent);
                    naive.ended.push((now_ms, spent));
                }
                Event::End { .. } => {}
            }
            prop_assert_eq!(meter.running(), naive.running.len() as u64);
            if is_strict {
                prop_assert!(plan.tokens_per_day.is_none_or(|most| meter.day.spent.tokens <= most));
                prop_assert!(plan.money_per_month.is_none_or(|m| meter.month.spent.money <= m));
            }
        }
    }

    #[test]
    fn what_is_left_is_what_may_be_asked(
        plan in any_plan(), used in 0u64..3000, prompt in 0u64..200,
    ) {
        let plan = KeyPlan { reserve: Some(Reserve::Limit), ..plan };
        let plan = KeyPlan { requests_per_minute: None, tokens_per_minute: None, ..plan };
        let now_ms = 1_795_262_400_000;
        let mut meter = Meter::new(plan);
        let spent = cost(0, used);
        meter.restore(now_ms, &Restored { day: spent, month: spent, ..Restored::default() });
        let Ok(allowance) = meter.check(now_ms, &need(prompt, 1)) else { return Ok(()) };
        let Some(left) = allowance.output_tokens_left else { return Ok(()) };
        prop_assert!(left >= 1);
        prop_assert!(meter.check(now_ms, &need(prompt, left)).is_ok());
        prop_assert!(meter.check(now_ms, &need(prompt, left + 2)).is_err());
    }
}

/// A refusal's numbers agree, and waiting as long as it says helps where nothing else runs.
fn check_exceeded(
    exceeded: &Exceeded,
    meter: &Meter,
    need: &Need,
    now_ms: u64,
) -> Result<(), TestCaseError> {
    prop_assert_eq!(exceeded.remaining, exceeded.limit.saturating_sub(exceeded.used));
    prop_assert!(exceeded.needed > exceeded.remaining);
    let (Some(at_ms), Some(wait_ms)) = (exceeded.resets_at_ms, exceeded.retry_after_ms) else {
        return Ok(());
    };
    prop_assert!(at_ms > now_ms && wait_ms >= at_ms - now_ms);
    let mut later = meter.clone();
    if let Err(next) = later.check(now_ms + wait_ms, need) {
        let held = later.taken.tokens > 0 || later.taken.money.0 > 0;
        prop_assert!(next.which != exceeded.which || held, "{exceeded:?} then {next:?}");
    }
    Ok(())
}
