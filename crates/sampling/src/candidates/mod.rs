//! The candidates of one step: (id, logit) pairs that stages adjust and remove.
//!
//! Two invariants make stages short: ids are always in ascending order (so the lower id wins a
//! tie by being met first, and an id is found by binary search), and there is always at least one
//! candidate, with a finite logit. Logits are f64, so that no stage rounds away a difference
//! which the model made in f32. One buffer serves all sequences of a thread, one after the other;
//! once it has seen the vocabulary it allocates nothing.

mod load;
mod nucleus;
mod share;

use crate::TokenId;
use crate::exponential::{exp_nonpositive, fold_lanes, ln, sum_in_lanes};
use std::fmt;

pub use load::Logit;
pub(crate) use load::{Part, check_logits};

/// A candidate this close to a threshold, as a fraction of it, counts as having reached it: there
/// the rounding of f64 alone decides on which side it falls, and every threshold keeps equality.
pub(crate) const EDGE: f64 = 1e-9;

/// The range of a finite logit.
const HIGHEST: f64 = f32::MAX as f64;
const LOWEST: f64 = f32::MIN as f64;

/// Lanes of loops over a row: few enough that they stay in registers.
const LANES: usize = 16;

/// The buffer of candidates. Make one per thread and keep it.
#[derive(Debug, Default, Clone)]
pub struct Candidates {
    ids: Vec<TokenId>,
    logits: Vec<f64>,
    /// exp(logit - largest logit) per candidate; may be longer than `ids`; see `weights_fresh`.
    weights: Vec<f64>,
    weights_fresh: bool,
    /// Working space for stages that rank candidates: (key, index of the candidate).
    ranking: Vec<(f64, u32)>,
    /// Largest value per chunk of the row, and the same in another order; see `load`.
    maxima: Vec<f64>,
    sorted_maxima: Vec<f64>,
    buckets: share::Buckets,
    /// Values of the row that was loaded.
    row_length: usize,
}

/// Softmax over the candidates, not yet divided by its sum.
#[derive(Debug, Clone, Copy)]
pub struct Softmax<'a> {
    /// The surviving ids, ascending.
    pub ids: &'a [TokenId],
    /// Their current logits.
    pub logits: &'a [f64],
    /// exp(logit - max) per candidate, in [0, 1]; 1 for the best.
    pub weights: &'a [f64],
    /// Sum of `weights`: probability = weight / total.
    pub total: f64,
}

impl Softmax<'_> {
    /// -sum p ln p, in nats.
    pub fn entropy(&self) -> f64 {
        let largest = largest(self.logits);
        // -ln p_i = ln total - (logit_i - largest), and the p_i sum to 1.
        let terms = self.logits.iter().zip(self.weights);
        let spread = sum_in_lanes(terms.map(|(logit, weight)| weight * (logit - largest)));
        ln(self.total) - spread / self.total
    }

    /// Probability of the candidate at `index`.
    pub fn probability(&self, index: usize) -> f64 {
        self.weights[index] / self.total
    }
}

/// Why a row of logits cannot be sampled from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChooseError {
    /// The row has no entry at all.
    Empty,
    /// The logit of this id is not a number.
    NotANumber {
        /// The lowest such id.
        id: TokenId,
    },
    /// The logit of this id is +inf.
    PositiveInfinity {
        /// The lowest such id.
        id: TokenId,
    },
    /// Every logit is -inf: no token is possible.
    NothingPossible,
    /// The tokens that a grammar allows are all impossible.
    NothingAllowed {
        /// How many tokens it allows.
        allowed_count: usize,
    },
}

impl fmt::Display for ChooseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => write!(f, "logits must hold at least one value; given none"),
            Self::NotANumber { id } => {
                write!(f, "logits must be finite or -inf; the logit of token {id} is NaN")
            }
            Self::PositiveInfinity { id } => {
                write!(f, "logits must be finite or -inf; the logit of token {id} is +inf")
            }
            Self::NothingPossible => {
                write!(f, "logits must hold at least one finite value; all are -inf")
            }
            Self::NothingAllowed { allowed_count } => write!(
                f,
                "one of the {allowed_count} tokens that the grammar allows must have a finite \
                 logit; all of theirs are -inf"
            ),
        }
    }
}

impl std::error::Error for ChooseError {}

impl Candidates {
    /// An empty buffer; it grows on the first [`load`](Self::load).
    pub fn new() -> Self {
        Self::default()
    }

    /// How many candidates are left: at least 1 once loaded.
    #[allow(clippy::len_without_is_empty)]
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// How many values the row had that was loaded: the model's vocabulary.
    pub fn row_length(&self) -> usize {
        self.row_length
    }

    /// The surviving ids, ascending.
    pub fn ids(&self) -> &[TokenId] {
        &self.ids
    }

    /// The current logits, in the order of [`ids`](Self::ids).
    pub fn logits(&self) -> &[f64] {
        &self.logits
    }

    /// Index of the candidate `id`, if it is still there.
    pub fn find(&self, id: TokenId) -> Option<usize> {
        let at = id as usize;
        if self.ids.get(at) == Some(&id) {
            return Some(at);
        }
        // Ascending distinct ids: the candidate `id` cannot lie beyond index `id`.
        self.ids[..self.ids.len().min(at)].binary_search(&id).ok()
    }

    /// Index of the largest logit, the lowest id among equals.
    ///
    /// # Panics
    /// Before the first [`load`](Self::load).
    pub fn best(&self) -> usize {
        let largest = largest(&self.logits);
        self.logits.iter().position(|&logit| logit == largest).expect("a candidate is left")
    }

    /// Replaces the logit of `id`, if it is still a candidate, by `change(logit)`.
    ///
    /// `change` must return a finite value.
    pub fn adjust(&mut self, id: TokenId, change: impl FnOnce(f64) -> f64) {
        if let Some(index) = self.find(id) {
            self.logits[index] = change(self.logits[index]);
            debug_assert!(self.logits[index].is_finite(), "stages leave logits finite");
            self.weights_fresh = false;
        }
    }

    /// Divides every logit by `divisor` (positive).
    pub fn divide(&mut self, divisor: f64) {
        for logit in &mut self.logits {
            *logit /= divisor;
        }
        self.weights_fresh = false;
    }

    /// Replaces every logit by `change(logit)`, which must return a finite value.
    pub fn transform(&mut self, mut change: impl FnMut(f64) -> f64) {
        for logit in &mut self.logits {
            *logit = change(*logit);
            debug_assert!(logit.is_finite(), "stages leave logits finite");
        }
        self.weights_fresh = false;
    }

    /// Replaces every logit by `change(logit, weight)`, which must return a finite value; the
    /// weight is relative to the best candidate, as in [`Softmax::weights`].
    pub fn transform_by_weight(&mut self, mut change: impl FnMut(f64, f64) -> f64) {
        self.refresh_weights();
        for (logit, &weight) in self.logits.iter_mut().zip(&self.weights) {
            *logit = change(*logit, weight);
        }
        self.weights_fresh = false;
    }

    /// Removes these ids, given in ascending order (repeats are harmless); if that is every
    /// candidate, the best one stays. Costs a search per id and a move of what lies behind.
    pub fn remove(&mut self, ids: &[TokenId]) {
        let mut removed = std::mem::take(&mut self.ranking);
        removed.clear();
        for &id in ids {
            if let Some(index) = self.find(id) {
                removed.push((0.0, index as u32));
            }
        }
        removed.dedup();
        if removed.len() == self.len() {
            self.keep_only(self.best());
        } else if let Some(&(_, first)) = removed.first() {
            let mut kept = first as usize;
            let ends = removed[1..].iter().map(|&(_, next)| next as usize);
            let ends = ends.chain([self.len()]);
            for (&(_, gap), end) in removed.iter().zip(ends) {
                let behind = gap as usize + 1..end;
                let moved = behind.len();
                self.ids.copy_within(behind.clone(), kept);
                self.logits.copy_within(behind, kept);
                kept += moved;
            }
            self.ids.truncate(kept);
            self.logits.truncate(kept);
            self.weights_fresh = false;
        }
        self.ranking = removed;
    }

    /// Keeps the candidates for which `keep(id, logit)` holds; the best one if it holds for none.
    pub fn retain(&mut self, mut keep: impl FnMut(TokenId, f64) -> bool) {
        self.compact(|id, logit, _| keep(id, logit));
    }

    /// Keeps the candidates for which `keep(logit, weight)` holds; the best one if it holds for
    /// none. The weight is relative to the best candidate, as in [`Softmax::weights`].
    pub fn retain_by_weight(&mut self, mut keep: impl FnMut(f64, f64) -> bool) {
        self.refresh_weights();
        self.compact(|_, logit, weight| keep(logit, weight));
    }

    /// Keeps only the candidate at `index`.
    pub fn keep_only(&mut self, index: usize) {
        self.gather(std::iter::once(index));
    }

    /// Keeps the `count` candidates (0 counts as 1) with the largest logits, exactly that many:
    /// lower ids first among equals. Returns the smallest logit kept.
    pub fn retain_largest(&mut self, count: usize) -> f64 {
        let count = count.clamp(1, self.len());
        let mut ranking = std::mem::take(&mut self.ranking);
        let smallest = nth_largest(&self.logits, count, &mut ranking);
        self.ranking = ranking;
        let larger = self.logits.iter().filter(|&&logit| logit > smallest).count();
        let mut equal_left = count - larger;
        self.compact(|_, logit, _| {
            let ties = logit == smallest && equal_left > 0;
            equal_left -= usize::from(ties);
            ties || logit > smallest
        });
        smallest
    }

    /// Softmax weights of the current candidates, computed only when something changed.
    pub fn softmax(&mut self) -> Softmax<'_> {
        self.refresh_weights();
        let weights = &self.weights[..self.ids.len()];
        let total = sum(weights);
        Softmax { ids: &self.ids, logits: &self.logits, weights, total }
    }

    fn refresh_weights(&mut self) {
        if self.weights_fresh {
            return;
        }
        let count = self.ids.len();
        if self.weights.len() < count {
            self.weights.resize(count, 0.0);
        }
        let largest = largest(&self.logits);
        for (weight, &logit) in self.weights.iter_mut().zip(&self.logits) {
            *weight = exp_nonpositive(logit - largest);
        }
        self.weights_fresh = true;
    }

    /// Moves the kept candidates to the front, in order; keeps the best one if none is wanted.
    fn compact(&mut self, mut keep: impl FnMut(TokenId, f64, f64) -> bool) {
        if self.weights.len() < self.ids.len() {
            self.weights.resize(self.ids.len(), 0.0);
        }
        let mut kept = 0;
        let mut best_weight_kept = 0.0f64;
        for index in 0..self.ids.len() {
            let (id, logit) = (self.ids[index], self.logits[index]);
            let weight = self.weights[index];
            if keep(id, logit, weight) {
                self.ids[kept] = id;
                self.logits[kept] = logit;
                self.weights[kept] = weight;
                best_weight_kept = best_weight_kept.max(weight);
                kept += 1;
            }
        }
        if kept == 0 {
            // Nothing was moved yet, so the best candidate is still where it was.
            self.keep_only(self.best());
        } else {
            self.shrink(kept, best_weight_kept);
        }
    }

    /// Moves the candidates at these indexes, ascending and at least one, to the front.
    fn gather(&mut self, indexes: impl Iterator<Item = usize>) {
        if self.weights.len() < self.ids.len() {
            self.weights.resize(self.ids.len(), 0.0);
        }
        let mut kept = 0;
        let mut best_weight_kept = 0.0f64;
        for index in indexes {
            self.ids[kept] = self.ids[index];
            self.logits[kept] = self.logits[index];
            self.weights[kept] = self.weights[index];
            best_weight_kept = best_weight_kept.max(self.weights[kept]);
            kept += 1;
        }
        self.shrink(kept, best_weight_kept);
    }

    fn shrink(&mut self, kept: usize, best_weight_kept: f64) {
        self.ids.truncate(kept);
        self.logits.truncate(kept);
        // Without their best candidate the other weights could all be tiny: compute them afresh.
        self.weights_fresh = self.weights_fresh && best_weight_kept == 1.0;
    }
}

/// The largest of some finite values; eight lanes, so that the loop vectorizes.
fn largest(values: &[f64]) -> f64 {
    let mut lanes = [f64::NEG_INFINITY; 8];
    let mut chunks = values.chunks_exact(8);
    for chunk in &mut chunks {
        for (lane, &value) in lanes.iter_mut().zip(chunk) {
            *lane = if value > *lane { value } else { *lane };
        }
    }
    lanes.iter().chain(chunks.remainder()).copied().fold(f64::NEG_INFINITY, f64::max)
}

/// Sum of the weights: eight lanes by index, then a tree.
pub(crate) fn sum(weights: &[f64]) -> f64 {
    let mut lanes = [0.0f64; 8];
    let mut chunks = weights.chunks_exact(8);
    for chunk in &mut chunks {
        for (lane, &weight) in lanes.iter_mut().zip(chunk) {
            *lane += weight;
        }
    }
    for (lane, &weight) in lanes.iter_mut().zip(chunks.remainder()) {
        *lane += weight;
    }
    fold_lanes(lanes)
}

fn by_rank(a: &(f64, u32), b: &(f64, u32)) -> std::cmp::Ordering {
    a.0.total_cmp(&b.0).then(a.1.cmp(&b.1))
}

/// The `count`-th largest value (1 is the largest), without sorting the rest.
///
/// Values go into a buffer of twice `count`; when it is full, the smaller half leaves and its
/// boundary becomes the floor which later values must exceed. After the first few thousand values
/// almost none does, so the scan costs about one comparison per value.
fn nth_largest(values: &[f64], count: usize, buffer: &mut Vec<(f64, u32)>) -> f64 {
    let capacity = (count * 2).max(256);
    let mut floor = f64::NEG_INFINITY;
    buffer.clear();
    for &value in values {
        if value > floor {
            buffer.push((-value, 0));
            if buffer.len() == capacity {
                buffer.select_nth_unstable_by(count - 1, by_rank);
                buffer.truncate(count);
                floor = -buffer[count - 1].0;
            }
        }
    }
    let (_, nth, _) = buffer.select_nth_unstable_by(count - 1, by_rank);
    -nth.0
}

#[cfg(test)]
mod tests;
