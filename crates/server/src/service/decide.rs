//! A request on its way to the engine, up to the point where it would be submitted: decided,
//! prepared, and decided again with the counted prompt. A quote goes no further.

use super::asked::Asked;
use super::govern::{Begun, Governed};
use super::prepare::{Prepared, Wanted, prepare};
use super::served::ServedModel;
use super::{Service, quotes, seals};
use crate::error::ApiError;
use answers::effective::Effective;
use axum::http::StatusCode;
use engine::{GenerateRequest, LimitOverflow};
use ledger::LedgerError;
use policy::Facts;
use policy::quote::{Quote, Row};
use serde_json::{Value, json};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

/// Runs of the engine that one request may need: its choices times its limits, where those are
/// runs of their own. As many as the largest `n`.
const RUNS_MAX: usize = 128;

/// A request that was decided and not submitted.
pub(super) struct Decided {
    /// The model that answers.
    pub model: Arc<ServedModel>,
    /// What was asked for and by whom.
    pub begun: Begun,
    /// What was decided.
    pub governed: Governed,
    /// The parameters in force and who set them.
    pub effective: Effective,
    /// The request that its runs are made of.
    pub request: GenerateRequest,
    /// Whether the prompt was made with the chat template.
    pub template_used: bool,
    /// Whether an earlier answer, which this one goes on from, paid for the prompt.
    pub prompt_is_paid: bool,
    /// What it will likely take; none where a saved run goes on.
    pub quote: Option<Quote>,
}

impl Service {
    /// Decides a request, one of so many that share what the key's budgets leave.
    ///
    /// # Errors
    /// As [`Service::ask`], but for what the engine refuses.
    pub(super) async fn decide(
        &self,
        asked: &mut Asked,
        together: u64,
    ) -> Result<Decided, ApiError> {
        let model = self.model(asked.model.as_deref())?;
        let begun = Begun::of(self.config(), &model, asked)?;
        let is_ours = |state| seals::take_off(&self.ledger, state, &begun.terms());
        let prompt_is_paid = asked.resume.as_mut().is_some_and(is_ours);
        if asked.resume.is_some() && !prompt_is_paid {
            check_unlocked(&begun)?;
        }
        // What is over its rates takes none of the places where prompts are prepared.
        self.meters.check_rates(&begun)?;
        let wanted = Wanted::of(asked, begun.values().to_vec());
        let prepare = self.prepare(&model, wanted, &begun);
        let (prepared, past) = within(asked.deadline_ms, prepare).await??;
        let prompt_tokens = prepared.request.prompt.len();
        let need = begun.need(prompt_tokens, begun.choices());
        let left = self.meters.check(&begun, &need)?.map(|left| left / together);
        let (mut governed, in_force) = begun.limits(&facts(&model, prompt_tokens, left))?;
        let mut prepared = prepared.under(&model, &in_force)?;
        let runs = governed.plan.limits.len() as u64;
        if runs > 1 && !prepared.request.prefix_safe() {
            // Each limit is a run of its own, and together they share what is left.
            let left = left.map(|left| left / runs);
            let (divided, in_force) = begun.limits(&facts(&model, prompt_tokens, left))?;
            (governed, prepared) = (divided, prepared.under(&model, &in_force)?);
        }
        let prepared = self.with_texts(&model, prepared).await?;
        let Prepared { mut request, effective, template_used, saved } = prepared;
        // What was decided fits; a number of the client's that does not is refused by the engine.
        request.on_overflow = match governed.plan.max_tokens.asked.is_null() {
            true => LimitOverflow::Shrink,
            false => LimitOverflow::Refuse,
        };
        request.owner = owner(asked);
        check_together(asked, saved.is_some(), &request)?;
        let answers = match request.prefix_safe() {
            true => begun.choices(),
            false => begun.choices() * governed.plan.limits.len() as u64,
        };
        let quote = || quotes::of(&past, &governed, prompt_tokens, answers);
        let quote = saved.is_none().then(quote);
        let decided = Decided {
            model,
            governed,
            effective,
            request,
            template_used,
            prompt_is_paid,
            quote,
            begun,
        };
        Ok(decided)
    }

    /// What a request would likely take, in tokens, time and money, and how such quotes held so
    /// far. Nothing is run or charged.
    ///
    /// # Errors
    /// As [`Service::ask`].
    pub async fn quote(&self, mut asked: Asked) -> Result<Value, ApiError> {
        asked.resume = None;
        let names = asked.names();
        let decided = self.decide(&mut asked, 1).await;
        let decided = decided.map_err(|error| names.in_words_of(error))?;
        let id = decided.model.id().to_owned();
        let model = id.clone();
        let calibration = self.ask_ledger(move |l| quotes::calibration(l, &model)).await?;
        let quote = decided.quote.as_ref();
        let currency = &decided.begun.config().currency;
        let mut json = quote.map_or_else(|| json!({}), |quote| quotes::to_json(quote, currency));
        json["object"] = Value::from("quote");
        json["model"] = Value::from(id);
        json["prompt_tokens"] = Value::from(decided.request.prompt.len());
        json["choices"] = Value::from(decided.begun.choices());
        json["class"] = Value::from(decided.begun.class().as_str());
        json["limits"] = super::jeton_object::limits(&decided.governed);
        json["calibration"] = calibration;
        Ok(json)
    }

    /// Looks up the texts of parameters, on a thread of its own where there are any.
    async fn with_texts(
        &self,
        model: &Arc<ServedModel>,
        mut prepared: Prepared,
    ) -> Result<Prepared, ApiError> {
        if prepared.request.params.unresolved_text().is_none() {
            return Ok(prepared);
        }
        let model = Arc::clone(model);
        let work = move || {
            model.engine().look_up_texts(&mut prepared.request)?;
            Ok(prepared)
        };
        self.at_work(work).await?
    }

    /// Prepares a request on a thread of its own, with the meter of its key and the past of
    /// requests like it.
    async fn prepare(
        &self,
        model: &Arc<ServedModel>,
        wanted: Wanted,
        begun: &Begun,
    ) -> Result<(Prepared, Arc<Vec<Row>>), ApiError> {
        let (model, meters) = (Arc::clone(model), Arc::clone(&self.meters));
        let (begun, quotes) = (begun.clone(), Arc::clone(&self.quotes));
        let work = move || {
            let prepared = prepare(&model, wanted)?;
            let currency = &begun.config().currency;
            let ready = meters.make_ready(begun.who(), currency);
            let past = ready.and_then(|()| quotes.past(&begun));
            Ok((prepared, past.map_err(|error| unreadable(&error))?))
        };
        self.at_work(work).await?
    }
}

/// Waits for work no longer than a client's deadline. After it the answer would have no token.
async fn within<T>(deadline_ms: Option<u64>, work: impl Future<Output = T>) -> Result<T, ApiError> {
    let Some(deadline_ms) = deadline_ms else { return Ok(work.await) };
    tokio::time::timeout(Duration::from_millis(deadline_ms), work).await.map_err(|_| {
        let message = format!("`deadline_ms` of {deadline_ms} was over before the prompt was read");
        ApiError::new(StatusCode::REQUEST_TIMEOUT, message)
            .with_param("deadline_ms")
            .with_code("deadline")
    })
}

/// The ledger cannot be read, and so nobody knows what a key has used.
pub(super) fn unreadable(error: &LedgerError) -> ApiError {
    tracing::error!(%error, "the ledger cannot be read");
    ApiError::internal("The ledger cannot be read")
}

/// What an admin fixed counts in a saved run as well, and only our own were held to it.
fn check_unlocked(begun: &Begun) -> Result<(), ApiError> {
    let fixed = policy::fixed(begun.config(), &begun.who().model);
    let Some(rule) = fixed.first() else { return Ok(()) };
    let message = format!(
        "`resume`: an admin fixed parameters of this model ({rule}), so only states are continued \
         that this server made under the same settings"
    );
    Err(ApiError::parameter("resume", message))
}

/// For whom the engine computes: requests of a key share its part.
fn owner(asked: &Asked) -> u64 {
    let Some(caller) = &asked.caller else { return 0 };
    let mut hasher = DefaultHasher::new();
    caller.key_id.hash(&mut hasher);
    hasher.finish()
}

fn facts(model: &ServedModel, prompt_tokens: usize, left: Option<u64>) -> Facts {
    let recommended = model.model().defaults.max_new_tokens;
    let close_tokens = model.model().thinking().map(|format| format.close_tokens_max());
    Facts {
        prompt_tokens: prompt_tokens as u64,
        context_tokens_max: model.engine().info().context_tokens_max as u64,
        model_default_tokens: recommended.map(u64::from),
        budget_left_tokens: left,
        thought_close_tokens: close_tokens.unwrap_or(0) as u64,
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::{pending, ready};

    #[tokio::test]
    async fn a_deadline_is_over_also_while_a_prompt_waits() {
        let error = within(Some(1), pending::<()>()).await.expect_err("nothing ever comes");
        assert_eq!((error.status.as_u16(), error.code.as_deref()), (408, Some("deadline")));
        assert_eq!(within(Some(1000), ready(7)).await, Ok(7));
        assert_eq!(within(None, ready(7)).await, Ok(7));
    }
}
