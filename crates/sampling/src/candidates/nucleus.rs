//! Temperature and top-p straight from the row, where the nucleus is small.
//!
//! Which tokens are in the nucleus depends on the sum of all weights, but seldom on its last
//! digits: the sum is taken in f32, in lanes, with a known bound on its error. When the nucleus
//! comes out the same at both ends of that bound, it is what the exact sum would have given; if
//! not, or when the nucleus is large, nothing is decided and the stages do it exactly.

use super::{Candidates, ChooseError, EDGE, LANES, Logit, by_rank};
use crate::exponential::{exp_nonpositive, exp2_f32_nonpositive};

/// Bound on the relative error of the sum in f32. A term 2^-t has an argument that is off by at
/// most 3 roundings of t, which is 5e-6 of the term for t up to 40 (all terms beyond together are
/// below 1e-6 of the sum, for a million tokens); the series adds 3e-7, and the 33 additions per
/// lane and chunk 2e-6.
const SUM_ERROR: f64 = 1e-5;

impl Candidates {
    /// Loads just the nucleus: the best candidates, of logits divided by `divisor`, that hold a
    /// share of `share` of the mass. False when that needs every candidate; then nothing is loaded.
    pub(crate) fn load_nucleus<L: Logit>(
        &mut self,
        logits: &[L],
        divisor: f64,
        share: f64,
    ) -> Result<bool, ChooseError> {
        if !self.take_maxima(logits) {
            return Ok(false);
        }
        let largest = self.maxima.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let total = approximate_total(logits, largest, divisor);
        let target = share * total * (1.0 - EDGE);
        let mut wanted = 32;
        while wanted <= self.maxima.len() / 2 {
            let floor = self.nth_maximum(wanted);
            self.load_from(logits, floor, &[]);
            self.divide(divisor);
            if let Some(kept) = self.certain_nucleus(target) {
                self.keep_ranked(kept);
                return Ok(true);
            }
            let (weights, sure) = (self.softmax().total, target * (1.0 + SUM_ERROR));
            if weights >= sure {
                return Ok(false);
            }
            wanted *= 4;
        }
        Ok(false)
    }

    /// How many of the ranking, which is left in `ranking`, are in the nucleus; none when the
    /// bound on the error does not decide it.
    fn certain_nucleus(&mut self, target: f64) -> Option<usize> {
        self.refresh_weights();
        let entries = self.logits.iter().enumerate().map(|(index, &logit)| (-logit, index as u32));
        self.ranking.clear();
        self.ranking.extend(entries);
        self.ranking.sort_unstable_by(by_rank);
        let (low, high) = (target * (1.0 - SUM_ERROR), target * (1.0 + SUM_ERROR));
        let (mut mass, mut reached_low) = (0.0, None);
        for (rank, &(_, index)) in self.ranking.iter().enumerate() {
            mass += self.weights[index as usize];
            if reached_low.is_none() && mass >= low {
                reached_low = Some(rank);
            }
            if mass >= high {
                return reached_low.filter(|&low| low == rank).map(|rank| rank + 1);
            }
        }
        None
    }

    /// Keeps the first `count` of `ranking`.
    fn keep_ranked(&mut self, count: usize) {
        let mut ranking = std::mem::take(&mut self.ranking);
        ranking.truncate(count);
        ranking.sort_unstable_by_key(|&(_, index)| index);
        self.gather(ranking.iter().map(|&(_, index)| index as usize));
        self.ranking = ranking;
    }
}

/// The sum of exp((logit - largest) / divisor) over the row, within `SUM_ERROR` of it.
fn approximate_total<L: Logit>(logits: &[L], largest: f64, divisor: f64) -> f64 {
    let scale = (std::f64::consts::LOG2_E / divisor) as f32;
    let largest_f32 = largest as f32;
    let mut total = 0.0;
    for chunk in logits.chunks(512) {
        let mut lanes = [0.0f32; LANES];
        let mut stretches = chunk.chunks_exact(LANES);
        for values in &mut stretches {
            for (lane, &value) in lanes.iter_mut().zip(values) {
                *lane += exp2_f32_nonpositive((value.to_f32() - largest_f32) * scale);
            }
        }
        total += lanes.iter().map(|&lane| f64::from(lane)).sum::<f64>();
        let rest = stretches.remainder().iter();
        total +=
            rest.map(|&value| exp_nonpositive((value.into() - largest) / divisor)).sum::<f64>();
    }
    total
}
