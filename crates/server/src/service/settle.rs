//! Closing the account of a request: the answers of its runs, what they cost, the entry in the
//! ledger, and only then the end that a client is told.

use super::account::Account;
use super::clerk::EndedBy;
use super::gather::GatheredRun;
use super::job::Job;
use super::running::Settled;
use super::{answered, entry, jeton_object};
use crate::error::ApiError;
use engine::Interruption;
use grammar::MatchError;
use ledger::{Entry, LedgerError, Slot};
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::oneshot;

/// Settles the account of a request whose runs are over. Returns when it is in the ledger.
pub(super) async fn settle(job: Job, runs: Vec<GatheredRun>, ended_by: Option<EndedBy>) -> Settled {
    let service = Arc::clone(&job.service);
    let told = Arc::clone(&job.told);
    service.load.ended(Instant::now());
    // Digests of weights and diagnoses of long texts take their time.
    let closed = tokio::task::spawn_blocking(move || close(job, runs, ended_by)).await;
    let Ok((mut settled, entry, slot)) = closed else {
        tracing::error!(request = told.request_id, "an account could not be settled");
        return Settled::failed(told, ApiError::internal("The answer could not be completed"));
    };
    service.metrics.settled(&entry);
    if let Err(error) = record(slot, entry).await {
        // What is not in the ledger is not delivered as done.
        tracing::error!(request = told.request_id, %error, "the ledger did not take an entry");
        let message = "The account of this answer could not be kept";
        settled.error = Some(ApiError::internal(message));
    }
    settled
}

/// What is told and what is kept of a request.
fn close(
    mut job: Job,
    runs: Vec<GatheredRun>,
    ended_by: Option<EndedBy>,
) -> (Settled, Entry, Slot) {
    let account = Account::of(&runs, job.prompt_is_paid, ended_by);
    let cost = job.governed.prices.cost(&account.used);
    job.held.charge(&account.used, &cost);
    let error = error(&runs, ended_by);
    let answers = answered::answers(&job, runs);
    let jeton = jeton_object::at_end(&job, &answers, &account, &cost);
    let entry = entry::entry(&job, &answers, &account, &cost);
    let Job { told, slot, .. } = job;
    (Settled { told, answers, usage: account.usage, jeton, error }, entry, slot)
}

/// What went wrong, for a client that is still there.
fn error(runs: &[GatheredRun], ended_by: Option<EndedBy>) -> Option<ApiError> {
    if let Some(ended_by) = ended_by {
        return ended_by.error();
    }
    runs.iter().find_map(|run| {
        let interruption = run.completion.finished.interruption.as_ref()?;
        Some(too_costly(run, interruption).unwrap_or_else(|| of_interruption(interruption)))
    })
}

/// A shape that costs more to follow than its limits allow is its author's fault.
fn too_costly(run: &GatheredRun, interruption: &Interruption) -> Option<ApiError> {
    let Interruption::GrammarFailed(MatchError::Failed(_)) = interruption else { return None };
    let param = match run.request.grammar.as_ref()?.kind() {
        "json_object" | "json_schema" => "response_format",
        "lark" => "grammar",
        kind => kind,
    };
    let message = format!("`{param}` takes too much to follow: {interruption}");
    Some(ApiError::parameter(param, message).with_code("grammar_too_costly"))
}

fn of_interruption(interruption: &Interruption) -> ApiError {
    match interruption {
        Interruption::Shutdown => ApiError::stopping(),
        other => ApiError::internal(other.to_string()),
    }
}

/// Waits until the entry is committed.
async fn record(slot: Slot, entry: Entry) -> Result<(), LedgerError> {
    let (sender, committed) = oneshot::channel();
    // Nobody waits any more where the runtime is going down.
    slot.record(entry, Box::new(move |result| drop(sender.send(result))));
    committed.await.unwrap_or(Err(LedgerError::Closed))
}
