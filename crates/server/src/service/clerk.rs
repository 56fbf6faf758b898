//! The life of a request after it was submitted: a task of its own that takes what the engine says,
//! passes it on, ends what must end, and settles the account, whoever is still listening.

use super::feed::{Outlet, RunEvent};
use super::gather::Gathering;
use super::job::Job;
use super::running::AnswerEvent;
use super::settle;
use crate::error::ApiError;
use axum::http::StatusCode;
use engine::limits::STREAM_EVENTS_MAX;
use engine::{Event, Interruption, Ticket};
use std::sync::Arc;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

/// Keeps one request until its account is settled.
pub(super) struct Clerk {
    job: Job,
    tickets: Vec<Ticket>,
    outlet: Outlet,
    runs: Vec<Gathering>,
    reader: Sender<AnswerEvent>,
    /// Places of the reader's channel that tokens may not take: one for the end of each choice.
    reserved: usize,
    deadline: Option<Instant>,
    /// Becomes true when every answer must end.
    ending: watch::Receiver<bool>,
    ended_by: Option<EndedBy>,
}

/// What a clerk has to deal with.
enum Happening {
    /// The engine said something; nothing more comes after none.
    Told(Option<RunEvent>),
    /// Something outside wants the end.
    End(EndedBy),
}

/// What ended a request from outside. The first counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum EndedBy {
    /// Its time was up.
    Deadline,
    /// The client is gone.
    ReaderGone,
    /// The client did not read what it was sent.
    SlowReader,
    /// The server goes down.
    Shutdown,
}

impl EndedBy {
    /// What a client that is still there is told, where it is an error.
    pub fn error(self) -> Option<ApiError> {
        match self {
            EndedBy::Deadline | EndedBy::ReaderGone => None,
            EndedBy::Shutdown => Some(ApiError::stopping()),
            EndedBy::SlowReader => {
                let message = format!(
                    "The answer was cancelled: more than {STREAM_EVENTS_MAX} tokens of each choice \
                     waited to be read"
                );
                let error = ApiError::new(StatusCode::REQUEST_TIMEOUT, message);
                Some(error.with_code("slow_reader"))
            }
        }
    }
}

impl Clerk {
    /// The clerk of a submitted job, and what its route reads.
    pub fn new(
        job: Job,
        tickets: Vec<Ticket>,
        outlet: Outlet,
        runs: Vec<Gathering>,
        ending: watch::Receiver<bool>,
    ) -> (Clerk, Receiver<AnswerEvent>) {
        let reserved = job.places.len() + 1;
        let shown = job.places.iter().filter(|place| place.shown).count();
        let (reader, events) = channel(STREAM_EVENTS_MAX * shown + reserved);
        // A deadline too far to be counted is none.
        let deadline = Instant::from_std(job.arrival.at).checked_add(job.time_max());
        let ended_by = None;
        (Clerk { job, tickets, outlet, runs, reader, reserved, deadline, ending, ended_by }, events)
    }

    /// Does all of it.
    pub async fn keep(mut self) {
        let _unsettled = self.job.service.unsettled.enter();
        self.pass_on(AnswerEvent::Started(Arc::clone(&self.job.told)));
        while !self.runs.iter().all(Gathering::is_finished) {
            match self.next().await {
                Happening::Told(Some(told)) => self.take(told),
                Happening::Told(None) => break,
                Happening::End(by) => self.end(by),
            }
        }
        let runs = self.runs.into_iter().filter_map(Gathering::done).collect();
        let settled = settle::settle(self.job, runs, self.ended_by).await;
        // A reader that is gone needs no end.
        let _ = self.reader.send(AnswerEvent::End(Box::new(settled))).await;
    }

    /// What happens next. Nothing ends a request twice.
    async fn next(&mut self) -> Happening {
        let watching = self.ended_by.is_none();
        let deadline = self.deadline.unwrap_or_else(Instant::now);
        tokio::select! {
            // In this order: what was said counts before what ends it.
            biased;
            told = self.outlet.next() => Happening::Told(told),
            () = self.reader.closed(), if watching => Happening::End(EndedBy::ReaderGone),
            () = sleep_until(deadline), if watching && self.deadline.is_some() => {
                Happening::End(EndedBy::Deadline)
            }
            _ = self.ending.wait_for(|ending| *ending), if watching => {
                Happening::End(EndedBy::Shutdown)
            }
        }
    }

    /// Takes down what the engine said, and passes on what the reader wants to hear.
    fn take(&mut self, told: RunEvent) {
        self.runs[told.run].take(&told);
        let place = self.job.places[told.run];
        if !(self.job.asked.stream && place.shown) {
            return;
        }
        let choice = place.choice;
        match told.event {
            Event::Token(event) => self.pass_on(AnswerEvent::Token { choice, event }),
            Event::Finished(finished) => self.pass_on(AnswerEvent::Choice { choice, finished }),
            Event::Started(_) | Event::PromptLogprobs(_) => {}
        }
    }

    /// Never waits: a reader that is too far behind loses its request instead. A stream that has
    /// lost a token gets no later one.
    fn pass_on(&mut self, event: AnswerEvent) {
        let is_token = matches!(event, AnswerEvent::Token { .. });
        if is_token && self.ended_by == Some(EndedBy::SlowReader) {
            return;
        }
        if is_token && self.reader.capacity() <= self.reserved {
            return self.end(EndedBy::SlowReader);
        }
        // Only a reader that is gone can refuse it; that is noticed beside.
        let _ = self.reader.try_send(event);
    }

    /// Ends every run.
    fn end(&mut self, by: EndedBy) {
        self.ended_by = self.ended_by.or(Some(by));
        for ticket in &self.tickets {
            match by {
                EndedBy::Deadline => ticket.end(Interruption::Deadline),
                EndedBy::ReaderGone => ticket.cancel(),
                EndedBy::SlowReader => ticket.end(Interruption::SinkFull),
                EndedBy::Shutdown => ticket.end(Interruption::Shutdown),
            }
        }
    }
}
