//! Answers are the engine's own, whatever the way.

use super::world::{World, asked, direct, int, list, question_of};
use answers::record::{Kind, record_from_json};
use grammar::GrammarSource;
use policy::config::Config;
use sampling::params::ParamValue;
use server::service::{AnswerEvent, Asked};

const PROMPT: &str = "Once upon a time";

#[tokio::test]
async fn a_seed_gives_the_tokens_that_the_engine_alone_gives() {
    let world = World::new(Config::default());
    let values = [("max_tokens", int(40)), ("seed", int(7))];
    let settled = world.answer(asked(PROMPT, &values)).await;
    let alone = direct(PROMPT, &values, 0);
    let [answer] = settled.answers.as_slice() else { panic!("one answer") };
    assert_eq!(answer.completion.finished.ids, alone.finished.ids);
    assert_eq!(answer.completion.text, alone.text);
    assert_eq!(answer.completion.finished.stop_reason, alone.finished.stop_reason);
}

#[tokio::test]
async fn a_stream_says_what_the_whole_answer_says_and_ends_in_the_ledger() {
    let world = World::new(Config::default());
    let values = [("max_tokens", int(30)), ("seed", int(3)), ("n", int(2))];
    let request = Asked { stream: true, ..asked(PROMPT, &values) };
    let mut running = world.service.ask(request).await.expect("accepted");
    let (mut texts, mut ended, mut settled) = ([String::new(), String::new()], 0, None);
    let first = running.next().await;
    assert!(matches!(first, Some(AnswerEvent::Started(_))), "{first:?}");
    while let Some(event) = running.next().await {
        match event {
            AnswerEvent::Token { choice, event } => texts[choice].push_str(&event.text),
            AnswerEvent::Choice { choice, finished } => {
                texts[choice].push_str(&finished.text);
                ended += 1;
            }
            AnswerEvent::End(end) => {
                assert_eq!(world.usage().done, 1, "the ledger has it before the end is told");
                settled = Some(end);
            }
            AnswerEvent::Started(_) => panic!("it starts once"),
        }
    }
    let settled = settled.expect("an end");
    assert_eq!(ended, 2);
    for (choice, text) in texts.iter().enumerate() {
        let alone = direct(PROMPT, &values[..2], choice as u32);
        assert_eq!(*text, alone.text);
        assert_eq!(settled.answers[choice].completion.text, alone.text);
    }
    let tokens: usize = settled.answers.iter().map(|a| a.completion.finished.ids.len()).sum();
    assert_eq!(settled.usage.completion_tokens, tokens);
    assert_eq!(world.usage().answer_tokens, tokens as u64);
}

#[tokio::test]
async fn one_run_answers_every_limit_as_a_run_of_its_own_would() {
    let world = World::new(Config::default());
    let values = |limit: ParamValue| [("max_tokens", limit), ("seed", int(5))];
    let settled = world.answer(asked(PROMPT, &values(list(&[5, 25, 12])))).await;
    let views = &settled.answers[0].views;
    let limits: Vec<usize> = views.iter().map(|view| view.view.limit).collect();
    assert_eq!(limits, [5, 12, 25]);
    for view in views {
        let alone = direct(PROMPT, &values(int(view.view.limit as i128)), 0);
        assert_eq!(view.view.ids, alone.finished.ids);
        assert_eq!(view.view.text, alone.text);
        assert_eq!(view.view.finish_reason, alone.finished.finish_reason);
    }
    assert_eq!(settled.jeton_whole()["prefix_safe"], true);
    assert_eq!(world.usage().answer_tokens, settled.usage.completion_tokens as u64);
    assert!(settled.usage.completion_tokens <= 25, "one run for all");
}

#[tokio::test]
async fn limits_that_shape_tokens_are_runs_of_their_own() {
    let world = World::new(Config::default());
    let values =
        |limit: ParamValue| [("max_tokens", limit), ("seed", int(5)), ("num_beams", int(2))];
    let settled = world.answer(asked(PROMPT, &values(list(&[4, 9])))).await;
    for view in &settled.answers[0].views {
        let alone = direct(PROMPT, &values(int(view.view.limit as i128)), 0);
        assert_eq!(view.view.text, alone.text);
    }
    assert_eq!(settled.jeton_whole()["prefix_safe"], false);
    assert_eq!(settled.usage.completion_tokens, 13);
}

#[tokio::test]
async fn a_cut_answer_goes_on_as_if_it_had_never_stopped_and_only_new_tokens_are_paid() {
    let world = World::new(super::accounts::priced());
    let values = |limit: i128| [("max_tokens", int(limit)), ("seed", int(11))];
    let request = Asked { return_state: true, ..asked(PROMPT, &values(8)) };
    let cut = world.answer(request).await;
    let state = cut.jeton["state"].clone();
    assert!(state.is_object(), "{}", cut.jeton);
    let resume = |state: serde_json::Value, limit: i128| {
        let values = [("max_tokens", int(limit))];
        Asked { resume: Some(state), ..asked("", &values) }
    };
    let whole = world.answer(resume(state.clone(), 30)).await;
    let alone = direct(PROMPT, &values(30), 0);
    assert_eq!(whole.answers[0].completion.finished.ids, alone.finished.ids);
    assert_eq!(whole.answers[0].completion.text, alone.text);
    let before = whole.jeton["resumed"]["text"].as_str().expect("a text");
    let new = whole.answers[0].completion.tokens.iter().map(|token| token.text.as_str());
    assert_eq!(format!("{before}{}", new.collect::<String>()), alone.text);
    assert_eq!(whole.jeton["resumed"]["tokens"], 8);
    // 2 nano-units for a token of the answer; the prompt was paid for.
    assert_eq!(world.usage().costs[0].nano, cost_of(&cut) + 2 * 22);

    let mut forged = state.clone();
    forged["seal"] = "0".repeat(64).into();
    let charged = world.answer(resume(forged, 30)).await;
    let read_tokens = charged.usage.prompt_tokens + charged.usage.resumed_tokens;
    assert_eq!(cost_of(&charged), read_tokens as i64 + 2 * 22);

    let mut changed = state;
    changed["seed"] = 12.into();
    let refused = world.service.ask(resume(changed, 30)).await.expect_err("it was changed");
    assert_eq!(refused.param.as_deref(), Some("resume"));
}

/// What an answer cost, in nano-units.
fn cost_of(settled: &server::service::Settled) -> i64 {
    (settled.jeton["cost"]["total"].as_f64().expect("a number") * 1e9).round() as i64
}

#[tokio::test]
async fn receipts_are_those_of_the_tokens() {
    let world = World::new(Config::default());
    let request = question_of("Hello!", &[("max_tokens", int(12))]);
    let settled = world.answer(Asked { receipt: true, ..request }).await;
    let record = record_from_json(&settled.jeton["receipt"], &[Kind::Receipt]).expect("a receipt");
    let finished = &settled.answers[0].completion.finished;
    assert_eq!(record.choices[0].ids, finished.ids);
    assert_eq!(record.seed, settled.told.seed);
    assert!(record.identity.template_sha256.is_some());
}

#[tokio::test]
async fn shapes_hold_from_their_first_byte_where_a_thought_may_come_first() {
    let world = World::new(Config::default());
    let ask = |regex: &str, limit| {
        let shape = Some(GrammarSource::Regex(regex.to_owned()));
        let values = [("max_tokens", int(limit)), ("seed", int(1))];
        Asked { shape, ..question_of("Which?", &values) }
    };
    // Too little for a thought, just enough for one, and plenty.
    for limit in [8, 10, 11, 13, 40] {
        let settled = world.answer(ask("[é]{4}", limit)).await;
        assert_eq!(settled.answers[0].completion.text, "éééé", "{limit}");
        let settled = world.answer(ask("\n\n[a]{3}", limit)).await;
        assert_eq!(settled.answers[0].completion.text, "\n\naaa", "{limit}");
    }
}

#[tokio::test]
async fn a_shape_that_costs_too_much_is_its_authors_fault() {
    let world = World::new(Config::default());
    let shape = Some(GrammarSource::Regex("[a-z]*".repeat(500)));
    let running = world.service.ask(Asked { shape, ..asked("Once", &[("max_tokens", int(9))]) });
    let error = match running.await {
        Ok(running) => running.settled().await.expect_err("too costly"),
        Err(error) => error,
    };
    assert_eq!((error.status.as_u16(), error.param.as_deref()), (400, Some("regex")));
}

#[tokio::test]
async fn shapes_hold() {
    let world = World::new(Config::default());
    let shape = Some(GrammarSource::Regex("[0-9]{4}".to_owned()));
    for _ in 0..2 {
        let request = question_of("Which year?", &[("max_tokens", int(20))]);
        let settled = world.answer(Asked { shape: shape.clone(), ..request }).await;
        let text = &settled.answers[0].completion.text;
        assert!(text.len() == 4 && text.bytes().all(|byte| byte.is_ascii_digit()), "{text}");
    }
}

/// Limits that come to one are one run, and it says how it ended: a document's end too.
#[tokio::test]
async fn limits_that_come_to_one_say_what_it_says() {
    let yaml = "limits: {max_tokens: {max: 12}}\n";
    let world = World::new(Config::from_yaml(yaml, "jeton.yaml").expect("valid settings"));
    let shaped = |limit: ParamValue| Asked {
        shape: Some(GrammarSource::Regex("[a-z]{1,4}".to_owned())),
        ..asked(PROMPT, &[("max_tokens", limit), ("seed", int(2))])
    };
    let settled = world.answer(shaped(list(&[20, 30]))).await;
    let said = &settled.answers[0].completion.finished;
    let view = &settled.answers[0].views[0].view;
    assert_eq!((&view.stop_reason, view.finish_reason), (&said.stop_reason, said.finish_reason));
    let alone = world.answer(shaped(int(12))).await;
    assert_eq!(view.stop_reason, alone.answers[0].completion.finished.stop_reason);
}

/// Every choice can go on by itself.
#[tokio::test]
async fn each_of_several_choices_goes_on() {
    let world = World::new(Config::default());
    let values = |limit: i128| [("max_tokens", int(limit)), ("seed", int(4)), ("n", int(2))];
    let cut = asked(PROMPT, &values(4));
    let cut = world.answer(Asked { return_state: true, ..cut }).await;
    let whole = world.answer(asked(PROMPT, &values(11))).await;
    for choice in 0..2 {
        let resume = Some(cut.jeton["choices"][choice]["state"].clone());
        let more = Asked { resume, ..asked("", &[("max_tokens", int(11))]) };
        let more = world.answer(more).await;
        let expected = &whole.answers[choice].completion.finished.ids;
        assert_eq!(&more.answers[0].completion.finished.ids, expected);
    }
}
