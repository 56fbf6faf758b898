//! Who is charged what, who may have how much, and what the ledger keeps.

use super::world::{World, asked, caller, int, list};
use ledger::{Filter, Format, Ledger, Location, Options};
use policy::config::Config;
use server::service::{Asked, ServeAs, ServedModel};

/// Settings in which a token of a prompt costs one nano-unit, and one of an answer two.
pub fn priced() -> Config {
    settings("prices: {prompt: 0.001, answer: 0.002}\n")
}

pub fn settings(yaml: &str) -> Config {
    Config::from_yaml(yaml, "jeton.yaml").expect("valid settings")
}

#[tokio::test]
async fn what_was_produced_is_charged_and_nothing_else() {
    let world = World::new(priced());
    let values = [("max_tokens", int(500)), ("seed", int(1)), ("stop", "e".into_text())];
    let settled = world.answer(asked("Once upon a time", &values)).await;
    let usage = settled.usage;
    let nano = (usage.prompt_tokens + 2 * usage.completion_tokens) as i64;
    assert_eq!(world.usage().costs[0].nano, nano);
    assert_eq!(settled.jeton["cost"]["total"].as_f64(), Some(nano as f64 / 1e9));
    assert_eq!(settled.jeton["cost"]["currency"], "EUR");
    assert!(usage.completion_tokens < 500, "it ended at its stop string");
}

trait IntoText {
    fn into_text(self) -> sampling::params::ParamValue;
}

impl IntoText for &str {
    fn into_text(self) -> sampling::params::ParamValue {
        sampling::params::ParamValue::Str(self.to_owned())
    }
}

#[tokio::test]
async fn limits_are_the_admins_and_every_step_is_told() {
    let world = World::new(settings("limits: {max_tokens: {max: 6}}\n"));
    let settled = world.answer(asked("Once", &[("max_tokens", int(5000)), ("seed", int(1))])).await;
    assert_eq!(settled.usage.completion_tokens, 6);
    let limit = &settled.jeton_whole()["limits"]["max_tokens"];
    assert_eq!((&limit["asked"], &limit["effective"]), (&5000.into(), &6.into()));
    assert_eq!(limit["set_by"], "admin");
    assert_eq!(limit["steps"].as_array().map(Vec::len), Some(2));
    assert_eq!(settled.jeton["stop"]["set_by"], "admin");
    let short = Asked { length: Some("short".to_owned()), ..asked("Once", &[]) };
    let told = world.answer(short).await.told.clone();
    assert_eq!(told.jeton["limits"]["max_tokens"]["steps"][0]["by"], "preset");
    let several = asked("Once", &[("max_tokens", list(&[3, 70, 80]))]);
    let views = world.answer(several).await.jeton["views"].clone();
    assert_eq!(views[1]["asked"], serde_json::json!([70, 80]));
}

#[tokio::test]
async fn budgets_end_and_a_restart_forgives_nothing() {
    let settings = || settings("plans: {small: {tokens_per_day: 30, requests_per_minute: 9}}\n");
    let ledger = Ledger::in_memory().expect("memory");
    let world = |ledger: &Ledger| {
        let model = ServedModel::open(None, ServeAs::default()).expect("the model inside");
        World::of(model, settings(), ledger.clone())
    };
    let request = || Asked { caller: caller("small"), ..asked("Once upon a time", &[]) };
    let first = world(&ledger);
    let settled = first.answer(request()).await;
    let used = settled.usage.prompt_tokens + settled.usage.completion_tokens;
    assert!(used <= 30, "{used}");
    assert_eq!(settled.told.jeton["limits"]["max_tokens"]["set_by"], "budget");
    let sent: Vec<&str> = settled.told.headers.iter().map(|(name, _)| name.as_str()).collect();
    assert!(sent.contains(&"x-ratelimit-remaining-requests"), "{sent:?}");
    for world in [&first, &world(&ledger)] {
        let refused = world.service.ask(request()).await.expect_err("nothing is left");
        assert_eq!(refused.status.as_u16(), 429);
        assert_eq!(refused.code.as_deref(), Some("insufficient_quota"));
        assert!(refused.message.contains("tokens_per_day"), "{}", refused.message);
        assert!(refused.headers.iter().any(|(name, _)| name == "retry-after"));
    }
    ledger.flush().expect("recorded");
    assert_eq!((first.usage().done, first.usage().rejected), (1, 2));
}

#[tokio::test]
async fn refusals_name_their_field_and_only_those_with_a_key_are_kept() {
    let world = World::new(settings("plans: {small: {models: [other]}}\n"));
    for (request, param) in [
        (asked("x", &[("top_p", int(2))]), "top_p"),
        (asked("x", &[("max_tokens", int(1_000_000))]), "messages"),
        (asked(&"word ".repeat(500_000), &[]), "prompt"),
        (Asked { length: Some("huge".to_owned()), ..asked("x", &[]) }, "length"),
        (Asked { model: Some("other".to_owned()), ..asked("x", &[]) }, "model"),
        (Asked { caller: caller("small"), ..asked("x", &[]) }, "model"),
    ] {
        let refused = world.service.ask(request).await.expect_err(param);
        let named = refused.param.as_deref().unwrap_or_default();
        let of_limit = named == "max_tokens" && param == "messages";
        assert!(named == param || of_limit, "{param}: {refused:?}");
    }
    world.ledger.flush().expect("recorded");
    assert_eq!(world.usage().requests, 1);
}

#[tokio::test]
async fn quotes_are_kept_beside_what_came() {
    let world = World::new(priced());
    let request = || asked("Once upon a time", &[("max_tokens", int(4))]);
    let quotes = |world: &World| world.ledger.quotes(&Filter::default(), 9).expect("readable");
    world.answer(request()).await;
    assert!(quotes(&world).is_empty(), "nothing was known of times");
    // Another server on the same ledger knows its past at once.
    let model = ServedModel::open(None, ServeAs::default()).expect("the model inside");
    let world = World::of(model, priced(), world.ledger);
    let settled = world.answer(request()).await;
    let [outcome] = &quotes(&world)[..] else { panic!("one was quoted") };
    assert_eq!(outcome.quoted.tokens.p90, 4);
    assert_eq!(outcome.tokens, settled.usage.completion_tokens as u64);
    assert_eq!(settled.told.jeton["quote"]["rows"], 1);
    let quote = world.service.quote(request()).await.expect("a quote");
    assert_eq!(quote["tokens"]["p90"], 4);
    let usage = world.usage();
    assert_eq!(usage.requests, 2, "a quote runs nothing");
    let most = quote["cost"]["p90"].as_f64().expect("a number");
    let prompt_tokens = quote["prompt_tokens"].as_u64().expect("a count");
    assert_eq!((most * 1e9).round() as u64, prompt_tokens + 2 * 4);
}

#[tokio::test]
async fn locked_parameters_hold_and_no_state_from_elsewhere_gets_around_them() {
    let locked = "models: [{id: jeton-tiny, locked: {values: {temperature: 0.5}}}]\n";
    let free = World::new(Config::default());
    let request = || asked("Once", &[("max_tokens", int(4)), ("temperature", int(2))]);
    let state = free.answer(Asked { return_state: true, ..request() }).await;
    let state = state.jeton["state"].clone();
    let world = World::new(settings(locked));
    let told = world.answer(request()).await.told.clone();
    let temperature = &told.jeton["parameters"]["temperature"];
    assert_eq!((&temperature["value"], &temperature["asked"]), (&0.5.into(), &2.into()));
    assert_eq!(temperature["set_by"], "admin");
    let resume = asked("", &[("max_tokens", int(9))]);
    let refused = world.service.ask(Asked { resume: Some(state), ..resume }).await;
    assert_eq!(refused.expect_err("it may hold anything").param.as_deref(), Some("resume"));
}

#[tokio::test]
async fn texts_are_kept_only_where_that_is_switched_on() {
    for keep_text in [false, true] {
        let folder = tempfile::tempdir().expect("a folder");
        let place = Location::Sqlite(folder.path().join("ledger.db"));
        let options = Options { keep_text, ..Options::default() };
        let ledger = Ledger::open_with(&place, &options).expect("a new file");
        let config = settings(&format!("ledger: {{keep_text: {keep_text}}}\n"));
        let model = ServedModel::open(None, ServeAs::default()).expect("the model inside");
        let world = World::of(model, config, ledger);
        let settled = world.answer(asked("Once upon a time", &[("max_tokens", int(9))])).await;
        let mut told = Vec::new();
        world.ledger.export(&Filter::default(), Format::JsonLines, &mut told).expect("exported");
        let told = String::from_utf8(told).expect("text");
        let text = serde_json::to_string(&settled.answers[0].completion.text).expect("JSON");
        assert_eq!(told.contains(&text), keep_text, "{told}");
        assert!(!told.contains("Once upon"), "no prompt is kept: {told}");
    }
}

#[tokio::test]
async fn a_saved_run_keeps_its_parameters_whatever_its_scenario_fills_in() {
    let yaml = "scenarios: {big: {generation_config: {min_tokens: 12, temperature: 0.3}}}\n";
    let world = World::new(settings(yaml));
    let request = asked("Once", &[("max_tokens", int(4)), ("seed", int(1))]);
    let cut = world.answer(Asked { return_state: true, ..request }).await;
    let request = asked("", &[("max_tokens", int(9))]);
    let resume = Some(cut.jeton["state"].clone());
    let scenario = Some("big".to_owned());
    let more = world.answer(Asked { resume, scenario, ..request }).await;
    assert_eq!(more.usage.completion_tokens, 9);
    let jeton = more.jeton_whole();
    assert_eq!(jeton["parameters"]["temperature"]["set_by"], "state");
    assert!(jeton["limits"].get("min_tokens").is_none(), "{jeton}");
}

/// Several prompts of one HTTP request count together: either all begin or none, and none is paid.
#[tokio::test]
async fn requests_that_come_together_are_let_in_together() {
    let world = World::new(settings("plans: {small: {concurrency: 3, tokens_per_day: 500}}\n"));
    let mine = |_| Asked { caller: caller("small"), ..asked("Once", &[("max_tokens", int(4))]) };
    let refused = world.service.ask_all((0..4).map(mine).collect()).await.expect_err("too many");
    assert_eq!(refused.status.as_u16(), 429);
    let told = "`concurrency` is 3: 0 used, 3 left, and this request needs 4; it is larger than \
                the whole budget";
    assert!(refused.message.contains(told), "{}", refused.message);
    let waits = refused.headers.iter().any(|(name, _)| name == "retry-after");
    assert!(!waits, "waiting does not help");
    let running = world.service.ask_all((0..3).map(mine).collect()).await.expect("room for three");
    for running in running {
        assert_eq!(running.settled().await.expect("answered").usage.completion_tokens, 4);
    }
    world.settled().await;
    assert_eq!(world.usage().answer_tokens, 12);
    world.service.ask_all((0..3).map(mine).collect()).await.expect("all places are free again");
}

/// Limits that are runs of their own are paid for each, so that they share what is left.
#[tokio::test]
async fn a_list_of_limits_stays_within_what_is_left() {
    let world = World::new(settings("plans: {small: {tokens_per_day: 100}}\n"));
    let values = [("max_tokens", list(&[60, 70, 80])), ("num_beams", int(2)), ("seed", int(1))];
    let mine = Asked { caller: caller("small"), ..asked("Once upon a time", &values) };
    let settled = world.answer(mine).await;
    let limits: Vec<usize> = settled.answers[0].views.iter().map(|v| v.view.limit).collect();
    assert!(limits.iter().sum::<usize>() <= 100, "{limits:?}");
    world.settled().await;
    let spent = world.ledger.spent(Some("k1"), 0).expect("readable").tokens();
    assert!(spent <= 100, "{spent}");
}

/// Answers that a scenario asks for are as dear as those that the client asks for.
#[tokio::test]
async fn choices_that_a_scenario_fills_in_share_what_is_left() {
    let yaml = "scenarios: {four: {generation_config: {n: 4, temperature: 1}}}\n\
                plans: {small: {tokens_per_day: 100}}\n";
    let world = World::new(settings(yaml));
    let mine = Asked {
        caller: caller("small"),
        scenario: Some("four".to_owned()),
        ..asked("Once upon a time", &[("max_tokens", int(90)), ("seed", int(1))])
    };
    let told = world.answer(mine).await.told.clone();
    let most = told.jeton["limits"]["max_tokens"]["effective"].as_u64().expect("a number");
    assert!(told.choices == 4 && 4 * most <= 100, "{most}");
}

/// A budget that is restored from the ledger stands where the meter stood.
#[tokio::test]
async fn the_ledger_keeps_what_was_charged() {
    let world = World::new(settings("plans: {small: {tokens_per_day: 5000}}\n"));
    let mine = |request: Asked| Asked { caller: caller("small"), ..request };
    let cut = asked("Once upon a time", &[("max_tokens", int(4)), ("seed", int(11))]);
    let cut = world.answer(Asked { return_state: true, ..mine(cut) }).await;
    let more = asked("", &[("max_tokens", int(9))]);
    let resume = Some(cut.jeton["state"].clone());
    let more = world.answer(Asked { resume, ..mine(more) }).await;
    assert_eq!(more.usage.completion_tokens, 9);
    world.settled().await;
    let spent = world.ledger.spent(Some("k1"), 0).expect("readable");
    assert_eq!(spent.tokens(), cut.usage.prompt_tokens as u64 + 9);
    assert_eq!(spent.requests, 2);
    let classes = world.ledger.history(&Filter::default(), 9).expect("readable");
    assert_eq!(classes.len(), 1, "what went on is no answer by itself: {classes:?}");
}
