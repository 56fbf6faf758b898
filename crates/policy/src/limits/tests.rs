use super::*;
use crate::class::Class;
use crate::config::{Limits, Model, Over, Range, Rule, TokenLimits, When};
use serde_json::{Value, json};

fn bounds(min: Option<u64>, max: Option<u64>) -> Limits {
    Limits { max_tokens: TokenLimits { min, max, default: None }, ..Limits::default() }
}

fn facts(prompt_tokens: u64) -> Facts {
    Facts { prompt_tokens, context_tokens_max: 8192, ..Facts::default() }
}

fn asks(max_tokens: &[u64]) -> Wish {
    Wish { max_tokens: max_tokens.to_vec(), ..Wish::default() }
}

fn who() -> Who {
    let who = Who { route: "chat_completions".to_owned(), ..Who::default() };
    Who { model: "jeton-tiny".to_owned(), ..who }
}

fn decide(config: &Config, wish: &Wish) -> Plan {
    limits(config, wish, &who(), &facts(100)).expect("granted")
}

#[test]
fn asked_5000_becomes_the_admins_1000() {
    let config = Config { limits: bounds(None, Some(1000)), ..Config::default() };
    let plan = decide(&config, &asks(&[5000]));
    assert_eq!(plan.max_tokens(), 1000);
    assert_eq!(
        serde_json::to_value(&plan.max_tokens).expect("JSON"),
        json!({
            "param": "max_tokens", "asked": 5000, "effective": 1000, "set_by": "admin",
            "rule": "limits.max_tokens.max",
            "steps": [
                {"by": "request", "value": 5000},
                {"by": "admin", "value": 1000, "rule": "limits.max_tokens.max"},
            ],
        })
    );
    let line = "max_tokens: asked 5000 -> admin 1000 (limits.max_tokens.max)";
    assert_eq!(plan.max_tokens.to_string(), line);
}

#[test]
fn nothing_asked_and_nothing_configured_is_the_rest_of_the_window() {
    let plan = decide(&Config::default(), &Wish::default());
    assert_eq!((plan.max_tokens(), plan.max_tokens.set_by), (8092, SetBy::Context));
    assert_eq!(plan.max_tokens.asked, Value::Null);
    assert_eq!(plan.max_tokens_value(), ParamValue::Int(8092));
}

#[test]
fn presets_are_tokens_by_name() {
    let wish = Wish { length: Some("medium".to_owned()), ..Wish::default() };
    let plan = decide(&Config::default(), &wish);
    assert_eq!((plan.max_tokens(), plan.max_tokens.set_by), (150, SetBy::Preset));
    assert_eq!(plan.max_tokens.asked, "medium");
    assert_eq!(plan.preset(&wish), Some("medium"));
    let wish = Wish { length: Some("huge".to_owned()), ..Wish::default() };
    let refusal = limits(&Config::default(), &wish, &who(), &facts(1)).expect_err("unknown");
    assert_eq!((refusal.status, refusal.param.as_deref()), (400, Some("length")));
    assert!(refusal.message.contains("there are: long, medium, short"), "{refusal}");
}

#[test]
fn a_number_counts_before_a_preset_and_the_response_says_so() {
    let wish = Wish { length: Some("long".to_owned()), ..asks(&[7]) };
    let plan = decide(&Config::default(), &wish);
    assert_eq!(plan.max_tokens(), 7);
    assert!(plan.warnings[0].contains("`length` is ignored"));
}

#[test]
fn the_tightest_bound_counts_and_says_what_happens() {
    let mut config = Config { limits: bounds(Some(10), Some(1000)), ..Config::default() };
    config.routes.insert("chat_completions".to_owned(), bounds(Some(20), Some(600)));
    let model =
        Model { id: "jeton-tiny".to_owned(), limits: bounds(None, Some(700)), ..Model::default() };
    config.models.push(model);
    let mut who = who();
    who.key_plan.limits = bounds(None, Some(800));
    let ask = |config: &Config, who: &Who, n| limits(config, &asks(&[n]), who, &facts(1));
    let plan = ask(&config, &who, 5000).expect("clamped");
    assert_eq!(plan.max_tokens.rule.as_deref(), Some("routes.chat_completions.max_tokens.max"));
    assert_eq!(plan.max_tokens(), 600);
    assert_eq!(ask(&config, &who, 1).expect("raised").max_tokens(), 20);
    who.key_plan.limits.max_tokens.max = Some(500);
    who.key_plan.limits.over_limit = Some(Over::Reject);
    let refusal = ask(&config, &who, 501).expect_err("the key refuses");
    assert_eq!(
        refusal.message,
        "`max_tokens` must be from 20 to 500 here (limits without a key.max_tokens.max); given 501"
    );
    assert_eq!(refusal.param.as_deref(), Some("max_tokens"));
    assert_eq!(ask(&config, &who, 500).expect("inside").max_tokens(), 500);
    // Nothing asked is never refused.
    let plan = limits(&config, &Wish::default(), &who, &facts(1)).expect("fitted");
    assert_eq!((plan.max_tokens(), plan.max_tokens.set_by), (500, SetBy::Key));
}

#[test]
fn the_admin_the_budget_and_the_window_have_their_say() {
    let config = Config { limits: bounds(None, Some(300)), ..Config::default() };
    let facts = Facts { budget_left_tokens: Some(401), ..facts(100) };
    let wish = Wish { choices: 2, ..asks(&[5000]) };
    let plan = limits(&config, &wish, &who(), &facts).expect("clamped");
    assert_eq!((plan.max_tokens(), plan.max_tokens.set_by), (200, SetBy::Budget));
    let steps: Vec<SetBy> = plan.max_tokens.steps.iter().map(|step| step.by).collect();
    assert_eq!(steps, [SetBy::Request, SetBy::Admin, SetBy::Budget]);
    let facts = Facts { budget_left_tokens: Some(1), ..facts };
    let refusal = limits(&config, &wish, &who(), &facts).expect_err("nothing left");
    assert_eq!((refusal.status, refusal.code), (429, Some("insufficient_quota")));
}

#[test]
fn a_number_beyond_the_window_is_refused_with_the_numbers_and_a_default_shrinks() {
    let mut config = Config::default();
    let facts = Facts { prompt_tokens: 8000, context_tokens_max: 8192, ..Facts::default() };
    let refusal = limits(&config, &asks(&[200]), &who(), &facts).expect_err("too much");
    assert_eq!(refusal.code, Some("context_length_exceeded"));
    assert_eq!((refusal.status, refusal.param.as_deref()), (400, Some("max_tokens")));
    for number in ["8192", "8000", "200", "8200", "192"] {
        assert!(refusal.message.contains(number), "{refusal}");
    }
    assert_eq!(limits(&config, &asks(&[192]), &who(), &facts).expect("fits").max_tokens(), 192);
    let preset = Wish { length: Some("long".to_owned()), ..Wish::default() };
    let plan = limits(&config, &preset, &who(), &facts).expect("shrinks");
    assert_eq!((plan.max_tokens(), plan.max_tokens.set_by), (192, SetBy::Context));
    config.limits.over_window = Some(Over::Clamp);
    assert_eq!(limits(&config, &asks(&[200]), &who(), &facts).expect("fits").max_tokens(), 192);
    // A prompt that fills the window is refused whatever is asked.
    for prompt_tokens in [8192, 9000] {
        let facts = Facts { prompt_tokens, ..facts };
        let refusal = limits(&config, &Wish::default(), &who(), &facts).expect_err("full");
        assert_eq!(refusal.code, Some("context_length_exceeded"));
        assert_eq!(refusal.param.as_deref(), Some("messages"));
    }
}

#[test]
fn a_list_is_clamped_entry_by_entry_and_equals_are_merged() {
    let config = Config { limits: bounds(Some(10), Some(500)), ..Config::default() };
    let plan = decide(&config, &asks(&[150, 5, 5000, 600, 50]));
    assert_eq!(plan.limits, [10, 50, 150, 500]);
    let views: Vec<(u64, bool)> = plan.views.iter().map(|v| (v.limit, v.is_repeated)).collect();
    assert_eq!(views, [(150, false), (10, false), (500, false), (500, true), (50, false)]);
    assert!(plan.warnings[0].contains("1 of 5"), "{:?}", plan.warnings);
    assert_eq!(plan.max_tokens.asked, 5000);
    assert_eq!(decide(&config, &asks(&[600, 5000])).max_tokens.asked, 5000);
    let list = plan.limits.iter().map(|&n| ParamValue::Int(n.into())).collect();
    assert_eq!(plan.max_tokens_value(), ParamValue::List(list));
}

fn rule(name: &str, when: When, max_tokens: u64) -> Rule {
    Rule { name: name.to_owned(), when, max_tokens: Some(max_tokens), ..Rule::default() }
}

#[test]
fn the_first_rule_that_fits_counts_and_is_named() {
    let short = Range { min: None, max: Some(50) };
    let tagged = When { tag: vec!["faq".to_owned()], ..When::default() };
    let summary = When { class: vec![Class::Summary], ..When::default() };
    let config = Config {
        defaults: vec![
            rule("faq", tagged, 80),
            rule("summaries", summary, 300),
            rule("short-question", When { prompt_tokens: short, ..When::default() }, 150),
            rule("else", When::default(), 400),
        ],
        ..Config::default()
    };
    let told = |wish: &Wish, prompt| {
        let plan = limits(&config, wish, &who(), &facts(prompt)).expect("granted");
        (plan.max_tokens(), plan.max_tokens.set_by, plan.max_tokens.rule.expect("a rule"))
    };
    let plain = Wish::default();
    assert_eq!(told(&plain, 50), (150, SetBy::Default, "short-question".to_owned()));
    assert_eq!(told(&plain, 51), (400, SetBy::Default, "else".to_owned()));
    let wish = Wish { last_user_text: "Summarize this".to_owned(), ..Wish::default() };
    assert_eq!(told(&wish, 5), (300, SetBy::Default, "summaries".to_owned()));
    let wish = Wish { tag: Some("faq".to_owned()), ..wish };
    assert_eq!(told(&wish, 5), (80, SetBy::Tag, "faq".to_owned()));
}

#[test]
fn min_tokens_follow_a_limit_that_was_lowered() {
    let config = Config { limits: bounds(None, Some(100)), ..Config::default() };
    let values = vec![("min_tokens".to_owned(), ParamValue::Int(300))];
    let plan = decide(&config, &Wish { values: values.clone(), ..asks(&[500, 90]) });
    let line = "min_tokens: asked 300 -> admin 90 (fits into max_tokens)";
    assert_eq!(plan.settings[0].decision.to_string(), line);
    // Alone the larger limit would have its own.
    assert_eq!(plan.shaped_by(), Some("min_tokens"));
    assert_eq!(plan.settings_under(100)[0].decision.tokens(), Some(100));
    // What contradicts itself is refused before anything is changed.
    let limit = ("max_tokens".to_owned(), ParamValue::Int(200));
    let wish = Wish { values: [values, vec![limit]].concat(), ..asks(&[200]) };
    let refusal = limits(&config, &wish, &who(), &facts(1)).expect_err("min above max");
    assert_eq!((refusal.status, refusal.param.as_deref()), (400, Some("min_tokens")));
}
