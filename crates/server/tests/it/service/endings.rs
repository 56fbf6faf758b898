//! Requests that end before their time: cancelled, too slowly read, too late, too many, at the end
//! of the server.

use super::world::{Gate, World, asked, int};
use engine::EngineConfig;
use policy::config::Config;
use server::service::{AnswerEvent, Asked};
use std::time::Duration;

fn long(count: i128) -> Asked {
    Asked { stream: true, ..asked("Once", &[("max_tokens", int(count)), ("seed", int(1))]) }
}

#[tokio::test]
async fn a_client_that_goes_away_frees_its_blocks_and_pays_what_was_made() {
    let world = World::new(Config::default());
    let mut running = world.service.ask(long(200)).await.expect("accepted");
    for _ in 0..4 {
        running.next().await.expect("an event");
    }
    drop(running);
    world.settled().await;
    let usage = world.usage();
    assert_eq!((usage.requests, usage.cancelled), (1, 1));
    assert!((3..200).contains(&usage.answer_tokens), "{}", usage.answer_tokens);
    // The snapshot is made after the step in which the request ended.
    let is_free = || {
        let status = world.service.models()[0].engine().status();
        status.running + status.waiting == 0 && status.kv_blocks_free == status.kv_blocks
    };
    while !is_free() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test]
async fn a_reader_that_is_too_slow_loses_its_answer_and_stops_nobody() {
    let gate = Gate::default();
    gate.open();
    let world = World::gated(&gate, EngineConfig::default());
    let mut slow = world.service.ask(long(6000)).await.expect("accepted");
    // It reads nothing until everything is over, while others are answered.
    let other = world.answer(asked("Hello", &[("max_tokens", int(50))])).await;
    assert_eq!(other.usage.completion_tokens, 50);
    let mut tokens = 0;
    tokio::time::sleep(Duration::from_millis(200)).await;
    while world.service.models()[0].engine().status().running > 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let end = loop {
        match slow.next().await.expect("an end comes in any case") {
            AnswerEvent::Token { event, .. } => {
                assert_eq!(event.index, tokens, "no token is missing in between");
                tokens += 1;
            }
            AnswerEvent::End(end) => break end,
            _ => {}
        }
    };
    let error = end.error.expect("it is told");
    assert_eq!(error.code.as_deref(), Some("slow_reader"));
    assert!((1000..6000).contains(&tokens), "{tokens}");
    assert_eq!(world.usage().cancelled, 1);
}

#[tokio::test]
async fn a_deadline_ends_an_answer_with_what_there_is() {
    let gate = Gate::default();
    let world = World::gated(&gate, EngineConfig::default());
    let request = Asked { stream: false, deadline_ms: Some(300), ..long(5000) };
    let running = world.service.ask(request).await.expect("accepted");
    tokio::time::sleep(Duration::from_millis(600)).await;
    gate.open();
    let settled = running.settled().await.expect("it is no error");
    let finished = &settled.answers[0].completion.finished;
    assert_eq!(finished.finish_reason.as_str(), "length");
    assert_eq!(settled.jeton["stop"]["kind"], "deadline");
    assert!(finished.ids.len() < 5000);
    assert_eq!(world.usage().done, 1);
}

/// A shut gate behind which one request is computed and one waits.
fn narrow() -> (Gate, World) {
    let gate = Gate::default();
    let engine =
        EngineConfig { sequences_max: 1, queue_requests_max: 1, ..EngineConfig::default() };
    let world = World::gated(&gate, engine);
    (gate, world)
}

#[tokio::test]
async fn a_full_queue_says_when_to_come_again() {
    let (gate, world) = narrow();
    let mut running = Vec::new();
    for _ in 0..2 {
        running.push(world.service.ask(long(5)).await.expect("there is room"));
    }
    let refused = world.service.ask(long(5)).await.expect_err("it is full");
    assert_eq!((refused.status.as_u16(), refused.code.as_deref()), (429, Some("queue_full")));
    assert!(refused.headers.iter().any(|(name, _)| name == "retry-after"));
    gate.open();
    for running in running.drain(..) {
        running.settled().await.expect("answered");
    }
    assert_eq!(world.usage().requests, 2);
}

/// A request for several choices takes all of its places or none.
#[tokio::test]
async fn choices_that_find_no_room_leave_none_behind() {
    let (gate, world) = narrow();
    let three = asked("Once", &[("max_tokens", int(5)), ("n", int(3))]);
    world.service.ask(three).await.expect_err("only two may be in");
    gate.open();
    let two = asked("Once", &[("max_tokens", int(5)), ("n", int(2))]);
    let mut answered = world.service.ask(two.clone()).await;
    while answered.is_err() {
        // Those of the refused one end in the next step.
        tokio::time::sleep(Duration::from_millis(5)).await;
        answered = world.service.ask(two.clone()).await;
    }
    answered.expect("accepted").settled().await.expect("answered");
    assert_eq!(world.usage().requests, 1);
}

#[tokio::test]
async fn a_server_that_goes_down_ends_its_answers_and_their_accounts() {
    let gate = Gate::default();
    let world = World::gated(&gate, EngineConfig::default());
    let running = world.service.ask(Asked { stream: false, ..long(5000) }).await.expect("accepted");
    world.service.end_all();
    gate.open();
    let error = running.settled().await.expect_err("it was ended");
    assert_eq!((error.status.as_u16(), error.code.as_deref()), (503, Some("stopping")));
    world.settled().await;
    assert_eq!((world.usage().requests, world.usage().failed), (1, 1));
}
