//! The configuration from a GGUF file's metadata.
//!
//! Key names: the ggml project's `gguf-py/gguf/constants.py`. Values that GGUF leaves to the
//! program (gemma's attention scale, windowed layers) follow llama.cpp's model loader.

use super::check::{self, Fields, ShapeKeys, check_factors, check_shape};
use super::{
    Activation, Experts, Family, ModelConfig, Rope, RopeLayout, RopeScaling, SlidingWindow,
};
use crate::error::LoadError;
use crate::files::gguf::{Gguf, Value};
use crate::files::view::StoredTensor;

const ARCHITECTURES: [(&str, Family); 8] = [
    ("llama", Family::Llama),
    ("qwen2", Family::Qwen2),
    ("qwen3", Family::Qwen3),
    ("qwen3moe", Family::Qwen3Moe),
    ("gpt2", Family::Gpt2),
    ("gemma2", Family::Gemma2),
    ("gemma3", Family::Gemma3),
    ("phi3", Family::Phi3),
];

const KEYS: ShapeKeys = ShapeKeys {
    head_count: "attention.head_count",
    kv_head_count: "attention.head_count_kv",
    head_dim: "attention.key_length",
    rope_dims: "rope.dimension_count",
    experts_used: "expert_used_count",
};

/// Metadata keys of the model's own architecture: `block_count` is `llama.block_count`.
struct Keys<'a> {
    gguf: &'a Gguf,
    file: &'a str,
    architecture: &'a str,
}

impl Fields for Keys<'_> {
    fn file(&self) -> &str {
        self.file
    }

    fn spelled(&self, key: &str) -> String {
        format!("{}.{key}", self.architecture)
    }

    /// Some files give one number per layer; that is accepted when all are the same.
    fn integer(&self, key: &str) -> Result<Option<u64>, LoadError> {
        let spelled = self.spelled(key);
        let metadata = &self.gguf.metadata;
        let Some(Value::Array(..)) = metadata.get(&spelled)? else {
            return Ok(metadata.u32(&spelled)?.map(u64::from));
        };
        let numbers = metadata.u32s(&spelled)?.unwrap_or_default();
        match numbers.first() {
            Some(&first) if numbers.iter().all(|&number| number == first) => {
                Ok(Some(u64::from(first)))
            }
            _ => Err(self.refuse(key, "differs between layers, which is not supported")),
        }
    }

    fn number(&self, key: &str) -> Result<Option<f64>, LoadError> {
        Ok(self.gguf.metadata.f32(&self.spelled(key))?.map(f64::from))
    }
}

/// Reads and checks the configuration of `gguf`; `file` names it in errors.
///
/// # Errors
/// [`LoadError::Architecture`] for a family that is not known, [`LoadError::Key`] for a value that
/// is missing or out of range, and errors about the tensors that tell the vocabulary's size and
/// the rotation's factors.
pub(crate) fn read(gguf: &Gguf, file: &str) -> Result<ModelConfig, LoadError> {
    let key = "general.architecture";
    let architecture = gguf.metadata.str(key)?;
    let architecture = architecture.ok_or_else(|| LoadError::key(file, key, "is missing"))?;
    let known = ARCHITECTURES.iter().find(|(name, _)| *name == architecture);
    let &(_, family) = known.ok_or_else(|| LoadError::Architecture {
        file: file.into(),
        name: architecture.into(),
        supported: ARCHITECTURES.map(|(name, _)| name).join(", "),
    })?;
    let keys = Keys { gguf, file, architecture };
    let mut config = shape(&keys, family)?;
    config.rope = (family != Family::Gpt2).then(|| rope(&keys, &config)).transpose()?;
    config.window = window(&keys, &config)?;
    if family == Family::Gemma3 {
        let base = keys.positive("rope.freq_base_swa")?.unwrap_or(10_000.0);
        let dims = config.rope.as_ref().map_or(config.head_dim, |rope| rope.dims);
        config.rope_windowed = Some(Rope { base, dims, scaling: RopeScaling::None });
    }
    config.experts = experts(&keys, &config)?;
    check_shape(&config, &keys, &KEYS)?;
    Ok(config)
}

fn shape(keys: &Keys<'_>, family: Family) -> Result<ModelConfig, LoadError> {
    let hidden_dim = keys.needed_count("embedding_length", check::DIM_MAX)?;
    let layer_count = keys.needed_count("block_count", check::LAYERS_MAX)?;
    let head_count = keys.needed_count("attention.head_count", check::HEADS_MAX)?;
    let head_dim = head_dim(keys, hidden_dim, head_count)?;
    let norm_eps = match family {
        Family::Gpt2 => keys.needed_positive("attention.layer_norm_epsilon")?,
        _ => keys.needed_positive("attention.layer_norm_rms_epsilon")?,
    };
    let expert_ffn_dim = keys.count("expert_feed_forward_length", check::DIM_MAX)?;
    let ffn_dim = match (keys.count("feed_forward_length", check::DIM_MAX)?, expert_ffn_dim) {
        (Some(dim), _) | (None, Some(dim)) => dim,
        (None, None) => keys.needed_count("feed_forward_length", check::DIM_MAX)?,
    };
    let is_gemma = matches!(family, Family::Gemma2 | Family::Gemma3);
    let has = |name: &str| keys.gguf.tensors.contains_key(name);
    let config = ModelConfig {
        family,
        architecture: keys.architecture.into(),
        layer_count,
        hidden_dim,
        ffn_dim,
        head_count,
        kv_head_count: keys
            .count("attention.head_count_kv", check::HEADS_MAX)?
            .unwrap_or(head_count),
        head_dim,
        vocab_size: vocab_size(keys)?,
        context_tokens_max: keys.needed_count("context_length", check::CONTEXT_TOKENS_MAX)?,
        norm_eps,
        activation: match family {
            Family::Gpt2 | Family::Gemma2 | Family::Gemma3 => Activation::GeluTanh,
            _ => Activation::Silu,
        },
        rope: None,
        rope_windowed: None,
        rope_layout: match family {
            Family::Llama => RopeLayout::Interleaved,
            _ => RopeLayout::Half,
        },
        window: None,
        attention_scale: attention_scale(keys, family, [layer_count, hidden_dim], head_dim)?,
        attention_soft_cap: keys.positive("attn_logit_softcapping")?,
        logit_soft_cap: keys.positive("final_logit_softcapping")?,
        embedding_scale: if is_gemma { (hidden_dim as f32).sqrt() } else { 1.0 },
        tied_output: !has("output.weight"),
        qk_norm: matches!(family, Family::Qwen3 | Family::Qwen3Moe | Family::Gemma3),
        qkv_bias: matches!(family, Family::Qwen2 | Family::Gpt2)
            || has("blk.0.attn_q.bias")
            || has("blk.0.attn_qkv.bias"),
        attn_out_bias: family == Family::Gpt2 || has("blk.0.attn_output.bias"),
        ffn_bias: family == Family::Gpt2 || has("blk.0.ffn_up.bias"),
        experts: None,
    };
    Ok(config)
}

fn head_dim(keys: &Keys<'_>, hidden_dim: usize, head_count: usize) -> Result<usize, LoadError> {
    let key_dim = keys.count("attention.key_length", check::HEAD_DIM_MAX)?;
    let head_dim = match key_dim {
        Some(dim) => dim,
        None if hidden_dim.is_multiple_of(head_count) => hidden_dim / head_count,
        None => {
            let message = format!("is {head_count}, which does not divide the width {hidden_dim}");
            return Err(keys.refuse("attention.head_count", message));
        }
    };
    match keys.count("attention.value_length", check::HEAD_DIM_MAX)? {
        Some(value_dim) if value_dim != head_dim => {
            let message = format!("is {value_dim}, expected the key length {head_dim}");
            Err(keys.refuse("attention.value_length", message))
        }
        _ => Ok(head_dim),
    }
}

/// The embedding's rows are the truth; the metadata's `vocab_size` is optional and unused.
fn vocab_size(keys: &Keys<'_>) -> Result<usize, LoadError> {
    let name = "token_embd.weight";
    let embedding = keys
        .gguf
        .tensors
        .get(name)
        .ok_or_else(|| LoadError::MissingTensor { file: keys.file.into(), tensor: name.into() })?;
    let rows = embedding.shape[0];
    if rows > check::VOCAB_MAX {
        let max = check::VOCAB_MAX;
        let message = format!("is {rows} by the rows of `{name}`, allowed: 1 to {max}");
        return Err(keys.refuse("vocab_size", message));
    }
    Ok(rows)
}

/// Gemma's 27B models scale by the width per head instead of the head's size; the file does not
/// say so, the number of layers does (46 in gemma 2, 62 in gemma 3).
fn attention_scale(
    keys: &Keys<'_>,
    family: Family,
    [layer_count, hidden_dim]: [usize; 2],
    head_dim: usize,
) -> Result<f32, LoadError> {
    if let Some(scale) = keys.positive("attention.scale")? {
        return Ok(scale);
    }
    let is_27b = matches!((family, layer_count), (Family::Gemma2, 46) | (Family::Gemma3, 62));
    let head_count = keys.needed_count("attention.head_count", check::HEADS_MAX)?;
    let divisor = if is_27b { hidden_dim / head_count } else { head_dim };
    Ok(1.0 / (divisor as f32).sqrt())
}

fn rope(keys: &Keys<'_>, config: &ModelConfig) -> Result<Rope, LoadError> {
    let base = keys.positive("rope.freq_base")?.unwrap_or(10_000.0);
    let head_dim = config.head_dim;
    let dims = keys.count("rope.dimension_count", check::HEAD_DIM_MAX)?.unwrap_or(head_dim);
    let scaling = match stored_factors(keys, dims)? {
        Some(factors) => factors,
        None => named_scaling(keys, config.context_tokens_max)?,
    };
    Ok(Rope { base, dims, scaling })
}

/// Scaling stored as tensors: phi's pair of lists, or one list (llama 3.1).
fn stored_factors(keys: &Keys<'_>, dims: usize) -> Result<Option<RopeScaling>, LoadError> {
    let find = |name: &str| keys.gguf.tensors.get(name).map(|tensor| factors(tensor, dims));
    if let Some(long) = find("rope_factors_long.weight").transpose()? {
        let name = "rope_factors_short.weight";
        let short = find(name).transpose()?.ok_or_else(|| LoadError::MissingTensor {
            file: keys.file.into(),
            tensor: name.into(),
        })?;
        let key = "rope.scaling.original_context_length";
        return Ok(Some(RopeScaling::LongRope {
            short,
            long,
            original_context_tokens: keys.needed_count(key, check::CONTEXT_TOKENS_MAX)?,
            attention_factor: keys.positive("rope.scaling.attn_factor")?.unwrap_or(1.0),
        }));
    }
    Ok(find("rope_freqs.weight").transpose()?.map(RopeScaling::Factors))
}

fn factors(tensor: &StoredTensor, dims: usize) -> Result<Vec<f32>, LoadError> {
    tensor.expect_shape(&[dims / 2])?;
    let factors = tensor.floats()?;
    let key = format!("tensor {}", tensor.name);
    check_factors(&factors, dims).map_err(|message| LoadError::key(&tensor.file, &key, message))?;
    Ok(factors)
}

/// Scaling by name; a factor without a name means linear.
fn named_scaling(keys: &Keys<'_>, context_tokens_max: usize) -> Result<RopeScaling, LoadError> {
    let key = "rope.scaling.type";
    let kind = keys.gguf.metadata.str(&keys.spelled(key))?.unwrap_or("linear");
    let factor = match keys.number("rope.scaling.factor")? {
        // Writers say "no scaling" by 0 as well as by leaving the key out.
        None | Some(0.0) => keys.positive("rope.scale_linear")?.unwrap_or(1.0),
        Some(_) => keys.needed_positive("rope.scaling.factor")?,
    };
    let original = keys.count("rope.scaling.original_context_length", check::CONTEXT_TOKENS_MAX)?;
    match kind {
        "none" => Ok(RopeScaling::None),
        "linear" if factor == 1.0 => Ok(RopeScaling::None),
        "linear" => Ok(RopeScaling::Linear { factor }),
        "yarn" => Ok(RopeScaling::Yarn {
            factor,
            original_context_tokens: original.unwrap_or(context_tokens_max),
            beta_fast: keys.positive("rope.scaling.yarn_beta_fast")?.unwrap_or(32.0),
            beta_slow: keys.positive("rope.scaling.yarn_beta_slow")?.unwrap_or(1.0),
            attention_factor: keys.positive("rope.scaling.attn_factor")?.unwrap_or(1.0)
                * (1.0 + 0.1 * factor.max(1.0).ln()),
        }),
        // Without lists of factors there is nothing that longrope would change.
        "longrope" => Ok(RopeScaling::None),
        _ => {
            let message = format!("is `{kind}`, allowed: none, linear, yarn, longrope");
            Err(keys.refuse(key, message))
        }
    }
}

fn window(keys: &Keys<'_>, config: &ModelConfig) -> Result<Option<SlidingWindow>, LoadError> {
    // Zero is how some files say that there is no window.
    if keys.integer("attention.sliding_window")?.unwrap_or(0) == 0 {
        return Ok(None);
    }
    let tokens = keys.needed_count("attention.sliding_window", check::CONTEXT_TOKENS_MAX)?;
    let layer_count = config.layer_count;
    let key = "attention.sliding_window_pattern";
    let spelled = keys.spelled(key);
    let layers = match keys.gguf.metadata.get(&spelled)? {
        Some(Value::Array(..)) => {
            let flags = keys.gguf.metadata.u32s(&spelled)?.unwrap_or_default();
            if flags.len() != layer_count {
                let message = format!("has {} entries, expected {layer_count}", flags.len());
                return Err(keys.refuse(key, message));
            }
            flags.iter().map(|&flag| flag != 0).collect()
        }
        _ => {
            let period = match config.family {
                Family::Gemma2 => keys.count(key, check::LAYERS_MAX)?.unwrap_or(2),
                Family::Gemma3 => keys.count(key, check::LAYERS_MAX)?.unwrap_or(6),
                _ => return Ok(Some(SlidingWindow { tokens, layers: vec![true; layer_count] })),
            };
            super::windowed_by_period(layer_count, period)
        }
    };
    Ok(Some(SlidingWindow { tokens, layers }))
}

fn experts(keys: &Keys<'_>, config: &ModelConfig) -> Result<Option<Experts>, LoadError> {
    if config.family != Family::Qwen3Moe {
        return match keys.integer("expert_count")? {
            None | Some(0) => Ok(None),
            Some(count) => {
                let architecture = keys.architecture;
                let message = format!("is {count}, `{architecture}` is supported without experts");
                Err(keys.refuse("expert_count", message))
            }
        };
    }
    if let Some(scale) = keys.number("expert_weights_scale")?
        && scale != 0.0
        && scale != 1.0
    {
        return Err(keys.refuse("expert_weights_scale", format!("is {scale}, allowed: 1")));
    }
    let normalize = keys.gguf.metadata.bool(&keys.spelled("expert_weights_norm"))?;
    let has_router =
        |layer| keys.gguf.tensors.contains_key(&format!("blk.{layer}.ffn_gate_inp.weight"));
    Ok(Some(Experts {
        expert_count: keys.needed_count("expert_count", check::EXPERTS_MAX)?,
        experts_used: keys.needed_count("expert_used_count", check::EXPERTS_MAX)?,
        ffn_dim: keys.needed_count("expert_feed_forward_length", check::DIM_MAX)?,
        normalize_probs: normalize.unwrap_or(true),
        layers: (0..config.layer_count).map(has_router).collect(),
    }))
}
