//! Several answers to one prompt: each is a request of its own, with its own number, and all share
//! the blocks of the prompt.

use crate::api::{GenerateRequest, Usage};
use crate::collect::Completion;

/// The requests that make the choices of `request`: `best_of` of them, or `n`, numbered on from
/// its own `choice_index`. Submitted together, they compute their prompt once.
pub fn choices(request: &GenerateRequest) -> Vec<GenerateRequest> {
    let count = u32::try_from(request.params.choices_made()).expect("choices are bounded");
    let choice = |index| GenerateRequest {
        choice_index: request.choice_index.wrapping_add(index),
        ranked: request.params.best_of().is_some(),
        ..request.clone()
    };
    (0..count).map(choice).collect()
}

/// Which of the completions of [`choices`] are the answer, in order: all, or the `n` with the
/// highest mean log-probability where they are ranked, the lower number first among equals.
pub fn chosen(request: &GenerateRequest, completions: &[Completion]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..completions.len()).collect();
    if request.params.best_of().is_some() {
        let score = |index: &usize| {
            let mean = completions[*index].finished.mean_logprob;
            mean.filter(|mean| !mean.is_nan()).unwrap_or(f64::NEG_INFINITY)
        };
        // The sort is stable: equals stay in order.
        order.sort_by(|a, b| score(b).total_cmp(&score(a)));
    }
    order.truncate(request.params.n());
    order
}

/// What all choices of a request used together: the prompt once, and every token that was
/// generated, also for choices that are not given.
pub fn usage_of_choices(usages: &[Usage]) -> Usage {
    let sum = |count: fn(&Usage) -> usize| usages.iter().map(count).sum::<usize>();
    Usage {
        completion_tokens: sum(|usage| usage.completion_tokens),
        thinking_tokens: sum(|usage| usage.thinking_tokens),
        resumed_tokens: sum(|usage| usage.resumed_tokens),
        preempted_count: sum(|usage| usage.preempted_count),
        drafted_tokens: sum(|usage| usage.drafted_tokens),
        accepted_draft_tokens: sum(|usage| usage.accepted_draft_tokens),
        ..usages.first().copied().unwrap_or_default()
    }
}
