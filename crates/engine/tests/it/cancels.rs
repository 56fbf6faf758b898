//! Ends from outside: cancelled in the queue, in prefill, in decode; readers that are slow or gone;
//! logits that cannot be sampled from.

use crate::world::{Recipe, VOCAB_SIZE, bytes, greedy, oracle, request, texts, tokenizer};
use engine::collect::Collector;
use engine::{Engine, EngineConfig, Event, Finished, Interruption, event_channel};
use model::ScriptedModel;
use sampling::candidates::ChooseError;
use sampling::stop::{FinishReason, StopReason};

fn engine(recipe: &Recipe) -> Engine {
    let config = EngineConfig {
        step_tokens_max: 8,
        sequences_max: 2,
        kv_block_tokens: 4,
        kv_blocks_max: 30,
        ..EngineConfig::default()
    };
    Engine::new(Box::new(recipe.build()), tokenizer(), config).expect("a good configuration")
}

fn last(events: Vec<Event>) -> Finished {
    let count = events.iter().filter(|event| matches!(event, Event::Finished(_))).count();
    assert_eq!(count, 1, "{events:?}");
    match events.into_iter().last() {
        Some(Event::Finished(finished)) => *finished,
        other => panic!("the last event is {other:?}"),
    }
}

fn run_steps(engine: &mut Engine, count: usize) {
    for _ in 0..count {
        engine.step();
    }
}

fn assert_all_free(engine: &Engine) {
    assert!(engine.is_idle());
    assert_eq!(engine.report().kv_blocks_free, 30);
}

#[test]
fn cancelled_in_the_queue() {
    let mut engine = engine(&Recipe::hashed(96));
    let (sink, events) = event_channel(10);
    let id = engine.submit(request(&[1; 5], greedy(5, [])), sink).expect("accepted");
    assert!(engine.cancel(id) && !engine.cancel(id));
    let finished = last(events.collect());
    assert_eq!(finished.finish_reason, FinishReason::Cancelled);
    assert_eq!(finished.interruption, Some(Interruption::Cancelled));
    assert_eq!((finished.usage.prompt_tokens, finished.usage.completion_tokens), (5, 0));
    assert_all_free(&engine);
}

#[test]
fn cancelled_in_prefill_and_in_decode() {
    for (steps, token_count) in [(1, 0), (4, 2)] {
        let recipe = Recipe::hashed(96);
        let mut engine = engine(&recipe);
        let (sink, events) = event_channel(10);
        let request = request(&[1; 20], greedy(9, []));
        let id = engine.submit(request.clone(), sink).expect("accepted");
        run_steps(&mut engine, steps);
        assert!(engine.cancel(id));
        let finished = last(events.collect());
        assert_eq!(finished.ids, oracle(&recipe, &request).ids[..token_count]);
        assert_eq!(finished.stop_reason, StopReason::Cancelled);
        assert_all_free(&engine);
    }
}

#[test]
fn what_was_held_back_comes_with_the_end() {
    let prompt = [1, 2, 3];
    let output = bytes("ab EN\u{e9}");
    let mut engine = engine(&Recipe::answering(&prompt, &output));
    let collector = Collector::default();
    let request = request(&prompt, greedy(9, [("stop", texts(&["END"]))]));
    let id = engine.submit(request, collector.sink()).expect("accepted");
    run_steps(&mut engine, 6);
    engine.cancel(id);
    let completion = collector.take().expect("finished");
    let shown: String = completion.tokens.iter().map(|token| token.text.as_str()).collect();
    assert_eq!((shown.as_str(), completion.finished.text.as_str()), ("ab ", "EN\u{fffd}"));
    assert_eq!(completion.text, "ab EN\u{fffd}");
}

#[test]
fn a_slow_reader_loses_its_request_and_nobody_elses() {
    let recipe = Recipe::hashed(96);
    let mut engine = engine(&recipe);
    let (sink, events) = event_channel(3);
    let slow = request(&[1; 5], greedy(20, []));
    engine.submit(slow.clone(), sink).expect("accepted");
    let other = Collector::default();
    let quick = request(&[2; 5], greedy(20, []));
    engine.submit(quick.clone(), other.sink()).expect("accepted");
    engine.run_until_idle();
    let events: Vec<Event> = events.collect();
    // Room for the start and two tokens; the third told the engine. The end always has room.
    assert_eq!(events.len(), 4);
    let finished = last(events);
    assert_eq!(finished.interruption, Some(Interruption::SinkFull));
    assert_eq!(finished.ids, oracle(&recipe, &slow).ids[..3]);
    let completion = other.take().expect("finished");
    assert_eq!(completion.finished.ids, oracle(&recipe, &quick).ids);
    assert_all_free(&engine);
}

#[test]
fn a_reader_that_is_gone_ends_its_request() {
    let mut engine = engine(&Recipe::hashed(96));
    let (sink, events) = event_channel(100);
    engine.submit(request(&[1; 20], greedy(50, [])), sink).expect("accepted");
    engine.step();
    drop(events);
    // Nothing is sent in the middle of a prompt; the first token finds nobody.
    engine.step();
    let report = engine.step();
    assert_eq!((report.token_count, report.finished_count), (1, 1));
    assert_all_free(&engine);

    let (sink, events) = event_channel(100);
    drop(events);
    engine.submit(request(&[1; 20], greedy(50, [])), sink).expect("accepted");
    assert_eq!(engine.step().finished_count, 1, "the start found nobody");
    assert_all_free(&engine);
}

#[test]
fn logits_that_are_no_numbers_end_their_request_only() {
    let script = |history: &[u32], logits: &mut [f32]| {
        if history.first() == Some(&13) && history.len() == 6 {
            logits[5] = f32::NAN;
        }
    };
    let model = ScriptedModel::new(VOCAB_SIZE, 96).with_script(script);
    let mut engine = Engine::new(Box::new(model), tokenizer(), EngineConfig::default())
        .expect("a good configuration");
    let bad = Collector::default();
    engine.submit(request(&[13; 4], greedy(9, [])), bad.sink()).expect("accepted");
    let scored = Collector::default();
    let mut request_scored = request(&[13; 9], greedy(9, []));
    request_scored.prompt_logprobs = Some(0);
    engine.submit(request_scored, scored.sink()).expect("accepted");
    let good = Collector::default();
    engine.submit(request(&[12; 4], greedy(9, [])), good.sink()).expect("accepted");
    engine.run_until_idle();
    let expected = Some(Interruption::BadLogits(ChooseError::NotANumber { id: 5 }));
    let finished = bad.take().expect("finished").finished;
    assert_eq!((finished.ids.len(), &finished.interruption), (2, &expected));
    assert_eq!(finished.finish_reason, FinishReason::Error);
    assert_eq!(scored.take().expect("finished").finished.interruption, expected);
    assert_eq!(good.take().expect("finished").finished.ids.len(), 9);
}
