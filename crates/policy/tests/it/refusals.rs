//! Refusals in the words that clients rely on: `errors.json` of the conformance folder.

use policy::budget::{Meter, Need};
use policy::config::{Config, KeyPlan};
use policy::{Facts, Refusal, Who, Wish, before_prompt, limits};
use serde_json::Value;

/// The row for a situation, or none where the folder is not at hand.
fn row(situation: &str) -> Option<Value> {
    let Ok(folder) = std::env::var("JETON_CONFORMANCE") else {
        eprintln!("skipped: JETON_CONFORMANCE is not set");
        return None;
    };
    let text = std::fs::read_to_string(format!("{folder}/openai/errors.json")).expect("the file");
    let errors: Value = serde_json::from_str(&text).expect("JSON");
    let mut rows = errors["rows"].as_array().expect("rows").iter();
    let row = rows.find(|row| row["situation"] == situation).cloned();
    Some(row.unwrap_or_else(|| panic!("no row for {situation:?}")))
}

fn check(situation: &str, refusal: &Refusal) {
    let Some(row) = row(situation) else { return };
    assert_eq!(row["status"], refusal.status, "{situation}");
    assert_eq!(row["type"], refusal.kind, "{situation}");
    if !row["code"].is_null() {
        assert_eq!(row["code"].as_str(), refusal.code, "{situation}");
    }
    if let Some(param) = row["param"].as_str() {
        assert_eq!(Some(param), refusal.param.as_deref(), "{situation}");
    }
}

#[test]
fn a_model_that_a_key_may_not_use_is_an_unknown_model() {
    let mut who = Who { model: "secret".to_owned(), ..Who::default() };
    who.key_plan.models = Some(vec!["open".to_owned()]);
    let refusal = before_prompt(&Config::default(), &Wish::default(), &who).expect_err("hidden");
    check("unknown model", &refusal);
}

#[test]
fn a_prompt_that_fills_the_window_does_not_fit_the_context() {
    let facts = Facts { prompt_tokens: 9, context_tokens_max: 8, ..Facts::default() };
    let refusal = limits(&Config::default(), &Wish::default(), &Who::default(), &facts);
    check("prompt does not fit the context", &refusal.expect_err("too long"));
}

#[test]
fn a_budget_that_is_used_up_is_too_many_requests() {
    let plan = KeyPlan { requests_per_minute: Some(1), ..KeyPlan::default() };
    let mut meter = Meter::new(plan);
    let _running = meter.admit(0, &Need::default()).expect("the first");
    let exceeded = meter.admit(1, &Need::default()).expect_err("the second");
    check("too many requests", &exceeded.refusal("EUR"));
}
