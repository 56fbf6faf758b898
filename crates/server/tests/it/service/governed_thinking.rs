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
    for (values, cause) in [([low], "thinking_budget"), ([reserve], "answer_reserve")] {
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
