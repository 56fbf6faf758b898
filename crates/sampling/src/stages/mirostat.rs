//! Keeps the surprise of the text near a target tau: what each token teaches about it sets how much
//! the next step cuts.
//!
//! State: mu, at first 2 tau. After a token of probability p among the candidates that were left,
//! mu -= eta (-log2 p - tau). Version 2 keeps the candidates with -log2 p_i <= mu, at least the
//! best. Version 1 keeps the k best, with Zipf's exponent s estimated from the best m = 100,
//! s = sum t_i b_i / sum t_i^2, t_i = ln((i+1)/i), b_i = ln(p_i / p_(i+1)), i < m, and
//! k = ((s-1) 2^mu / (1 - V^-(s-1)))^(1/s) for a vocabulary of V, cut to a whole number of at
//! least 1. Source: Basu et al., "Mirostat", arXiv:2007.14966, as llama.cpp computes it. There it
//! takes the place of all samplers but temperature; here it is the last filter, after those that a
//! request sets. A token that it did not offer teaches nothing. Threshold: the probability 2^-mu
//! (2), the smallest logit kept (1).

use super::{Stage, StepContext};
use crate::TokenId;
use crate::candidates::{Candidates, EDGE};
use crate::exponential::{exp, ln};
use crate::params::{MirostatVersion, SamplingParams};
use crate::pipeline::SequenceStart;
use std::f64::consts::LN_2;

/// The stage's name.
pub const NAME: &str = "mirostat";

/// The name of `mu` in a saved state.
const MU: &str = "mirostat.mu";

/// Candidates from which version 1 estimates Zipf's exponent.
const ESTIMATE_COUNT: usize = 100;

/// Cuts by a surprise that follows the text.
#[derive(Debug, Clone)]
pub struct Mirostat {
    version: MirostatVersion,
    tau: f64,
    eta: f64,
    /// The surprise allowed, in bits.
    mu: f64,
    /// What the last step left to choose from: ids, ascending, with their weights.
    offered: Vec<(TokenId, f64)>,
    /// Sum of the weights.
    offered_total: f64,
    /// The best logits, kept between steps for its memory only.
    best: Vec<f64>,
}

impl Mirostat {
    /// A target surprise and a learning rate, and where `mu` stands.
    pub fn new(version: MirostatVersion, tau: f64, eta: f64, mu: f64) -> Self {
        let (offered, best) = (Vec::new(), Vec::new());
        Self { version, tau, eta, mu, offered, offered_total: 0.0, best }
    }

    fn keep_by_surprise(&self, candidates: &mut Candidates) -> f64 {
        let threshold = exp(-self.mu * LN_2);
        let least_weight = threshold * candidates.softmax().total * (1.0 - EDGE);
        candidates.retain_by_weight(|_, weight| weight >= least_weight);
        threshold.min(1.0)
    }

    fn keep_by_count(&mut self, candidates: &mut Candidates) -> f64 {
        let exponent = self.zipf_exponent(candidates.logits());
        let vocabulary = candidates.row_length() as f64;
        let count = kept_count(exponent, self.mu, vocabulary);
        candidates.retain_largest(count.min(candidates.len()))
    }

    /// Least squares through the best logits, whose differences are the b_i. Not a number when
    /// there is but one candidate.
    fn zipf_exponent(&mut self, logits: &[f64]) -> f64 {
        let descending = |a: &f64, b: &f64| b.total_cmp(a);
        self.best.clear();
        self.best.extend_from_slice(logits);
        if self.best.len() > ESTIMATE_COUNT {
            self.best.select_nth_unstable_by(ESTIMATE_COUNT - 1, descending);
            self.best.truncate(ESTIMATE_COUNT);
        }
        self.best.sort_unstable_by(descending);
        let (mut products, mut squares) = (0.0, 0.0);
        for (index, pair) in self.best.windows(2).enumerate() {
            let rank = (index + 1) as f64;
            let step = ln((rank + 1.0) / rank);
            products += step * (pair[0] - pair[1]);
            squares += step * step;
        }
        products / squares
    }
}

/// How many candidates version 1 keeps, at least 1.
///
/// Where the formula has no value it gets its limit: with equal logits (s = 0) all stay, and for
/// s = 1 the factor (s-1) / (1 - V^-(s-1)) is 1 / ln V.
fn kept_count(exponent: f64, mu: f64, vocabulary: f64) -> usize {
    if exponent.is_nan() {
        return 1;
    }
    if exponent < f64::MIN_POSITIVE {
        return usize::MAX;
    }
    let excess = exponent - 1.0;
    let log_vocabulary = ln(vocabulary);
    let factor = if excess.abs() < 1e-9 {
        1.0 / log_vocabulary
    } else {
        excess / (1.0 - exp(-excess * log_vocabulary))
    };
    if !factor.is_normal() {
        return 1;
    }
    let count = exp((ln(factor) + mu * LN_2) / exponent);
    // The cast takes the whole part and holds it within the type's range.
    (count as usize).max(1)
}

pub(super) fn build(params: &SamplingParams, start: &SequenceStart<'_>) -> Option<Box<dyn Stage>> {
    let settings = &params.stages().mirostat;
    let mu = start.saved(MU).unwrap_or(2.0 * settings.tau);
    let stage = Mirostat::new(settings.version?, settings.tau, settings.eta, mu);
    Some(Box::new(stage))
}

impl Stage for Mirostat {
    fn name(&self) -> &'static str {
        NAME
    }

    fn apply(&mut self, candidates: &mut Candidates, _: &StepContext<'_>) -> Option<f64> {
        let threshold = match self.version {
            MirostatVersion::One => self.keep_by_count(candidates),
            MirostatVersion::Two => self.keep_by_surprise(candidates),
        };
        let softmax = candidates.softmax();
        self.offered.clear();
        self.offered.extend(softmax.ids.iter().copied().zip(softmax.weights.iter().copied()));
        self.offered_total = softmax.total;
        Some(threshold)
    }

    fn accept(&mut self, token: TokenId) {
        if let Ok(index) = self.offered.binary_search_by_key(&token, |&(id, _)| id) {
            let probability = self.offered[index].1 / self.offered_total;
            let surprise = -ln(probability.max(f64::MIN_POSITIVE)) / LN_2;
            self.mu -= self.eta * (surprise - self.tau);
        }
        self.offered.clear();
    }

    fn save(&self, state: &mut Vec<(&'static str, f64)>) {
        state.push((MU, self.mu));
    }

    fn fork(&self) -> Box<dyn Stage> {
        Box::new(self.clone())
    }
}
