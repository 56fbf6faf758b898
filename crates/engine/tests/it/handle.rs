//! The engine on its own thread: many callers, shutdown, a panic.

use crate::world::{Expected, Recipe, greedy, int, oracle, params, request, tokenizer};
use engine::collect::Collector;
use engine::{Delivery, Engine, EngineConfig, EngineHandle, Event, EventStream, Finished};
use engine::{GenerateRequest, Interruption, Rejection, RequestId, event_channel};
use model::{Forward, KvPool, KvShape, Logits, ScriptedModel, StepRows, TokenId};
use sampling::params::ParamValue;
use sampling::stop::FinishReason;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};

fn start(model: Box<dyn Forward>) -> EngineHandle {
    let config = EngineConfig { queue_requests_max: 200, ..EngineConfig::default() };
    let engine = Engine::new(model, tokenizer(), config).expect("a good configuration");
    EngineHandle::start(engine).expect("a thread can be started")
}

fn last(events: EventStream) -> Finished {
    let events: Vec<Event> = events.collect();
    let ends = |event: &&Event| matches!(event, Event::Finished(_));
    assert_eq!(events.iter().filter(ends).count(), 1);
    match events.last() {
        Some(Event::Finished(finished)) => (**finished).clone(),
        other => panic!("the last event is {other:?}"),
    }
}

/// A request that only its limit ends.
fn endless(prompt: &[TokenId], max_tokens: usize) -> GenerateRequest {
    request(prompt, greedy(max_tokens, [("ignore_eos", ParamValue::Bool(true))]))
}

/// A model whose steps wait for a sign, so that a test decides when they happen.
struct Gated {
    inner: ScriptedModel,
    gate: Mutex<Receiver<Sign>>,
}

enum Sign {
    Compute,
    Panic,
}

impl Gated {
    fn new() -> (Box<Self>, Sender<Sign>) {
        let (sender, receiver) = channel();
        let inner = Recipe::hashed(96).build();
        (Box::new(Gated { inner, gate: Mutex::new(receiver) }), sender)
    }
}

impl Forward for Gated {
    fn vocab_size(&self) -> usize {
        self.inner.vocab_size()
    }

    fn context_tokens_max(&self) -> usize {
        self.inner.context_tokens_max()
    }

    fn kv_shape(&self) -> KvShape {
        self.inner.kv_shape()
    }

    fn forward(&mut self, rows: &StepRows, kv: &mut KvPool, logits: &mut Logits) {
        // A gate whose sender is gone stays open.
        if let Ok(Sign::Panic) = self.gate.lock().expect("one thread").recv() {
            panic!("the matrix tore");
        }
        self.inner.forward(rows, kv, logits);
    }
}

#[test]
fn callers_on_many_threads_get_what_they_would_get_alone() {
    let recipe = Recipe::hashed(96);
    let handle = start(Box::new(recipe.build()));
    std::thread::scope(|scope| {
        for caller in 0..8u32 {
            let (handle, recipe) = (&handle, &recipe);
            scope.spawn(move || {
                for round in 0..4u32 {
                    let prompt = [caller % 3, 7, 7, 7, 7, 7, round];
                    let mut request = request(&prompt, params([("max_tokens", int(12))]));
                    request.seed = u64::from(caller);
                    let collector = Collector::default();
                    let (sink, events) = event_channel(100);
                    let mirror = collector.sink();
                    let both = move |event: Event| {
                        mirror.send(event.clone());
                        sink.send(event)
                    };
                    handle.submit(request.clone(), Box::new(both)).expect("accepted");
                    last(events);
                    let completion = collector.take().expect("finished");
                    assert_eq!(Expected::of(&completion), oracle(recipe, &request));
                }
            });
        }
    });
    handle.shutdown();
}

#[test]
fn refusals_come_at_once() {
    let (model, _gate) = Gated::new();
    let handle = start(model);
    let refused = handle.submit(request(&[], greedy(1, [])), Collector::default().sink());
    assert_eq!(refused.err(), Some(Rejection::EmptyPrompt));
    assert_eq!(handle.info().context_tokens_max, 96);
}

#[test]
fn a_ticket_cancels_between_steps() {
    let (model, gate) = Gated::new();
    let handle = start(model);
    let (sink, mut events) = event_channel(100);
    let ticket = handle.submit(endless(&[1; 4], 50), sink).expect("accepted");
    assert!(matches!(events.next(), Some(Event::Started(_))));
    gate.send(Sign::Compute).expect("the engine waits");
    assert!(matches!(events.next(), Some(Event::Token(_))));
    ticket.cancel();
    drop(gate);
    let finished = last(events);
    assert_eq!(finished.request, ticket.request());
    assert_eq!(finished.interruption, Some(Interruption::Cancelled));
}

#[test]
fn shutdown_ends_everything_that_is_in() {
    let (model, gate) = Gated::new();
    let handle = start(model);
    let mut streams = Vec::new();
    for _ in 0..100 {
        let (sink, events) = event_channel(100);
        handle.submit(endless(&[1; 4], 50), sink).expect("accepted");
        streams.push(events);
    }
    // The first step is being computed; most requests are still in the channel.
    drop(gate);
    handle.shutdown();
    for events in streams {
        let finished = last(events);
        let by_itself = finished.finish_reason == FinishReason::Length;
        assert!(by_itself || finished.finish_reason == FinishReason::Cancelled, "{finished:?}");
    }
}

#[test]
fn a_panic_in_a_step_fails_everything_that_is_in_and_refuses_the_rest() {
    let (model, gate) = Gated::new();
    let handle = start(model);
    let mut streams = Vec::new();
    for _ in 0..5 {
        let (sink, events) = event_channel(100);
        handle.submit(endless(&[1; 4], 50), sink).expect("accepted");
        streams.push(events);
    }
    gate.send(Sign::Panic).expect("the engine waits");
    for events in streams {
        let finished = last(events);
        assert_eq!(finished.finish_reason, FinishReason::Error);
        assert!(matches!(finished.interruption, Some(Interruption::EngineFailed(_))));
    }
    let refused = handle.submit(request(&[1], greedy(1, [])), Collector::default().sink());
    assert_eq!(refused.err(), Some(Rejection::Stopped));
}

#[test]
fn the_message_of_a_panic_is_told() {
    let (model, gate) = Gated::new();
    let handle = start(model);
    let (sink, mut events) = event_channel(100);
    handle.submit(endless(&[1; 4], 50), sink).expect("accepted");
    assert!(matches!(events.next(), Some(Event::Started(_))));
    gate.send(Sign::Panic).expect("the engine waits");
    let expected = Interruption::EngineFailed("the matrix tore".to_string());
    assert_eq!(last(events).interruption, Some(expected));
}

#[test]
fn a_sink_that_panics_takes_the_engine_down_in_good_order() {
    let handle = start(Box::new(Recipe::hashed(96).build()));
    let panicking = |event: Event| -> Delivery { panic!("no taste for {event:?}") };
    let (sink, events) = event_channel(100);
    handle.submit(endless(&[1; 4], 90), sink).expect("accepted");
    handle.submit(endless(&[2; 4], 50), Box::new(panicking)).expect("accepted");
    let finished = last(events);
    assert!(finished.finish_reason == FinishReason::Error || finished.ids.len() == 90);
}

#[test]
fn places_are_counted_through_the_channel() {
    let (model, gate) = Gated::new();
    let config = EngineConfig { sequences_max: 1, queue_requests_max: 1, ..Default::default() };
    let engine = Engine::new(model, tokenizer(), config).expect("a good configuration");
    let handle = EngineHandle::start(engine).expect("a thread can be started");
    let count = Arc::new(AtomicUsize::new(0));
    let submit = |request: GenerateRequest| -> Result<RequestId, Rejection> {
        let count = Arc::clone(&count);
        let sink = move |event: Event| {
            count.fetch_add(usize::from(matches!(event, Event::Finished(_))), Ordering::SeqCst);
            Delivery::Sent
        };
        handle.submit(request, Box::new(sink)).map(|ticket| ticket.request())
    };
    let small = endless(&[1; 4], 2);
    assert_eq!(submit(small.clone()), Ok(RequestId(0)));
    assert_eq!(submit(small.clone()), Ok(RequestId(1)));
    assert_eq!(submit(small.clone()), Err(Rejection::QueueFull { requests_max: 2 }));
    drop(gate);
    handle.shutdown();
    assert_eq!(count.load(Ordering::SeqCst), 2);
}
