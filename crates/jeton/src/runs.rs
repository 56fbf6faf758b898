//! Requests on this thread, all in one batch: steps the engine, shows what comes, measures when.

use crate::generation::AnswerError;
use crate::interrupt;
use answers::RequestError;
use answers::answer::Times;
use answers::limit_views::LimitView;
use engine::collect::Collector;
use engine::{
    Completion, Delivery, Engine, Event, EventSink, GenerateRequest, Rejection, RequestId,
};
use std::sync::mpsc::{Sender, channel};
use std::time::{Duration, Instant};

/// A request, what came of it, and when.
#[derive(Clone, Debug)]
pub struct Run {
    /// As it was submitted.
    pub request: GenerateRequest,
    /// What the engine said.
    pub completion: Completion,
    /// From the start to each new token.
    pub token_times: Vec<Duration>,
    /// From the start to its end.
    pub total: Duration,
}

impl Run {
    /// The times that are told.
    pub fn times(&self) -> Times {
        let (first, last) = (self.token_times.first(), self.token_times.last());
        Times {
            first_token: first.copied(),
            later_tokens: first.zip(last).map_or(Duration::ZERO, |(first, last)| *last - *first),
            total: self.total,
        }
    }

    /// From the start to the token with which the output has `count` tokens: the latency under a
    /// limit of that many. Nothing is waited for what was generated earlier.
    pub fn latency(&self, count: usize) -> Duration {
        let new_tokens = count.saturating_sub(self.completion.finished.usage.resumed_tokens);
        match self.token_times.get(new_tokens.wrapping_sub(1)) {
            Some(&time) => time,
            None => Duration::ZERO,
        }
    }
}

/// Runs `requests` together to their ends; `show` gets each event with the number of its request.
/// Ctrl-C cancels them all, and so does a `show` that fails: its error is returned.
///
/// # Errors
/// When a request is refused, and then none is run, or `show` fails.
pub fn run_all(
    engine: &mut Engine,
    requests: Vec<GenerateRequest>,
    mut show: impl FnMut(usize, &Event) -> std::io::Result<()>,
) -> Result<Vec<Run>, AnswerError> {
    let start = Instant::now();
    let (sender, events) = channel();
    let mut collectors = Vec::with_capacity(requests.len());
    let mut ids = Vec::with_capacity(requests.len());
    for (index, request) in requests.iter().enumerate() {
        let collector = Collector::default();
        let sink = tee(index, sender.clone(), collector.sink());
        match engine.submit(request.clone(), sink) {
            Ok(id) => ids.push(id),
            Err(rejection) => {
                cancel_all(engine, &ids);
                return Err(AnswerError::Request(refusal(&rejection)));
            }
        }
        collectors.push(collector);
    }
    let mut token_times = vec![Vec::new(); requests.len()];
    let mut totals = vec![Duration::ZERO; requests.len()];
    let mut shown = Ok(());
    loop {
        if interrupt::pressed() || shown.is_err() {
            cancel_all(engine, &ids);
        } else if !engine.is_idle() {
            engine.step();
        }
        for (index, event) in events.try_iter() {
            match event {
                Event::Token(_) => token_times[index].push(start.elapsed()),
                Event::Finished(_) => totals[index] = start.elapsed(),
                _ => {}
            }
            shown = shown.and_then(|()| show(index, &event));
        }
        // Asked last, since a request may have ended before the first step.
        if engine.is_idle() {
            break;
        }
    }
    shown.map_err(AnswerError::Output)?;
    let gather = |(((request, collector), token_times), total): (((_, Collector), _), _)| Run {
        request,
        completion: collector.take().expect("an idle engine has finished every request"),
        token_times,
        total,
    };
    let runs = requests.into_iter().zip(collectors).zip(token_times).zip(totals);
    Ok(runs.map(gather).collect())
}

/// What each limit of a request's list gives, from its runs.
pub fn limit_views(request: &GenerateRequest, runs: &[Run], engine: &Engine) -> Vec<LimitView> {
    let completions: Vec<_> = runs.iter().map(|run| run.completion.clone()).collect();
    let latency = |run: usize, count: usize| runs[run].latency(count);
    LimitView::of(request, &completions, latency, engine.tokenizer(), engine.info())
}

fn cancel_all(engine: &mut Engine, ids: &[RequestId]) {
    for &id in ids {
        engine.cancel(id);
    }
}

/// A refusal of the engine in the words of the protocol.
fn refusal(rejection: &Rejection) -> RequestError {
    RequestError {
        kind: rejection.kind(),
        message: rejection.to_string(),
        param: rejection.param().map(str::to_owned),
    }
}

/// A sink that also hands each event to this thread.
fn tee(
    index: usize,
    sender: Sender<(usize, Event)>,
    collector: Box<dyn EventSink>,
) -> Box<dyn EventSink> {
    Box::new(move |event: Event| match sender.send((index, event.clone())) {
        Ok(()) => collector.send(event),
        Err(_) => Delivery::Gone,
    })
}
