use super::*;
use crate::config::Model;
use serde_json::{Value, json};

fn config(yaml: &str) -> Config {
    Config::from_yaml(yaml, "test").expect("a right configuration")
}

fn who() -> Who {
    Who { model: "m".to_owned(), ..Who::default() }
}

fn sets(values: &[(&str, ParamValue)]) -> Wish {
    let values = values.iter().map(|(name, value)| (name.to_string(), value.clone())).collect();
    Wish { values, ..Wish::default() }
}

fn told(early: &Early) -> Vec<String> {
    early.settings.iter().map(|setting| setting.decision.to_string()).collect()
}

#[test]
fn a_model_that_a_key_may_not_see_does_not_exist() {
    let mut who = who();
    who.key_plan.models = Some(vec!["a".to_owned(), "qwen*".to_owned()]);
    let refusal = before_prompt(&Config::default(), &Wish::default(), &who).expect_err("hidden");
    assert_eq!((refusal.status, refusal.code), (404, Some("model_not_found")));
    assert_eq!(refusal, Refusal::model_not_found("m"));
    for (model, is_seen) in [("a", true), ("ab", false), ("qwen3", true), ("qwen", true)] {
        assert_eq!(may_see(&who, model), is_seen, "{model}");
    }
    who.key_plan.models = Some(Vec::new());
    assert!(!may_see(&who, "a"));
}

#[test]
fn a_scenario_fills_in_what_the_request_does_not_say() {
    let config = config(
        "scenarios: {calm: {generation_config: {temperature: 0.3, top_p: 0.9, max_tokens: 7}}}",
    );
    let mut wish = sets(&[("temperature", ParamValue::Float(0.7))]);
    wish.scenario = Some("calm".to_owned());
    let early = before_prompt(&config, &wish, &who()).expect("granted");
    assert_eq!(told(&early), ["top_p: scenario 0.9 (scenarios.calm.generation_config.top_p)"]);
    let mut values = wish.values.clone();
    Setting::apply(&early.settings, &mut values);
    assert_eq!(values.len(), 2);
    wish.scenario = Some("clam".to_owned());
    let refusal = before_prompt(&config, &wish, &who()).expect_err("unknown");
    assert_eq!(refusal.param.as_deref(), Some("scenario"));
    assert_eq!(refusal.message, "`scenario` names no scenario: \"clam\"; there are: calm");
}

#[test]
fn locked_parameters_replace_or_refuse_and_say_why() {
    let yaml = "
models:
  - id: m
    locked:
      values: {temperature: 0.6, repeat_penalty: 1.0}
      reason: its makers fix it
scenarios: {s: {generation_config: {temperature: 2.0}}}
";
    let mut config = config(yaml);
    let asked = [("temperature", ParamValue::Int(1)), ("repetition_penalty", ParamValue::Int(1))];
    let mut wish = sets(&asked);
    wish.scenario = Some("s".to_owned());
    let early = before_prompt(&config, &wish, &who()).expect("replaced");
    let rule = "(models.m.locked.temperature: its makers fix it)";
    let lines = told(&early);
    assert_eq!(lines[0], format!("temperature: asked 1 -> admin 0.6 {rule}"));
    let mut values = wish.values.clone();
    Setting::apply(&early.settings, &mut values);
    let expected = [("temperature", 0.6), ("repetition_penalty", 1.0)];
    assert_eq!(values, expected.map(|(n, v)| (n.to_owned(), ParamValue::Float(v))));
    // Nothing asked: the lock counts before the scenario.
    let early =
        before_prompt(&config, &Wish { values: Vec::new(), ..wish.clone() }, &who()).expect("set");
    assert_eq!(early.settings.len(), 2);
    assert_eq!(early.settings[0].decision.set_by, SetBy::Admin);
    config.models[0].locked.as_mut().expect("locked").when_set = WhenSet::Reject;
    let refusal = before_prompt(&config, &wish, &who()).expect_err("locked");
    assert_eq!((refusal.status, refusal.param.as_deref()), (400, Some("temperature")));
    assert_eq!(
        refusal.message,
        "`temperature` is locked at 0.6 for `m`: its makers fix it; given 1"
    );
    // Setting it to what it is refuses nothing.
    let same = sets(&[("temperature", ParamValue::Float(0.6))]);
    assert!(before_prompt(&config, &same, &who()).is_ok());
}

#[test]
fn values_of_the_table_survive_their_way_through_json() {
    let values = [
        ParamValue::Bool(true),
        ParamValue::Int(-3),
        ParamValue::Int(u64::MAX.into()),
        ParamValue::Float(0.5),
        ParamValue::Str("a".to_owned()),
        ParamValue::List(vec![ParamValue::Null, ParamValue::Int(1)]),
        ParamValue::Map(vec![("5".to_owned(), ParamValue::Float(-1.5))]),
    ];
    for value in values {
        assert_eq!(crate::decision::from_json(&to_json(&value)), value);
    }
    assert_eq!(to_json(&ParamValue::Float(f64::NEG_INFINITY)), json!("-inf"));
    assert_eq!(to_json(&ParamValue::Int(i128::MAX)), Value::from(i128::MAX.to_string()));
}

#[test]
fn a_model_that_the_configuration_does_not_name_has_the_rules_of_everybody() {
    let mut config = Config::default();
    config.models.push(Model { id: "other".to_owned(), ..Model::default() });
    let early = before_prompt(&config, &Wish::default(), &who()).expect("granted");
    assert!(early.settings.is_empty() && early.warnings.is_empty());
}
