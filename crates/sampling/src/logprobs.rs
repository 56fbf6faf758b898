//! Log-probabilities of tokens, in one of two distributions.
//!
//! Raw: the model's own, the log-softmax of its logits before any stage touched them. These are the
//! `logprobs` of the API. Processed: the one that all stages left, from which the token was drawn.
//! Under greedy choice that is what bans and penalties left, unscaled and uncut, since greedy runs
//! no other stage; so there too the alternatives can be seen.

use crate::TokenId;
use crate::candidates::{Candidates, ChooseError, check_logits};
use crate::exponential::{exp_nonpositive, ln, sum_in_lanes};

/// Which distribution log-probabilities are of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogprobsMode {
    /// The model's own, before any stage.
    #[default]
    Raw,
    /// The one after all stages.
    Processed,
}

impl LogprobsMode {
    /// The names that requests use.
    pub(crate) const NAMES: &'static [&'static str] = &["raw", "processed"];

    /// The mode with this name.
    pub(crate) fn from_name(name: &str) -> Self {
        if name == Self::NAMES[0] { Self::Raw } else { Self::Processed }
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Raw => Self::NAMES[0],
            Self::Processed => Self::NAMES[1],
        }
    }
}

/// One token with its natural-log probability.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TokenLogprob {
    /// The token.
    pub id: TokenId,
    /// Natural logarithm of its probability, at most 0; -inf for an impossible token.
    pub logprob: f64,
}

/// The chosen token and the most likely alternatives.
#[derive(Debug, Clone, PartialEq)]
pub struct Logprobs {
    /// The token asked about.
    pub chosen: TokenLogprob,
    /// How many tokens have a larger logit, or the same and a lower id: 0 for the most likely.
    pub rank: usize,
    /// The most likely tokens, best first, lower ids first among equals.
    pub top: Vec<TokenLogprob>,
}

/// Log-probability and rank of `chosen` and the `top_count` most likely tokens.
///
/// `logits` is one raw row of the model, `chosen` an id within it.
pub fn logprobs(
    logits: &[f32],
    chosen: TokenId,
    top_count: usize,
) -> Result<Logprobs, ChooseError> {
    check_logits(logits)?;
    let largest = f64::from(logits.iter().copied().fold(f32::NEG_INFINITY, f32::max));
    let weights = logits.iter().map(|&logit| exp_nonpositive(f64::from(logit) - largest));
    let log_total = ln(sum_in_lanes(weights));
    // Subtracting the largest first keeps logits of any size exact.
    let of = |id: TokenId| TokenLogprob {
        id,
        logprob: (f64::from(logits[id as usize]) - largest) - log_total,
    };
    let own = logits[chosen as usize];
    let before =
        |(id, &logit): (usize, &f32)| logit > own || (logit == own && (id as TokenId) < chosen);
    let rank = logits.iter().enumerate().filter(|&entry| before(entry)).count();
    let top = largest_ids(logits, top_count).into_iter().map(of).collect();
    Ok(Logprobs { chosen: of(chosen), rank, top })
}

/// Log-probabilities over the candidates that stages left: of the one with the id `chosen`, which
/// is among them, and of the `top_count` most likely. Tokens that were removed are never listed.
pub(crate) fn processed(
    candidates: &mut Candidates,
    chosen: TokenId,
    top_count: usize,
) -> Logprobs {
    let softmax = candidates.softmax();
    let largest = softmax.logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let log_total = ln(softmax.total);
    let of = |index: usize| TokenLogprob {
        id: softmax.ids[index],
        logprob: (softmax.logits[index] - largest) - log_total,
    };
    let own = softmax.ids.binary_search(&chosen).expect("the chosen token is a candidate");
    let logit = softmax.logits[own];
    let before = |(index, &other): (usize, &f64)| other > logit || (other == logit && index < own);
    let rank = softmax.logits.iter().enumerate().filter(|&entry| before(entry)).count();
    let mut best: Vec<usize> = Vec::with_capacity(top_count.min(softmax.ids.len()) + 1);
    for (index, &logit) in softmax.logits.iter().enumerate() {
        let full = best.len() == top_count;
        if full && best.last().is_none_or(|&last| logit <= softmax.logits[last]) {
            continue;
        }
        best.insert(best.partition_point(|&other| softmax.logits[other] >= logit), index);
        best.truncate(top_count);
    }
    Logprobs { chosen: of(own), rank, top: best.into_iter().map(of).collect() }
}

/// The processed log-probabilities of a token that was put in the place of a choice: nothing else
/// could stand there.
pub fn of_forced(token: TokenId) -> Logprobs {
    Logprobs { chosen: TokenLogprob { id: token, logprob: 0.0 }, rank: 0, top: Vec::new() }
}

/// Ids of the `count` largest logits, best first, lower ids first among equals; -inf never counts.
fn largest_ids(logits: &[f32], count: usize) -> Vec<TokenId> {
    let mut best: Vec<TokenId> = Vec::with_capacity(count.min(logits.len()) + 1);
    for (id, &logit) in logits.iter().enumerate() {
        let full = best.len() == count;
        let beaten = full && best.last().is_none_or(|&last| logit <= logits[last as usize]);
        if beaten || logit == f32::NEG_INFINITY {
            continue;
        }
        let place = best.partition_point(|&other| logits[other as usize] >= logit);
        best.insert(place, id as TokenId);
        best.truncate(count);
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logprobs_are_of_the_raw_softmax() {
        let logits = [0.1f32.ln(), 0.4f32.ln(), f32::NEG_INFINITY, 0.4f32.ln(), 0.1f32.ln()];
        let found = logprobs(&logits, 4, 3).expect("good logits");
        assert!((found.chosen.logprob - 0.1f64.ln()).abs() < 1e-7);
        assert_eq!(found.rank, 3);
        let ids: Vec<_> = found.top.iter().map(|token| token.id).collect();
        assert_eq!(ids, [1, 3, 0]);
        let impossible = logprobs(&logits, 2, 0).expect("good logits");
        assert_eq!(impossible.chosen.logprob, f64::NEG_INFINITY);
        assert!(impossible.top.is_empty());
    }

    #[test]
    fn more_alternatives_than_tokens() {
        let found = logprobs(&[0.0, 1.0], 0, 20).expect("good logits");
        assert_eq!(found.top.iter().map(|token| token.id).collect::<Vec<_>>(), [1, 0]);
        let total: f64 = found.top.iter().map(|token| token.logprob.exp()).sum();
        assert!((total - 1.0).abs() < 1e-12);
    }
}
