//! From the engine's thread to the clerk of a request: bounded, never waited for, and always with
//! room for the last event of each run.

use engine::{Delivery, Event, EventSink};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;
use tokio::sync::mpsc::{Receiver, Sender, channel};

/// Events of a run that may wait for its clerk. A clerk waits for nobody, so that they gather only
/// while the machine has no time for it: some seconds of the fastest model. Who reads too slowly is
/// found out behind it.
pub(super) const RUN_EVENTS_MAX: usize = 16_384;

/// An event of one run, with the time at which the engine told it.
#[derive(Debug)]
pub(super) struct RunEvent {
    /// Number of the run among those of the request.
    pub run: usize,
    /// When the engine told it: later hops do not count as the model's time.
    pub at: Instant,
    /// What happened.
    pub event: Event,
}

/// The engine's end.
#[derive(Clone)]
pub(super) struct Inlet {
    sender: Sender<RunEvent>,
    /// Events that were put in and not taken out.
    waiting: Arc<AtomicUsize>,
    events_max: usize,
}

/// The clerk's end.
pub(super) struct Outlet {
    receiver: Receiver<RunEvent>,
    waiting: Arc<AtomicUsize>,
}

/// A feed for the runs of one request. `events_max` events may wait, and beyond them the last one
/// of each run.
pub(super) fn feed(runs: usize, events_max: usize) -> (Inlet, Outlet) {
    let (sender, receiver) = channel(events_max + runs);
    let waiting = Arc::new(AtomicUsize::new(0));
    (Inlet { sender, waiting: Arc::clone(&waiting), events_max }, Outlet { receiver, waiting })
}

impl Inlet {
    /// The sink for run number `run`.
    pub fn sink(&self, run: usize) -> Box<dyn EventSink> {
        let inlet = self.clone();
        Box::new(move |event: Event| inlet.put(run, event))
    }

    fn put(&self, run: usize, event: Event) -> Delivery {
        let is_last = matches!(event, Event::Finished(_));
        if !is_last && self.waiting.load(Ordering::Acquire) >= self.events_max {
            return Delivery::Full;
        }
        // Counted before it can be taken: the count is never below what waits.
        self.waiting.fetch_add(1, Ordering::AcqRel);
        match self.sender.try_send(RunEvent { run, at: Instant::now(), event }) {
            Ok(()) => Delivery::Sent,
            Err(_) => Delivery::Gone,
        }
    }
}

impl Outlet {
    /// The next event; none when every sink is gone.
    pub async fn next(&mut self) -> Option<RunEvent> {
        let event = self.receiver.recv().await;
        if event.is_some() {
            self.waiting.fetch_sub(1, Ordering::AcqRel);
        }
        event
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use engine::{Finished, Interruption, PromptLogprobs, RequestId};

    fn some_event() -> Event {
        let (request, first_index) = (RequestId(1), 0);
        Event::PromptLogprobs(PromptLogprobs { request, first_index, logprobs: Vec::new() })
    }

    fn last_event() -> Event {
        Event::Finished(Box::new(Finished::interrupted(RequestId(1), Interruption::SinkFull)))
    }

    #[tokio::test]
    async fn a_full_feed_takes_the_last_event_of_each_run_and_nothing_else() {
        let (inlet, mut outlet) = feed(2, 3);
        let sinks = [inlet.sink(0), inlet.sink(1)];
        let sent: Vec<Delivery> = (0..4).map(|at| sinks[at % 2].send(some_event())).collect();
        assert_eq!(sent, [Delivery::Sent, Delivery::Sent, Delivery::Sent, Delivery::Full]);
        assert!(sinks.iter().all(|sink| sink.send(last_event()) == Delivery::Sent));
        let first = outlet.next().await.expect("an event");
        assert_eq!(first.run, 0);
        assert_eq!(sinks[0].send(some_event()), Delivery::Full, "the last ones take room too");
        for _ in 0..4 {
            outlet.next().await.expect("an event");
        }
        assert_eq!(sinks[0].send(some_event()), Delivery::Sent);
        drop(outlet);
        assert_eq!(sinks[0].send(some_event()), Delivery::Gone);
    }
}
