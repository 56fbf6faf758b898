//! The values of knobs that belong to one stage each, grouped; see the stage for what they do.

use super::ParamError;
use crate::TokenId;

/// Which tokens a penalty sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PenaltyScope {
    /// Those generated.
    Output,
    /// Those of the prompt, and those generated.
    PromptAndOutput,
}

impl PenaltyScope {
    /// The names that requests use, in the order of [`PenaltyScope::from_name`].
    pub(crate) const NAMES: &'static [&'static str] = &["output", "prompt_and_output"];

    /// The scope with this name.
    pub(crate) fn from_name(name: &str) -> Self {
        if name == Self::NAMES[0] { Self::Output } else { Self::PromptAndOutput }
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Output => Self::NAMES[0],
            Self::PromptAndOutput => Self::NAMES[1],
        }
    }
}

/// The version of mirostat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MirostatVersion {
    /// Keeps a number of candidates that it estimates.
    One,
    /// Keeps candidates up to a surprise.
    Two,
}

/// The settings of the stage `mirostat`.
#[derive(Debug, Clone, PartialEq)]
pub struct MirostatParams {
    /// None: off.
    pub version: Option<MirostatVersion>,
    /// The surprise to keep to, in bits.
    pub tau: f64,
    /// How fast it learns.
    pub eta: f64,
}

/// The settings of the stage `dry`.
#[derive(Debug, Clone, PartialEq)]
pub struct DryParams {
    /// Strength; 0 is off.
    pub multiplier: f64,
    /// Growth per token of the repetition, at least 1.
    pub base: f64,
    /// Tokens of a repetition that cost nothing.
    pub allowed_length: usize,
    /// How many of the last tokens are searched; none for all, 0 is off.
    pub penalty_last_n: Option<usize>,
    /// Texts over which no repetition reaches.
    pub sequence_breakers: Vec<String>,
}

/// The knobs of the stages, each within its range.
#[derive(Debug, Clone, PartialEq)]
pub struct StageParams {
    /// The only ids that may be chosen, at least one; none for all.
    pub allowed_token_ids: Option<Vec<TokenId>>,
    /// Ids that are never chosen.
    pub banned_token_ids: Vec<TokenId>,
    /// Texts that the output must not contain.
    pub bad_words: Vec<String>,
    /// Sequences of ids that must not be completed.
    pub bad_words_ids: Vec<Vec<TokenId>>,
    /// How many of the last tokens penalties see; none for all, 0 for none.
    pub penalty_last_n: Option<usize>,
    /// Which tokens penalties see; none for what each penalty sees by itself.
    pub penalty_scope: Option<PenaltyScope>,
    /// Repetitions of runs of tokens.
    pub dry: DryParams,
    /// Tokens after which the end becomes more likely, and by which factor per token.
    pub exponential_decay_length_penalty: Option<(usize, f64)>,
    /// Half the width of the temperatures in use; 0 is off.
    pub dynatemp_range: f64,
    /// How the temperature follows the entropy.
    pub dynatemp_exponent: f64,
    /// Strength of the smoothing; 0 is off.
    pub smoothing_factor: f64,
    /// Shape of the smoothing, at least 1.
    pub smoothing_curve: f64,
    /// Share of the entropy; none is off.
    pub top_h: Option<f64>,
    /// Share of the curvature; 1 is off.
    pub tail_free: f64,
    /// Factor of the squared best probability; 0 is off.
    pub top_a: f64,
    /// How often the best candidates are removed; 0 is off.
    pub xtc_probability: f64,
    /// From which probability on they are; above 1/2 is off.
    pub xtc_threshold: f64,
    /// The target of the surprise.
    pub mirostat: MirostatParams,
    /// The probability to prefer; none is off.
    pub adaptive_target: Option<f64>,
    /// How long it remembers, in [0, 0.99].
    pub adaptive_decay: f64,
}

impl StageParams {
    /// Refuses what each value alone allows and all together do not mean.
    pub(super) fn check(&self) -> Result<(), ParamError> {
        if self.allowed_token_ids.as_ref().is_some_and(Vec::is_empty) {
            return Err(ParamError {
                param: "allowed_token_ids".to_owned(),
                message: "`allowed_token_ids` must hold at least one token id; given none"
                    .to_owned(),
            });
        }
        Ok(())
    }
}

impl Default for StageParams {
    fn default() -> Self {
        Self {
            allowed_token_ids: None,
            banned_token_ids: Vec::new(),
            bad_words: Vec::new(),
            bad_words_ids: Vec::new(),
            penalty_last_n: None,
            penalty_scope: None,
            dry: DryParams {
                multiplier: 0.0,
                base: 1.75,
                allowed_length: 2,
                penalty_last_n: None,
                sequence_breakers: ["\n", ":", "\"", "*"].map(str::to_owned).into(),
            },
            exponential_decay_length_penalty: None,
            dynatemp_range: 0.0,
            dynatemp_exponent: 1.0,
            smoothing_factor: 0.0,
            smoothing_curve: 1.0,
            top_h: None,
            tail_free: 1.0,
            top_a: 0.0,
            xtc_probability: 0.0,
            xtc_threshold: 0.1,
            mirostat: MirostatParams { version: None, tau: 5.0, eta: 0.1 },
            adaptive_target: None,
            adaptive_decay: 0.9,
        }
    }
}
