//! The table of parameters. One entry per knob; nothing about a knob is said anywhere else.

pub use super::spec::{Kind, ParamSpec, TokenBiases};
use super::stage_table::STAGE_PARAMS;
use super::thinking::REASONING_EFFORTS;
use super::{
    LIMITS_MAX, LOGIT_BIAS_BYTES_MAX, LOGIT_BIAS_MAX, ParamValue, SamplingParams, beams, choices,
};
use crate::TokenId;
use crate::logprobs::LogprobsMode;
use crate::profile::PROFILE_NAMES;
use crate::stop::{STOP_STRING_BYTES_MAX, STOP_STRINGS_MAX, STOP_TOKENS_MAX};

/// Every parameter of a request.
pub const PARAMS: &[ParamSpec] =
    &joined::<{ BASIC_PARAMS.len() + STAGE_PARAMS.len() }>(BASIC_PARAMS, &STAGE_PARAMS);

const fn joined<const N: usize>(first: &[ParamSpec], second: &[ParamSpec]) -> [ParamSpec; N] {
    let mut all = [ParamSpec::named("", &[]); N];
    let mut index = 0;
    while index < N {
        all[index] = if index < first.len() { first[index] } else { second[index - first.len()] };
        index += 1;
    }
    all
}

const BASIC_PARAMS: &[ParamSpec] = &[
    ParamSpec {
        name: "temperature",
        aliases: &[],
        kind: float(0.0, false, 100.0, false, |p, v| p.temperature = v),
        openai_range: Some((0.0, 2.0)),
        neutral: "1",
        default: "1",
        help: "Divides the logits: below 1 sharpens, above 1 flattens, 0 always takes the best \
               token.",
        source: "Ackley, Hinton, Sejnowski 1985; OpenAI API",
        get: |p| float_value(p.temperature),
    },
    ParamSpec {
        name: "top_k",
        aliases: &[],
        kind: integer(0, COUNT_MAX, |p, v| p.top_k = v as usize),
        openai_range: None,
        neutral: "0",
        default: "0",
        help: "Keeps only the k most likely tokens; 0 keeps all.",
        source: "Fan et al., arXiv:1805.04833",
        get: |p| count_value(p.top_k),
    },
    ParamSpec {
        name: "top_p",
        aliases: &[],
        kind: float(0.0, false, 1.0, false, |p, v| p.top_p = v),
        openai_range: None,
        neutral: "1",
        default: "1",
        help: "Keeps the most likely tokens until their probabilities reach this sum.",
        source: "Holtzman et al., arXiv:1904.09751",
        get: |p| float_value(p.top_p),
    },
    ParamSpec {
        name: "min_p",
        aliases: &[],
        kind: float(0.0, false, 1.0, false, |p, v| p.min_p = v),
        openai_range: None,
        neutral: "0",
        default: "0",
        help: "Keeps tokens at least this fraction as likely as the most likely one.",
        source: "Nguyen et al., arXiv:2407.01082",
        get: |p| float_value(p.min_p),
    },
    ParamSpec {
        name: "top_n_sigma",
        aliases: &["top_nsigma"],
        kind: float(0.0, false, 1000.0, false, |p, v| p.top_n_sigma = v),
        openai_range: None,
        neutral: "0",
        default: "0",
        help: "Keeps tokens whose logit is within this many standard deviations of the best; 0 \
               is off.",
        source: "Tang et al., arXiv:2411.07641",
        get: |p| float_value(p.top_n_sigma),
    },
    ParamSpec {
        name: "typical_p",
        aliases: &["typical", "typ_p"],
        kind: float(0.0, true, 1.0, false, |p, v| p.typical_p = v),
        openai_range: None,
        neutral: "1",
        default: "1",
        help: "Keeps the tokens whose surprise is closest to the expected one, up to this sum.",
        source: "Meister et al., arXiv:2202.00666",
        get: |p| float_value(p.typical_p),
    },
    ParamSpec {
        name: "epsilon_cutoff",
        aliases: &[],
        kind: float(0.0, false, 1.0, true, |p, v| p.epsilon_cutoff = v),
        openai_range: None,
        neutral: "0",
        default: "0",
        help: "Removes tokens less likely than this.",
        source: "Hewitt et al., arXiv:2210.15191",
        get: |p| float_value(p.epsilon_cutoff),
    },
    ParamSpec {
        name: "eta_cutoff",
        aliases: &[],
        kind: float(0.0, false, 1.0, true, |p, v| p.eta_cutoff = v),
        openai_range: None,
        neutral: "0",
        default: "0",
        help: "Removes tokens less likely than a threshold that sinks as the entropy grows.",
        source: "Hewitt et al., arXiv:2210.15191",
        get: |p| float_value(p.eta_cutoff),
    },
    ParamSpec {
        name: "repetition_penalty",
        aliases: &["repeat_penalty"],
        kind: float(0.01, false, 100.0, false, |p, v| p.repetition_penalty = v),
        openai_range: None,
        neutral: "1",
        default: "1",
        help: "Makes tokens of prompt and output less likely, once each: positive logits are \
               divided by it, negative ones multiplied.",
        source: "Keskar et al., arXiv:1909.05858",
        get: |p| float_value(p.repetition_penalty),
    },
    ParamSpec {
        name: "frequency_penalty",
        aliases: &[],
        kind: float(-100.0, false, 100.0, false, |p, v| p.frequency_penalty = v),
        openai_range: Some((-2.0, 2.0)),
        neutral: "0",
        default: "0",
        help: "Lowers the logit of each token by this much per occurrence in the output.",
        source: "OpenAI API",
        get: |p| float_value(p.frequency_penalty),
    },
    ParamSpec {
        name: "presence_penalty",
        aliases: &[],
        kind: float(-100.0, false, 100.0, false, |p, v| p.presence_penalty = v),
        openai_range: Some((-2.0, 2.0)),
        neutral: "0",
        default: "0",
        help: "Lowers the logit of each token that occurs in the output by this much, once.",
        source: "OpenAI API",
        get: |p| float_value(p.presence_penalty),
    },
    ParamSpec {
        name: "no_repeat_ngram_size",
        aliases: &[],
        kind: integer(0, COUNT_MAX, |p, v| p.no_repeat_ngram_size = v as usize),
        openai_range: None,
        neutral: "0",
        default: "0",
        help: "Forbids repeating any run of this many tokens; 0 is off.",
        source: "Paulus et al., arXiv:1705.04304",
        get: |p| count_value(p.no_repeat_ngram_size),
    },
    ParamSpec {
        name: "logit_bias",
        aliases: &[],
        kind: Kind::TokenMap {
            count_max: LOGIT_BIAS_MAX,
            bytes_max: LOGIT_BIAS_BYTES_MAX,
            min: -1e6,
            max: 1e6,
            set: |p, v| p.logit_bias = v,
        },
        openai_range: Some((-100.0, 100.0)),
        neutral: "",
        default: "",
        help: "Adds to the logits of single tokens, named by id or by a text, each token of which \
               gets the bias; \"-inf\" or false forbids the token.",
        source: "OpenAI API; llama.cpp server",
        get: |p| p.logit_bias.value(),
    },
    ParamSpec {
        name: "do_sample",
        aliases: &[],
        kind: Kind::Bool { set: |p, v| p.do_sample = v },
        openai_range: None,
        neutral: "true",
        default: "true",
        help: "Whether to draw from the distribution; false always takes the best token.",
        source: "Hugging Face GenerationConfig",
        // A beam search does not draw, so a record of its parameters says false.
        get: |p| Some(ParamValue::Bool(p.do_sample && !p.is_beam_search())),
    },
    ParamSpec {
        name: "profile",
        aliases: &[],
        kind: Kind::Choice { names: PROFILE_NAMES, set: SamplingParams::set_profile },
        openai_range: None,
        neutral: "jeton",
        default: "jeton",
        help: "Chooses as another program does: its order of stages, its penalties, boundaries, \
               ties and defaults.",
        source: "the programs' own code; see docs/PROFILES.md",
        get: |p| Some(ParamValue::Str(p.profile.name.to_owned())),
    },
    beams::NUM_BEAMS,
    beams::LENGTH_PENALTY,
    beams::EARLY_STOPPING,
    beams::NUM_RETURN_SEQUENCES,
    beams::NUM_BEAM_GROUPS,
    beams::DIVERSITY_PENALTY,
    beams::BEAM_METHOD,
    choices::N,
    choices::BEST_OF,
    ParamSpec {
        name: "samplers",
        aliases: &["sampling_seq", "sampler_seq"],
        kind: Kind::Stages { set: |p, v| p.samplers = Some(v) },
        openai_range: None,
        neutral: "",
        default: "",
        help: "The stages to apply, in order, by name; stages not named are off. llama.cpp's names \
               count, and its letters in one word (edskypmxt).",
        source: "llama.cpp server",
        get: |p| p.samplers.as_deref().map(texts),
    },
    ParamSpec {
        name: "seed",
        aliases: &["random_seed"],
        kind: integer(SEED_MIN, u64::MAX as i128, |p, v| p.seed = Some(v as u64)),
        openai_range: None,
        neutral: "",
        default: "",
        help: "Starts the random numbers: the same seed gives the same text; without one a fresh \
               seed is drawn and reported.",
        source: "OpenAI API",
        get: |p| p.seed.map(|seed| ParamValue::Int(i128::from(seed))),
    },
    ParamSpec {
        name: "max_tokens",
        aliases: &["max_completion_tokens", "max_new_tokens", "max_output_tokens", "n_predict"],
        kind: Kind::Limits {
            min: 1,
            max: COUNT_MAX,
            count_max: LIMITS_MAX,
            set: |p, limits, is_list| {
                p.max_tokens = limits.iter().max().copied();
                p.limits = if is_list { limits } else { Vec::new() };
            },
        },
        openai_range: None,
        neutral: "",
        default: "",
        help: "The most tokens to generate, thinking included; a list gives the answer under each \
               of these limits.",
        source: "OpenAI API; Hugging Face max_new_tokens",
        get: |p| match p.limits.is_empty() {
            true => p.max_tokens.and_then(count_value),
            false => {
                Some(ParamValue::List(p.limits.iter().copied().filter_map(count_value).collect()))
            }
        },
    },
    ParamSpec {
        name: "min_tokens",
        aliases: &["min_new_tokens"],
        kind: integer(0, COUNT_MAX, |p, v| p.min_tokens = v as usize),
        openai_range: None,
        neutral: "0",
        default: "0",
        help: "How many tokens to generate before an end token or stop string may end the output.",
        source: "vLLM; Hugging Face min_new_tokens",
        get: |p| count_value(p.min_tokens),
    },
    ParamSpec {
        name: "stop",
        aliases: &["stop_strings", "stop_sequences"],
        kind: Kind::Texts {
            count_max: STOP_STRINGS_MAX,
            bytes_max: STOP_STRING_BYTES_MAX,
            set: |p, v| p.stop = v,
        },
        openai_range: None,
        neutral: "",
        default: "",
        help: "Texts that end the output where they appear; they are not part of it.",
        source: "OpenAI API",
        get: |p| some_texts(&p.stop),
    },
    ParamSpec {
        name: "stop_token_ids",
        aliases: &[],
        kind: Kind::TokenIds { count_max: STOP_TOKENS_MAX, set: |p, v| p.stop_token_ids = v },
        openai_range: None,
        neutral: "",
        default: "",
        help: "Tokens that end the output, besides the model's own end tokens.",
        source: "vLLM",
        get: |p| some_ids(&p.stop_token_ids),
    },
    ParamSpec {
        name: "eos_token_id",
        aliases: &["eos_token_ids"],
        kind: Kind::TokenIds { count_max: STOP_TOKENS_MAX, set: |p, v| p.eos_token_ids = Some(v) },
        openai_range: None,
        neutral: "",
        default: "",
        help: "End-of-sequence tokens to use in place of the model's own.",
        source: "Hugging Face GenerationConfig",
        get: |p| p.eos_token_ids.as_deref().map(ids),
    },
    ParamSpec {
        name: "ignore_eos",
        aliases: &[],
        kind: Kind::Bool { set: |p, v| p.ignore_eos = v },
        openai_range: None,
        neutral: "false",
        default: "false",
        help: "Whether to go on after the model's end token.",
        source: "llama.cpp server; vLLM",
        get: |p| Some(ParamValue::Bool(p.ignore_eos)),
    },
    ParamSpec {
        name: "enable_thinking",
        aliases: &[],
        kind: Kind::Bool { set: |p, v| p.thinking.enable = Some(v) },
        openai_range: None,
        neutral: "",
        default: "",
        help: "Asks the model to think first, or not to; without it the model's own default.",
        source: "Qwen3 chat template",
        get: |p| p.thinking.enable.map(ParamValue::Bool),
    },
    ParamSpec {
        name: "thinking_budget",
        aliases: &["reasoning_budget", "thinking_budget_tokens"],
        kind: integer(0, COUNT_MAX, |p, v| p.thinking.budget = Some(v as usize)),
        openai_range: None,
        neutral: "",
        default: "",
        help: "The most tokens of thought; the thought is ended in the model's own markers, at a \
               sentence's or line's end near the budget, else at it.",
        source: "Qwen3 report, section 4.3 (arXiv:2505.09388); docs/THINKING.md",
        get: |p| p.thinking.budget.and_then(count_value),
    },
    ParamSpec {
        name: "answer_reserve",
        aliases: &[],
        kind: integer(0, COUNT_MAX, |p, v| p.thinking.answer_reserve = v as usize),
        openai_range: None,
        neutral: "0",
        default: "0",
        help: "How many of the tokens to generate are kept for the answer: the thought is ended \
               before it takes them.",
        source: "docs/THINKING.md",
        get: |p| count_value(p.thinking.answer_reserve),
    },
    ParamSpec {
        name: "reasoning_effort",
        aliases: &[],
        kind: Kind::Choice { names: REASONING_EFFORTS, set: |p, v| p.thinking.effort = Some(v) },
        openai_range: None,
        neutral: "",
        default: "",
        help: "How much to think: told to templates that know the word, else a thinking budget as \
               a share of the limit.",
        source: "OpenAI API; docs/THINKING.md",
        get: |p| p.thinking.effort.map(|effort| ParamValue::Str(effort.to_owned())),
    },
    ParamSpec {
        name: "stop_in_thinking",
        aliases: &[],
        kind: Kind::Bool { set: |p, v| p.thinking.stop_in_thinking = v },
        openai_range: None,
        neutral: "false",
        default: "false",
        help: "Whether stop strings are looked for in the thought too, and not only in the answer.",
        source: "docs/THINKING.md",
        get: |p| Some(ParamValue::Bool(p.thinking.stop_in_thinking)),
    },
    ParamSpec {
        name: "logprobs",
        aliases: &[],
        kind: Kind::Bool { set: |p, v| p.logprobs = v },
        openai_range: None,
        neutral: "false",
        default: "false",
        help: "Whether to return the log-probability of each token.",
        source: "OpenAI API",
        get: |p| Some(ParamValue::Bool(p.logprobs)),
    },
    ParamSpec {
        name: "top_logprobs",
        aliases: &[],
        kind: integer(0, 20, |p, v| p.top_logprobs = v as usize),
        openai_range: None,
        neutral: "0",
        default: "0",
        help: "How many of the most likely tokens to return with each log-probability.",
        source: "OpenAI API",
        get: |p| count_value(p.top_logprobs),
    },
    ParamSpec {
        kind: Kind::Choice {
            names: LogprobsMode::NAMES,
            set: |p, v| p.logprobs_mode = LogprobsMode::from_name(v),
        },
        neutral: "raw",
        default: "raw",
        help: "What log-probabilities are of: raw is the model's own distribution, before any \
               stage; processed is the one the token was drawn from, after all of them.",
        source: "vLLM logprobs_mode",
        get: |p| Some(ParamValue::Str(p.logprobs_mode.name().to_owned())),
        ..ParamSpec::named("logprobs_mode", &[])
    },
];

/// Upper end of counts of tokens.
pub(super) const COUNT_MAX: i128 = u32::MAX as i128;
/// OpenAI's seeds are signed; a negative one stands for its two's complement.
const SEED_MIN: i128 = i64::MIN as i128;

pub(super) const fn float(
    min: f64,
    above_min: bool,
    max: f64,
    below_max: bool,
    set: fn(&mut SamplingParams, f64),
) -> Kind {
    Kind::Float { min, above_min, max, below_max, set }
}

pub(super) const fn integer(min: i128, max: i128, set: fn(&mut SamplingParams, i128)) -> Kind {
    Kind::Integer { min, max, set }
}

pub(super) fn float_value(value: f64) -> Option<ParamValue> {
    Some(ParamValue::Float(value))
}

pub(super) fn count_value(value: usize) -> Option<ParamValue> {
    Some(ParamValue::Int(value as i128))
}

pub(super) fn texts<S: AsRef<str>>(values: &[S]) -> ParamValue {
    let text = |value: &S| ParamValue::Str(value.as_ref().to_owned());
    ParamValue::List(values.iter().map(text).collect())
}

pub(super) fn some_texts(values: &[String]) -> Option<ParamValue> {
    (!values.is_empty()).then(|| texts(values))
}

fn ids(values: &[TokenId]) -> ParamValue {
    ParamValue::List(values.iter().map(|&id| ParamValue::Int(i128::from(id))).collect())
}

pub(super) fn some_ids(values: &[TokenId]) -> Option<ParamValue> {
    (!values.is_empty()).then(|| ids(values))
}

pub(super) fn id_lists(lists: &[Vec<TokenId>]) -> Option<ParamValue> {
    let lists: Vec<_> = lists.iter().map(|list| ids(list)).collect();
    (!lists.is_empty()).then_some(ParamValue::List(lists))
}
