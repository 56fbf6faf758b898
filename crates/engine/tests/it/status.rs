//! What a server reads off a running engine, and how it ends requests that have had their time.

use crate::world::{Recipe, bytes, greedy, request, texts, tokenizer};
use engine::collect::Collector;
use engine::{Engine, EngineConfig, EngineHandle, Interruption, event_channel};
use sampling::params::ParamValue;
use sampling::stop::{FinishReason, StopReason};

fn engine(recipe: &Recipe) -> Engine {
    let config = EngineConfig {
        kv_block_tokens: 4,
        kv_blocks_max: 30,
        sequences_max: 2,
        ..EngineConfig::default()
    };
    Engine::new(Box::new(recipe.build()), tokenizer(), config).expect("a good configuration")
}

fn endless(prompt: &[u32], max_tokens: usize) -> engine::GenerateRequest {
    request(prompt, greedy(max_tokens, [("ignore_eos", ParamValue::Bool(true))]))
}

#[test]
fn a_deadline_is_a_length_and_gives_what_was_held_back() {
    let prompt = [1, 2, 3];
    let mut engine = engine(&Recipe::answering(&prompt, &bytes("ab EN\u{e9}")));
    let collector = Collector::default();
    let asked = request(&prompt, greedy(9, [("stop", texts(&["END"]))]));
    let id = engine.submit(asked, collector.sink()).expect("accepted");
    (0..6).for_each(|_| _ = engine.step());
    assert!(engine.end(id, Interruption::Deadline));
    let completion = collector.take().expect("finished");
    let finished = &completion.finished;
    assert_eq!(finished.stop_reason, StopReason::Deadline);
    assert_eq!(finished.finish_reason, FinishReason::Length);
    assert_eq!(finished.interruption, Some(Interruption::Deadline));
    assert_eq!((finished.text.as_str(), completion.text.as_str()), ("EN\u{fffd}", "ab EN\u{fffd}"));
}

#[test]
fn a_ticket_ends_its_request_once_wherever_it_is() {
    let engine = engine(&Recipe::hashed(96));
    let handle = EngineHandle::start(engine).expect("a thread can be started");
    let mut streams = Vec::new();
    let mut tickets = Vec::new();
    for _ in 0..6 {
        let (sink, events) = event_channel(200);
        tickets.push(handle.submit(endless(&[1; 4], 80), sink).expect("accepted"));
        streams.push(events);
    }
    for ticket in &tickets {
        ticket.end(Interruption::Deadline);
        // The first wish counts.
        ticket.cancel();
    }
    for (events, ticket) in streams.into_iter().zip(&tickets) {
        let finished = events.filter_map(|event| match event {
            engine::Event::Finished(finished) => Some(*finished),
            _ => None,
        });
        let finished: Vec<_> = finished.collect();
        assert_eq!((finished.len(), finished[0].request), (1, ticket.request()));
        // Those that came first may have been done before they were asked to end.
        let was_quick = finished[0].stop_reason == StopReason::MaxTokens;
        assert!(was_quick || finished[0].interruption == Some(Interruption::Deadline));
    }
    handle.shutdown();
}

#[test]
fn who_waits_and_is_ended_leaves_the_queue_in_the_next_step() {
    let mut engine = engine(&Recipe::hashed(96));
    let collectors = [(); 4].map(|()| Collector::default());
    let ids = collectors
        .each_ref()
        .map(|collector| engine.submit(endless(&[1; 4], 20), collector.sink()).expect("accepted"));
    engine.step();
    assert_eq!((engine.status().running, engine.status().waiting), (2, 2));
    assert!(engine.end(ids[3], Interruption::Deadline));
    assert_eq!(engine.status().waiting, 1);
    assert!(collectors[3].take().is_some_and(|completion| completion.started.is_none()));
    engine.run_until_idle();
}

#[test]
fn the_status_counts_what_was_done() {
    let mut engine = engine(&Recipe::hashed(96));
    let fresh = engine.status();
    assert_eq!((fresh.kv_blocks, fresh.kv_blocks_free, fresh.kv_blocks_cached), (30, 30, 0));
    assert_eq!((fresh.running, fresh.waiting, fresh.steps_total), (0, 0, 0));
    for round in 0..2 {
        let completion = engine.complete(endless(&[7; 12], 6)).expect("accepted");
        assert_eq!(completion.finished.usage.prefix_hit_tokens, [0, 11][round]);
    }
    let cancelled = Collector::default();
    let id = engine.submit(endless(&[3; 8], 6), cancelled.sink()).expect("accepted");
    engine.step();
    assert_eq!((engine.status().running, engine.status().running_sequences), (1, 1));
    engine.cancel(id);
    engine.step();
    let status = engine.status();
    assert_eq!((status.running, status.waiting, status.running_sequences), (0, 0, 0));
    assert_eq!((status.prompt_tokens_total, status.prefix_hit_tokens_total), (12 + 12 + 8, 11));
    // 12 and 5 rows, then one (the rest was known) and 5, then 8.
    assert_eq!((status.rows_total, status.tokens_total), (17 + 6 + 8, 6 + 6 + 1));
    assert_eq!((status.steps_total, status.admitted_total), (6 + 6 + 2, 3));
    assert_eq!(status.finished.of(&StopReason::MaxTokens), 2);
    assert_eq!(status.finished.of(&StopReason::Cancelled), 1);
    assert_eq!(status.finished.total(), 3);
    let named: Vec<_> = status.finished.iter().filter(|(_, _, count)| *count > 0).collect();
    let (length, cancelled) = (FinishReason::Length, FinishReason::Cancelled);
    assert_eq!(named, [("max_tokens", length, 2), ("cancelled", cancelled, 1)]);
    assert_eq!(status.kv_blocks_free, 30);
    assert!(status.kv_blocks_cached >= 4, "{status:?}");
    assert!(status.kv_taken_bytes == engine.kv_taken_bytes());
}
