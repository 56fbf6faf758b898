//! Top-k, top-p and typical-p with the edges of other programs: who stays among equals, and
//! whether the mass is to be reached or exceeded.
//!
//! Without equal logits and without a sum that meets the mass exactly they keep what `top_k`,
//! `top_p` and `typical_p` keep, and so does every stage with Jeton's own edges. Sources:
//! Transformers' `TopKLogitsWarper`, `TopPLogitsWarper`, `TypicalLogitsWarper`; vLLM's
//! `apply_top_k_top_p`; llama.cpp's `typical`. Thresholds as in the stages they stand for.

use super::{Stage, StepContext, top_k, top_p, typical_p};
use crate::candidates::{Candidates, EDGE};
use crate::exponential::{exp_nonpositive, ln};

/// Keeps the k best and all that tie with the last of them.
#[derive(Debug, Clone)]
pub struct TopKWithTies {
    k: usize,
    /// Working space.
    sorted: Vec<f64>,
}

impl TopKWithTies {
    /// Keeps at least `k` candidates, at least 1.
    pub fn new(k: usize) -> Self {
        Self { k, sorted: Vec::new() }
    }
}

impl Stage for TopKWithTies {
    fn name(&self) -> &'static str {
        top_k::NAME
    }

    fn apply(&mut self, candidates: &mut Candidates, _: &StepContext<'_>) -> Option<f64> {
        let place = self.k.clamp(1, candidates.len()) - 1;
        self.sorted.clear();
        self.sorted.extend_from_slice(candidates.logits());
        let (_, &mut smallest, _) =
            self.sorted.select_nth_unstable_by(place, |a, b| b.total_cmp(a));
        candidates.retain(|_, logit| logit >= smallest);
        Some(smallest)
    }

    fn fork(&self) -> Box<dyn Stage> {
        Box::new(self.clone())
    }
}

/// Keeps the nucleus; of equals at its edge the higher ids.
#[derive(Debug, Clone)]
pub struct TopPHigherIds {
    p: f64,
    ranking: Ranking,
}

impl TopPHigherIds {
    /// Keeps a mass of `p`, in [0, 1); 0 keeps the best candidate.
    pub fn new(p: f64) -> Self {
        Self { p, ranking: Ranking::default() }
    }
}

impl Stage for TopPHigherIds {
    fn name(&self) -> &'static str {
        top_p::NAME
    }

    fn apply(&mut self, candidates: &mut Candidates, _: &StepContext<'_>) -> Option<f64> {
        let softmax = candidates.softmax();
        let (count, total) = (softmax.ids.len() as f64, softmax.total);
        // All candidates lighter than this weigh less than half of what may be dropped.
        let negligible = 0.5 * (1.0 - self.p) * total / count;
        self.ranking.entries.clear();
        for ((&id, &logit), &weight) in softmax.ids.iter().zip(softmax.logits).zip(softmax.weights)
        {
            if weight >= negligible {
                // Ids count downwards, so that the higher of equals comes first.
                self.ranking.entries.push((-logit, u32::MAX - id, weight));
            }
        }
        let (key, turned_id) = self.ranking.last_needed(self.p * total * (1.0 - EDGE));
        let last = (-key, u32::MAX - turned_id);
        candidates.retain(|id, logit| logit > last.0 || (logit == last.0 && id >= last.1));
        let largest = candidates.logits()[candidates.best()];
        Some(exp_nonpositive(last.0 - largest) / total)
    }

    fn fork(&self) -> Box<dyn Stage> {
        Box::new(self.clone())
    }
}

/// Keeps the most typical candidates, with the edge of another program.
#[derive(Debug, Clone)]
pub struct TypicalPEdge {
    p: f64,
    exceeds: bool,
    ranking: Ranking,
}

impl TypicalPEdge {
    /// Keeps candidates until they hold a mass of `p`, in (0, 1), and all that are as typical as
    /// the last of them.
    pub fn with_ties(p: f64) -> Self {
        Self { p, exceeds: false, ranking: Ranking::default() }
    }

    /// Keeps candidates until they hold more than a mass of `p`, in (0, 1).
    pub fn exceeding(p: f64) -> Self {
        Self { p, exceeds: true, ranking: Ranking::default() }
    }
}

impl Stage for TypicalPEdge {
    fn name(&self) -> &'static str {
        typical_p::NAME
    }

    fn apply(&mut self, candidates: &mut Candidates, _: &StepContext<'_>) -> Option<f64> {
        let largest = candidates.logits()[candidates.best()];
        let softmax = candidates.softmax();
        let (total, log_total, entropy) = (softmax.total, ln(softmax.total), softmax.entropy());
        let distance = |logit: f64| (log_total - (logit - largest) - entropy).abs();
        self.ranking.entries.clear();
        for ((&id, &logit), &weight) in softmax.ids.iter().zip(softmax.logits).zip(softmax.weights)
        {
            self.ranking.entries.push((distance(logit), id, weight));
        }
        let edge = if self.exceeds { 1.0 + EDGE } else { 1.0 - EDGE };
        let (farthest, last_id) = self.ranking.last_needed(self.p * total * edge);
        let exceeds = self.exceeds;
        candidates.retain(|id, logit| {
            let own = distance(logit);
            own < farthest || (own == farthest && (!exceeds || id <= last_id))
        });
        Some(farthest)
    }

    fn fork(&self) -> Box<dyn Stage> {
        Box::new(self.clone())
    }
}

/// Candidates in the order in which a stage wants them: (key, id or its complement, weight).
#[derive(Debug, Clone, Default)]
struct Ranking {
    entries: Vec<(f64, u32, f64)>,
}

impl Ranking {
    /// Key and id of the last entry that it takes to hold the weight `target`; of the last one of
    /// all if they do not. There is at least one entry.
    fn last_needed(&mut self, target: f64) -> (f64, u32) {
        self.entries.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        let mut mass = 0.0;
        let reached = self.entries.iter().find(|entry| {
            mass += entry.2;
            mass >= target
        });
        let last = reached.or(self.entries.last()).expect("the best candidate is never negligible");
        (last.0, last.1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(stage: &mut dyn Stage, probabilities: &[f64]) -> Vec<u32> {
        let logits: Vec<f64> = probabilities.iter().map(|p| p.ln()).collect();
        let mut candidates = Candidates::new();
        candidates.load(&logits).expect("good logits");
        stage.apply(&mut candidates, &StepContext::new(&[], &[]));
        candidates.ids().to_vec()
    }

    #[test]
    fn top_k_keeps_what_ties_with_the_last() {
        assert_eq!(kept(&mut TopKWithTies::new(2), &[0.4, 0.2, 0.2, 0.1, 0.1]), [0, 1, 2]);
        assert_eq!(kept(&mut TopKWithTies::new(1), &[0.4, 0.3, 0.3]), [0]);
        assert_eq!(kept(&mut TopKWithTies::new(9), &[0.4, 0.3, 0.3]), [0, 1, 2]);
    }

    #[test]
    fn top_p_ends_among_equals_with_the_higher_ids() {
        assert_eq!(kept(&mut TopPHigherIds::new(0.5), &[0.1; 10]), [5, 6, 7, 8, 9]);
        assert_eq!(kept(&mut TopPHigherIds::new(0.55), &[0.5, 0.25, 0.25]), [0, 2]);
        assert_eq!(kept(&mut TopPHigherIds::new(0.8), &[0.5, 0.3, 0.2]), [0, 1]);
        assert_eq!(kept(&mut TopPHigherIds::new(0.0), &[0.5, 0.5]), [1]);
    }

    #[test]
    fn typical_p_reaches_with_ties_or_exceeds() {
        let p = [0.4, 0.2, 0.2, 0.2];
        assert_eq!(kept(&mut TypicalPEdge::with_ties(0.3), &p), [1, 2, 3]);
        assert_eq!(kept(&mut TypicalPEdge::exceeding(0.3), &p), [1, 2]);
        assert_eq!(kept(&mut TypicalPEdge::exceeding(0.4), &p), [1, 2, 3]);
        assert_eq!(kept(&mut TypicalPEdge::exceeding(0.99), &p), [0, 1, 2, 3]);
    }
}
