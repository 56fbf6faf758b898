//! The records. Sources: the programs' own code, in the versions named; Transformers and llama.cpp
//! are held to by cases that they computed (`tests/data/profile_cases.json`).

use super::{Clamp, F32_TEMPERATURE_MIN, Greedy, Profile, Ties, TopPEdge, TypicalEdge};
use crate::params::{ParamValue, PenaltyScope, TEMPERATURE_MIN};

/// The names that `profile` may have.
pub const PROFILE_NAMES: &[&str; 5] = &["jeton", "hf", "llama.cpp", "vllm", "openai"];

/// Every profile; the first is Jeton's own.
pub static PROFILES: [Profile; 5] = [JETON, HF, LLAMA_CPP, VLLM, OPENAI];

const JETON: Profile = Profile {
    name: "jeton",
    program: "Jeton",
    order: &[],
    top_k_ties: Ties::Cut,
    top_p_edge: TopPEdge::LowerIds,
    typical_p_edge: TypicalEdge::Reaches,
    greedy: Greedy { below: TEMPERATURE_MIN, by_stage: false },
    mirostat_alone: false,
    clamps: &[],
    refuses_like_openai: false,
    penalty_scope: None,
    penalty_last_n: None,
    defaults: &[],
    model_first: true,
};

const HF: Profile = Profile {
    name: "hf",
    program: "Hugging Face Transformers 5.23",
    order: &[
        "logit_bias",
        "repetition_penalty",
        "no_repeat_ngram",
        "length_decay",
        "temperature",
        "top_h",
        "top_k",
        "top_p",
        "min_p",
        "typical_p",
        "epsilon_cutoff",
        "eta_cutoff",
    ],
    top_k_ties: Ties::Keep,
    top_p_edge: TopPEdge::HigherIds,
    typical_p_edge: TypicalEdge::ReachesWithTies,
    greedy: Greedy { below: F32_TEMPERATURE_MIN, by_stage: false },
    defaults: &[("do_sample", ParamValue::Bool(false)), ("top_k", ParamValue::Int(50))],
    ..JETON
};

const LLAMA_CPP: Profile = Profile {
    name: "llama.cpp",
    program: "llama.cpp of llama-cpp-python 0.3.36",
    order: &[
        "logit_bias",
        "repetition_penalty",
        "frequency_presence",
        "dry",
        "top_n_sigma",
        "top_k",
        "typical_p",
        "top_p",
        "min_p",
        "xtc",
        "temperature",
        "mirostat",
        "adaptive_p",
    ],
    typical_p_edge: TypicalEdge::Exceeds,
    greedy: Greedy { below: F32_TEMPERATURE_MIN, by_stage: true },
    mirostat_alone: true,
    clamps: &[
        Clamp { param: "temperature", from: -1e9, below: 0.0, becomes: 0.0 },
        Clamp { param: "top_k", from: -1e9, below: 0.0, becomes: 0.0 },
    ],
    penalty_scope: Some(PenaltyScope::PromptAndOutput),
    penalty_last_n: Some(64),
    defaults: &[
        ("temperature", ParamValue::Float(0.8)),
        ("top_k", ParamValue::Int(40)),
        ("top_p", ParamValue::Float(0.95)),
        ("min_p", ParamValue::Float(0.05)),
    ],
    ..JETON
};

const VLLM: Profile = Profile {
    name: "vllm",
    program: "vLLM 0.33 (V1 sampler)",
    order: &[
        "logit_bias",
        "repetition_penalty",
        "frequency_presence",
        "temperature",
        "min_p",
        "top_k",
        "top_p",
    ],
    top_k_ties: Ties::Keep,
    top_p_edge: TopPEdge::HigherIds,
    greedy: Greedy { below: 1e-5, by_stage: false },
    clamps: &[
        // Its parameters raise all of (0, 0.01) and its sampler calls less than 1e-5 greedy: there
        // both mean the best token.
        Clamp { param: "temperature", from: 1e-5, below: 0.01, becomes: 0.01 },
        Clamp { param: "top_k", from: -1.0, below: 0.0, becomes: 0.0 },
        Clamp { param: "logit_bias", from: f64::NEG_INFINITY, below: -100.0, becomes: -100.0 },
        Clamp { param: "logit_bias", from: 100.0, below: f64::INFINITY, becomes: 100.0 },
    ],
    refuses_like_openai: true,
    ..JETON
};

const OPENAI: Profile = Profile {
    name: "openai",
    program: "OpenAI API (specification of 2026-08-21)",
    order: &["logit_bias", "frequency_presence", "temperature", "top_p"],
    refuses_like_openai: true,
    defaults: &[("temperature", ParamValue::Float(1.0)), ("top_p", ParamValue::Float(1.0))],
    model_first: false,
    ..JETON
};
