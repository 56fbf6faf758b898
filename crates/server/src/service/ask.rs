//! A request's way to the engine: decided, let in by its key's budgets, submitted.

use super::asked::Asked;
use super::clerk::Clerk;
use super::decide::Decided;
use super::feed::feed;
use super::gather::Gathering;
use super::job::{Arrival, Job};
use super::meters::headers;
use super::running::{Running, Told};
use super::runs::{Place, runs_of};
use super::{Service, entry, jeton_object};
use crate::error::ApiError;
use axum::http::{HeaderValue, header};
use engine::limits::STREAM_EVENTS_MAX;
use engine::{GenerateRequest, Rejection};
use std::sync::Arc;
use std::time::Instant;

impl Service {
    /// Accepts a request or says why not. What is refused has cost nothing; with a key it is
    /// written down, without its text.
    ///
    /// # Errors
    /// 400 for what is wrong with the request, 404 for an unknown model, 429 for what is too much
    /// (with `Retry-After`), 503 while the server goes down.
    pub async fn ask(self: &Arc<Self>, mut asked: Asked) -> Result<Running, ApiError> {
        let arrival = Arrival::now();
        let kept = asked
            .caller
            .is_some()
            .then(|| entry::blank(&asked, &arrival, asked.model.as_deref().unwrap_or("")));
        let running = self.try_ask(&mut asked, arrival).await;
        if let (Err(_), Some(entry)) = (&running, kept) {
            self.note_refused(entry);
        }
        running
    }

    async fn try_ask(
        self: &Arc<Self>,
        asked: &mut Asked,
        arrival: Arrival,
    ) -> Result<Running, ApiError> {
        let decided = self.decide(asked).await?;
        let Decided { governed, effective, request, .. } = &decided;
        let runs = runs_of(request)?;
        let tokens_max = governed.plan.max_tokens().saturating_mul(runs.len() as u64);
        let need = decided.begun.need(request.prompt.len(), tokens_max);
        let (held, rates) = self.meters.admit(&decided.begun, &need)?;
        let slot = self.ledger.reserve().map_err(|_| ledger_is_behind())?;
        let told = Arc::new(Told {
            request_id: arrival.request_id.clone(),
            model: decided.model.id().to_owned(),
            created_s: arrival.unix_s(),
            prompt_tokens: request.prompt.len(),
            seed: request.seed,
            choices: request.params.n(),
            headers: headers(&rates),
            jeton: jeton_object::at_start(&arrival.request_id, asked, &decided),
        });
        let job = Job {
            service: Arc::clone(self),
            places: runs.iter().map(|(place, _)| *place).collect(),
            asked: asked.clone(),
            effective: effective.clone(),
            template_used: decided.template_used,
            prompt_is_paid: decided.prompt_is_paid,
            quote: decided.quote,
            model: decided.model,
            governed: decided.governed,
            request: decided.request,
            held,
            slot,
            told,
            arrival,
        };
        self.submit(job, runs)
    }

    /// Gives the runs to the engine and the request to a clerk.
    fn submit(
        self: &Arc<Self>,
        job: Job,
        runs: Vec<(Place, GenerateRequest)>,
    ) -> Result<Running, ApiError> {
        let (inlet, outlet) = feed(runs.len(), STREAM_EVENTS_MAX * runs.len());
        let mut tickets = Vec::with_capacity(runs.len());
        let mut gatherings = Vec::with_capacity(runs.len());
        for (index, (_, request)) in runs.into_iter().enumerate() {
            // Those that were taken before a refusal find their feed gone and end.
            let ticket = job.model.engine().submit(request.clone(), inlet.sink(index));
            tickets.push(ticket.map_err(|rejection| self.refusal(rejection))?);
            gatherings.push(Gathering::new(request, !job.asked.stream, job.arrival.at));
        }
        let told = Arc::clone(&job.told);
        let (clerk, events) = Clerk::new(job, tickets, outlet, gatherings, self.ending());
        tokio::spawn(clerk.keep());
        Ok(Running { told, events })
    }

    /// A refusal of the engine, with the time after which a full queue is worth another try.
    fn refusal(&self, rejection: Rejection) -> ApiError {
        let full = matches!(rejection, Rejection::QueueFull { .. });
        let error = ApiError::from(rejection);
        match full {
            true => {
                let wait = self.load.wait_for_place(Instant::now());
                error.with_header(header::RETRY_AFTER, HeaderValue::from(wait.as_secs()))
            }
            false => error,
        }
    }
}

/// The ledger's disk is slower than the requests: what cannot be written down is not begun.
fn ledger_is_behind() -> ApiError {
    ApiError::unavailable("Too many accounts wait to be written down; try again", 1)
        .with_code("ledger_full")
}
