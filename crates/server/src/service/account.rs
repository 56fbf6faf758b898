//! What a request used, how long it took and how it ended: counted on what was really produced.

use super::clerk::EndedBy;
use super::gather::GatheredRun;
use engine::choices::usage_of_choices;
use engine::thinking::Part;
use engine::{Interruption, TokenEvent, Usage};
use ledger::Status;
use policy::price::Used;
use sampling::stop::StopReason;
use std::time::Duration;

/// What a request used and how it ended.
#[derive(Clone, Debug)]
pub(super) struct Account {
    /// What all its runs used together.
    pub usage: Usage,
    /// What of that is charged.
    pub used: Used,
    /// When what happened.
    pub times: RequestTimes,
    /// How it ended.
    pub status: Status,
}

/// Times of a request, counted from when it came in.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct RequestTimes {
    /// To the beginning of its computation; none when it ended before.
    pub queue: Option<Duration>,
    /// To the first token of any choice.
    pub first_token: Option<Duration>,
    /// Between two tokens of a choice, on average, in milliseconds.
    pub tpot_ms: Option<f64>,
    /// To the end.
    pub total: Duration,
}

impl Account {
    /// Of the runs of a request. `prompt_is_paid` says that an earlier answer, which this one goes
    /// on from, paid for the prompt and for what it had said.
    pub fn of(runs: &[GatheredRun], prompt_is_paid: bool, ended_by: Option<EndedBy>) -> Account {
        let usages: Vec<Usage> = runs.iter().map(|run| run.completion.finished.usage).collect();
        Account {
            usage: usage_of_choices(&usages),
            used: used(runs, prompt_is_paid),
            times: RequestTimes::of(runs),
            status: status(runs, ended_by),
        }
    }
}

/// The prompt once, as the first run that began found it, and every token that was generated here.
fn used(runs: &[GatheredRun], prompt_is_paid: bool) -> Used {
    let mut used = Used::default();
    let mut prompt_is_counted = prompt_is_paid;
    for run in runs.iter().filter(|run| run.began.is_some()) {
        let completion = &run.completion;
        let own = used_by(&completion.finished.usage, &completion.tokens, prompt_is_counted);
        used.prompt_tokens += own.prompt_tokens;
        used.cached_prompt_tokens += own.cached_prompt_tokens;
        used.thinking_tokens += own.thinking_tokens;
        used.answer_tokens += own.answer_tokens;
        prompt_is_counted = true;
    }
    used
}

/// What a run alone would be charged that ended with this usage. `tokens` are those of the run that
/// it is seen in; they tell thought from answer where some tokens were generated earlier.
pub(super) fn used_by(usage: &Usage, tokens: &[TokenEvent], prompt_is_paid: bool) -> Used {
    let new_tokens = usage.completion_tokens - usage.resumed_tokens;
    let new = tokens.iter().take(new_tokens);
    let thinking_tokens = match usage.resumed_tokens {
        0 => usage.thinking_tokens,
        _ => new.filter(|token| token.part == Part::Thinking).count(),
    };
    let read_tokens = usage.prompt_tokens + usage.resumed_tokens;
    let cached_tokens = usage.prefix_hit_tokens.min(read_tokens);
    let mut used = Used {
        thinking_tokens: thinking_tokens as u64,
        answer_tokens: (new_tokens - thinking_tokens) as u64,
        ..Used::default()
    };
    if !prompt_is_paid {
        used.prompt_tokens = (read_tokens - cached_tokens) as u64;
        used.cached_prompt_tokens = cached_tokens as u64;
    }
    used
}

impl RequestTimes {
    fn of(runs: &[GatheredRun]) -> Self {
        let first_of = |run: &GatheredRun| run.token_times.first().copied();
        let gaps = runs.iter().filter(|run| !run.request.params.is_beam_search());
        let gaps = gaps.filter_map(|run| Some((first_of(run)?, *run.token_times.last()?, run)));
        let (mut between, mut count) = (Duration::ZERO, 0);
        for (first, last, run) in gaps {
            between += last.saturating_sub(first);
            count += run.token_times.len() - 1;
        }
        RequestTimes {
            queue: runs.iter().filter_map(|run| run.began).min(),
            first_token: runs.iter().filter_map(first_of).min(),
            // The tokens of a beam search come together, at its end.
            tpot_ms: (count > 0).then(|| between.as_secs_f64() * 1e3 / count as f64),
            total: runs.iter().map(|run| run.total).max().unwrap_or_default(),
        }
    }
}

/// A failure of any run counts first, then whether the client took it back.
fn status(runs: &[GatheredRun], ended_by: Option<EndedBy>) -> Status {
    let finished = || runs.iter().map(|run| &run.completion.finished);
    let failed = finished().any(|finished| finished.stop_reason == StopReason::Failed);
    let shut_down = finished().any(|f| f.interruption == Some(Interruption::Shutdown));
    let cancelled = finished().any(|finished| finished.stop_reason == StopReason::Cancelled);
    let taken_back = matches!(ended_by, Some(EndedBy::ReaderGone | EndedBy::SlowReader));
    match () {
        () if failed || shut_down || runs.is_empty() => Status::Failed,
        () if cancelled && taken_back => Status::Cancelled,
        () if cancelled && ended_by.is_none() => Status::Cancelled,
        () => Status::Done,
    }
}
