//! A request's way to the engine: decided, prepared, decided again with the counted prompt,
//! submitted.

use super::asked::Asked;
use super::clerk::Clerk;
use super::feed::feed;
use super::gather::Gathering;
use super::govern::Begun;
use super::job::{Arrival, Job};
use super::meters::headers;
use super::prepare::{Prepared, Wanted, prepare};
use super::running::{Running, Told};
use super::runs::{Place, runs_of};
use super::served::ServedModel;
use super::{Service, entry, jeton_object};
use crate::error::ApiError;
use axum::http::{HeaderValue, header};
use engine::limits::STREAM_EVENTS_MAX;
use engine::{GenerateRequest, LimitOverflow, Rejection};
use policy::Facts;
use policy::budget::Need;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::Instant;

/// Runs of the engine that one request may need: its choices times its limits, where those are
/// runs of their own. As many as the largest `n`.
const RUNS_MAX: usize = 128;

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
        let model = self.model(asked.model.as_deref())?;
        let begun = Begun::of(self.config(), &model, asked)?;
        let prompt_is_paid = asked.resume.as_mut().is_some_and(|state| self.seals.take_off(state));
        let wanted = Wanted::of(asked, begun.values().to_vec());
        let prepared = self.prepare(&model, wanted, &begun).await?;
        let mut need = Need {
            prompt_tokens: prepared.request.prompt.len() as u64,
            output_tokens: begun.choices(),
            prices: begun.prices(),
        };
        let left = self.meters.check(&begun, &need)?;
        let (governed, values) = begun.limits(&facts(&model, &prepared, left))?;
        let prepared = prepared.under(&model, &values)?;
        let Prepared { mut request, effective, template_used, saved } = prepared;
        // What was decided fits; a number of the client's that does not is refused by the engine.
        request.on_overflow = match governed.plan.max_tokens.asked.is_null() {
            true => LimitOverflow::Shrink,
            false => LimitOverflow::Refuse,
        };
        request.owner = owner(asked);
        check_together(asked, saved.is_some(), &request)?;
        let runs = runs_of(&request)?;
        need.output_tokens = governed.plan.max_tokens().saturating_mul(runs.len() as u64);
        let (held, rates) = self.meters.admit(&begun, &need)?;
        let slot = self.ledger.reserve().map_err(|_| ledger_is_behind())?;
        let request_id = arrival.request_id.clone();
        let told = Arc::new(Told {
            model: model.id().to_owned(),
            created_s: arrival.unix_s(),
            prompt_tokens: request.prompt.len(),
            seed: request.seed,
            choices: request.params.n(),
            headers: headers(&rates),
            jeton: jeton_object::at_start(
                &request_id,
                model.model(),
                asked,
                &governed,
                &effective,
                &request,
            ),
            request_id,
        });
        let places = runs.iter().map(|(place, _)| *place).collect();
        let job = Job {
            service: Arc::clone(self),
            model,
            asked: asked.clone(),
            governed,
            effective,
            request,
            places,
            template_used,
            prompt_is_paid,
            held,
            slot,
            told,
            arrival,
        };
        self.submit(job, runs)
    }

    /// Prepares a request on a thread of its own, and the meter of its key.
    async fn prepare(
        &self,
        model: &Arc<ServedModel>,
        wanted: Wanted,
        begun: &Begun,
    ) -> Result<Prepared, ApiError> {
        let (model, meters) = (Arc::clone(model), Arc::clone(&self.meters));
        let (who, currency) = (begun.who().clone(), begun.config().currency.clone());
        let work = move || {
            let prepared = prepare(&model, wanted)?;
            meters.make_ready(&who, &currency).map_err(|error| {
                tracing::error!(%error, "what a key has used cannot be read");
                ApiError::internal("What the key has used cannot be read")
            })?;
            Ok(prepared)
        };
        self.at_work(work).await?
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

/// For whom the engine computes: requests of a key share its part.
fn owner(asked: &Asked) -> u64 {
    let Some(caller) = &asked.caller else { return 0 };
    let mut hasher = DefaultHasher::new();
    caller.key_id.hash(&mut hasher);
    hasher.finish()
}

/// The ledger's disk is slower than the requests: what cannot be written down is not begun.
fn ledger_is_behind() -> ApiError {
    ApiError::unavailable("Too many accounts wait to be written down; try again", 1)
        .with_code("ledger_full")
}

fn facts(model: &ServedModel, prepared: &Prepared, left: Option<u64>) -> Facts {
    let recommended = model.model().defaults.max_new_tokens;
    Facts {
        prompt_tokens: prepared.request.prompt.len() as u64,
        context_tokens_max: model.engine().info().context_tokens_max as u64,
        model_max_tokens: None,
        model_default_tokens: recommended.map(u64::from),
        budget_left_tokens: left,
    }
}

/// What does not go together, whatever the values are.
fn check_together(asked: &Asked, goes_on: bool, request: &GenerateRequest) -> Result<(), ApiError> {
    let params = &request.params;
    let choices = params.choices_made();
    if goes_on && choices > 1 {
        return Err(ApiError::parameter("n", "`n` must be 1 where a saved run goes on"));
    }
    if asked.stream && choices > params.n() {
        let message = "`best_of` must not be more than `n` in a stream: the best is known last";
        return Err(ApiError::parameter("best_of", message));
    }
    let runs = choices * params.limits().len().max(1);
    if runs > RUNS_MAX && !request.prefix_safe() {
        let message = format!(
            "`n` times the limits of `max_tokens` must be at most {RUNS_MAX} where each limit is a \
             run of its own; given {runs}"
        );
        return Err(ApiError::parameter("max_tokens", message));
    }
    Ok(())
}
