//! Why a token was chosen: what each stage left, what it removed, and where the draw fell.
//!
//! A trace costs a few passes over the candidates per stage; without one nothing is computed.

use crate::TokenId;
use crate::candidates::Candidates;
use crate::pipeline::Choice;
use crate::selector::Draw;

/// One candidate as a trace shows it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TraceCandidate {
    /// The token.
    pub id: TokenId,
    /// Its logit at that point.
    pub logit: f64,
    /// Its probability at that point, in [0, 1].
    pub probability: f64,
}

/// What one stage did.
#[derive(Debug, Clone, PartialEq)]
pub struct StageTrace {
    /// The stage.
    pub name: &'static str,
    /// Candidates before it.
    pub before_count: usize,
    /// Candidates it kept.
    pub kept_count: usize,
    /// Probability mass of the kept ones under the distribution that entered, in [0, 1].
    pub kept_mass: f64,
    /// Entropy of the distribution it left, in nats.
    pub entropy: f64,
    /// The value a candidate had to reach, in the stage's own measure; none if it has none.
    pub threshold: Option<f64>,
    /// The most likely candidates it removed, as they entered, most likely first.
    pub removed: Vec<TraceCandidate>,
    /// The most likely candidates it left, most likely first.
    pub top: Vec<TraceCandidate>,
}

/// The record of one step. Reusable: each choice starts it afresh.
#[derive(Debug, Clone, Default)]
pub struct ChoiceTrace {
    /// How many candidates each list names at most.
    pub list_max: usize,
    /// How many tokens were possible at first.
    pub possible_count: usize,
    /// Entropy of the raw distribution, in nats.
    pub raw_entropy: f64,
    /// The most likely tokens of the raw distribution.
    pub raw_top: Vec<TraceCandidate>,
    /// The stages in the order they ran.
    pub stages: Vec<StageTrace>,
    /// The token chosen, as the raw distribution had it.
    pub chosen: Option<TraceCandidate>,
    /// How many tokens were ahead of it in the raw distribution: 0 for the most likely.
    pub raw_rank: usize,
    /// The probability it was chosen with; 1 for greedy.
    pub final_probability: f64,
    /// How many candidates were left to choose from; 1 for greedy.
    pub nucleus_size: usize,
    /// The most likely candidates that were left to choose from.
    pub final_top: Vec<TraceCandidate>,
    /// The draw; none for greedy.
    pub draw: Option<Draw>,
    /// Whether the token was forced: then stages, draw and last candidates are those of the
    /// choice that it replaced.
    pub forced: bool,
    raw: Snapshot,
    entering: Snapshot,
}

/// A distribution at one point, as parallel lists in ascending id order.
#[derive(Debug, Clone, Default)]
struct Snapshot {
    ids: Vec<TokenId>,
    logits: Vec<f64>,
    probabilities: Vec<f64>,
}

impl ChoiceTrace {
    /// An empty trace whose lists name up to `list_max` candidates.
    pub fn new(list_max: usize) -> Self {
        Self { list_max, ..Self::default() }
    }

    /// Says that `token` was put in place of the choice that this trace records.
    pub fn force(&mut self, token: TokenId) {
        self.forced = true;
        let index = self.raw.ids.binary_search(&token).ok();
        self.chosen = index.map(|index| self.raw.candidate(index));
        self.raw_rank = index.map_or(self.raw.ids.len(), |index| self.raw.rank_of(index));
        (self.final_probability, self.nucleus_size) = (1.0, 1);
    }

    pub(crate) fn start(&mut self, candidates: &mut Candidates) {
        self.forced = false;
        self.stages.clear();
        self.raw.take(candidates);
        self.possible_count = candidates.len();
        self.raw_entropy = candidates.softmax().entropy().max(0.0);
        self.raw_top = self.raw.top(self.list_max, |_| true);
    }

    pub(crate) fn stage(
        &mut self,
        name: &'static str,
        candidates: &mut Candidates,
        apply: impl FnOnce(&mut Candidates) -> Option<f64>,
    ) {
        self.entering.take(candidates);
        let threshold = apply(candidates);
        let kept = |id: TokenId| candidates.find(id).is_some();
        let entering = &self.entering;
        let kept_mass: f64 = if candidates.len() == entering.ids.len() {
            1.0
        } else {
            let masses = entering.ids.iter().zip(&entering.probabilities);
            masses.filter(|&(&id, _)| kept(id)).map(|(_, mass)| mass).sum()
        };
        let removed = entering.top(self.list_max, |id| !kept(id));
        let mut left = Snapshot::default();
        left.take(candidates);
        self.stages.push(StageTrace {
            name,
            before_count: entering.ids.len(),
            kept_count: candidates.len(),
            kept_mass: kept_mass.min(1.0),
            entropy: candidates.softmax().entropy().max(0.0),
            threshold,
            removed,
            top: left.top(self.list_max, |_| true),
        });
    }

    pub(crate) fn finish(
        &mut self,
        candidates: &mut Candidates,
        choice: &Choice,
        draw: Option<Draw>,
    ) {
        self.final_probability = choice.probability;
        self.nucleus_size = choice.nucleus_size;
        self.draw = draw;
        self.entering.take(candidates);
        self.final_top = self.entering.top(self.list_max, |_| true);
        let index = self.raw.ids.binary_search(&choice.token).expect("a stage adds no candidate");
        let chosen = self.raw.candidate(index);
        self.chosen = Some(chosen);
        self.raw_rank = self.raw.rank_of(index);
    }
}

impl Snapshot {
    fn take(&mut self, candidates: &mut Candidates) {
        let softmax = candidates.softmax();
        self.ids.clear();
        self.logits.clear();
        self.probabilities.clear();
        self.ids.extend_from_slice(softmax.ids);
        self.logits.extend_from_slice(softmax.logits);
        let total = softmax.total;
        self.probabilities.extend(softmax.weights.iter().map(|weight| weight / total));
    }

    fn candidate(&self, index: usize) -> TraceCandidate {
        TraceCandidate {
            id: self.ids[index],
            logit: self.logits[index],
            probability: self.probabilities[index],
        }
    }

    /// The best `count` of those wanted, lower ids first among equals.
    fn top(&self, count: usize, wanted: impl Fn(TokenId) -> bool) -> Vec<TraceCandidate> {
        let mut best: Vec<usize> = Vec::with_capacity(count.min(self.ids.len()) + 1);
        for (index, &logit) in self.logits.iter().enumerate() {
            let full = best.len() == count;
            if full && best.last().is_none_or(|&last| logit <= self.logits[last]) {
                continue;
            }
            if wanted(self.ids[index]) {
                let place = best.partition_point(|&other| self.logits[other] >= logit);
                best.insert(place, index);
                best.truncate(count);
            }
        }
        best.into_iter().map(|index| self.candidate(index)).collect()
    }

    fn rank_of(&self, index: usize) -> usize {
        let own = self.logits[index];
        let ahead = |(other, &logit): (usize, &f64)| logit > own || (logit == own && other < index);
        self.logits.iter().enumerate().filter(|&entry| ahead(entry)).count()
    }
}
