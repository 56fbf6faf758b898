//! Where events go. The engine never waits for a reader.

use crate::api::Event;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, TryRecvError, channel};
use std::time::Duration;

/// Takes the events of one request. Called on the engine's thread, so it returns at once.
///
/// After anything but [`Delivery::Sent`] the request is cancelled. The one `Finished` event is
/// sent in any case; what the sink answers to it changes nothing.
pub trait EventSink: Send {
    /// Takes an event or says why not.
    fn send(&self, event: Event) -> Delivery;
}

/// What became of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// The reader has it or will have it.
    Sent,
    /// There is no room for it: the reader is too slow.
    Full,
    /// There is no reader any more.
    Gone,
}

/// Any function of an event is a sink.
impl<F: Fn(Event) -> Delivery + Send> EventSink for F {
    fn send(&self, event: Event) -> Delivery {
        self(event)
    }
}

/// A sink and its reader, with room for `events_max` events and always for the last one.
pub fn event_channel(events_max: usize) -> (Box<dyn EventSink>, EventStream) {
    // Bounded by its count: a channel with a bound takes all its memory at once.
    let (sender, receiver) = channel();
    let waiting_count = Arc::new(AtomicUsize::new(0));
    let sink = ChannelSink { sender, waiting_count: Arc::clone(&waiting_count), events_max };
    (Box::new(sink), EventStream { receiver, waiting_count })
}

/// The writing end: counts, so that one place is left for `Finished`.
struct ChannelSink {
    sender: Sender<Event>,
    waiting_count: Arc<AtomicUsize>,
    events_max: usize,
}

impl EventSink for ChannelSink {
    fn send(&self, event: Event) -> Delivery {
        let is_last = matches!(event, Event::Finished(_));
        if !is_last && self.waiting_count.load(Ordering::Acquire) >= self.events_max {
            return Delivery::Full;
        }
        // Counted before it can be read: the count is never below what waits.
        self.waiting_count.fetch_add(1, Ordering::AcqRel);
        match self.sender.send(event) {
            Ok(()) => Delivery::Sent,
            Err(_) => Delivery::Gone,
        }
    }
}

/// The events of one request. As an iterator it ends after `Finished`.
pub struct EventStream {
    receiver: Receiver<Event>,
    waiting_count: Arc<AtomicUsize>,
}

impl EventStream {
    /// The next event if one is there.
    pub fn try_next(&self) -> Result<Event, TryRecvError> {
        self.receiver.try_recv().inspect(|_| self.count_read())
    }

    /// The next event, or an error when none comes within `wait` or none can come.
    pub fn next_within(&self, wait: Duration) -> Result<Event, RecvTimeoutError> {
        self.receiver.recv_timeout(wait).inspect(|_| self.count_read())
    }

    fn count_read(&self) {
        self.waiting_count.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Waits for each event.
impl Iterator for EventStream {
    type Item = Event;

    fn next(&mut self) -> Option<Event> {
        self.receiver.recv().ok().inspect(|_| self.count_read())
    }
}
