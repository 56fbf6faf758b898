//! What an admin fixes about thinking; lists of limits and saved runs change nothing of it.

use super::accounts::settings;
use super::world::{World, asked, int, list, question_of};
use policy::config::Config;
use sampling::params::ParamValue;
use server::service::Asked;

fn fox(values: &[(&str, ParamValue)], limit: ParamValue) -> Asked {
    let given = [("max_tokens", limit), ("seed", int(0))];
    question_of("Tell me a story about a fox.", &[values, &given].concat())
}

/// A bound of the admin's that a small limit cannot reach ends no thought early: neither do views
/// differ from runs of their own, nor goes a cut answer on in another way.
#[tokio::test]
async fn a_cap_on_thoughts_counts_the_same_under_every_limit() {
    let world = World::new(settings("thinking: {budget: {max: 30}}\n"));
    let views = world.answer(fox(&[], list(&[9, 25, 40]))).await.answers[0].views.clone();
    for view in &views {
        let request = Asked { return_state: true, ..fox(&[], int(view.view.limit as i128)) };
        let alone = world.answer(request).await;
        assert_eq!(view.view.ids, alone.answers[0].completion.finished.ids);
        if view.view.limit == 40 {
            continue;
        }
        let resume = Some(alone.jeton["state"].clone());
        let more = world.answer(Asked { resume, ..asked("", &[("max_tokens", int(40))]) }).await;
        assert_eq!(more.answers[0].completion.finished.ids, views[2].view.ids);
    }
    // What the request itself mixes up is refused as before.
    let values = [("max_tokens", int(9)), ("thinking_budget", int(10))];
    let refused = world.service.ask(question_of("Hello", &values)).await.expect_err("too small");
    assert_eq!(refused.param.as_deref(), Some("thinking_budget"));
}

/// Where a budget is a share of the limit, or has to fit beside a reserve, a list gives what its
/// limits give alone.
#[tokio::test]
async fn budgets_that_depend_on_the_limit_are_each_limits_own() {
    let world = World::new(settings("thinking: {budget: {max: 12}}\n"));
    let low = ("reasoning_effort", ParamValue::Str("low".to_owned()));
    let reserve = ("answer_reserve", int(4));
    for (values, cause) in [([low], "reasoning_effort"), ([reserve], "answer_reserve")] {
        let together = world.answer(fox(&values, list(&[9, 17, 30, 60]))).await;
        let told = together.jeton_whole();
        assert_eq!(told["prefix_safe"], false);
        assert_eq!(told["prefix_unsafe_because"], cause);
        for view in &together.answers[0].views {
            let alone = world.answer(fox(&values, int(view.view.limit as i128))).await;
            let said = &alone.answers[0].completion;
            assert_eq!(view.view.ids, said.finished.ids, "{values:?} at {}", view.view.limit);
            assert_eq!(view.view.thinking, said.finished.thinking);
        }
    }
}

/// A reserve that fitted the client's limit gives way with it.
#[tokio::test]
async fn a_reserve_fits_beside_a_thoughts_end_under_a_lowered_limit() {
    let world = World::new(settings("limits: {max_tokens: {max: 20}}\n"));
    let settled = world.answer(fox(&[("answer_reserve", int(20))], int(50))).await;
    let reserve = settled.jeton_whole()["limits"]["answer_reserve"].clone();
    assert_eq!(reserve["asked"], 20);
    assert!(reserve["effective"].as_u64().is_some_and(|tokens| tokens < 20), "{reserve}");
}

#[tokio::test]
async fn beams_are_refused_only_where_a_thought_could_pass_its_cap() {
    let world = World::new(settings("thinking: {budget: {max: 12}}\n"));
    let beams = ("num_beams", int(2));
    let request = fox(std::slice::from_ref(&beams), int(8));
    let refused = world.service.ask(request).await.expect_err("its thoughts have no end");
    assert_eq!(refused.param.as_deref(), Some("num_beams"));
    assert!(refused.message.contains("thinking.budget.max"), "{}", refused.message);
    let off = ("enable_thinking", ParamValue::Bool(false));
    world.answer(fox(&[beams, off], int(8))).await;
}

#[tokio::test]
async fn no_state_from_elsewhere_gets_around_what_is_fixed_about_thinking() {
    let free = World::new(Config::default());
    let thinks = ("enable_thinking", ParamValue::Bool(true));
    let cut = fox(&[thinks], int(5));
    let state = free.answer(Asked { return_state: true, ..cut }).await.jeton["state"].clone();
    let resume = || Asked { resume: Some(state.clone()), ..asked("", &[("max_tokens", int(90))]) };
    for yaml in ["thinking: {mode: off}\n", "thinking: {budget: {max: 12}}\n"] {
        let world = World::new(settings(yaml));
        let refused = world.service.ask(resume()).await.expect_err("it may hold anything");
        assert_eq!(refused.param.as_deref(), Some("resume"));
        assert!(refused.message.contains("thinking."), "{}", refused.message);
    }
    World::new(settings("thinking: {default: off}\n")).answer(resume()).await;
}

/// A budget that is a share of the limit makes no beginning of a longer answer. That is said of one
/// limit as of several, and nothing goes on from there.
#[tokio::test]
async fn what_was_derived_from_a_limit_does_not_go_on_under_another() {
    let world = World::new(settings("thinking: {budget: {max: 30}}\n"));
    let low = ("reasoning_effort", ParamValue::Str("low".to_owned()));
    let cut = fox(std::slice::from_ref(&low), int(12));
    let cut = world.answer(Asked { return_state: true, ..cut }).await;
    let told = cut.jeton_whole();
    assert_eq!(told["prefix_safe"], false);
    assert_eq!(told["prefix_unsafe_because"], "reasoning_effort");
    let resume = Some(cut.jeton["state"].clone());
    let more = Asked { resume, ..asked("", &[("max_tokens", int(60))]) };
    let refused = world.service.ask(more).await.expect_err("its budget was another");
    assert!(refused.message.contains("reasoning_effort"), "{}", refused.message);
    // A list whose limits come to one is told no better.
    let capped =
        World::new(settings("limits: {max_tokens: {max: 12}}\nthinking: {budget: {max: 30}}\n"));
    let list = capped.answer(fox(&[low], list(&[20, 30]))).await;
    assert_eq!(list.jeton_whole()["prefix_safe"], false);
    assert_eq!(list.answers[0].completion.finished.ids, cut.answers[0].completion.finished.ids);
}

/// What a scenario fills in is fitted into the limit that the client asks for.
#[tokio::test]
async fn what_a_scenario_fills_in_never_makes_a_request_wrong() {
    let yaml = "scenarios:\n\
                \x20 long: {generation_config: {thinking_budget: 20, answer_reserve: 6}}\n\
                \x20 least: {generation_config: {min_tokens: 18}}\n";
    let world = World::new(settings(yaml));
    for (scenario, limit) in [("long", 20), ("long", 8), ("least", 13), ("least", 1)] {
        let scenario = Some(scenario.to_owned());
        let settled = world.answer(Asked { scenario, ..fox(&[], int(limit)) }).await;
        assert!(settled.usage.completion_tokens <= limit as usize);
    }
}

/// Of a wish that was taken away and a default that took its place the default is told.
#[tokio::test]
async fn the_last_decision_about_a_parameter_is_told() {
    let world = World::new(settings("thinking: {mode: on, budget: {default: 15}}\n"));
    let settled = world.answer(fox(&[("thinking_budget", int(0))], int(40))).await;
    let told = settled.jeton_whole();
    let budget = &told["parameters"]["thinking_budget"];
    assert_eq!((&budget["value"], &budget["set_by"]), (&15.into(), &"default".into()), "{budget}");
    assert_eq!(told["limits"]["thinking_budget"]["effective"], 15);
}

/// What an admin takes away or replaces contradicts nothing any more.
#[tokio::test]
async fn what_is_taken_away_makes_no_request_wrong() {
    let off = World::new(settings("thinking: {mode: off}\n"));
    let locked = "models: [{id: jeton-tiny, locked: {values: {thinking_budget: 0}}}]\n";
    let locked = World::new(settings(locked));
    let asked = [("thinking_budget", int(9)), ("answer_reserve", int(3))];
    for world in [&off, &locked] {
        let settled = world.answer(fox(&asked, int(30))).await;
        assert_eq!(settled.usage.thinking_tokens, 0);
    }
}
