//! What `config.json` may say, in both layouts, and what it may not.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::config::{Rope, RopeScaling};

fn llama() -> Value {
    json!({
        "model_type": "llama", "hidden_size": 64, "intermediate_size": 96,
        "num_hidden_layers": 4, "num_attention_heads": 8, "num_key_value_heads": 2,
        "vocab_size": 100, "max_position_embeddings": 256, "rms_norm_eps": 1e-5
    })
}

fn with(mut json: Value, changes: Value) -> Value {
    for (key, value) in changes.as_object().unwrap() {
        json[key] = value.clone();
    }
    json
}

fn without(mut json: Value, key: &str) -> Value {
    json.as_object_mut().unwrap().remove(key);
    json
}

fn config(json: &Value) -> ModelConfig {
    read(json, "config.json").unwrap_or_else(|error| panic!("{error}"))
}

#[track_caller]
fn refused(json: &Value, expected: &str) {
    let message = read(json, "config.json").expect_err("must be refused").to_string();
    assert!(message.starts_with("`config.json`"), "{message}");
    assert!(message.contains(expected), "{message}");
}

#[test]
fn plain_llama() {
    let config = config(&llama());
    assert_eq!((config.head_dim, config.kv_head_count, config.vocab_size), (8, 2, 100));
    assert!(!config.tied_output && !config.qkv_bias && !config.qk_norm);
    assert_eq!(config.rope_layout, RopeLayout::Half);
    let rope = Rope { base: 10_000.0, dims: 8, scaling: RopeScaling::None };
    assert_eq!(config.layer_rope(3), Some(&rope));
    assert_eq!(config.window_tokens(0), None);
}

#[test]
fn heads_default_to_full_attention_and_biases_are_read() {
    let json = with(without(llama(), "num_key_value_heads"), json!({ "attention_bias": true }));
    let config = config(&json);
    assert_eq!(config.kv_head_count, 8);
    assert!(config.qkv_bias && config.attn_out_bias && !config.ffn_bias);
}

#[test]
fn classic_and_version_5_rope_agree() {
    let scaling = json!({
        "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
        "original_max_position_embeddings": 64, "rope_type": "llama3"
    });
    let classic = with(llama(), json!({ "rope_theta": 500000.0, "rope_scaling": scaling }));
    let newer = with(scaling, json!({ "rope_theta": 500000.0 }));
    let newer = with(llama(), json!({ "rope_parameters": newer }));
    assert_eq!(config(&classic), config(&newer));
    let rope = config(&classic).rope.unwrap();
    assert_eq!(rope.base, 500_000.0);
    assert!(matches!(rope.scaling, RopeScaling::Llama3 { original_context_tokens: 64, .. }));
}

#[test]
fn every_kind_of_scaling() {
    let scaling = |scaling: Value| {
        config(&with(llama(), json!({ "rope_scaling": scaling }))).rope.unwrap().scaling
    };
    assert_eq!(scaling(Value::Null), RopeScaling::None);
    assert_eq!(scaling(json!({ "type": "dynamic", "factor": 2.0 })), RopeScaling::None);
    let linear = RopeScaling::Linear { factor: 2.5 };
    assert_eq!(scaling(json!({ "type": "linear", "factor": 2.5 })), linear);
    let yarn = scaling(json!({
        "rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 64
    }));
    let RopeScaling::Yarn { factor, beta_fast, beta_slow, attention_factor, .. } = yarn else {
        panic!("{yarn:?}")
    };
    assert_eq!((factor, beta_fast, beta_slow), (4.0, 32.0, 1.0));
    assert!((attention_factor - 1.138_629_4).abs() < 1e-6);
    let long = scaling(json!({
        "type": "su", "short_factor": [1, 1, 1.5, 2], "long_factor": [1, 2, 3, 4],
        "original_max_position_embeddings": 64
    }));
    let RopeScaling::LongRope { short, attention_factor, .. } = long else { panic!("{long:?}") };
    assert_eq!(short, [1.0, 1.0, 1.5, 2.0]);
    assert!((attention_factor - (1.0 + 4f32.ln() / 64f32.ln()).sqrt()).abs() < 1e-6);
}

#[test]
fn scaling_that_cannot_be_is_refused() {
    let refused = |scaling: Value, expected: &str| {
        refused(&with(llama(), json!({ "rope_scaling": scaling })), expected)
    };
    refused(json!({ "type": "mrope" }), "key `rope_scaling.type` is `mrope`, allowed: default");
    refused(json!({ "type": "linear" }), "key `rope_scaling.factor` is missing");
    refused(json!({ "type": "linear", "factor": 0 }), "key `rope_scaling.factor` is 0");
    refused(json!({ "type": "linear", "factor": "2" }), "`rope_scaling.factor` is no number");
    refused(json!({ "type": 3 }), "key `rope_scaling.type` is no string");
    let lists = json!({ "type": "longrope", "short_factor": [1, 1, 1], "long_factor": [1, 1, 1] });
    refused(lists, "key `rope_scaling.short_factor` has 3 numbers, expected 4");
    let lists = json!({ "type": "longrope", "short_factor": [1, 1, -1, 1] });
    refused(lists, "key `rope_scaling.short_factor` has -1 at index 2");
}

#[test]
fn windows_follow_the_family() {
    let layers = |json: Value| config(&json).window.map(|window| (window.tokens, window.layers));
    let change =
        |family: &str, more: Value| with(with(llama(), json!({ "model_type": family })), more);
    assert_eq!(layers(change("llama", json!({ "sliding_window": 16 }))), None);
    let all = vec![true; 4];
    assert_eq!(layers(change("mistral", json!({ "sliding_window": 16 }))), Some((16, all.clone())));
    assert_eq!(layers(change("mistral", json!({ "sliding_window": null }))), None);
    assert_eq!(layers(change("phi3", json!({ "sliding_window": 16 }))), Some((16, all)));
    assert_eq!(layers(change("qwen2", json!({ "sliding_window": 16 }))), None);
    let on = json!({ "use_sliding_window": true, "sliding_window": 16, "max_window_layers": 3 });
    let last = vec![false, false, false, true];
    assert_eq!(layers(change("qwen2", on.clone())), Some((16, last)));
    let first = json!({ "layer_types": [
        "sliding_attention", "full_attention", "full_attention", "full_attention"
    ] });
    let json = with(change("qwen3", on), first);
    assert_eq!(layers(json), Some((16, vec![true, false, false, false])));
    let alternating = vec![true, false, true, false];
    assert_eq!(layers(change("gemma2", json!({}))), Some((4096, alternating)));
}

#[test]
fn layer_types_that_cannot_be_are_refused() {
    let gemma = with(llama(), json!({ "model_type": "gemma2" }));
    let refused = |types: Value, expected: &str| {
        refused(&with(gemma.clone(), json!({ "layer_types": types })), expected)
    };
    refused(json!("all"), "key `layer_types` is no list");
    refused(json!(["full_attention"]), "key `layer_types` has 1 entries, expected 4");
    let types = json!(["full_attention", "linear_attention", 3, 4]);
    refused(types, "has \"linear_attention\", allowed: full_attention, sliding_attention");
}

#[test]
fn gemma_3_inside_of_a_model_for_images() {
    let text = json!({
        "model_type": "gemma3_text", "hidden_size": 2560, "intermediate_size": 10240,
        "num_hidden_layers": 34, "sliding_window": 1024,
        "rope_scaling": { "factor": 8.0, "rope_type": "linear" }
    });
    let config = config(&json!({ "model_type": "gemma3", "text_config": text }));
    assert_eq!((config.head_count, config.kv_head_count, config.head_dim), (8, 4, 256));
    assert_eq!((config.vocab_size, config.context_tokens_max), (262_208, 131_072));
    assert!(config.tied_output && config.qk_norm && !config.qkv_bias);
    assert_eq!(config.attention_scale, 1.0 / 16.0);
    assert_eq!(config.attention_soft_cap, None);
    assert_eq!(config.activation, Activation::GeluTanh);
    let windowed: Vec<_> = (0..12).map(|layer| config.window_tokens(layer).is_some()).collect();
    assert_eq!(windowed.iter().filter(|&&windowed| !windowed).count(), 2);
    assert!(!windowed[5] && !windowed[11]);
    let (local, global) = (config.layer_rope(0).unwrap(), config.layer_rope(5).unwrap());
    assert_eq!((local.base, &local.scaling), (10_000.0, &RopeScaling::None));
    assert_eq!((global.base, &global.scaling), (1_000_000.0, &RopeScaling::Linear { factor: 8.0 }));
    refused(
        &json!({ "model_type": "gemma3", "text_config": { "hidden_size": 0 } }),
        "key `text_config.hidden_size` is 0, allowed: 1 to",
    );
}

#[test]
fn gemma_3_with_rope_parameters_per_kind_of_layer() {
    let json = with(
        llama(),
        json!({ "model_type": "gemma3_text", "head_dim": 8, "rope_parameters": {
            "full_attention": { "rope_type": "linear", "factor": 8.0, "rope_theta": 5e5 },
            "sliding_attention": { "rope_type": "default", "rope_theta": 100.0 }
        } }),
    );
    let config = config(&json);
    assert_eq!(config.rope.unwrap().scaling, RopeScaling::Linear { factor: 8.0 });
    assert_eq!(config.rope_windowed.unwrap().base, 100.0);
}

#[test]
fn gemma_2_has_caps_unless_they_are_null() {
    let gemma = with(llama(), json!({ "model_type": "gemma2" }));
    let caps = |json: &Value| (config(json).attention_soft_cap, config(json).logit_soft_cap);
    assert_eq!(caps(&gemma), (Some(50.0), Some(30.0)));
    let json = with(gemma, json!({ "attn_logit_softcapping": null, "final_logit_softcapping": 9 }));
    assert_eq!(caps(&json), (None, Some(9.0)));
}

#[test]
fn experts_and_dense_layers() {
    let moe = with(
        llama(),
        json!({
            "model_type": "qwen3_moe", "num_experts": 8, "num_experts_per_tok": 2,
            "moe_intermediate_size": 32, "norm_topk_prob": true, "decoder_sparse_step": 2,
            "mlp_only_layers": [3]
        }),
    );
    let experts = config(&moe).experts.unwrap();
    assert_eq!((experts.expert_count, experts.experts_used, experts.ffn_dim), (8, 2, 32));
    assert!(experts.normalize_probs);
    assert_eq!(experts.layers, [false, true, false, false]);
    refused(
        &with(moe.clone(), json!({ "num_experts_per_tok": 9 })),
        "key `num_experts_per_tok` is 9, allowed: up to the 8 experts",
    );
    refused(
        &with(moe.clone(), json!({ "mlp_only_layers": [4] })),
        "key `mlp_only_layers` has 4, allowed: layers 0 to 3",
    );
    refused(&without(moe, "num_experts"), "key `num_experts` is missing");
}

#[test]
fn gpt2() {
    let json = json!({
        "model_type": "gpt2", "n_embd": 64, "n_head": 4, "n_layer": 2, "n_positions": 128,
        "vocab_size": 50
    });
    let config = config(&json);
    assert_eq!((config.ffn_dim, config.head_dim, config.rope), (256, 16, None));
    assert!(config.tied_output && config.qkv_bias && config.ffn_bias);
    refused(&with(json.clone(), json!({ "n_head": 5 })), "key `n_head` is 5");
    refused(
        &with(json, json!({ "scale_attn_by_inverse_layer_idx": true })),
        "key `scale_attn_by_inverse_layer_idx` is true, allowed: false",
    );
}

#[test]
fn numbers_out_of_range_are_refused_by_name() {
    for (key, value, expected) in [
        ("num_hidden_layers", json!(1025), "is 1025, allowed: 1 to 1024"),
        ("num_hidden_layers", json!(0), "is 0, allowed: 1 to 1024"),
        ("num_hidden_layers", json!(-1), "is no integer from 0 on"),
        ("num_hidden_layers", json!(1.5), "is no integer from 0 on"),
        ("hidden_size", json!(u64::MAX), "is 18446744073709551615, allowed: 1 to 1048576"),
        ("hidden_size", json!("64"), "is no integer"),
        ("num_key_value_heads", json!(3), "is 3, which does not divide the 8 query heads"),
        ("num_attention_heads", json!(7), "is 7, which does not divide the width 64"),
        ("head_dim", json!(7), "gives 7 rotated numbers per head, allowed: even numbers"),
        ("partial_rotary_factor", json!(1.5), "is 1.5, allowed: above 0, up to 1"),
        ("partial_rotary_factor", json!(0.1), "gives 0 rotated numbers"),
        ("rms_norm_eps", json!(0), "is 0, allowed: positive finite numbers"),
        ("rms_norm_eps", json!(1e300), "allowed: positive finite numbers"),
        ("rope_theta", json!(-1.0), "is -1, allowed: positive"),
        ("hidden_act", json!("relu"), "is `relu`, allowed: silu"),
        ("tie_word_embeddings", json!("yes"), "is no boolean"),
        ("quantization_config", json!({ "quant_method": "gptq" }), "quantized by `gptq`"),
        ("model_type", json!(4), "is no string"),
    ] {
        let json = with(llama(), json!({ key: value }));
        refused(&json, &format!("key `{key}` "));
        refused(&json, expected);
    }
    for key in ["hidden_size", "vocab_size", "num_hidden_layers", "model_type"] {
        refused(&without(llama(), key), &format!("key `{key}` is missing"));
    }
}

#[test]
fn other_files_and_architectures_are_refused() {
    refused(&json!([1]), "holds no JSON object");
    refused(
        &json!({ "model_type": "mamba" }),
        "architecture `mamba` is not supported; supported: llama, mistral, qwen2",
    );
}

const KEYS_READ: [&str; 30] = [
    "attention_bias",
    "decoder_sparse_step",
    "factor",
    "head_dim",
    "hidden_act",
    "hidden_size",
    "layer_types",
    "long_factor",
    "max_position_embeddings",
    "max_window_layers",
    "mlp_only_layers",
    "model_type",
    "moe_intermediate_size",
    "num_attention_heads",
    "num_experts",
    "num_experts_per_tok",
    "num_hidden_layers",
    "num_key_value_heads",
    "original_max_position_embeddings",
    "partial_rotary_factor",
    "query_pre_attn_scalar",
    "rms_norm_eps",
    "rope_parameters",
    "rope_scaling",
    "rope_theta",
    "sliding_window",
    "sliding_window_pattern",
    "text_config",
    "use_sliding_window",
    "vocab_size",
];

fn hostile_values() -> Vec<Value> {
    vec![
        json!(null),
        json!(true),
        json!(0),
        json!(1),
        json!(2),
        json!(7),
        json!(-1),
        json!(0.5),
        json!(1e-300),
        json!(1e300),
        json!(u64::MAX),
        json!(i64::MIN),
        json!(""),
        json!("llama"),
        json!("qwen3_moe"),
        json!("gemma3"),
        json!("phi3"),
        json!("gpt2"),
        json!([]),
        json!([0]),
        json!([1.0, "x"]),
        json!({}),
        json!({ "rope_type": "yarn", "factor": 1e30 }),
        json!({ "type": "longrope", "short_factor": [1, 1, 1, 1], "long_factor": [1, 1, 1, 1] }),
        json!({ "full_attention": null, "sliding_attention": { "rope_theta": 3 } }),
    ]
}

/// Every key that is read, with values of every type and size: an error or a configuration that
/// keeps its promises, never a panic.
#[test]
fn any_value_under_any_key() {
    let (key, value) =
        (prop::sample::select(KEYS_READ.to_vec()), prop::sample::select(hostile_values()));
    let changes = prop::collection::vec((key, value), 1..6);
    proptest!(ProptestConfig::with_cases(2000), |(changes in changes)| {
        let mut json = llama();
        for (key, value) in changes {
            json[key] = value;
        }
        if let Ok(config) = read(&json, "config.json") {
            prop_assert!(config.head_count % config.kv_head_count == 0);
            let ropes = (0..config.layer_count).filter_map(|layer| config.layer_rope(layer));
            for rope in ropes {
                prop_assert!(rope.dims % 2 == 0 && (2..=config.head_dim).contains(&rope.dims));
            }
            if let Some(window) = &config.window {
                prop_assert!(window.tokens > 0 && window.layers.len() == config.layer_count);
            }
        }
    });
}
