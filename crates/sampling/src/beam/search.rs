//! One step of all hypotheses of a request, group after group.

use super::ended::Ended;
use super::{Ask, BeamMethod, BeamSettings, Continuation, Hypothesis};
use crate::TokenId;
use crate::stop::StopReason;

/// What the search asks about its living hypotheses, which the caller numbers as
/// [`BeamStep::live`] does: from 0, in order.
pub trait Branches {
    /// Why a hypothesis cannot be expanded.
    type Error;

    /// The best continuations of a branch, best first, lower ids first among equals.
    fn expand(&mut self, branch: usize, ask: Ask<'_>) -> Result<Vec<Continuation>, Self::Error>;

    /// Why a branch would end with this token, limits of length apart.
    fn ending(&mut self, branch: usize, token: TokenId) -> Option<StopReason>;

    /// The tokens generated so far on a branch.
    fn generated(&self, branch: usize) -> &[TokenId];
}

/// The state of a search between steps.
#[derive(Debug, Clone)]
pub struct BeamSearch {
    settings: BeamSettings,
    groups: Vec<Group>,
    /// Tokens generated so far, in every living hypothesis.
    tokens: usize,
}

#[derive(Debug, Clone, Default)]
struct Group {
    live: Vec<Live>,
    ended: Ended,
    is_done: bool,
}

#[derive(Debug, Clone, Default)]
struct Live {
    /// Its branch; right after a step still its parent's.
    branch: usize,
    /// Its last token; none is asked for at the beginning.
    token: TokenId,
    sum_logprob: f64,
    logprobs: Vec<f64>,
}

/// What a step decided.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct BeamStep {
    /// The hypotheses that live on, group after group, best first in each. Empty at the end.
    pub live: Vec<LiveHypothesis>,
    /// Those that ended among the best of their group, best first.
    pub ended: Vec<EndedHypothesis>,
}

/// A hypothesis that lives on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LiveHypothesis {
    /// The branch that it continues.
    pub parent: usize,
    /// Its new token.
    pub token: TokenId,
    /// Its sum of log-probabilities.
    pub sum_logprob: f64,
    /// Its group, from 0.
    pub group: usize,
}

/// A hypothesis that ended in this step.
#[derive(Debug, Clone, PartialEq)]
pub struct EndedHypothesis {
    /// The branch that it continued.
    pub parent: usize,
    /// Its last token.
    pub token: TokenId,
    /// Its sum of log-probabilities.
    pub sum_logprob: f64,
    /// What it is ranked by.
    pub score: f64,
    /// Its group, from 0.
    pub group: usize,
    /// What ended it.
    pub stop: StopReason,
    /// Whether it was among the best that its group had finished by then.
    pub kept: bool,
}

/// A continuation of one of a group's hypotheses.
struct Candidate {
    /// Index of the hypothesis in the group.
    parent: usize,
    token: TokenId,
    logprob: f64,
    sum_logprob: f64,
}

impl BeamSearch {
    /// A search that begins with one branch, the prompt.
    pub fn new(settings: BeamSettings) -> Self {
        let group = Group { live: vec![Live::default()], ..Group::default() };
        let groups = vec![group; settings.num_beam_groups];
        Self { settings, groups, tokens: 0 }
    }

    /// The settings.
    pub fn settings(&self) -> &BeamSettings {
        &self.settings
    }

    /// Whether nothing lives any more.
    pub fn is_done(&self) -> bool {
        self.groups.iter().all(|group| group.is_done)
    }

    /// Computes one step: every living hypothesis gets its next tokens.
    ///
    /// # Errors
    /// The first error of [`Branches::expand`]; the search can then not go on.
    pub fn step<B: Branches>(&mut self, branches: &mut B) -> Result<BeamStep, B::Error> {
        let mut step = BeamStep::default();
        let mut chosen: Vec<TokenId> = Vec::new();
        for index in 0..self.groups.len() {
            if self.groups[index].is_done {
                continue;
            }
            let candidates = self.candidates(index, &chosen, branches)?;
            chosen.extend(self.settle(index, candidates, branches, &mut step));
        }
        self.tokens += 1;
        self.number_branches();
        Ok(step)
    }

    /// The best finished hypotheses, best first, at most `num_return_sequences`.
    pub fn into_hypotheses(self) -> Vec<Hypothesis> {
        let count = self.settings.num_return_sequences;
        let ended = self.groups.into_iter().map(|group| group.ended);
        let mut all: Vec<Hypothesis> = ended.flat_map(Ended::into_hypotheses).collect();
        all.sort_by(|a, b| b.score.total_cmp(&a.score));
        all.truncate(count);
        all
    }

    /// The continuations of a group's hypotheses that are looked at, best first.
    fn candidates<B: Branches>(
        &self,
        group: usize,
        chosen: &[TokenId],
        branches: &mut B,
    ) -> Result<Vec<Candidate>, B::Error> {
        let count = match self.settings.method {
            BeamMethod::Transformers => self.settings.considered_count(),
            BeamMethod::Textbook => self.settings.num_beams,
        };
        let ask = Ask { count, chosen, diversity_penalty: self.settings.diversity_penalty };
        let mut candidates = Vec::new();
        for (parent, live) in self.groups[group].live.iter().enumerate() {
            let continuations = branches.expand(live.branch, ask)?;
            candidates.extend(continuations.into_iter().map(|next| Candidate {
                parent,
                token: next.token,
                logprob: next.logprob,
                sum_logprob: live.sum_logprob + next.logprob,
            }));
        }
        let order = |candidate: &Candidate| (candidate.parent, candidate.token);
        candidates.sort_by(|a, b| {
            b.sum_logprob.total_cmp(&a.sum_logprob).then_with(|| order(a).cmp(&order(b)))
        });
        if self.settings.method == BeamMethod::Transformers {
            candidates.truncate(count);
        }
        Ok(candidates)
    }

    /// Decides which of a group's candidates end and which live on. Returns the tokens of the best
    /// that do not end by themselves: what the group chose, in the eyes of those behind it.
    fn settle<B: Branches>(
        &mut self,
        index: usize,
        candidates: Vec<Candidate>,
        branches: &mut B,
        step: &mut BeamStep,
    ) -> Vec<TokenId> {
        let settings = &self.settings;
        let (tokens, group_size) = (self.tokens + 1, settings.group_size());
        let at_limit = tokens >= settings.tokens_max;
        let group = &mut self.groups[index];
        let best_sum = candidates.first().map(|best| best.sum_logprob);
        let mut live: Vec<Live> = Vec::new();
        let mut survivors: Vec<TokenId> = Vec::new();
        for (rank, candidate) in candidates.into_iter().enumerate() {
            let may_end = rank < group_size || settings.method == BeamMethod::Textbook;
            if !may_end && survivors.len() == group_size {
                break;
            }
            let branch = group.live[candidate.parent].branch;
            let mut stop = branches.ending(branch, candidate.token);
            if stop.is_none() {
                if survivors.len() == group_size {
                    continue;
                }
                survivors.push(candidate.token);
                stop = at_limit.then(|| settings.limit_reason.clone());
            }
            let next = group.live[candidate.parent].followed_by(&candidate);
            match stop {
                None => live.push(next),
                Some(stop) if may_end => {
                    let mut ended = next.end(settings, branches.generated(branch), stop);
                    ended.1.group = index;
                    ended.1.kept = group.ended.offer(ended.0, group_size);
                    step.ended.push(ended.1);
                }
                Some(_) => {}
            }
        }
        // A single search asks what can still grow; Transformers 4, which had groups, asked about
        // the best continuation of all, ended or not.
        let best_left = match settings.num_beam_groups {
            1 => live.first().map(|best| best.sum_logprob),
            _ => best_sum,
        };
        let is_content =
            best_left.is_none_or(|best| group.ended.is_content(settings, best, tokens));
        group.is_done = live.is_empty() || is_content;
        if group.is_done {
            live.clear();
        }
        step.live.extend(live.iter().map(|next| next.told(index)));
        group.live = live;
        survivors
    }

    /// Numbers the living hypotheses as the step told them.
    fn number_branches(&mut self) {
        let live = self.groups.iter_mut().flat_map(|group| &mut group.live);
        for (branch, hypothesis) in live.enumerate() {
            hypothesis.branch = branch;
        }
    }
}

impl Live {
    fn followed_by(&self, candidate: &Candidate) -> Live {
        let mut logprobs = Vec::with_capacity(self.logprobs.len() + 1);
        logprobs.extend_from_slice(&self.logprobs);
        logprobs.push(candidate.logprob);
        let (token, sum_logprob) = (candidate.token, candidate.sum_logprob);
        Live { branch: self.branch, token, sum_logprob, logprobs }
    }

    /// The hypothesis that ends with the last token, which comes after `generated`.
    fn end(
        self,
        settings: &BeamSettings,
        generated: &[TokenId],
        stop: StopReason,
    ) -> (Hypothesis, EndedHypothesis) {
        let Live { branch, token, sum_logprob, logprobs } = self;
        let score = settings.score(sum_logprob, logprobs.len());
        let told = EndedHypothesis {
            parent: branch,
            token,
            sum_logprob,
            score,
            group: 0,
            stop: stop.clone(),
            kept: false,
        };
        let ids = generated.iter().copied().chain([token]).collect();
        (Hypothesis { ids, logprobs, sum_logprob, score, stop }, told)
    }

    fn told(&self, group: usize) -> LiveHypothesis {
        let (parent, token, sum_logprob) = (self.branch, self.token, self.sum_logprob);
        LiveHypothesis { parent, token, sum_logprob, group }
    }
}
