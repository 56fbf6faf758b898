//! A ticket ends its request wherever it is: one step later all its memory is free, and it was told
//! exactly once.

use crate::world::{Recipe, greedy, int, params, request, tokenizer};
use engine::choices::choices;
use engine::{Engine, EngineConfig, Event, EventStream, GenerateRequest, Interruption};
use engine::{Speculation, StepReport, Ticket, event_channel};
use sampling::params::ParamValue;

const BLOCKS: usize = 30;

fn engine(recipe: &Recipe) -> Engine {
    let config = EngineConfig {
        step_tokens_max: 8,
        sequences_max: 4,
        kv_block_tokens: 4,
        kv_blocks_max: BLOCKS,
        ..EngineConfig::default()
    };
    Engine::new(Box::new(recipe.build()), tokenizer(), config).expect("a good configuration")
}

/// Only its limit or its ticket ends it.
fn endless(prompt: &[u32]) -> GenerateRequest {
    request(prompt, greedy(90, [("ignore_eos", ParamValue::Bool(true))]))
}

/// Requests on their way, with their tickets.
struct Crowd {
    engine: Engine,
    callers: Vec<(Ticket, EventStream)>,
}

impl Crowd {
    fn of(requests: Vec<GenerateRequest>) -> Self {
        Self::by(&Recipe::hashed(96), requests)
    }

    fn by(recipe: &Recipe, requests: Vec<GenerateRequest>) -> Self {
        let mut crowd = Crowd { engine: engine(recipe), callers: Vec::new() };
        for request in requests {
            let (sink, events) = event_channel(500);
            let ticket = crowd.engine.submit_with_ticket(request, sink).expect("accepted");
            crowd.callers.push((ticket, events));
        }
        crowd
    }

    /// Steps until `is_there` says so of a step.
    fn until(mut self, is_there: impl Fn(&StepReport) -> bool) -> Self {
        for _ in 0..200 {
            if is_there(&self.engine.step()) {
                return self;
            }
        }
        panic!("it never came to that");
    }

    /// Ends all by their tickets: in the next step everything is free.
    fn ends_at_once(mut self, why: &Interruption) {
        for (ticket, _) in &self.callers {
            ticket.end(why.clone());
            ticket.end(Interruption::Shutdown);
        }
        let report = self.engine.step();
        assert_eq!((report.kv_blocks_free, report.row_count), (BLOCKS, 0));
        assert_eq!((report.running_count, report.waiting_count), (0, 0));
        assert_eq!(report.finished_count, self.callers.len());
        assert!(self.engine.is_idle());
        for (ticket, events) in self.callers {
            let ends = events.filter_map(|event| match event {
                Event::Finished(finished) => Some(*finished),
                _ => None,
            });
            let ends: Vec<_> = ends.collect();
            assert_eq!((ends.len(), ends[0].request), (1, ticket.request()));
            assert_eq!(ends[0].interruption.as_ref(), Some(why));
            assert_eq!(ends[0].stop_reason, why.stop_reason());
        }
    }
}

#[test]
fn waiting_and_nothing_else_runs() {
    Crowd::of(vec![endless(&[1; 9])]).ends_at_once(&Interruption::Deadline);
}

#[test]
fn in_the_middle_of_a_prompt() {
    let crowd = Crowd::of(vec![endless(&[1; 40]), endless(&[2; 40])]);
    crowd.until(|report| report.row_count == 8).ends_at_once(&Interruption::Cancelled);
}

#[test]
fn decoding_beside_requests_that_wait() {
    let crowd = Crowd::of((0..7).map(|index| endless(&[index; 5])).collect());
    let crowd = crowd.until(|report| report.token_count == 4 && report.waiting_count == 3);
    crowd.ends_at_once(&Interruption::Deadline);
}

#[test]
fn with_its_memory_taken_away() {
    let crowd = Crowd::of((0..4).map(|index| endless(&[index; 20])).collect());
    let crowd = crowd.until(|report| report.preempted_count > 0);
    crowd.ends_at_once(&Interruption::SinkGone);
}

#[test]
fn as_a_beam_search() {
    let beams = greedy(30, [("num_beams", int(3)), ("ignore_eos", ParamValue::Bool(true))]);
    let crowd = Crowd::of(vec![request(&[1; 10], beams), endless(&[2; 5])]);
    let crowd = crowd.until(|report| report.running_count == 4 && report.token_count == 4);
    crowd.ends_at_once(&Interruption::Deadline);
}

#[test]
fn with_guesses_under_way() {
    let prompt = [5, 6, 7, 8].repeat(4);
    let recipe = Recipe::answering(&prompt, &[5, 6, 7, 8].repeat(15));
    let mut guessed = endless(&prompt);
    guessed.speculation = Speculation::Lookup;
    let crowd = Crowd::by(&recipe, vec![guessed]).until(|report| report.token_count > 0);
    crowd.until(|report| report.logits_count > 1).ends_at_once(&Interruption::Deadline);
}

#[test]
fn as_several_choices() {
    let values = [("n", int(4)), ("max_tokens", int(40)), ("ignore_eos", ParamValue::Bool(true))];
    let crowd = Crowd::of(choices(&request(&[3; 11], params(values))));
    let crowd = crowd.until(|report| report.token_count == 4);
    crowd.ends_at_once(&Interruption::Cancelled);
}
