//! Every parameter of a request, once: its names, type, range, neutral value, default and help.
//!
//! [`PARAMS`] is the only list of names. Validation reads it here; flags, API documentation, help
//! texts and sliders are made from it elsewhere. [`SamplingParams`] can only be built through it,
//! so that no later room has to check a value again.

mod beams;
mod biases;
mod breakers;
mod check;
mod choices;
mod near_names;
mod profiles;
mod samplers;
mod spec;
mod stage_params;
mod stage_table;
mod table;
mod texts;
mod thinking;
mod value;

pub use beams::{BeamParams, NUM_BEAMS_MAX};
pub use breakers::DryBreakers;
pub use choices::{CHOICES_MAX, ChoiceParams};
pub use profiles::ChangedValue;
pub use spec::{Kind, ParamSpec, TokenBiases};
pub use stage_params::{DryParams, MirostatParams, MirostatVersion, PenaltyScope, StageParams};
pub use table::PARAMS;
pub use texts::Vocabulary;
pub use thinking::{EFFORT_SHARES, EffortShare, REASONING_EFFORTS};
pub use value::ParamValue;

use crate::TokenId;
use crate::logprobs::LogprobsMode;
use crate::profile::Profile;
use std::fmt;
use std::sync::Arc;
use texts::ResolvedTexts;

/// Most entries of `logit_bias`.
pub const LOGIT_BIAS_MAX: usize = 65_536;
/// Most bytes of a text in `logit_bias`.
pub const LOGIT_BIAS_BYTES_MAX: usize = 256;
/// Most limits that `max_tokens` may list.
pub const LIMITS_MAX: usize = 64;
/// A temperature below this counts as 0, that is greedy: the softmax is a single spike there.
pub const TEMPERATURE_MIN: f64 = 1e-6;

/// A parameter that cannot be used, and what is allowed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParamError {
    /// The parameter as the request named it.
    pub param: String,
    /// The rule, the range, and what was given.
    pub message: String,
}

impl fmt::Display for ParamError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for ParamError {}

/// The validated parameters of one request. Everything is within the ranges of [`PARAMS`].
#[derive(Debug, Clone, PartialEq)]
pub struct SamplingParams {
    pub(crate) temperature: f64,
    pub(crate) top_k: usize,
    pub(crate) top_p: f64,
    pub(crate) min_p: f64,
    pub(crate) top_n_sigma: f64,
    pub(crate) typical_p: f64,
    pub(crate) epsilon_cutoff: f64,
    pub(crate) eta_cutoff: f64,
    pub(crate) repetition_penalty: f64,
    pub(crate) frequency_penalty: f64,
    pub(crate) presence_penalty: f64,
    pub(crate) no_repeat_ngram_size: usize,
    pub(crate) logit_bias: TokenBiases,
    pub(crate) do_sample: bool,
    pub(crate) beams: BeamParams,
    pub(crate) choices: ChoiceParams,
    pub(crate) profile: &'static Profile,
    pub(crate) changed_by_profile: Vec<ChangedValue>,
    pub(crate) samplers: Option<Vec<&'static str>>,
    pub(crate) seed: Option<u64>,
    pub(crate) max_tokens: Option<usize>,
    pub(crate) limits: Vec<usize>,
    pub(crate) min_tokens: usize,
    pub(crate) stop: Vec<String>,
    pub(crate) stop_token_ids: Vec<TokenId>,
    pub(crate) eos_token_ids: Option<Vec<TokenId>>,
    pub(crate) ignore_eos: bool,
    pub(crate) logprobs: bool,
    pub(crate) top_logprobs: usize,
    pub(crate) logprobs_mode: LogprobsMode,
    pub(crate) thinking: thinking::ThinkingParams,
    pub(crate) stages: StageParams,
    /// The ids of the texts above, once a vocabulary was at hand.
    texts: Option<Arc<ResolvedTexts>>,
}

/// Plain sampling from the model's own distribution.
impl Default for SamplingParams {
    fn default() -> Self {
        Self {
            temperature: 1.0,
            top_k: 0,
            top_p: 1.0,
            min_p: 0.0,
            top_n_sigma: 0.0,
            typical_p: 1.0,
            epsilon_cutoff: 0.0,
            eta_cutoff: 0.0,
            repetition_penalty: 1.0,
            frequency_penalty: 0.0,
            presence_penalty: 0.0,
            no_repeat_ngram_size: 0,
            logit_bias: TokenBiases::default(),
            do_sample: true,
            beams: BeamParams::default(),
            choices: ChoiceParams::default(),
            profile: Profile::jeton(),
            changed_by_profile: Vec::new(),
            samplers: None,
            seed: None,
            max_tokens: None,
            limits: Vec::new(),
            min_tokens: 0,
            stop: Vec::new(),
            stop_token_ids: Vec::new(),
            eos_token_ids: None,
            ignore_eos: false,
            logprobs: false,
            top_logprobs: 0,
            logprobs_mode: LogprobsMode::Raw,
            thinking: thinking::ThinkingParams::default(),
            stages: StageParams::default(),
            texts: None,
        }
    }
}

impl SamplingParams {
    /// Builds parameters from named values; what is not named keeps its default.
    ///
    /// Aliases are resolved. What the profile, if one is named, says about penalties holds where
    /// the request says nothing; its [`defaults`](Profile::defaults) do not, since they come
    /// after what a model recommends, which only the caller knows. An unknown name, a wrong type,
    /// a value out of range and a parameter named twice (also under two names) are errors, the
    /// first of which is returned.
    pub fn from_values<N: AsRef<str>>(
        values: impl IntoIterator<Item = (N, ParamValue)>,
    ) -> Result<Self, ParamError> {
        let values: Vec<(N, ParamValue)> = values.into_iter().collect();
        let mut params = Self { profile: Self::profile_in(&values), ..Self::default() };
        let mut given: Vec<(&'static str, String)> = Vec::new();
        for (name, value) in values {
            let name = name.as_ref();
            let spec = ParamSpec::find(name).ok_or_else(|| near_names::unknown(name))?;
            if let Some((_, earlier)) = given.iter().find(|(canonical, _)| *canonical == spec.name)
            {
                let message = if earlier == name {
                    format!("`{name}` must be given once; given twice")
                } else {
                    format!("`{name}` and `{earlier}` are the same parameter; give one of them")
                };
                return Err(ParamError { param: name.to_owned(), message });
            }
            let value = params.by_profile(spec, value);
            params.set(spec, name, &value)?;
            given.push((spec.name, name.to_owned()));
        }
        let given: Vec<&str> = given.into_iter().map(|(name, _)| name).collect();
        params.fill_penalty_values(&given)?;
        if params.profile.refuses_like_openai {
            params.check_openai_ranges()?;
        }
        params.check_together()?;
        params.check_beams(&given)?;
        params.check_choices()?;
        Ok(params)
    }

    /// The value of a parameter of the table, in the form that [`from_values`](Self::from_values)
    /// takes; none where it is not set.
    pub fn value_of(&self, spec: &ParamSpec) -> Option<ParamValue> {
        (spec.get)(self)
    }

    /// Refuses ids that the vocabulary does not have.
    pub fn check_vocabulary(&self, vocab_size: usize) -> Result<(), ParamError> {
        let biased = self.logit_bias.ids.iter().map(|&(id, _)| ("logit_bias", id));
        let stops = self.stop_token_ids.iter().map(|&id| ("stop_token_ids", id));
        let eos = self.eos_token_ids.iter().flatten().map(|&id| ("eos_token_id", id));
        let allowed =
            self.stages.allowed_token_ids.iter().flatten().map(|&id| ("allowed_token_ids", id));
        let banned = self.stages.banned_token_ids.iter().map(|&id| ("banned_token_ids", id));
        let bad_words = self.stages.bad_words_ids.iter().flatten().map(|&id| ("bad_words_ids", id));
        let listed = allowed.chain(banned).chain(bad_words);
        match biased
            .chain(stops)
            .chain(eos)
            .chain(listed)
            .find(|&(_, id)| id as usize >= vocab_size)
        {
            None => self.check_some_token_is_left(vocab_size),
            Some((param, id)) => Err(ParamError {
                param: param.to_owned(),
                message: format!("`{param}` must hold token ids below {vocab_size}; given {id}"),
            }),
        }
    }

    /// Refuses lists that together forbid every token: one of those forbidden would be chosen.
    fn check_some_token_is_left(&self, vocab_size: usize) -> Result<(), ParamError> {
        let by_bias = self.logit_bias.ids.iter().filter(|(_, bias)| *bias == f64::NEG_INFINITY);
        let by_list = &self.stages.banned_token_ids;
        let allowed = self.stages.allowed_token_ids.as_deref().unwrap_or_default();
        if by_list.is_empty() && by_bias.clone().next().is_none() {
            return Ok(());
        }
        let mut banned = vec![false; vocab_size];
        for id in by_bias.map(|&(id, _)| id).chain(by_list.iter().copied()) {
            banned[id as usize] = true;
        }
        let is_left = match allowed {
            [] => banned.contains(&false),
            some => some.iter().any(|&id| !banned[id as usize]),
        };
        if is_left {
            return Ok(());
        }
        let param = if by_list.is_empty() { "logit_bias" } else { "banned_token_ids" };
        let whose = if allowed.is_empty() { "the vocabulary" } else { "`allowed_token_ids`" };
        let message =
            format!("`{param}` must leave at least one token of {whose}; given a ban of all");
        Err(ParamError { param: param.to_owned(), message })
    }

    /// Refuses values that this engine can use but OpenAI's API does not allow.
    pub fn check_openai_ranges(&self) -> Result<(), ParamError> {
        for spec in PARAMS {
            let Some((min, max)) = spec.openai_range else { continue };
            let outside = |value: &f64| !(min..=max).contains(value);
            let given = match self.value_of(spec) {
                Some(ParamValue::Map(entries)) => {
                    entries.iter().filter_map(|(_, value)| value.number()).find(outside)
                }
                value => value.and_then(|value| value.number()).filter(outside),
            };
            if let Some(given) = given {
                let name = spec.name;
                return Err(ParamError {
                    param: name.to_owned(),
                    message: format!("`{name}` must be in [{min}, {max}]; given {given}"),
                });
            }
        }
        Ok(())
    }

    /// Whether nothing is drawn: `do_sample` false, temperature 0, or a beam search.
    pub fn is_greedy(&self) -> bool {
        let is_cold =
            self.temperature < self.profile.greedy.below && !self.draws_at_any_temperature();
        !self.do_sample || self.is_beam_search() || is_cold
    }

    /// Whether a token is drawn, unless the temperature is 0.
    pub fn do_sample(&self) -> bool {
        self.do_sample
    }

    /// The end-of-sequence ids in force: the request's own, else the model's.
    pub fn eos_ids<'a>(&'a self, model_eos_ids: &'a [TokenId]) -> &'a [TokenId] {
        self.eos_token_ids.as_deref().unwrap_or(model_eos_ids)
    }

    /// The knobs that belong to one stage each.
    pub fn stages(&self) -> &StageParams {
        &self.stages
    }

    /// Divisor of the logits, in [0, 100]; 0 is greedy.
    pub fn temperature(&self) -> f64 {
        self.temperature
    }

    /// How many of the best candidates stay; 0 is off.
    pub fn top_k(&self) -> usize {
        self.top_k
    }

    /// Mass of the nucleus, in [0, 1]; 1 is off, 0 keeps the best token.
    pub fn top_p(&self) -> f64 {
        self.top_p
    }

    /// Least probability as a fraction of the best one's, in [0, 1]; 0 is off.
    pub fn min_p(&self) -> f64 {
        self.min_p
    }

    /// Width in standard deviations of the logits; 0 is off.
    pub fn top_n_sigma(&self) -> f64 {
        self.top_n_sigma
    }

    /// Mass of the typical set, in (0, 1]; 1 is off.
    pub fn typical_p(&self) -> f64 {
        self.typical_p
    }

    /// Least probability, in [0, 1); 0 is off.
    pub fn epsilon_cutoff(&self) -> f64 {
        self.epsilon_cutoff
    }

    /// Epsilon of the eta cutoff, in [0, 1); 0 is off.
    pub fn eta_cutoff(&self) -> f64 {
        self.eta_cutoff
    }

    /// Factor for logits of ids that occurred, positive; 1 is off.
    pub fn repetition_penalty(&self) -> f64 {
        self.repetition_penalty
    }

    /// Logit taken off per occurrence in the output; 0 is off.
    pub fn frequency_penalty(&self) -> f64 {
        self.frequency_penalty
    }

    /// Logit taken off once for ids of the output; 0 is off.
    pub fn presence_penalty(&self) -> f64 {
        self.presence_penalty
    }

    /// Length of runs that must not repeat, in tokens; 0 is off.
    pub fn no_repeat_ngram_size(&self) -> usize {
        self.no_repeat_ngram_size
    }

    /// What is added to single logits; -inf is a ban. Ids named as ids are distinct; those that
    /// texts stand for, known once [`resolve_texts`](Self::resolve_texts) was called, come after
    /// them and may repeat: biases of an id add up.
    pub fn logit_bias(&self) -> impl Iterator<Item = (TokenId, f64)> + '_ {
        let of_texts = self.texts.as_deref().map_or(&[][..], |texts| &texts.biases);
        self.logit_bias.ids.iter().chain(of_texts).copied()
    }

    /// Names of the stages to apply, in order; none for the default order.
    pub fn samplers(&self) -> Option<&[&'static str]> {
        self.samplers.as_deref()
    }

    /// The request's seed; without one the caller draws one and reports it.
    pub fn seed(&self) -> Option<u64> {
        self.seed
    }

    /// Most tokens to generate, at least 1; none when the request leaves it to others. Of a list
    /// of limits it is the largest.
    pub fn max_tokens(&self) -> Option<usize> {
        self.max_tokens
    }

    /// The limits that `max_tokens` listed, in the order given; empty when it was one number.
    pub fn limits(&self) -> &[usize] {
        &self.limits
    }

    /// The same parameters under this one limit.
    ///
    /// # Errors
    /// When it is 0 or less than `min_tokens`.
    pub fn with_max_tokens(&self, max_tokens: usize) -> Result<Self, ParamError> {
        let mut params = self.clone();
        let spec = ParamSpec::find("max_tokens").expect("the table has it");
        params.set(spec, spec.name, &ParamValue::Int(max_tokens as i128))?;
        params.check_together()?;
        Ok(params)
    }

    /// Tokens to generate before an end token or a stop string counts.
    pub fn min_tokens(&self) -> usize {
        self.min_tokens
    }

    /// The stop strings, none of them empty.
    pub fn stop(&self) -> &[String] {
        &self.stop
    }

    /// Ids that end the output, besides the end-of-sequence ids.
    pub fn stop_token_ids(&self) -> &[TokenId] {
        &self.stop_token_ids
    }

    /// Whether end-of-sequence tokens are ordinary tokens.
    pub fn ignore_eos(&self) -> bool {
        self.ignore_eos
    }

    /// Whether log-probabilities are wanted.
    pub fn logprobs(&self) -> bool {
        self.logprobs
    }

    /// How many alternatives are wanted with each log-probability, at most 20.
    pub fn top_logprobs(&self) -> usize {
        self.top_logprobs
    }

    /// Which distribution log-probabilities are of.
    pub fn logprobs_mode(&self) -> LogprobsMode {
        self.logprobs_mode
    }

    fn check_together(&self) -> Result<(), ParamError> {
        let smallest_limit = self.limits.iter().min().copied().or(self.max_tokens);
        if let Some(max_tokens) = smallest_limit.filter(|&max| self.min_tokens > max) {
            let min_tokens = self.min_tokens;
            return Err(ParamError {
                param: "min_tokens".to_owned(),
                message: format!(
                    "`min_tokens` must be at most `max_tokens` ({max_tokens}); given {min_tokens}"
                ),
            });
        }
        if self.top_logprobs > 0 && !self.logprobs {
            return Err(ParamError {
                param: "top_logprobs".to_owned(),
                message: "`top_logprobs` needs `logprobs` to be true".to_owned(),
            });
        }
        self.stages.check()?;
        self.check_thinking()
    }
}

#[cfg(test)]
#[path = "params_tests.rs"]
mod tests;
