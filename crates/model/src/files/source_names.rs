//! The names that GGUF files and Hugging Face folders give to the tensors of [`TensorName`].
//!
//! GGUF names: the ggml project's `gguf-py/gguf/constants.py` (`MODEL_TENSOR`). Hugging Face
//! names: the parameter names of the `transformers` model classes.

use super::names::{LayerTensor, Part, TensorName};
use crate::config::{Family, ModelConfig};

/// Which dictionary of names a file uses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Naming {
    /// `blk.0.attn_q.weight`
    Gguf,
    /// `model.layers.0.self_attn.q_proj.weight`
    HuggingFace {
        /// What precedes `layers`: `model.` and, for wrapped models, longer ones.
        prefix: String,
    },
    /// `transformer.h.0.attn.c_attn.weight`
    HuggingFaceGpt2 {
        /// `transformer.` or nothing.
        prefix: String,
    },
}

/// One way to find a tensor.
#[derive(Clone, Debug)]
pub(crate) struct Candidate {
    pub(crate) name: String,
    pub(crate) cut: Cut,
    /// Skip this candidate when the tensor does not have `cut.total_rows` rows.
    pub(crate) only_if_fused: bool,
}

/// Which rows of the stored tensor are meant.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Cut {
    pub(crate) first_row: usize,
    /// Rows of the whole stored tensor; `None` when it holds nothing else.
    pub(crate) total_rows: Option<usize>,
}

/// The ways to find `name`, best first; empty when the naming has no word for it.
pub(crate) fn candidates(
    naming: &Naming,
    config: &ModelConfig,
    name: TensorName,
    part: Part,
) -> Vec<Candidate> {
    let suffix = part.suffix();
    let whole = |stem: String| Candidate {
        name: format!("{stem}.{suffix}"),
        cut: Cut::default(),
        only_if_fused: false,
    };
    let TensorName::Layer(layer, tensor) = name else {
        return vec![whole(global_stem(naming, name))];
    };
    let mut found = Vec::new();
    if let Some((fused, first_row, total_rows)) = fused_home(config, tensor) {
        let (stem, only_if_fused) = fused_stem(naming, layer, fused);
        found.extend(stem.map(|stem| Candidate {
            name: format!("{stem}.{suffix}"),
            cut: Cut { first_row, total_rows: Some(total_rows) },
            only_if_fused,
        }));
    }
    // Matrices that exist only in fused form have no name of their own.
    let own = layer_stem(naming, config.family, layer, tensor).map(whole);
    found.extend(own);
    found
}

/// The name of one expert's weight and whether all experts of the layer lie in it, stacked.
pub(crate) fn expert(
    naming: &Naming,
    layer: usize,
    tensor: LayerTensor,
    expert: usize,
) -> (String, bool) {
    let (gguf, hf) = match tensor {
        LayerTensor::ExpertGate => ("ffn_gate_exps", "gate_proj"),
        LayerTensor::ExpertUp => ("ffn_up_exps", "up_proj"),
        _ => ("ffn_down_exps", "down_proj"),
    };
    match naming {
        Naming::Gguf => (format!("blk.{layer}.{gguf}.weight"), true),
        Naming::HuggingFace { prefix } | Naming::HuggingFaceGpt2 { prefix } => {
            (format!("{prefix}layers.{layer}.mlp.experts.{expert}.{hf}.weight"), false)
        }
    }
}

fn global_stem(naming: &Naming, name: TensorName) -> String {
    let (gguf, hf, gpt2) = match name {
        TensorName::TokenEmbedding => ("token_embd", "embed_tokens", "wte"),
        TensorName::PositionEmbedding => ("position_embd", "embed_positions", "wpe"),
        TensorName::OutputNorm => ("output_norm", "norm", "ln_f"),
        _ => ("output", "", ""),
    };
    match naming {
        Naming::Gguf => gguf.into(),
        // The head stands beside the body, not in it.
        Naming::HuggingFace { prefix } if hf.is_empty() && prefix == "language_model.model." => {
            "language_model.lm_head".into()
        }
        _ if hf.is_empty() => "lm_head".into(),
        Naming::HuggingFace { prefix } => format!("{prefix}{hf}"),
        Naming::HuggingFaceGpt2 { prefix } => format!("{prefix}{gpt2}"),
    }
}

/// Where the rows of `tensor` lie inside of a fused matrix: (matrix, first row, all its rows).
fn fused_home(config: &ModelConfig, tensor: LayerTensor) -> Option<(LayerTensor, usize, usize)> {
    let q_dim = config.head_count * config.head_dim;
    let kv_dim = config.kv_head_count * config.head_dim;
    let (qkv_rows, ffn_dim) = (q_dim + 2 * kv_dim, config.ffn_dim);
    let qkv = LayerTensor::AttnQkv;
    let gate_up = LayerTensor::FfnGateUp;
    match tensor {
        LayerTensor::AttnQ | LayerTensor::AttnQkv => Some((qkv, 0, qkv_rows)),
        LayerTensor::AttnK => Some((qkv, q_dim, qkv_rows)),
        LayerTensor::AttnV => Some((qkv, q_dim + kv_dim, qkv_rows)),
        _ if config.family == Family::Gpt2 => None,
        LayerTensor::FfnGate | LayerTensor::FfnGateUp => Some((gate_up, 0, 2 * ffn_dim)),
        LayerTensor::FfnUp => Some((gate_up, ffn_dim, 2 * ffn_dim)),
        _ => None,
    }
}

/// A fused matrix's stem, if this naming has one, and whether the name is shared with the unfused
/// matrix (GGUF calls both the up matrix and the fused gate and up `ffn_up`).
fn fused_stem(naming: &Naming, layer: usize, fused: LayerTensor) -> (Option<String>, bool) {
    let is_qkv = fused == LayerTensor::AttnQkv;
    match naming {
        Naming::Gguf if is_qkv => (Some(format!("blk.{layer}.attn_qkv")), false),
        Naming::Gguf => (Some(format!("blk.{layer}.ffn_up")), true),
        Naming::HuggingFace { prefix } if is_qkv => {
            (Some(format!("{prefix}layers.{layer}.self_attn.qkv_proj")), false)
        }
        Naming::HuggingFace { prefix } => {
            (Some(format!("{prefix}layers.{layer}.mlp.gate_up_proj")), false)
        }
        Naming::HuggingFaceGpt2 { prefix } if is_qkv => {
            (Some(format!("{prefix}h.{layer}.attn.c_attn")), false)
        }
        Naming::HuggingFaceGpt2 { .. } => (None, false),
    }
}

fn layer_stem(
    naming: &Naming,
    family: Family,
    layer: usize,
    tensor: LayerTensor,
) -> Option<String> {
    match naming {
        Naming::Gguf => Some(format!("blk.{layer}.{}", gguf_stem(tensor)?)),
        Naming::HuggingFace { prefix } => {
            Some(format!("{prefix}layers.{layer}.{}", hf_stem(family, tensor)?))
        }
        Naming::HuggingFaceGpt2 { prefix } => {
            Some(format!("{prefix}h.{layer}.{}", gpt2_stem(tensor)?))
        }
    }
}

fn gguf_stem(tensor: LayerTensor) -> Option<&'static str> {
    Some(match tensor {
        LayerTensor::AttnNorm => "attn_norm",
        LayerTensor::AttnQ => "attn_q",
        LayerTensor::AttnK => "attn_k",
        LayerTensor::AttnV => "attn_v",
        LayerTensor::AttnOut => "attn_output",
        LayerTensor::QNorm => "attn_q_norm",
        LayerTensor::KNorm => "attn_k_norm",
        LayerTensor::PostAttnNorm => "post_attention_norm",
        LayerTensor::FfnNorm => "ffn_norm",
        LayerTensor::FfnGate => "ffn_gate",
        LayerTensor::FfnUp => "ffn_up",
        LayerTensor::FfnDown => "ffn_down",
        LayerTensor::PostFfnNorm => "post_ffw_norm",
        LayerTensor::Router => "ffn_gate_inp",
        _ => return None,
    })
}

/// Gemma norms both ends of each half of a layer, so the name that llama gives to the norm before
/// the feed-forward network belongs to the norm after attention there.
fn hf_stem(family: Family, tensor: LayerTensor) -> Option<&'static str> {
    let is_gemma = matches!(family, Family::Gemma2 | Family::Gemma3);
    Some(match tensor {
        LayerTensor::AttnNorm => "input_layernorm",
        LayerTensor::AttnQ => "self_attn.q_proj",
        LayerTensor::AttnK => "self_attn.k_proj",
        LayerTensor::AttnV => "self_attn.v_proj",
        LayerTensor::AttnOut => "self_attn.o_proj",
        LayerTensor::QNorm => "self_attn.q_norm",
        LayerTensor::KNorm => "self_attn.k_norm",
        LayerTensor::PostAttnNorm => "post_attention_layernorm",
        LayerTensor::FfnNorm if is_gemma => "pre_feedforward_layernorm",
        LayerTensor::FfnNorm => "post_attention_layernorm",
        LayerTensor::FfnGate => "mlp.gate_proj",
        LayerTensor::FfnUp => "mlp.up_proj",
        LayerTensor::FfnDown => "mlp.down_proj",
        LayerTensor::PostFfnNorm => "post_feedforward_layernorm",
        LayerTensor::Router => "mlp.gate",
        _ => return None,
    })
}

fn gpt2_stem(tensor: LayerTensor) -> Option<&'static str> {
    Some(match tensor {
        LayerTensor::AttnNorm => "ln_1",
        LayerTensor::AttnOut => "attn.c_proj",
        LayerTensor::FfnNorm => "ln_2",
        LayerTensor::FfnUp => "mlp.c_fc",
        LayerTensor::FfnDown => "mlp.c_proj",
        _ => return None,
    })
}
