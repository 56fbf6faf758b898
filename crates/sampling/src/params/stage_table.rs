//! The second half of the table of parameters: knobs that belong to one stage each.

use super::breakers::{DRY_BREAKER_BYTES_MAX, DRY_BREAKERS_MAX};
use super::stage_params::{MirostatVersion, PenaltyScope, StageParams};
use super::table::{
    COUNT_MAX, Kind, ParamSpec, count_value, float, float_value, id_lists, integer, some_ids,
    some_texts, texts,
};
use super::value::ParamValue;

/// Most ids of a list of allowed or banned ids: more than any vocabulary has.
const TOKEN_LIST_MAX: usize = 1 << 20;
/// Most bad words of either kind.
const BAD_WORDS_MAX: usize = 1024;
/// Most bytes of a bad word.
const BAD_WORD_BYTES_MAX: usize = 256;
/// Most tokens of a bad word that is given in ids.
const BAD_WORD_TOKENS_MAX: usize = 64;

/// The entries, in the order in which the stages run.
pub(super) const STAGE_PARAMS: [ParamSpec; 26] = [
    ParamSpec {
        kind: Kind::TokenIds {
            count_max: TOKEN_LIST_MAX,
            set: |p, v| p.stages.allowed_token_ids = Some(v),
        },
        help: "The only tokens that may be chosen.",
        source: "vLLM",
        get: |p| p.stages.allowed_token_ids.as_deref().and_then(some_ids),
        ..ParamSpec::named("allowed_token_ids", &[])
    },
    ParamSpec {
        kind: Kind::TokenIds {
            count_max: TOKEN_LIST_MAX,
            set: |p, v| p.stages.banned_token_ids = v,
        },
        help: "Tokens that are never chosen.",
        source: "Hugging Face suppress_tokens",
        get: |p| some_ids(&p.stages.banned_token_ids),
        ..ParamSpec::named("banned_token_ids", &["suppress_tokens"])
    },
    ParamSpec {
        kind: Kind::Texts {
            count_max: BAD_WORDS_MAX,
            bytes_max: BAD_WORD_BYTES_MAX,
            set: |p, v| p.stages.bad_words = v,
        },
        help: "Texts that must not be generated, at the beginning of a word or within a sentence: \
               the last token of one is forbidden where the output ends with those before it.",
        source: "vLLM",
        get: |p| some_texts(&p.stages.bad_words),
        ..ParamSpec::named("bad_words", &[])
    },
    ParamSpec {
        kind: Kind::TokenLists {
            count_max: BAD_WORDS_MAX,
            tokens_max: BAD_WORD_TOKENS_MAX,
            set: |p, v| p.stages.bad_words_ids = v,
        },
        help: "Runs of tokens that must not be completed, wherever they begin: in the prompt or \
               in the output.",
        source: "Hugging Face NoBadWordsLogitsProcessor",
        get: |p| id_lists(&p.stages.bad_words_ids),
        ..ParamSpec::named("bad_words_ids", &[])
    },
    ParamSpec {
        kind: integer(-1, COUNT_MAX, |p, v| p.stages.penalty_last_n = usize::try_from(v).ok()),
        neutral: "-1",
        default: "-1",
        help: "How many of the last tokens the repetition, frequency and presence penalties see; \
               -1 is all, 0 turns them off.",
        source: "llama.cpp",
        get: |p| last_n_value(p.stages.penalty_last_n),
        ..ParamSpec::named("penalty_last_n", &["repeat_last_n", "repetition_penalty_range"])
    },
    ParamSpec {
        kind: Kind::Choice {
            names: PenaltyScope::NAMES,
            set: |p, v| p.stages.penalty_scope = Some(PenaltyScope::from_name(v)),
        },
        help: "Which tokens the repetition, frequency and presence penalties see; without it \
               repetition sees prompt and output, frequency and presence the output.",
        source: "the scopes of llama.cpp, vLLM and Hugging Face",
        get: |p| p.stages.penalty_scope.map(|scope| ParamValue::Str(scope.name().to_owned())),
        ..ParamSpec::named("penalty_scope", &[])
    },
    ParamSpec {
        kind: float(0.0, false, 100.0, false, |p, v| p.stages.dry.multiplier = v),
        neutral: "0",
        default: "0",
        help: "Strength of the penalty on tokens that would go on with a repeated run; 0 is off.",
        source: "p-e-w's DRY; llama.cpp",
        get: |p| float_value(p.stages.dry.multiplier),
        ..ParamSpec::named("dry_multiplier", &[])
    },
    ParamSpec {
        kind: float(1.0, false, 100.0, false, |p, v| p.stages.dry.base = v),
        default: "1.75",
        help: "By what factor the DRY penalty grows with each token of the repeated run.",
        source: "llama.cpp",
        get: |p| float_value(p.stages.dry.base),
        ..ParamSpec::named("dry_base", &[])
    },
    ParamSpec {
        kind: integer(0, COUNT_MAX, |p, v| p.stages.dry.allowed_length = v as usize),
        default: "2",
        help: "The longest repeated run, in tokens, that adds nothing to the DRY penalty; shorter \
               ones cost nothing.",
        source: "llama.cpp",
        get: |p| count_value(p.stages.dry.allowed_length),
        ..ParamSpec::named("dry_allowed_length", &[])
    },
    ParamSpec {
        kind: integer(-1, COUNT_MAX, |p, v| p.stages.dry.penalty_last_n = usize::try_from(v).ok()),
        default: "-1",
        help: "How many of the last tokens DRY searches for repetitions; -1 is all, 0 turns it \
               off.",
        source: "llama.cpp",
        get: |p| last_n_value(p.stages.dry.penalty_last_n),
        ..ParamSpec::named("dry_penalty_last_n", &[])
    },
    ParamSpec {
        kind: Kind::Texts {
            count_max: DRY_BREAKERS_MAX,
            bytes_max: DRY_BREAKER_BYTES_MAX,
            set: |p, v| p.stages.dry.sequence_breakers = without_none(v),
        },
        help: "Texts over which DRY sees no repetition; unless given: newline, colon, double \
               quote and star. An empty list, or the one text `none`, is none.",
        source: "llama.cpp",
        get: |p| {
            let breakers = &p.stages.dry.sequence_breakers;
            let given = *breakers != StageParams::default().dry.sequence_breakers;
            given.then(|| texts(breakers))
        },
        ..ParamSpec::named("dry_sequence_breakers", &[])
    },
    ParamSpec {
        kind: Kind::CountAndFactor {
            factor_max: 100.0,
            set: |p, v| p.stages.exponential_decay_length_penalty = Some(v),
        },
        help: "After that many generated tokens, how fast the end becomes more likely: the \
               factor by which the end token's logit grows with each token.",
        source: "Hugging Face",
        get: |p| {
            let (start, factor) = p.stages.exponential_decay_length_penalty?;
            Some(ParamValue::List(vec![count_value(start)?, ParamValue::Float(factor)]))
        },
        ..ParamSpec::named("exponential_decay_length_penalty", &[])
    },
    ParamSpec {
        kind: float(0.0, false, 100.0, false, |p, v| p.stages.dynatemp_range = v),
        neutral: "0",
        default: "0",
        help: "Lets the temperature follow the entropy, this far below and above the set one; 0 \
               keeps it fixed. A set temperature of 0 stays greedy.",
        source: "llama.cpp",
        get: |p| float_value(p.stages.dynatemp_range),
        ..ParamSpec::named("dynatemp_range", &[])
    },
    ParamSpec {
        kind: float(0.0, false, 100.0, false, |p, v| p.stages.dynatemp_exponent = v),
        default: "1",
        help: "The power of the normalized entropy by which the dynamic temperature rises.",
        source: "llama.cpp",
        get: |p| float_value(p.stages.dynatemp_exponent),
        ..ParamSpec::named("dynatemp_exponent", &[])
    },
    ParamSpec {
        kind: float(0.0, false, 10.0, false, |p, v| p.stages.smoothing_factor = v),
        neutral: "0",
        default: "0",
        help: "Bends logits down with the square of their distance to the best one; 0 is off.",
        source: "kalomaze's quadratic sampling; text-generation-webui",
        get: |p| float_value(p.stages.smoothing_factor),
        ..ParamSpec::named("smoothing_factor", &[])
    },
    ParamSpec {
        kind: float(1.0, false, 10.0, false, |p, v| p.stages.smoothing_curve = v),
        default: "1",
        help: "How much of the smoothing goes with the cube of the distance in place of the \
               square.",
        source: "text-generation-webui",
        get: |p| float_value(p.stages.smoothing_curve),
        ..ParamSpec::named("smoothing_curve", &[])
    },
    ParamSpec {
        kind: float(0.0, true, 1.0, false, |p, v| p.stages.top_h = Some(v)),
        help: "Keeps the most likely of the 100 best tokens up to this share of their entropy.",
        source: "Hugging Face TopHLogitsWarper; arXiv:2509.02510",
        get: |p| p.stages.top_h.and_then(float_value),
        ..ParamSpec::named("top_h", &[])
    },
    ParamSpec {
        kind: float(0.0, false, 1.0, false, |p, v| p.stages.tail_free = v),
        neutral: "1",
        default: "1",
        help: "Cuts the flat tail of the distribution: keeps this share of its curvature.",
        source: "Bricken, Tail Free Sampling; text-generation-webui",
        get: |p| float_value(p.stages.tail_free),
        ..ParamSpec::named("tail_free", &["tfs", "tfs_z"])
    },
    ParamSpec {
        kind: float(0.0, false, 1.0, false, |p, v| p.stages.top_a = v),
        neutral: "0",
        default: "0",
        help: "Removes tokens less likely than this times the square of the best probability.",
        source: "BlinkDL, RWKV-LM; text-generation-webui",
        get: |p| float_value(p.stages.top_a),
        ..ParamSpec::named("top_a", &[])
    },
    ParamSpec {
        kind: float(0.0, false, 1.0, false, |p, v| p.stages.xtc_probability = v),
        neutral: "0",
        default: "0",
        help: "How often, at random, the most likely tokens are removed so that the least likely \
               of those above `xtc_threshold` leads; 0 is never.",
        source: "p-e-w's XTC; llama.cpp",
        get: |p| float_value(p.stages.xtc_probability),
        ..ParamSpec::named("xtc_probability", &[])
    },
    ParamSpec {
        kind: float(0.0, false, 1.0, false, |p, v| p.stages.xtc_threshold = v),
        default: "0.1",
        help: "The probability from which on XTC counts a token as a top choice; above 0.5 turns \
               XTC off.",
        source: "llama.cpp",
        get: |p| float_value(p.stages.xtc_threshold),
        ..ParamSpec::named("xtc_threshold", &[])
    },
    ParamSpec {
        kind: integer(0, 2, |p, v| {
            p.stages.mirostat.version = match v {
                1 => Some(MirostatVersion::One),
                2 => Some(MirostatVersion::Two),
                _ => None,
            };
        }),
        neutral: "0",
        default: "0",
        help: "Keeps the surprise of the text at a level, by version 1 or 2; 0 is off.",
        source: "Basu et al., arXiv:2007.14966; llama.cpp",
        get: |p| {
            count_value(match p.stages.mirostat.version {
                None => 0,
                Some(MirostatVersion::One) => 1,
                Some(MirostatVersion::Two) => 2,
            })
        },
        ..ParamSpec::named("mirostat", &["mirostat_mode"])
    },
    ParamSpec {
        kind: float(0.0, false, 100.0, false, |p, v| p.stages.mirostat.tau = v),
        default: "5",
        help: "The surprise per token that mirostat keeps to, in bits.",
        source: "llama.cpp",
        get: |p| float_value(p.stages.mirostat.tau),
        ..ParamSpec::named("mirostat_tau", &[])
    },
    ParamSpec {
        kind: float(0.0, false, 10.0, false, |p, v| p.stages.mirostat.eta = v),
        default: "0.1",
        help: "How fast mirostat follows the surprise of the text.",
        source: "llama.cpp",
        get: |p| float_value(p.stages.mirostat.eta),
        ..ParamSpec::named("mirostat_eta", &[])
    },
    ParamSpec {
        kind: float(-1.0, false, 1.0, false, |p, v| {
            p.stages.adaptive_target = (v >= 0.0).then_some(v);
        }),
        neutral: "-1",
        default: "-1",
        help: "Prefers tokens whose probability is near this one, on average over the text; \
               below 0 is off.",
        source: "llama.cpp adaptive-p",
        get: |p| float_value(p.stages.adaptive_target.unwrap_or(-1.0)),
        ..ParamSpec::named("adaptive_target", &[])
    },
    ParamSpec {
        kind: float(0.0, false, 0.99, false, |p, v| p.stages.adaptive_decay = v),
        default: "0.9",
        help: "How long adaptive-p remembers: about 1 / (1 - decay) tokens.",
        source: "llama.cpp adaptive-p",
        get: |p| float_value(p.stages.adaptive_decay),
        ..ParamSpec::named("adaptive_decay", &[])
    },
];

fn last_n_value(count: Option<usize>) -> Option<ParamValue> {
    count.map_or(Some(ParamValue::Int(-1)), count_value)
}

/// llama.cpp's command line says `none` for an empty list.
fn without_none(texts: Vec<String>) -> Vec<String> {
    if texts == ["none"] { Vec::new() } else { texts }
}
