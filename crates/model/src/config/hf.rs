//! The configuration from a Hugging Face folder's `config.json`.
//!
//! Keys, defaults and meaning follow the configuration classes of `transformers`, both the
//! classic layout and that of version 5 (`rope_parameters`).

use serde_json::Value;

use super::check::{self, Fields, ShapeKeys, check_shape};
use super::hf_rope;
use super::{Activation, Experts, Family, ModelConfig, RopeLayout, SlidingWindow};
use crate::error::LoadError;

const MODEL_TYPES: [(&str, Family); 10] = [
    ("llama", Family::Llama),
    ("mistral", Family::Llama),
    ("qwen2", Family::Qwen2),
    ("qwen3", Family::Qwen3),
    ("qwen3_moe", Family::Qwen3Moe),
    ("gpt2", Family::Gpt2),
    ("gemma2", Family::Gemma2),
    ("gemma3", Family::Gemma3),
    ("gemma3_text", Family::Gemma3),
    ("phi3", Family::Phi3),
];

const KEYS: ShapeKeys = ShapeKeys {
    head_count: "num_attention_heads",
    kv_head_count: "num_key_value_heads",
    head_dim: "head_dim",
    rope_dims: "partial_rotary_factor",
    experts_used: "num_experts_per_tok",
};

/// An object of a JSON file.
#[derive(Clone, Copy)]
pub(super) struct Json<'a> {
    pub(super) file: &'a str,
    /// What precedes a key in error messages: `text_config.` or nothing.
    pub(super) prefix: &'a str,
    pub(super) object: &'a Value,
}

impl<'a> Json<'a> {
    /// The value of `key`; null counts as absent.
    pub(super) fn get(&self, key: &str) -> Option<&'a Value> {
        self.object.get(key).filter(|value| !value.is_null())
    }

    fn flag(&self, key: &str, default: bool) -> Result<bool, LoadError> {
        match self.get(key) {
            None => Ok(default),
            Some(Value::Bool(flag)) => Ok(*flag),
            Some(_) => Err(self.refuse(key, "is no boolean")),
        }
    }

    pub(super) fn text(&self, key: &str) -> Result<Option<&'a str>, LoadError> {
        match self.get(key) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(self.refuse(key, "is no string")),
        }
    }
}

impl Fields for Json<'_> {
    fn file(&self) -> &str {
        self.file
    }

    fn spelled(&self, key: &str) -> String {
        format!("{}{key}", self.prefix)
    }

    fn integer(&self, key: &str) -> Result<Option<u64>, LoadError> {
        let Some(value) = self.get(key) else { return Ok(None) };
        let found = value.as_u64();
        found.map(Some).ok_or_else(|| self.refuse(key, "is no integer from 0 on"))
    }

    fn number(&self, key: &str) -> Result<Option<f64>, LoadError> {
        let Some(value) = self.get(key) else { return Ok(None) };
        value.as_f64().map(Some).ok_or_else(|| self.refuse(key, "is no number"))
    }
}

/// Reads and checks the configuration in `json`, the contents of `file`.
///
/// # Errors
/// [`LoadError::Architecture`] for a family that is not known, [`LoadError::Key`] for a value that
/// is missing, of the wrong type, out of range, or asks for something that is not supported.
pub(crate) fn read(json: &Value, file: &str) -> Result<ModelConfig, LoadError> {
    let outer = Json { file, prefix: "", object: json };
    if !json.is_object() {
        return Err(LoadError::malformed(file, 0, "the file holds no JSON object"));
    }
    let key = "model_type";
    let model_type =
        outer.text(key)?.ok_or_else(|| outer.refuse(key, "is missing, needed: a string"))?;
    let known = MODEL_TYPES.iter().find(|(name, _)| *name == model_type);
    let &(_, family) = known.ok_or_else(|| LoadError::Architecture {
        file: file.into(),
        name: model_type.into(),
        supported: MODEL_TYPES.map(|(name, _)| name).join(", "),
    })?;
    if let Some(quantization) = outer.get("quantization_config") {
        let method = quantization.get("quant_method").and_then(Value::as_str).unwrap_or("unknown");
        let message = format!("says the weights are quantized by `{method}`; supported: GGUF");
        return Err(outer.refuse("quantization_config", message));
    }
    let fields = match outer.get("text_config") {
        Some(object) if family == Family::Gemma3 => Json { file, prefix: "text_config.", object },
        _ => outer,
    };
    let mut config = match family {
        Family::Gpt2 => gpt2(&fields)?,
        _ => gated(&fields, family, model_type)?,
    };
    if family != Family::Gpt2 {
        let (rope, rope_windowed) = hf_rope::read(&fields, &config)?;
        config.rope = Some(rope);
        config.rope_windowed = rope_windowed;
        config.window = window(&fields, &config)?;
        config.experts = experts(&fields, &config)?;
    }
    check_shape(&config, &fields, &KEYS)?;
    Ok(config)
}

/// What `transformers` assumes when a key is absent.
struct Defaults {
    head_count: Option<usize>,
    kv_head_count: Option<usize>,
    head_dim: Option<usize>,
    vocab_size: Option<usize>,
    context_tokens_max: Option<usize>,
    norm_eps: f32,
    tied_output: bool,
}

fn defaults(family: Family) -> Defaults {
    let plain = Defaults {
        head_count: None,
        kv_head_count: None,
        head_dim: None,
        vocab_size: None,
        context_tokens_max: None,
        norm_eps: 1e-6,
        tied_output: false,
    };
    let gemma =
        Defaults { kv_head_count: Some(4), head_dim: Some(256), tied_output: true, ..plain };
    match family {
        Family::Qwen3 => Defaults { head_dim: Some(128), ..plain },
        Family::Phi3 => Defaults { norm_eps: 1e-5, ..plain },
        Family::Gemma2 => Defaults { context_tokens_max: Some(8192), ..gemma },
        Family::Gemma3 => Defaults {
            head_count: Some(8),
            vocab_size: Some(262_208),
            context_tokens_max: Some(131_072),
            ..gemma
        },
        _ => plain,
    }
}

/// Every family but GPT-2.
fn gated(fields: &Json<'_>, family: Family, model_type: &str) -> Result<ModelConfig, LoadError> {
    let default = defaults(family);
    let count = |key: &str, max: usize, default: Option<usize>| match default {
        Some(default) => Ok(fields.count(key, max)?.unwrap_or(default)),
        None => fields.needed_count(key, max),
    };
    let hidden_dim = fields.needed_count("hidden_size", check::DIM_MAX)?;
    let head_count = count("num_attention_heads", check::HEADS_MAX, default.head_count)?;
    let kv_default = default.kv_head_count.unwrap_or(head_count);
    let head_dim = match fields.count("head_dim", check::HEAD_DIM_MAX)?.or(default.head_dim) {
        Some(dim) => dim,
        None if hidden_dim.is_multiple_of(head_count) => hidden_dim / head_count,
        None => {
            let message = format!("is {head_count}, which does not divide the width {hidden_dim}");
            return Err(fields.refuse("num_attention_heads", message));
        }
    };
    let is_gemma = matches!(family, Family::Gemma2 | Family::Gemma3);
    if is_gemma && fields.flag("use_bidirectional_attention", false)? {
        return Err(fields.refuse("use_bidirectional_attention", "is true, allowed: false"));
    }
    let has_bias_key = !matches!(family, Family::Phi3 | Family::Qwen2) && model_type != "mistral";
    let attention_bias = has_bias_key && fields.flag("attention_bias", false)?;
    Ok(ModelConfig {
        family,
        architecture: model_type.into(),
        layer_count: fields.needed_count("num_hidden_layers", check::LAYERS_MAX)?,
        hidden_dim,
        ffn_dim: fields.needed_count("intermediate_size", check::DIM_MAX)?,
        head_count,
        kv_head_count: count("num_key_value_heads", check::HEADS_MAX, Some(kv_default))?,
        head_dim,
        vocab_size: count("vocab_size", check::VOCAB_MAX, default.vocab_size)?,
        context_tokens_max: count(
            "max_position_embeddings",
            check::CONTEXT_TOKENS_MAX,
            default.context_tokens_max,
        )?,
        norm_eps: fields.positive("rms_norm_eps")?.unwrap_or(default.norm_eps),
        activation: activation(fields, family)?,
        rope: None,
        rope_windowed: None,
        rope_layout: RopeLayout::Half,
        window: None,
        attention_scale: attention_scale(fields, is_gemma, head_dim)?,
        attention_soft_cap: soft_cap(fields, family, "attn_logit_softcapping", 50.0)?,
        logit_soft_cap: soft_cap(fields, family, "final_logit_softcapping", 30.0)?,
        embedding_scale: if is_gemma { (hidden_dim as f32).sqrt() } else { 1.0 },
        tied_output: fields.flag("tie_word_embeddings", default.tied_output)?,
        qk_norm: matches!(family, Family::Qwen3 | Family::Qwen3Moe | Family::Gemma3),
        qkv_bias: attention_bias || family == Family::Qwen2,
        attn_out_bias: attention_bias,
        ffn_bias: family == Family::Llama && fields.flag("mlp_bias", false)?,
        experts: None,
    })
}

fn gpt2(fields: &Json<'_>) -> Result<ModelConfig, LoadError> {
    for (key, normal) in [("scale_attn_weights", true), ("scale_attn_by_inverse_layer_idx", false)]
    {
        if fields.flag(key, normal)? != normal {
            return Err(fields.refuse(key, format!("is {}, allowed: {normal}", !normal)));
        }
    }
    let hidden_dim = fields.needed_count("n_embd", check::DIM_MAX)?;
    let head_count = fields.needed_count("n_head", check::HEADS_MAX)?;
    if !hidden_dim.is_multiple_of(head_count) {
        let message = format!("is {head_count}, which does not divide the width {hidden_dim}");
        return Err(fields.refuse("n_head", message));
    }
    let head_dim = hidden_dim / head_count;
    Ok(ModelConfig {
        family: Family::Gpt2,
        architecture: "gpt2".into(),
        layer_count: fields.needed_count("n_layer", check::LAYERS_MAX)?,
        hidden_dim,
        ffn_dim: fields.count("n_inner", check::DIM_MAX)?.unwrap_or(4 * hidden_dim),
        head_count,
        kv_head_count: head_count,
        head_dim,
        vocab_size: fields.needed_count("vocab_size", check::VOCAB_MAX)?,
        context_tokens_max: fields.needed_count("n_positions", check::CONTEXT_TOKENS_MAX)?,
        norm_eps: fields.positive("layer_norm_epsilon")?.unwrap_or(1e-5),
        activation: activation(fields, Family::Gpt2)?,
        rope: None,
        rope_windowed: None,
        rope_layout: RopeLayout::Half,
        window: None,
        attention_scale: 1.0 / (head_dim as f32).sqrt(),
        attention_soft_cap: None,
        logit_soft_cap: None,
        embedding_scale: 1.0,
        tied_output: fields.flag("tie_word_embeddings", true)?,
        qk_norm: false,
        qkv_bias: true,
        attn_out_bias: true,
        ffn_bias: true,
        experts: None,
    })
}

fn activation(fields: &Json<'_>, family: Family) -> Result<Activation, LoadError> {
    let (key, default) = match family {
        Family::Gpt2 => ("activation_function", "gelu_new"),
        Family::Gemma2 | Family::Gemma3 => ("hidden_activation", "gelu_pytorch_tanh"),
        _ => ("hidden_act", "silu"),
    };
    match fields.text(key)?.unwrap_or(default) {
        "silu" | "swish" => Ok(Activation::Silu),
        "gelu_new" | "gelu_pytorch_tanh" | "gelu_fast" => Ok(Activation::GeluTanh),
        other => {
            let message = format!("is `{other}`, allowed: silu, gelu_new, gelu_pytorch_tanh");
            Err(fields.refuse(key, message))
        }
    }
}

fn attention_scale(fields: &Json<'_>, is_gemma: bool, head_dim: usize) -> Result<f32, LoadError> {
    let divisor = match is_gemma {
        true => fields.positive("query_pre_attn_scalar")?.unwrap_or(256.0),
        false => head_dim as f32,
    };
    Ok(1.0 / divisor.sqrt())
}

/// Gemma 2 has caps unless they are set to null; gemma 3 has none unless they are set.
fn soft_cap(
    fields: &Json<'_>,
    family: Family,
    key: &str,
    default: f32,
) -> Result<Option<f32>, LoadError> {
    match family {
        Family::Gemma2 if fields.object.get(key).is_none() => Ok(Some(default)),
        Family::Gemma2 | Family::Gemma3 => fields.positive(key),
        _ => Ok(None),
    }
}

fn window(fields: &Json<'_>, config: &ModelConfig) -> Result<Option<SlidingWindow>, LoadError> {
    let key = "sliding_window";
    let found = fields.count(key, check::CONTEXT_TOKENS_MAX)?;
    let default = match config.architecture.as_str() {
        "llama" => return Ok(None),
        // An explicit null turns the window off; only an absent key means the default.
        _ if fields.object.get(key).is_some() => None,
        "phi3" => None,
        _ => Some(4096),
    };
    let is_qwen = matches!(config.family, Family::Qwen2 | Family::Qwen3 | Family::Qwen3Moe);
    if is_qwen && !fields.flag("use_sliding_window", false)? {
        return Ok(None);
    }
    let Some(tokens) = found.or(default) else { return Ok(None) };
    Ok(Some(SlidingWindow { tokens, layers: windowed_layers(fields, config)? }))
}

fn windowed_layers(fields: &Json<'_>, config: &ModelConfig) -> Result<Vec<bool>, LoadError> {
    let layer_count = config.layer_count;
    let by_type = match config.family {
        // These window every layer and look at no list.
        Family::Llama | Family::Phi3 | Family::Qwen3Moe => return Ok(vec![true; layer_count]),
        _ => fields.get("layer_types"),
    };
    if let Some(types) = by_type {
        return layer_types(fields, types, layer_count);
    }
    match config.family {
        Family::Gemma2 => Ok(super::windowed_by_period(layer_count, 2)),
        Family::Gemma3 => {
            let key = match fields.get("sliding_window_pattern") {
                Some(_) => "sliding_window_pattern",
                None => "_sliding_window_pattern",
            };
            let period = fields.count(key, check::LAYERS_MAX)?.unwrap_or(6);
            Ok(super::windowed_by_period(layer_count, period))
        }
        _ => {
            let first = fields.integer("max_window_layers")?.unwrap_or(28);
            Ok((0..layer_count as u64).map(|layer| layer >= first).collect())
        }
    }
}

fn layer_types(
    fields: &Json<'_>,
    types: &Value,
    layer_count: usize,
) -> Result<Vec<bool>, LoadError> {
    let key = "layer_types";
    let types = types.as_array().ok_or_else(|| fields.refuse(key, "is no list"))?;
    if types.len() != layer_count {
        let message = format!("has {} entries, expected {layer_count}", types.len());
        return Err(fields.refuse(key, message));
    }
    let windowed = |kind: &Value| match kind.as_str() {
        Some("sliding_attention") => Ok(true),
        Some("full_attention") => Ok(false),
        _ => {
            let message = format!("has {kind}, allowed: full_attention, sliding_attention");
            Err(fields.refuse(key, message))
        }
    };
    types.iter().map(windowed).collect()
}

fn experts(fields: &Json<'_>, config: &ModelConfig) -> Result<Option<Experts>, LoadError> {
    if config.family != Family::Qwen3Moe {
        return Ok(None);
    }
    let count_key = match fields.get("num_experts") {
        None if fields.get("num_local_experts").is_some() => "num_local_experts",
        _ => "num_experts",
    };
    let step = fields.count("decoder_sparse_step", check::LAYERS_MAX)?.unwrap_or(1);
    let mut layers: Vec<bool> =
        (1..=config.layer_count).map(|layer| layer.is_multiple_of(step)).collect();
    let key = "mlp_only_layers";
    if let Some(dense) = fields.get(key) {
        let dense = dense.as_array().ok_or_else(|| fields.refuse(key, "is no list"))?;
        for layer in dense {
            let index = layer.as_u64().and_then(|layer| usize::try_from(layer).ok());
            let flag = index.and_then(|index| layers.get_mut(index)).ok_or_else(|| {
                let max = config.layer_count - 1;
                fields.refuse(key, format!("has {layer}, allowed: layers 0 to {max}"))
            })?;
            *flag = false;
        }
    }
    Ok(Some(Experts {
        expert_count: fields.needed_count(count_key, check::EXPERTS_MAX)?,
        experts_used: fields.needed_count("num_experts_per_tok", check::EXPERTS_MAX)?,
        ffn_dim: fields.needed_count("moe_intermediate_size", check::DIM_MAX)?,
        normalize_probs: fields.flag("norm_topk_prob", false)?,
        layers,
    }))
}

#[cfg(test)]
#[path = "tests/hf.rs"]
mod tests;
