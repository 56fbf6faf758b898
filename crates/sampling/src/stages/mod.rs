//! The stages of a pipeline: each adjusts logits or removes candidates, none chooses.
//!
//! Default order. Constraints first; they always apply, whatever `samplers` says. Penalties on raw
//! logits, top-n-sigma before temperature (its cut does not depend on temperature), then what
//! reshapes the distribution, then filters on it. XTC comes after the other filters, since it takes
//! away what they exist to keep; mirostat and adaptive-p come last, for they learn from how likely
//! the token was when it was drawn.
//!
//! | stage | does |
//! |---|---|
//! | `min_tokens` | removes end tokens while the output is too short (always) |
//! | `allowed_tokens` | keeps the ids of a list (always) |
//! | `banned_tokens` | removes the ids of a list (always) |
//! | `bad_words` | removes ids that would complete a bad word (always) |
//! | `logit_bias` | adds to single logits, bans ids |
//! | `repetition_penalty` | scales logits of ids in prompt and output |
//! | `frequency_presence` | lowers logits of ids in the output, by count and once |
//! | `no_repeat_ngram` | removes ids that would repeat a run of n tokens |
//! | `dry` | lowers logits of ids that would go on with a repeated run |
//! | `length_decay` | raises the end tokens' logits as the output grows |
//! | `top_n_sigma` | keeps logits within n standard deviations of the best |
//! | `temperature` | divides logits, by a fixed number or one that follows the entropy |
//! | `smoothing` | bends logits by their distance to the best |
//! | `top_h` | keeps the best up to a share of the entropy |
//! | `top_k` | keeps the k best |
//! | `top_p` | keeps the best until their mass reaches p |
//! | `min_p` | keeps those at least p times as likely as the best |
//! | `typical_p` | keeps the most typical until their mass reaches p |
//! | `epsilon_cutoff`, `eta_cutoff` | keep those above a fixed / an entropy-dependent probability |
//! | `tail_free` | cuts the flat tail |
//! | `top_a` | keeps those above a times the square of the best probability |
//! | `xtc` | sometimes removes the top choices |
//! | `mirostat` | cuts by a surprise that follows the text |
//! | `adaptive_p` | prefers a probability that follows the text |

use crate::TokenId;
use crate::candidates::Candidates;
use crate::mask::TokenMask;
use crate::params::SamplingParams;
use crate::pipeline::SequenceStart;

pub mod adaptive_p;
pub mod allowed_tokens;
pub mod bad_words;
pub mod banned_tokens;
pub mod cutoffs;
pub mod dry;
pub mod dynamic_temperature;
pub mod edges;
pub mod frequency_presence;
pub mod length_decay;
pub mod logit_bias;
pub mod min_p;
pub mod min_tokens;
pub mod mirostat;
pub mod no_repeat_ngram;
mod order;
pub mod repetition_penalty;
pub mod smoothing;
pub mod tail_free;
pub mod temperature;
pub mod token_window;
pub mod top_a;
pub mod top_h;
pub mod top_k;
pub mod top_n_sigma;
pub mod top_p;
pub mod typical_p;
pub mod xtc;

/// What a stage may know about the step besides the candidates.
#[derive(Debug, Clone, Copy)]
pub struct StepContext<'a> {
    /// The prompt's tokens.
    pub prompt: &'a [TokenId],
    /// The tokens generated so far, in order (after a resume: all of them).
    pub generated: &'a [TokenId],
    /// Counter of the draw. For a plain generation the number of tokens generated so far.
    pub step: u64,
    /// The only tokens that may be chosen, where a grammar bounds them. Applied before all stages.
    pub mask: Option<&'a TokenMask>,
}

impl<'a> StepContext<'a> {
    /// The next step of a sequence: its number is how many tokens were generated before it.
    pub fn new(prompt: &'a [TokenId], generated: &'a [TokenId]) -> Self {
        Self { prompt, generated, step: generated.len() as u64, mask: None }
    }

    /// The same step, at which only the tokens of `mask` may be chosen.
    pub fn with_mask(self, mask: Option<&'a TokenMask>) -> Self {
        Self { mask, ..self }
    }
}

/// One step of the pipeline between logits and choice.
///
/// A stage that keeps counts learns each final token through `accept`, exactly once and in order.
/// At least one candidate is left after `apply`, whatever the stage wanted to remove.
pub trait Stage: Send {
    /// The name used in traces and in `samplers`.
    fn name(&self) -> &'static str;

    /// Changes the candidates.
    ///
    /// Returns the threshold that a candidate had to reach, in the measure of the stage (its file
    /// says which), or nothing when the stage has none.
    fn apply(&mut self, candidates: &mut Candidates, step: &StepContext<'_>) -> Option<f64>;

    /// Which logits the outcome of `apply` depends on. What a stage says here spares the others
    /// the work of a whole vocabulary; a stage that says nothing sees every candidate.
    fn reach(&self) -> Reach {
        Reach::All
    }

    /// For [`Reach::Lowers`] and [`Reach::Changes`]: adds the ids that `apply` would change or
    /// remove at this step, in any order, to `ids`.
    fn named_ids(&self, _step: &StepContext<'_>, _ids: &mut Vec<TokenId>) {}

    /// Learns the next token of the sequence.
    fn accept(&mut self, _token: TokenId) {}

    /// Adds the numbers that it remembers and that the tokens of the sequence do not tell, each
    /// under a name of its own; `SequenceStart::saved` gives them back to the stage's `build`.
    fn save(&self, _state: &mut Vec<(&'static str, f64)>) {}

    /// Takes the number of the choice that it works for from now on, if it draws chances.
    fn set_choice_index(&mut self, _choice_index: u32) {}

    /// A copy with its own state, for another continuation of the same sequence.
    fn fork(&self) -> Box<dyn Stage>;
}

/// Which logits a stage looks at and what it can do to them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Reach {
    /// It lowers or removes the ids that it names, each by itself, and touches no other.
    Lowers,
    /// It may change the ids that it names, each by itself, and touches no other.
    Changes,
    /// It divides all logits by this number, above 0.
    Divides(f64),
    /// It keeps this many of the largest logits (or more, if more are equal) and drops the others.
    Largest(usize),
    /// It keeps the largest logits until they hold this share of the mass, as top-p does.
    Share(f64),
    /// It depends on all candidates.
    All,
}

/// A stage that `samplers` can name, and its place in the default order.
struct StageKind {
    name: &'static str,
    /// Whether it acts on logits as such; only these are built for greedy choice, where scaling
    /// and filtering change nothing.
    shapes_logits: bool,
    /// Builds the stage; nothing at its neutral value.
    build: fn(&SamplingParams, &SequenceStart<'_>) -> Option<Box<dyn Stage>>,
}

/// Every orderable stage, in the default order.
const STAGES: [StageKind; 21] = [
    StageKind { name: logit_bias::NAME, shapes_logits: true, build: logit_bias::build },
    StageKind {
        name: repetition_penalty::NAME,
        shapes_logits: true,
        build: repetition_penalty::build,
    },
    StageKind {
        name: frequency_presence::NAME,
        shapes_logits: true,
        build: frequency_presence::build,
    },
    StageKind { name: no_repeat_ngram::NAME, shapes_logits: true, build: no_repeat_ngram::build },
    StageKind { name: dry::NAME, shapes_logits: true, build: dry::build },
    StageKind { name: length_decay::NAME, shapes_logits: true, build: length_decay::build },
    StageKind { name: top_n_sigma::NAME, shapes_logits: false, build: top_n_sigma::build },
    StageKind { name: temperature::NAME, shapes_logits: false, build: temperature::build },
    StageKind { name: smoothing::NAME, shapes_logits: false, build: smoothing::build },
    StageKind { name: top_h::NAME, shapes_logits: false, build: top_h::build },
    StageKind { name: top_k::NAME, shapes_logits: false, build: top_k::build },
    StageKind { name: top_p::NAME, shapes_logits: false, build: top_p::build },
    StageKind { name: min_p::NAME, shapes_logits: false, build: min_p::build },
    StageKind { name: typical_p::NAME, shapes_logits: false, build: typical_p::build },
    StageKind { name: cutoffs::EPSILON, shapes_logits: false, build: cutoffs::build_epsilon },
    StageKind { name: cutoffs::ETA, shapes_logits: false, build: cutoffs::build_eta },
    StageKind { name: tail_free::NAME, shapes_logits: false, build: tail_free::build },
    StageKind { name: top_a::NAME, shapes_logits: false, build: top_a::build },
    StageKind { name: xtc::NAME, shapes_logits: false, build: xtc::build },
    StageKind { name: mirostat::NAME, shapes_logits: false, build: mirostat::build },
    StageKind { name: adaptive_p::NAME, shapes_logits: false, build: adaptive_p::build },
];

/// The names that `samplers` may hold, in the default order.
pub fn stage_names() -> impl Iterator<Item = &'static str> {
    STAGES.iter().map(|kind| kind.name)
}

/// Whether the stage of that name acts on logits as such, so that it counts for greedy choice too.
pub(crate) fn shapes_logits(name: &str) -> bool {
    STAGES.iter().any(|kind| kind.name == name && kind.shapes_logits)
}

/// The stages a request asks for, in its order, without those at their neutral value.
pub(crate) fn build_stages(
    params: &SamplingParams,
    start: &SequenceStart<'_>,
) -> Vec<Box<dyn Stage>> {
    let mut stages = Vec::new();
    stages.extend(min_tokens::build(params, start));
    stages.extend(allowed_tokens::build(params));
    stages.extend(banned_tokens::build(params));
    stages.extend(bad_words::build(params, start));
    for kind in order::stages_of(params) {
        stages.extend((kind.build)(params, start));
    }
    stages
}
