//! Log-probabilities of the model's own distribution: the log-softmax of the raw logits, before
//! any stage touched them. These are the `logprobs` of the API.

use crate::TokenId;
use crate::candidates::{ChooseError, check_logits};
use crate::exponential::{exp_nonpositive, ln, sum_in_lanes};

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
