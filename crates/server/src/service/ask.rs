//! A request's way to the engine: decided, let in by its key's budgets, submitted.

use super::asked::Asked;
use super::clerk::Clerk;
use super::decide::Decided;
use super::feed::{RUN_EVENTS_MAX, feed};
use super::gather::Gathering;
use super::job::{Arrival, Job};
use super::meters::{Held, headers};
use super::running::{Running, Told};
use super::runs::{Place, runs_of};
use super::{Service, entry, jeton_object};
use crate::error::ApiError;
use crate::guard::request_id::named;
use axum::http::{HeaderValue, header};
use engine::{GenerateRequest, Rejection, Ticket};
use ledger::Slot;
use policy::budget::{Need, Rates};
use std::sync::Arc;
use std::time::Instant;

/// The model of requests that name none of ours, in the ledger.
const UNKNOWN: &str = "(unknown)";

/// A request that was decided, with its runs.
struct Ready {
    asked: Asked,
    arrival: Arrival,
    decided: Decided,
    runs: Vec<(Place, GenerateRequest)>,
}

impl Service {
    /// Accepts a request or says why not. What is refused has cost nothing; with a key it is
    /// written down, without its text.
    ///
    /// # Errors
    /// 400 for what is wrong with the request, 404 for an unknown model, 429 for what is too much
    /// (with `Retry-After`), 503 while the server goes down.
    pub async fn ask(self: &Arc<Self>, asked: Asked) -> Result<Running, ApiError> {
        let mut running = self.ask_all(vec![asked]).await?;
        Ok(running.pop().expect("one for each"))
    }

    /// Accepts requests of one caller for one model that came in together, all or none.
    ///
    /// # Errors
    /// As [`Service::ask`], for the first that is refused.
    ///
    /// # Panics
    /// Without a request.
    pub async fn ask_all(self: &Arc<Self>, asked: Vec<Asked>) -> Result<Vec<Running>, ApiError> {
        let first = &asked[0];
        let names = first.names();
        let kept = first.caller.is_some().then(|| {
            // Whatever a client calls its model must not become a name in the metrics.
            let model = self.model(first.model.as_deref()).ok();
            entry::blank(first, &Arrival::now(), model.as_ref().map_or(UNKNOWN, |m| m.id()))
        });
        let mut error = match self.try_ask(asked).await {
            Ok(running) => return Ok(running),
            Err(error) => names.in_words_of(error),
        };
        if let Some(entry) = kept {
            error.headers.extend(named(&entry.request_id));
            self.note_refused(entry);
        }
        Err(error)
    }

    async fn try_ask(self: &Arc<Self>, all: Vec<Asked>) -> Result<Vec<Running>, ApiError> {
        let together = all.len() as u64;
        let mut ready = Vec::with_capacity(all.len());
        for mut asked in all {
            let arrival = Arrival::now();
            let decided = self.decide(&mut asked, together).await?;
            let runs = runs_of(&decided.request)?;
            ready.push(Ready { asked, arrival, decided, runs });
        }
        let needs: Vec<Need> = ready.iter().map(Ready::need).collect();
        let (held, rates) = self.meters.admit_all(&ready[0].decided.begun, &needs)?;
        let slot = || self.ledger.reserve().map_err(|_| ledger_is_behind());
        let slots = ready.iter().map(|_| slot()).collect::<Result<Vec<_>, _>>()?;
        let mut running = Vec::with_capacity(ready.len());
        for ((ready, held), slot) in ready.into_iter().zip(held).zip(slots) {
            let (job, runs) = ready.job(self, held, slot, &rates);
            // Those that the engine took before a refusal end when they are dropped.
            running.push(self.submit(job, runs)?);
        }
        Ok(running)
    }

    /// Gives the runs to the engine and the request to a clerk.
    fn submit(
        self: &Arc<Self>,
        job: Job,
        runs: Vec<(Place, GenerateRequest)>,
    ) -> Result<Running, ApiError> {
        let (inlet, outlet) = feed(runs.len(), RUN_EVENTS_MAX * runs.len());
        let mut tickets = Vec::with_capacity(runs.len());
        let mut gatherings = Vec::with_capacity(runs.len());
        for (index, (_, request)) in runs.into_iter().enumerate() {
            match job.model.engine().submit(request.clone(), inlet.sink(index)) {
                Ok(ticket) => tickets.push(ticket),
                Err(rejection) => {
                    // All or none: those that were taken give their places back at once.
                    tickets.iter().for_each(Ticket::cancel);
                    return Err(self.refusal(rejection));
                }
            }
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

impl Ready {
    /// What it may need of its key's budgets.
    fn need(&self) -> Need {
        let Decided { governed, request, begun, .. } = &self.decided;
        let tokens_max = governed.plan.max_tokens().saturating_mul(self.runs.len() as u64);
        begun.need(request.prompt.len(), tokens_max)
    }

    fn job(
        self,
        service: &Arc<Service>,
        held: Held,
        slot: Slot,
        rates: &Rates,
    ) -> (Job, Vec<(Place, GenerateRequest)>) {
        let Ready { asked, arrival, decided, runs } = self;
        let told = Arc::new(Told {
            request_id: arrival.request_id.clone(),
            model: decided.model.id().to_owned(),
            created_s: arrival.unix_s(),
            prompt_tokens: decided.request.prompt.len(),
            seed: decided.request.seed,
            choices: decided.request.params.n(),
            headers: headers(rates),
            jeton: jeton_object::at_start(&arrival.request_id, &asked, &decided),
        });
        let job = Job {
            service: Arc::clone(service),
            places: runs.iter().map(|(place, _)| *place).collect(),
            asked,
            effective: decided.effective,
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
        (job, runs)
    }
}

/// The ledger's disk is slower than the requests: what cannot be written down is not begun.
fn ledger_is_behind() -> ApiError {
    ApiError::unavailable("Too many accounts wait to be written down; try again", 1)
        .with_code("ledger_full")
}
