//! What the ledger keeps of a request.

use super::account::Account;
use super::asked::Asked;
use super::job::{Arrival, Job};
use super::{milliseconds, quotes};
use answers::answer::Answer;
use answers::truncation;
use ledger::{Entry, Status};
use policy::price::Cost;
use sampling::stop::FinishReason;

/// The entry of a request that ran.
pub(super) fn entry(job: &Job, answers: &[Answer], account: &Account, cost: &Cost) -> Entry {
    let first = answers.first().map(|answer| &answer.completion);
    let plan = &job.governed.plan;
    let limit = &plan.max_tokens;
    let used = &account.used;
    Entry {
        status: account.status,
        // What is charged, as everything here: a budget that is restored from it has to agree.
        prompt_tokens: used.prompt_tokens + used.cached_prompt_tokens,
        cached_tokens: used.cached_prompt_tokens,
        thinking_tokens: used.thinking_tokens,
        answer_tokens: used.answer_tokens,
        choices: job.places.len() as u64,
        class: job.begins_anew().then(|| plan.class.class.as_str().to_owned()),
        asked_max_tokens: limit.asked.as_u64(),
        effective_max_tokens: limit.tokens(),
        limit_set_by: Some(limit.set_by.as_str().to_owned()),
        rule: limit.rule.clone(),
        preset: plan.preset(&job.governed.wish).map(str::to_owned),
        queue_ms: account.times.queue.map(milliseconds),
        ttft_ms: account.times.first_token.map(milliseconds),
        tpot_ms: account.times.tpot_ms,
        total_ms: Some(milliseconds(account.times.total)),
        cost_nano: cost.total.0,
        currency: job.governed.config.currency.clone(),
        finish_reason: first.map(|said| said.finished.finish_reason.as_str().to_owned()),
        stop_reason: first.map(|said| said.finished.stop_reason.name().to_owned()),
        truncation: answers.iter().find_map(|answer| left_open(job, answer)),
        quoted: job.quote.as_ref().and_then(|quote| quotes::kept(quote, job.places.len() as u64)),
        text: job.governed.config.ledger.keep_text.then(|| texts(answers)),
        seed: Some(job.request.seed),
        ..blank(&job.asked, &job.arrival, job.model.id())
    }
}

/// What is known of a request when it comes in. It counts as refused until something else is said.
pub(super) fn blank(asked: &Asked, arrival: &Arrival, model: &str) -> Entry {
    let caller = asked.caller.as_deref();
    Entry {
        request_id: arrival.request_id.clone(),
        time_ms: arrival.unix_ms,
        model: model.to_owned(),
        route: asked.route.path().to_owned(),
        key_id: caller.map(|caller| caller.key_id.clone()),
        key_name: caller.map(|caller| caller.key_name.clone()),
        plan: caller.and_then(|caller| caller.plan.clone()),
        tag: asked.tag.clone(),
        scenario: asked.scenario.clone(),
        stream: asked.stream,
        status: Status::Rejected,
        ..Entry::default()
    }
}

/// What the answers say, for ledgers that are told to keep it.
fn texts(answers: &[Answer]) -> String {
    let texts = answers.iter().map(|answer| answer.completion.text.as_str());
    texts.collect::<Vec<_>>().join("\n\n")
}

/// What the cut of an answer left open, in words.
fn left_open(job: &Job, answer: &Answer) -> Option<String> {
    let finished = &answer.completion.finished;
    let is_cut = finished.finish_reason == FinishReason::Length;
    let found = is_cut
        .then(|| truncation::of_ids(job.model.model(), &finished.ids, finished.thinking))
        .flatten();
    found.map(|found| found.explanation)
}
