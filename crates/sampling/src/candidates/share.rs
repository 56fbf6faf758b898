//! Keeping the first candidates of a ranking until they have their share of the mass.
//!
//! Sorting a hundred thousand candidates costs milliseconds, and all that is wanted is the one
//! where the share is reached. So the mass is added up per bucket of the ranking key; only the
//! bucket that crosses the share is sorted.

use super::{Candidates, EDGE};

const BUCKETS: usize = 1024;

/// Working space of a cut.
#[derive(Debug, Clone, Default)]
pub(super) struct Buckets {
    masses: Vec<f64>,
    /// (key, index of the candidate) of the bucket that is sorted.
    crossing: Vec<(f64, u32)>,
}

impl Candidates {
    /// Keeps the first candidates of a ranking until their share of the mass reaches `share`.
    ///
    /// `key(logit, weight)` gives the rank, a finite number: smallest first, lower id first among
    /// equals. The candidate that reaches `share` (in (0, 1]) is kept, so at least one is. The mass
    /// is accumulated in f64. `negligible` is a weight below which no candidate can be needed; 0
    /// says that any may be. Returns the largest key kept.
    pub fn retain_until_share(
        &mut self,
        share: f64,
        negligible: f64,
        key: impl Fn(f64, f64) -> f64,
    ) -> f64 {
        let target = share * self.softmax().total * (1.0 - EDGE);
        let mut buckets = std::mem::take(&mut self.buckets);
        let last = self.find_last(&mut buckets, target, negligible, &key);
        // Rounding can leave the whole sum a hair short of the target: then all are needed.
        let last = last.or_else(|| self.find_last(&mut buckets, target, 0.0, &key));
        self.buckets = buckets;
        let Some((largest_key, last_index)) = last else {
            let all = self.logits.iter().zip(&self.weights);
            return all.map(|(&logit, &weight)| key(logit, weight)).fold(f64::MIN, f64::max);
        };
        let last_id = self.ids[last_index as usize];
        self.compact(|id, logit, weight| {
            let key = key(logit, weight);
            (key < largest_key) | ((key == largest_key) & (id <= last_id))
        });
        largest_key
    }

    /// The candidate at which the mass reaches `target`, among those that are not negligible.
    fn find_last(
        &self,
        buckets: &mut Buckets,
        target: f64,
        negligible: f64,
        key: &impl Fn(f64, f64) -> f64,
    ) -> Option<(f64, u32)> {
        let keys = || {
            let candidates = self.logits.iter().zip(&self.weights).enumerate();
            let heavy = candidates.filter(|&(_, (_, &weight))| weight >= negligible);
            heavy.map(|(index, (&logit, &weight))| (key(logit, weight), index as u32, weight))
        };
        if self.len() <= BUCKETS {
            buckets.crossing.clear();
            buckets.crossing.extend(keys().map(|(key, index, _)| (key, index)));
            return reach(&mut buckets.crossing, target, &self.weights);
        }
        let (smallest, largest) = keys()
            .fold((f64::MAX, f64::MIN), |(low, high), (key, ..)| (low.min(key), high.max(key)));
        // Monotone in the key, so that the buckets are stretches of the ranking.
        let scale = (BUCKETS - 1) as f64 / (largest - smallest).max(f64::MIN_POSITIVE);
        let scale = if scale.is_finite() { scale } else { 0.0 };
        let bucket_of = |key: f64| (((key - smallest) * scale) as usize).min(BUCKETS - 1);
        buckets.masses.clear();
        buckets.masses.resize(BUCKETS, 0.0);
        for (key, _, weight) in keys() {
            buckets.masses[bucket_of(key)] += weight;
        }
        let mut mass = 0.0;
        for bucket in 0..BUCKETS {
            if mass + buckets.masses[bucket] < target {
                mass += buckets.masses[bucket];
                continue;
            }
            buckets.crossing.clear();
            let members = keys().filter(|&(key, ..)| bucket_of(key) == bucket);
            buckets.crossing.extend(members.map(|(key, index, _)| (key, index)));
            // The members' mass, added in another order, may fall short by a rounding error; then
            // the last of them is the one.
            let crossing = &mut buckets.crossing;
            let found = reach(crossing, target - mass, &self.weights);
            return found.or_else(|| crossing.last().copied());
        }
        None
    }
}

/// The entry at which the weights, in order of the ranking, sum to `target`. Sorts only as far as
/// needed: a first stretch of 256, then four times as many each time.
fn reach(ranking: &mut [(f64, u32)], target: f64, weights: &[f64]) -> Option<(f64, u32)> {
    let (mut sorted, mut stretch, mut mass) = (0, 256, 0.0);
    while sorted < ranking.len() {
        let end = (sorted + stretch).min(ranking.len());
        if end < ranking.len() {
            ranking[sorted..].select_nth_unstable_by(end - sorted, super::by_rank);
        }
        ranking[sorted..end].sort_unstable_by(super::by_rank);
        for &(key, index) in &ranking[sorted..end] {
            mass += weights[index as usize];
            if mass >= target {
                return Some((key, index));
            }
        }
        (sorted, stretch) = (end, stretch * 4);
    }
    None
}
