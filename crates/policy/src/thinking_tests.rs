use crate::config::Config;
use crate::wish::Hints;
use crate::{Facts, SetBy, Who, Wish, before_prompt, limits};
use proptest::prelude::*;
use sampling::params::{ParamValue, SamplingParams};

fn config(yaml: &str) -> Config {
    Config::from_yaml(yaml, "test").expect("a right configuration")
}

fn who() -> Who {
    Who { model: "m".to_owned(), ..Who::default() }
}

fn wish(values: &[(&str, ParamValue)]) -> Wish {
    let values = values.iter().map(|(name, value)| (name.to_string(), value.clone())).collect();
    let hints = Hints { can_think: true, ..Hints::default() };
    Wish { values, hints, ..Wish::default() }
}

fn effort(word: &str) -> (&'static str, ParamValue) {
    ("reasoning_effort", ParamValue::Str(word.to_owned()))
}

fn early(config: &Config, wish: &Wish) -> Vec<String> {
    let early = before_prompt(config, wish, &who()).expect("granted");
    early.settings.iter().map(|setting| setting.decision.to_string()).collect()
}

fn budgets(config: &Config, wish: &Wish, max_tokens: u64) -> Vec<String> {
    let wish = Wish { max_tokens: vec![max_tokens], ..wish.clone() };
    let facts = Facts { prompt_tokens: 9, context_tokens_max: 100_000, ..Facts::default() };
    let plan = limits(config, &wish, &who(), &facts).expect("granted");
    plan.settings.iter().map(|setting| setting.decision.to_string()).collect()
}

const ON: ParamValue = ParamValue::Bool(true);
const OFF: ParamValue = ParamValue::Bool(false);

#[test]
fn the_client_is_followed_and_a_default_fills_in() {
    let config = config("thinking: {default: off}");
    assert_eq!(early(&config, &wish(&[])), ["enable_thinking: default false (thinking.default)"]);
    for said in [("enable_thinking", ON), effort("low"), ("thinking_budget", ParamValue::Int(5))] {
        assert!(early(&config, &wish(&[said])).is_empty());
    }
    let nothing: Vec<String> = Vec::new();
    assert_eq!(early(&Config::default(), &wish(&[])), nothing);
    assert_eq!(early(&config, &Wish::default()), nothing);
}

#[test]
fn an_admin_turns_thinking_off_and_what_is_ignored_is_told() {
    let config = config("thinking: {mode: off}");
    let asked = [("enable_thinking", ON), effort("high"), ("thinking_budget", ParamValue::Int(9))];
    let wish = wish(&asked);
    assert_eq!(
        early(&config, &wish),
        [
            "enable_thinking: asked true -> admin false (thinking.mode)",
            "reasoning_effort: asked \"high\" -> admin null (thinking.mode)",
            "thinking_budget: asked 9 -> admin null (thinking.mode)",
        ]
    );
    assert!(budgets(&config, &wish, 100).is_empty());
}

#[test]
fn an_admin_turns_thinking_on_for_one_model() {
    let config = config("models: [{id: m, thinking: {mode: on}}]\nthinking: {mode: off}");
    assert_eq!(
        early(&config, &wish(&[("enable_thinking", OFF), effort("none")])),
        [
            "enable_thinking: asked false -> admin true (models.m.thinking.mode)",
            "reasoning_effort: asked \"none\" -> admin null (models.m.thinking.mode)",
        ]
    );
}

#[test]
fn a_rule_decides_by_class_or_tag() {
    let config = config(
        "defaults: [{name: sums, when: {tag: maths}, thinking: on}]\nthinking: {default: off}",
    );
    let tagged = Wish { tag: Some("maths".to_owned()), ..wish(&[]) };
    assert_eq!(early(&config, &tagged), ["enable_thinking: tag true (sums)"]);
    let early = before_prompt(&config, &wish(&[]), &who()).expect("granted");
    assert_eq!(early.settings[0].decision.set_by, SetBy::Default);
}

#[test]
fn efforts_are_tokens_or_shares_of_the_limit() {
    let config =
        config("thinking: {effort: {low: {share: 0.2, tokens_max: 150}, high: {tokens: 700}}}");
    let low = wish(&[effort("low")]);
    assert_eq!(budgets(&config, &low, 501), ["thinking_budget: admin 100 (thinking.effort.low)"]);
    assert_eq!(budgets(&config, &low, 5000), ["thinking_budget: admin 150 (thinking.effort.low)"]);
    let high = wish(&[effort("high")]);
    assert_eq!(
        budgets(&config, &high, 500),
        ["thinking_budget: admin 700 (thinking.effort.high)"],
        "a number counts the same under every limit"
    );
    // A word that the table does not have is the engine's and the template's.
    assert!(budgets(&config, &wish(&[effort("medium")]), 500).is_empty());
}

#[test]
fn budgets_are_capped_and_leave_room_for_the_answer() {
    let config = config("thinking: {budget: {max: 400, default: 300}, answer_reserve_tokens: 200}");
    let reserve = "answer_reserve: default 200 (thinking.answer_reserve_tokens)";
    let asked = wish(&[("thinking_budget", ParamValue::Int(5000))]);
    let capped = "thinking_budget: asked 5000 -> admin 400 (thinking.budget.max)";
    assert_eq!(budgets(&config, &asked, 1000), [capped, reserve]);
    let default = "thinking_budget: default 300 (thinking.budget.default)";
    assert_eq!(budgets(&config, &wish(&[]), 1000), [default, reserve]);
    assert_eq!(
        budgets(&config, &wish(&[]), 100),
        [
            "thinking_budget: default 300 -> admin 50 (fits into max_tokens beside answer_reserve)",
            "answer_reserve: default 200 -> admin 50 (fits into max_tokens)",
        ]
    );
    // An effort that the table lacks has its usual share where thoughts are capped.
    let low = budgets(&config, &wish(&[effort("low")]), 1000);
    assert_eq!(low[0], "thinking_budget: admin 200 (the usual share of low)");
    assert!(budgets(&config, &wish(&[("enable_thinking", OFF)]), 1000).is_empty());
}

#[test]
fn a_locked_budget_stays() {
    let config = config("models: [{id: m, locked: {values: {thinking_budget: 40}}}]");
    let asked = wish(&[("thinking_budget", ParamValue::Int(90))]);
    let line = "thinking_budget: asked 90 -> admin 40 (models.m.locked.thinking_budget)";
    assert_eq!(early(&config, &asked), [line]);
    assert_eq!(budgets(&config, &asked, 1000), [line]);
}

fn any_yaml() -> impl Strategy<Value = String> {
    let mode = prop_oneof![Just("on"), Just("off"), Just("client")];
    let tokens = || proptest::option::of(0u64..2000);
    (mode, tokens(), tokens(), tokens(), proptest::option::of(0u64..=100)).prop_map(
        |(mode, max, default, reserve, share)| {
            let mut keys = vec![format!("mode: {mode}")];
            let default = default.filter(|default| max.is_none_or(|max| *default <= max));
            let budget =
                [max.map(|n| format!("max: {n}")), default.map(|n| format!("default: {n}"))];
            let budget: Vec<String> = budget.into_iter().flatten().collect();
            keys.push(format!("budget: {{{}}}", budget.join(", ")));
            keys.extend(reserve.map(|tokens| format!("answer_reserve_tokens: {tokens}")));
            keys.extend(share.map(|p| format!("effort: {{low: {{share: {}}}}}", p as f64 / 100.0)));
            format!("thinking: {{{}}}", keys.join(", "))
        },
    )
}

fn any_values() -> impl Strategy<Value = Vec<(&'static str, ParamValue)>> {
    let word = prop_oneof![Just("none"), Just("low"), Just("high")];
    let tokens = || proptest::option::of(0u64..3000);
    let enable = proptest::option::of(any::<bool>());
    (enable, proptest::option::of(word), tokens(), tokens()).prop_map(
        |(enable, word, budget, reserve)| {
            let int = |tokens: u64| ParamValue::Int(tokens.into());
            let mut values = Vec::new();
            values.extend(enable.map(|on| ("enable_thinking", ParamValue::Bool(on))));
            values.extend(word.map(effort));
            values.extend(budget.map(|tokens| ("thinking_budget", int(tokens))));
            values.extend(reserve.map(|tokens| ("answer_reserve", int(tokens))));
            values
        },
    )
}

proptest! {
    /// What a request may ask for by itself is still allowed once the policy has changed it.
    #[test]
    fn what_is_decided_fits_together(
        yaml in any_yaml(), values in any_values(), most in 1u64..3000,
        asked in prop::collection::btree_set(1u64..3000, 1..4), can_think in any::<bool>(),
    ) {
        let config = config(&format!("limits: {{max_tokens: {{max: {most}}}}}\n{yaml}"));
        let mut wish = wish(&values);
        wish.max_tokens = asked.into_iter().collect();
        wish.hints.can_think = can_think;
        let with_limit = |mut values: Vec<(String, ParamValue)>, limit: ParamValue| {
            values.push(("max_tokens".to_owned(), limit));
            SamplingParams::from_values(values)
        };
        let asked = wish.max_tokens.iter().map(|&limit| ParamValue::Int(limit.into())).collect();
        prop_assume!(with_limit(wish.values.clone(), ParamValue::List(asked)).is_ok());
        let facts = Facts { prompt_tokens: 9, context_tokens_max: 10_000, ..Facts::default() };
        let early = before_prompt(&config, &wish, &who()).expect("granted");
        let plan = limits(&config, &wish, &who(), &facts).expect("granted");
        let mut values = wish.values.clone();
        super::Setting::apply(&early.settings, &mut values);
        super::Setting::apply(&plan.settings, &mut values);
        let params = with_limit(values.clone(), plan.max_tokens_value());
        prop_assert!(params.is_ok(), "{values:?}: {params:?}");
        // Each limit alone is given what it is given in a list.
        for view in &plan.views {
            let mut values = values.clone();
            super::Setting::apply(&view.settings, &mut values);
            let params = with_limit(values, ParamValue::Int(view.limit.into()));
            prop_assert!(params.is_ok(), "{:?}: {params:?}", view.settings);
            let limit = view.decision.tokens().unwrap_or(0);
            let alone = Wish { max_tokens: vec![limit], ..wish.clone() };
            if view.decision.is_changed() {
                continue;
            }
            let alone = limits(&config, &alone, &who(), &facts).expect("granted");
            prop_assert_eq!(&alone.settings, &view.settings);
        }
        let mode = config.thinking.mode.expect("given");
        let enabled = params.expect("checked").enable_thinking();
        match mode {
            _ if !can_think => {}
            crate::config::ThinkingMode::On => prop_assert_eq!(enabled, Some(true)),
            crate::config::ThinkingMode::Off => prop_assert_eq!(enabled, Some(false)),
            crate::config::ThinkingMode::Client => {}
        }
    }
}

#[test]
fn beams_are_refused_only_where_thoughts_are_capped() {
    let beams = ("num_beams", ParamValue::Int(3));
    let capped = config("thinking: {budget: {max: 9}}");
    let refusal =
        before_prompt(&capped, &wish(std::slice::from_ref(&beams)), &who()).expect_err("endless");
    assert_eq!(refusal.param.as_deref(), Some("num_beams"));
    let off = ("enable_thinking", OFF);
    assert!(before_prompt(&capped, &wish(&[beams.clone(), off]), &who()).is_ok());
    let config = config("thinking: {budget: {default: 9}, answer_reserve_tokens: 5}");
    assert!(budgets(&config, &wish(&[beams]), 100).is_empty(), "nothing could be held to it");
}
