//! A whole answer at once, for callers that do not stream.

use crate::api::{Event, Finished, GenerateRequest, Started, TokenEvent};
use crate::engine::Engine;
use crate::rejection::Rejection;
use crate::sink::{Delivery, EventSink};
use sampling::logprobs::Logprobs;
use std::sync::{Arc, Mutex, PoisonError};

/// Everything that was told about one request.
#[derive(Clone, Debug)]
pub struct Completion {
    /// How it was carried out; none when it ended in the queue.
    pub started: Option<Started>,
    /// Scores of the prompt's tokens from index 1 on, if they were wanted.
    pub prompt_logprobs: Vec<Logprobs>,
    /// Every new token, with its logprobs and trace if they were wanted.
    pub tokens: Vec<TokenEvent>,
    /// The whole text of the answer.
    pub text: String,
    /// The whole text of the thought.
    pub thinking_text: String,
    /// How it ended, with the ids and the usage.
    pub finished: Finished,
}

impl Engine {
    /// Runs one request to its end, together with whatever else is in the engine.
    pub fn complete(&mut self, request: GenerateRequest) -> Result<Completion, Rejection> {
        let collector = Collector::default();
        self.submit(request, collector.sink())?;
        loop {
            if let Some(completion) = collector.take() {
                return Ok(completion);
            }
            self.step();
        }
    }
}

/// Gathers the events of one request.
#[derive(Clone, Debug, Default)]
pub struct Collector {
    events: Arc<Mutex<Vec<Event>>>,
}

impl Collector {
    /// A sink that never is full.
    pub fn sink(&self) -> Box<dyn EventSink> {
        let events = Arc::clone(&self.events);
        Box::new(move |event| {
            events.lock().unwrap_or_else(PoisonError::into_inner).push(event);
            Delivery::Sent
        })
    }

    /// The gathered answer, once it is finished; afterwards nothing is left here.
    pub fn take(&self) -> Option<Completion> {
        let mut events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        let finished = match events.last() {
            Some(Event::Finished(finished)) => (**finished).clone(),
            _ => return None,
        };
        Some(gather(std::mem::take(&mut *events), finished))
    }
}

fn gather(events: Vec<Event>, finished: Finished) -> Completion {
    let mut completion = Completion {
        started: None,
        prompt_logprobs: Vec::new(),
        tokens: Vec::new(),
        text: String::new(),
        thinking_text: String::new(),
        finished,
    };
    for event in events {
        match event {
            Event::Started(started) => {
                completion.text.push_str(&started.resumed_text);
                completion.thinking_text.push_str(&started.resumed_thinking_text);
                completion.started = Some(started);
            }
            Event::PromptLogprobs(scores) => completion.prompt_logprobs.extend(scores.logprobs),
            Event::Token(token) => {
                completion.text.push_str(&token.text);
                completion.thinking_text.push_str(&token.thinking_text);
                completion.tokens.push(token);
            }
            Event::Finished(finished) => {
                completion.text.push_str(&finished.text);
                completion.thinking_text.push_str(&finished.thinking_text);
            }
        }
    }
    completion
}
