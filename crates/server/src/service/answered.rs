//! From the runs of a request to the answers that are given: one per choice, with the views of its
//! limits.

use super::gather::GatheredRun;
use super::job::Job;
use answers::answer::{Answer, Times};
use answers::limit_views::LimitView;
use engine::Completion;
use engine::choices::chosen;
use std::time::Duration;

/// The choices that are given, in order: all, or the best ones where more were made.
pub(super) fn answers(job: &Job, runs: Vec<GatheredRun>) -> Vec<Answer> {
    let mut choices: Vec<Vec<(bool, GatheredRun)>> = Vec::new();
    for (place, run) in job.places.iter().zip(runs) {
        if choices.len() <= place.choice {
            choices.push(Vec::new());
        }
        choices[place.choice].push((place.shown, run));
    }
    let mut made: Vec<Option<Answer>> = choices.into_iter().map(|runs| answer(job, runs)).collect();
    let of = |answer: &Option<Answer>| answer.as_ref().map(|answer| answer.completion.clone());
    let completions: Option<Vec<Completion>> = made.iter().map(of).collect();
    let order = chosen(&job.request, &completions.unwrap_or_default());
    order.into_iter().filter_map(|index| made[index].take()).collect()
}

/// The answer of one choice: its shown run, with what each limit of a list gives.
fn answer(job: &Job, runs: Vec<(bool, GatheredRun)>) -> Option<Answer> {
    let shown = runs.iter().position(|(shown, _)| *shown)?;
    let runs: Vec<GatheredRun> = runs.into_iter().map(|(_, run)| run).collect();
    let views = views(job, &runs);
    let run = runs.into_iter().nth(shown)?;
    let times = times(&run);
    let GatheredRun { request, completion, .. } = run;
    Some(Answer { request, completion, views, effective: job.effective.clone(), times })
}

fn views(job: &Job, runs: &[GatheredRun]) -> Vec<LimitView> {
    if job.request.params.limits().is_empty() {
        return Vec::new();
    }
    let completions: Vec<Completion> = runs.iter().map(|run| run.completion.clone()).collect();
    let latency = |index: usize, tokens: usize| runs[index].latency(tokens);
    let engine = job.model.engine();
    LimitView::of(&job.request, &completions, latency, engine.tokenizer(), engine.info())
}

fn times(run: &GatheredRun) -> Times {
    let (first, last) = (run.token_times.first(), run.token_times.last());
    Times {
        first_token: first.copied(),
        later_tokens: first.zip(last).map_or(Duration::ZERO, |(first, last)| *last - *first),
        total: run.total,
    }
}

impl GatheredRun {
    /// To the token with which the output has `count` tokens: the latency under a limit of that
    /// many. Nothing is waited for what was generated earlier.
    fn latency(&self, count: usize) -> Duration {
        let new_tokens = count.saturating_sub(self.completion.finished.usage.resumed_tokens);
        let index = new_tokens.checked_sub(1);
        index.and_then(|index| self.token_times.get(index)).copied().unwrap_or_default()
    }
}
