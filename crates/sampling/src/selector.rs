//! The end of every pipeline: takes one of the candidates that are left.
//!
//! A stage cannot choose and a pipeline cannot lack a choice, because selector and stage are
//! different types. The draw is the inverse of the cumulative distribution over the candidates in
//! ascending id order: with weights w and u in [0, 1), the first i with w_1 + ... + w_i > u W.

use crate::candidates::{Candidates, sum};

/// How the token is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Selector {
    /// The best candidate, the lower id among equals. Leaves only that candidate.
    Greedy,
    /// One candidate at random, by its probability.
    Categorical,
}

/// What a selector took.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Selection {
    /// Index into the candidates.
    pub index: usize,
    /// Probability it had: 1 for greedy.
    pub probability: f64,
    /// The draw and where it fell; none for greedy.
    pub draw: Option<Draw>,
}

/// The random number of a step and the interval of the cumulative distribution it fell into.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Draw {
    /// The number drawn, in [0, 1).
    pub uniform: f64,
    /// Start of the chosen token's interval (included).
    pub low: f64,
    /// End of the chosen token's interval (not included).
    pub high: f64,
}

impl Selector {
    /// Takes one candidate; `uniform` is called only when a random number is needed.
    pub fn select(self, candidates: &mut Candidates, uniform: impl FnOnce() -> f64) -> Selection {
        match self {
            Self::Greedy => {
                let best = candidates.best();
                candidates.keep_only(best);
                Selection { index: 0, probability: 1.0, draw: None }
            }
            Self::Categorical => categorical(candidates, uniform()),
        }
    }
}

/// Weights that are passed over together.
const STRETCH: usize = 256;

/// Where the stretch begins in which the cumulative weight exceeds `target`, and the weight before
/// it. Should rounding keep the sum below the target, the last stretch with any weight is it.
fn stretch_of(weights: &[f64], target: f64) -> (usize, f64) {
    let mut last = (0, 0.0);
    let mut reached = 0.0;
    for (index, stretch) in weights.chunks(STRETCH).enumerate() {
        let sum = sum(stretch);
        if sum > 0.0 {
            last = (index * STRETCH, reached);
        }
        reached += sum;
        if reached > target {
            break;
        }
    }
    last
}

fn categorical(candidates: &mut Candidates, uniform: f64) -> Selection {
    let softmax = candidates.softmax();
    let target = uniform * softmax.total;
    let (start, mut reached) = stretch_of(softmax.weights, target);
    let mut chosen = (0, 0.0, 0.0);
    for (index, &weight) in softmax.weights.iter().enumerate().skip(start) {
        if weight > 0.0 {
            // Should rounding keep the sum below the target, the last possible token is it.
            chosen = (index, reached, weight);
            reached += weight;
            if reached > target {
                break;
            }
        }
    }
    let (index, low, weight) = chosen;
    let draw =
        Draw { uniform, low: low / softmax.total, high: ((low + weight) / softmax.total).min(1.0) };
    Selection { index, probability: weight / softmax.total, draw: Some(draw) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn loaded(logits: &[f32]) -> Candidates {
        let mut candidates = Candidates::new();
        candidates.load(logits).expect("good logits");
        candidates
    }

    #[test]
    fn greedy_takes_the_lower_of_equals() {
        let mut candidates = loaded(&[1.0, 5.0, 5.0]);
        let selection = Selector::Greedy.select(&mut candidates, || panic!("no draw needed"));
        assert_eq!(candidates.ids(), [1]);
        assert_eq!((selection.index, selection.probability), (0, 1.0));
    }

    #[test]
    fn the_draw_falls_into_the_interval_in_id_order() {
        let logits = [0.25f32.ln(), f32::NEG_INFINITY, 0.5f32.ln(), 0.25f32.ln()];
        for (uniform, id) in [(0.0, 0), (0.2, 0), (0.3, 2), (0.74, 2), (0.76, 3), (0.999_999, 3)] {
            let mut candidates = loaded(&logits);
            let selection = Selector::Categorical.select(&mut candidates, || uniform);
            assert_eq!(candidates.ids()[selection.index], id, "{uniform}");
            let draw = selection.draw.expect("a draw");
            assert!(draw.low <= uniform && uniform < draw.high, "{draw:?}");
        }
    }

    #[test]
    fn an_interval_includes_its_start_and_not_its_end() {
        for (uniform, index) in [(0.499_999, 0), (0.5, 1)] {
            let mut candidates = loaded(&[3.0, 3.0]);
            assert_eq!(Selector::Categorical.select(&mut candidates, || uniform).index, index);
        }
    }

    #[test]
    fn a_token_of_probability_zero_is_never_drawn() {
        let mut candidates = loaded(&[-5000.0, 0.0, -5000.0]);
        for uniform in [0.0, 0.5, 1.0 - f64::EPSILON / 2.0] {
            assert_eq!(Selector::Categorical.select(&mut candidates, || uniform).index, 1);
        }
    }

    #[test]
    fn stretches_change_nothing_about_the_draw() {
        let weight = |id: u64| crate::random::uniform(5, 0, id, crate::random::Purpose::Draw);
        let mut logits: Vec<f32> = (0..2000).map(|id| weight(id).ln() as f32 * 30.0).collect();
        logits[1700..].fill(-4000.0);
        for step in 0..500 {
            let mut candidates = loaded(&logits);
            let uniform = if step == 0 { 1.0 - f64::EPSILON / 2.0 } else { weight(step + 9000) };
            let selection = Selector::Categorical.select(&mut candidates, || uniform);
            let softmax = candidates.softmax();
            let before: f64 = softmax.weights[..selection.index].iter().sum();
            let after = before + softmax.weights[selection.index];
            let target = uniform * softmax.total;
            let slack = softmax.total * 1e-12;
            assert!(before - slack <= target && target < after + slack, "{step}");
            assert!(softmax.weights[selection.index] > 0.0, "{step}");
        }
    }

    #[test]
    fn frequencies_follow_the_probabilities() {
        let probabilities = [0.1f32, 0.2, 0.3, 0.4];
        let logits = probabilities.map(f32::ln);
        let mut counts = [0u32; 4];
        for step in 0..40_000 {
            let mut candidates = loaded(&logits);
            let uniform = || crate::random::uniform(1, 0, step, crate::random::Purpose::Draw);
            counts[Selector::Categorical.select(&mut candidates, uniform).index] += 1;
        }
        for (count, probability) in counts.iter().zip(probabilities) {
            let expected = f64::from(probability) * 40_000.0;
            let deviation = (expected * (1.0 - f64::from(probability))).sqrt();
            assert!((f64::from(*count) - expected).abs() < 4.0 * deviation, "{counts:?}");
        }
    }
}
