//! Requests in flight in one engine, whose answers come out in the order they went in.

use crate::generation::{Generator, one_answer};
use crate::runs::{Run, limit_views};
use answers::RequestError;
use answers::answer::Answer;
use answers::effective::Effective;
use answers::open_model::OpenModel;
use answers::prompt::Prompt;
use answers::request::Extras;
use engine::collect::Collector;
use engine::{Delivery, Engine, Event, EventSink, GenerateRequest, RequestId};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// An answer, or why there is none.
pub type LineResult = Result<Answer, RequestError>;

/// The requests that were submitted and not yet handed out.
pub struct Window<'e> {
    generator: &'e mut Generator,
    slots: VecDeque<Slot>,
}

enum Slot {
    Running(Box<Running>),
    Done(Box<LineResult>),
}

struct Running {
    id: RequestId,
    collector: Collector,
    request: GenerateRequest,
    effective: Effective,
    clock: Arc<Mutex<Clock>>,
}

/// When what came.
struct Clock {
    start: Instant,
    token_times: Vec<Duration>,
}

impl<'e> Window<'e> {
    /// An empty window over the engine of `generator`.
    pub fn new(generator: &'e mut Generator) -> Self {
        Window { generator, slots: VecDeque::new() }
    }

    /// The generator whose engine it is.
    pub fn generator(&self) -> &Generator {
        self.generator
    }

    /// Requests in the window.
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// Submits the request of a prompt, as that choice of several; a refusal becomes its result.
    pub fn submit(
        &mut self,
        model: &OpenModel,
        prompt: &Prompt,
        effective: Effective,
        extras: Extras,
        choice_index: u32,
    ) {
        match self.generator.request(model, prompt, &effective, extras) {
            Ok(request) => {
                if let Err(error) = one_answer(&request) {
                    return self.refuse(error);
                }
                self.submit_request(GenerateRequest { choice_index, ..request }, effective);
            }
            Err(error) => self.refuse(error),
        }
    }

    fn submit_request(&mut self, request: GenerateRequest, effective: Effective) {
        match engine::views::runs(&request) {
            Ok(runs) if runs.len() == 1 => {}
            Ok(_) => {
                let rule = "a list of `max_tokens` must leave the tokens of each limit the same in \
                            a batch; `generate --jsonl` runs every limit by itself";
                return self.refuse(RequestError::parameter("max_tokens", rule));
            }
            Err(error) => return self.refuse(RequestError::parameter(&error.param, error.message)),
        }
        let collector = Collector::default();
        let clock = Clock { start: Instant::now(), token_times: Vec::new() };
        let clock = Arc::new(Mutex::new(clock));
        let sink = timed(Arc::clone(&clock), collector.sink());
        match self.generator.engine().submit(request.clone(), sink) {
            Ok(id) => {
                let running = Running { id, collector, request, effective, clock };
                self.slots.push_back(Slot::Running(Box::new(running)));
            }
            Err(rejection) => self.refuse(RequestError {
                kind: rejection.kind(),
                message: rejection.to_string(),
                param: rejection.param().map(str::to_owned),
            }),
        }
    }

    /// Takes the place of a request that could not be made.
    pub fn refuse(&mut self, error: RequestError) {
        self.slots.push_back(Slot::Done(Box::new(Err(error))));
    }

    /// Computes one step, and notes who is finished.
    pub fn step(&mut self) {
        let engine = self.generator.engine();
        if !engine.is_idle() {
            engine.step();
        }
        for slot in &mut self.slots {
            if let Slot::Running(running) = slot
                && let Some(answer) = running.answer(engine)
            {
                *slot = Slot::Done(Box::new(Ok(answer)));
            }
        }
    }

    /// Cancels whatever still runs.
    pub fn cancel(&mut self) {
        for slot in &self.slots {
            if let Slot::Running(running) = slot {
                self.generator.engine().cancel(running.id);
            }
        }
    }

    /// The result of the oldest request, once it has one.
    pub fn next_result(&mut self) -> Option<LineResult> {
        match self.slots.front() {
            Some(Slot::Done(_)) => match self.slots.pop_front() {
                Some(Slot::Done(result)) => Some(*result),
                _ => None,
            },
            _ => None,
        }
    }
}

impl Running {
    /// The answer, once the request is finished.
    fn answer(&self, engine: &Engine) -> Option<Answer> {
        let completion = self.collector.take()?;
        let clock = self.clock.lock().unwrap_or_else(PoisonError::into_inner);
        let (request, token_times) = (self.request.clone(), clock.token_times.clone());
        let run = Run { request, completion, token_times, total: clock.start.elapsed() };
        let views = limit_views(&self.request, std::slice::from_ref(&run), engine);
        let (times, effective) = (run.times(), self.effective.clone());
        let Run { request, completion, .. } = run;
        Some(Answer { request, completion, views, effective, times })
    }
}

/// A sink that notes when tokens come.
fn timed(clock: Arc<Mutex<Clock>>, collector: Box<dyn EventSink>) -> Box<dyn EventSink> {
    Box::new(move |event: Event| -> Delivery {
        if matches!(event, Event::Token(_)) {
            let mut clock = clock.lock().unwrap_or_else(PoisonError::into_inner);
            let time = clock.start.elapsed();
            clock.token_times.push(time);
        }
        collector.send(event)
    })
}
