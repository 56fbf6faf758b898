//! Beam search: several hypotheses grow side by side, and the best ones by score are returned.
//!
//! Reading order: [`BeamSettings`] (the knobs), [`search`] (one step of all hypotheses), `ended`
//! (which finished ones are kept, and when nothing better can come), `expand` (the best
//! continuations of one hypothesis).
//!
//! The rules are those of Hugging Face Transformers 5 (`GenerationMixin._beam_search`):
//! - A step adds each hypothesis's log-probabilities, after the stages, to its sum, and ranks all
//!   continuations together; ties go to the earlier hypothesis, then to the lower id.
//! - Of the best `num_beams` continuations, those that end are finished hypotheses; an end token
//!   further back is passed over. The best `num_beams` that do not end live on.
//! - Score = sum / length ^ `length_penalty`; the length counts generated tokens, the ending one
//!   too. The best `num_beams` finished hypotheses are kept.
//! - The search is over when `num_beams` are finished and `early_stopping` is true, when no living
//!   hypothesis can beat the worst of them (judged at the present length, or with "never" and a
//!   positive penalty at the full one), or at the token limit, where everything ends.
//!
//! Diverse groups (Vijayakumar et al., "Diverse Beam Search", arXiv:1610.02424; Transformers 4):
//! the beams are split into groups that choose one after the other, each a beam search of its own;
//! a token that earlier groups chose at this step loses `diversity_penalty` per time.
//!
//! The `textbook` method is the simple procedure that most introductions show: every hypothesis
//! tries its `num_beams` best tokens, all that end are finished, sums alone are compared, and
//! nothing stops early.
//!
//! Sums and scores are f64, where Transformers has f32: scores agree to about 1e-4, and only
//! near-ties can fall differently.

mod ended;
mod expand;
mod score;
pub mod search;

pub use expand::{Ask, Continuation, Expander};
pub use search::{BeamSearch, BeamStep, Branches, EndedHypothesis, LiveHypothesis};

use crate::TokenId;
use crate::params::SamplingParams;
use crate::stop::StopReason;

/// How the hypotheses of a request are searched.
#[derive(Debug, Clone, PartialEq)]
pub struct BeamSettings {
    /// Hypotheses that live at once, over all groups; at least 1.
    pub num_beams: usize,
    /// Groups that the beams are split into; divides `num_beams`.
    pub num_beam_groups: usize,
    /// Taken off a token's log-probability per time that earlier groups chose it at this step.
    pub diversity_penalty: f64,
    /// Exponent of the length in the score.
    pub length_penalty: f64,
    /// When to be content with what is finished.
    pub early_stopping: EarlyStopping,
    /// The rules.
    pub method: BeamMethod,
    /// Hypotheses to return, best first; at most `num_beams`.
    pub num_return_sequences: usize,
    /// How many tokens end a hypothesis by themselves.
    pub end_token_count: usize,
    /// Tokens at which every hypothesis ends, at least 1.
    pub tokens_max: usize,
    /// Why they end there.
    pub limit_reason: StopReason,
}

/// When a beam search is content with `num_beams` finished hypotheses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum EarlyStopping {
    /// When the best living one could not beat the worst finished one if it ended now.
    #[default]
    Heuristic,
    /// As soon as there are that many.
    AtOnce,
    /// When no living one can beat the worst finished one at any length up to the limit.
    Never,
}

/// The rules of the search.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum BeamMethod {
    /// As Hugging Face Transformers searches.
    #[default]
    Transformers,
    /// The procedure of textbooks: sums of log-probabilities, no length penalty.
    Textbook,
}

impl BeamSettings {
    /// The settings of a request on a model with these end tokens, which ends after `tokens_max`
    /// tokens for `limit_reason`.
    pub fn new(
        params: &SamplingParams,
        model_eos_ids: &[TokenId],
        tokens_max: usize,
        limit_reason: StopReason,
    ) -> Self {
        let beams = params.beams();
        let eos_ids = if params.ignore_eos() { &[] } else { params.eos_ids(model_eos_ids) };
        Self {
            num_beams: beams.num_beams,
            num_beam_groups: beams.num_beam_groups,
            diversity_penalty: beams.diversity_penalty,
            length_penalty: beams.length_penalty,
            early_stopping: beams.early_stopping,
            method: beams.method,
            num_return_sequences: beams.num_return_sequences,
            end_token_count: eos_ids.len() + params.stop_token_ids().len(),
            tokens_max,
            limit_reason,
        }
    }

    /// Hypotheses per group.
    pub fn group_size(&self) -> usize {
        self.num_beams / self.num_beam_groups
    }

    /// Continuations of a group that are looked at, so that enough of them do not end.
    fn considered_count(&self) -> usize {
        (1 + self.end_token_count).max(2) * self.group_size()
    }

    /// The score of a hypothesis with this sum of log-probabilities and this many tokens.
    pub fn score(&self, sum_logprob: f64, tokens: usize) -> f64 {
        match self.method {
            BeamMethod::Transformers => {
                score::divide_by_power(sum_logprob, tokens, self.length_penalty)
            }
            BeamMethod::Textbook => sum_logprob,
        }
    }
}

/// The probability that a token's log-probability stands for; stages can raise one above 0, which
/// counts as certain.
pub fn probability(logprob: f64) -> f64 {
    crate::exponential::exp_nonpositive(logprob.min(0.0))
}

/// A hypothesis that ended.
#[derive(Debug, Clone, PartialEq)]
pub struct Hypothesis {
    /// The generated tokens, the ending one included.
    pub ids: Vec<TokenId>,
    /// What each token added to the sum: its log-probability after the stages.
    pub logprobs: Vec<f64>,
    /// Their sum.
    pub sum_logprob: f64,
    /// What it is ranked by; larger is better.
    pub score: f64,
    /// What ended it.
    pub stop: StopReason,
}
