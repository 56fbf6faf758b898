use super::*;
use proptest::prelude::*;

fn money(text: &str) -> Money {
    text.parse().expect("an amount")
}

#[test]
fn amounts_are_read_and_written_without_loss() {
    for text in ["0", "0.15", "12", "0.000000001", "1000000000", "3.000000001"] {
        assert_eq!(money(text).to_string(), text);
    }
    assert_eq!(money("0.150").to_string(), "0.15");
    assert_eq!(Money(-1_500_000_000).to_string(), "-1.5");
    for text in ["", ".", "1.", ".5", "-1", "+1", "1e3", "0.0000000001", "1000000001", "1,5", "٣"]
    {
        assert!(text.parse::<Money>().is_err(), "{text}");
    }
}

#[test]
fn a_request_costs_what_a_calculator_says() {
    let prices = Prices {
        prompt: money("0.15"),
        cached_prompt: Some(money("0.075")),
        thinking: None,
        answer: money("0.6"),
    };
    let used = Used {
        prompt_tokens: 1000,
        cached_prompt_tokens: 500,
        thinking_tokens: 0,
        answer_tokens: 200,
    };
    let cost = prices.cost(&used);
    assert_eq!(cost.prompt.to_string(), "0.00015");
    assert_eq!(cost.cached_prompt.to_string(), "0.0000375");
    assert_eq!(cost.answer.to_string(), "0.00012");
    assert_eq!(cost.total.to_string(), "0.0003075");
    assert_eq!(Prices::default().cost(&used).total, Money(0));
}

#[test]
fn money_is_text_in_json_and_numbers_are_read_too() {
    let prices: Prices =
        serde_json::from_str(r#"{"prompt": 0.15, "answer": "0.6"}"#).expect("prices");
    assert_eq!(prices.prompt, money("0.15"));
    let json = serde_json::to_string(&prices).expect("JSON");
    assert_eq!(json, r#"{"prompt":"0.15","answer":"0.6"}"#);
}

fn prices() -> impl Strategy<Value = Prices> {
    let one = || (0..=UNITS_MAX * NANO).prop_map(Money);
    let some = || proptest::option::of((0..=1_000_000_000_000i64).prop_map(Money));
    (one(), some(), some(), one()).prop_map(|(prompt, cached_prompt, thinking, answer)| Prices {
        prompt,
        cached_prompt,
        thinking,
        answer,
    })
}

fn used(most: u64) -> impl Strategy<Value = Used> {
    (0..most, 0..most, 0..most, 0..most).prop_map(|(a, b, c, d)| Used {
        prompt_tokens: a,
        cached_prompt_tokens: b,
        thinking_tokens: c,
        answer_tokens: d,
    })
}

proptest! {
    /// Against the exact fraction: numerators over one million, compared without division.
    #[test]
    fn the_total_is_the_exact_sum_rounded_once(prices in prices(), used in used(5_000)) {
        let exact = i128::from(used.prompt_tokens) * i128::from(prices.prompt.0)
            + i128::from(used.cached_prompt_tokens) * i128::from(prices.cached_prompt().0)
            + i128::from(used.thinking_tokens) * i128::from(prices.thinking().0)
            + i128::from(used.answer_tokens) * i128::from(prices.answer.0);
        let cost = prices.cost(&used);
        let off = i128::from(cost.total.0) * 1_000_000 - exact;
        prop_assert!((-499_999..=500_000).contains(&off), "off by {off} millionths");
        let parts = cost.prompt.0 + cost.cached_prompt.0 + cost.thinking.0 + cost.answer.0;
        prop_assert_eq!(parts, cost.total.0);
        let answer = i128::from(used.answer_tokens) * i128::from(prices.answer.0);
        prop_assert!((i128::from(cost.answer.0) * 1_000_000 - answer).abs() <= 1_000_000);
    }

    #[test]
    fn what_money_buys_is_never_exceeded(
        prices in prices(), left in 0i64..10_000_000_000_000, prompt in 0u64..10_000,
    ) {
        let Some(tokens) = prices.output_tokens_for(Money(left), prompt) else { return Ok(()) };
        let mut used = Used { prompt_tokens: prompt, answer_tokens: tokens, ..Used::default() };
        if tokens > 0 {
            prop_assert!(prices.cost(&used).total.0 <= left);
        }
        used.answer_tokens = tokens + 1;
        let answer = prices.answer.max(prices.thinking());
        let dear = Prices { answer, prompt: prices.prompt.max(prices.cached_prompt()), ..prices };
        prop_assert!(dear.cost(&used).total.0 >= left);
    }

    #[test]
    fn any_counts_and_any_amounts_stay_in_range(prices in prices(), used in used(u64::MAX)) {
        prop_assert!(prices.cost(&used).total.0 >= 0);
    }

    #[test]
    fn any_text_is_read_or_refused(text in "\\PC{0,30}") {
        if let Ok(amount) = text.parse::<Money>() {
            prop_assert_eq!(amount.to_string().parse::<Money>(), Ok(amount));
        }
    }
}
