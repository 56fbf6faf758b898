//! What a model looks like: one plain struct, whatever file it was read from.
//!
//! Read [`ModelConfig`] first; `gguf.rs` and `hf.rs` fill it, `check.rs` holds the ranges.

mod check;
pub(crate) mod gguf;
pub(crate) mod hf;
mod hf_rope;

/// The families whose forward pass this crate knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Family {
    /// Llama 1 to 3, Mistral, and everything that copies their layer.
    Llama,
    /// Qwen 2 and 2.5: llama with biases on q, k and v.
    Qwen2,
    /// Qwen 3: llama with norms on q and k heads.
    Qwen3,
    /// Qwen 3 with a mixture of experts in place of the feed-forward network.
    Qwen3Moe,
    /// GPT-2: learned positions, LayerNorm, biases everywhere.
    Gpt2,
    /// Gemma 2: norms around both halves of a layer, soft caps, every second layer windowed.
    Gemma2,
    /// Gemma 3: gemma 2 without caps, with q/k norms and two rope bases.
    Gemma3,
    /// Phi 3 and 3.5: llama with fused projections.
    Phi3,
}

/// The shape and the constants of a model.
///
/// Invariants, checked when it is read: every count and dimension is at least 1 and bounded,
/// `kv_head_count` divides `head_count`, `head_dim` is even where rope turns it, every float is
/// finite, every per-layer list has `layer_count` entries.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelConfig {
    /// Which forward pass.
    pub family: Family,
    /// The architecture's name as the file spells it (`llama`, `mistral`, `gemma3_text` ...).
    pub architecture: String,
    /// Transformer layers.
    pub layer_count: usize,
    /// Width of the residual stream.
    pub hidden_dim: usize,
    /// Width inside the feed-forward network (of a dense layer).
    pub ffn_dim: usize,
    /// Query heads per layer.
    pub head_count: usize,
    /// Key-value heads per layer.
    pub kv_head_count: usize,
    /// Numbers per head, for queries, keys and values alike.
    pub head_dim: usize,
    /// Rows of the token embedding and of the output matrix.
    pub vocab_size: usize,
    /// The longest sequence, in tokens, that the model was made for.
    pub context_tokens_max: usize,
    /// Added to the mean square (or the variance) inside each norm.
    pub norm_eps: f32,
    /// The nonlinearity of the feed-forward network.
    pub activation: Activation,
    /// Rotation of queries and keys; `None` for learned positions. See [`ModelConfig::layer_rope`].
    pub rope: Option<Rope>,
    /// Rotation in windowed layers where it differs (gemma 3).
    pub rope_windowed: Option<Rope>,
    /// How q and k rows are ordered in this file.
    pub rope_layout: RopeLayout,
    /// Layers that see only the most recent positions.
    pub window: Option<SlidingWindow>,
    /// Multiplies q·k before softmax: 1/sqrt(head_dim) unless the model says otherwise.
    pub attention_scale: f32,
    /// Soft cap c of attention scores: c * tanh(score / c).
    pub attention_soft_cap: Option<f32>,
    /// Soft cap of the logits, of the same form.
    pub logit_soft_cap: Option<f32>,
    /// Multiplies token embeddings; 1 when the model does not scale them.
    pub embedding_scale: f32,
    /// The output matrix is the token embedding.
    pub tied_output: bool,
    /// q and k heads are normalized before the rotation.
    pub qk_norm: bool,
    /// q, k and v projections have biases.
    pub qkv_bias: bool,
    /// The attention output projection has a bias.
    pub attn_out_bias: bool,
    /// The feed-forward projections have biases.
    pub ffn_bias: bool,
    /// Mixture of experts in place of the dense feed-forward network.
    pub experts: Option<Experts>,
}

/// Nonlinearity of the feed-forward network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activation {
    /// x * sigmoid(x).
    Silu,
    /// 0.5 x (1 + tanh(sqrt(2/π) (x + 0.044715 x³))).
    GeluTanh,
}

/// Which pairs of a head's numbers are rotated together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RopeLayout {
    /// (0, 1), (2, 3), ...: llama-family GGUF files, whose q and k rows are permuted for it.
    Interleaved,
    /// (0, d/2), (1, d/2 + 1), ...: Hugging Face folders and all other GGUF files.
    Half,
}

/// Rotary position embedding.
#[derive(Clone, Debug, PartialEq)]
pub struct Rope {
    /// Base of the frequencies: pair i turns by position * base^(-2i / dims).
    pub base: f32,
    /// How many of a head's numbers are rotated, from the first on; even, at most `head_dim`.
    pub dims: usize,
    /// How the frequencies are changed for longer contexts.
    pub scaling: RopeScaling,
}

/// Changes to the rotation's frequencies.
#[derive(Clone, Debug, PartialEq)]
pub enum RopeScaling {
    /// Unchanged.
    None,
    /// All frequencies are divided by `factor`.
    Linear {
        /// At least 1 in practice; any positive number is accepted.
        factor: f32,
    },
    /// Llama 3.1: low frequencies are divided by `factor`, high ones kept, a blend between.
    Llama3 {
        /// Divisor of the low frequencies.
        factor: f32,
        /// Wavelengths above original / this are low frequencies.
        low_freq_factor: f32,
        /// Wavelengths below original / this are high frequencies.
        high_freq_factor: f32,
        /// Context, in tokens, before the extension.
        original_context_tokens: usize,
    },
    /// YaRN (arXiv:2309.00071).
    Yarn {
        /// Context extension.
        factor: f32,
        /// Context, in tokens, before the extension.
        original_context_tokens: usize,
        /// Rotations above which a pair is left unchanged (32 by default).
        beta_fast: f32,
        /// Rotations below which a pair is fully interpolated (1 by default).
        beta_slow: f32,
        /// Multiplies cos and sin; the paper's value is 0.1 ln(factor) + 1.
        attention_factor: f32,
    },
    /// Phi 3: one divisor per pair, one list for short and one for long contexts.
    LongRope {
        /// dims / 2 divisors for contexts up to `original_context_tokens`.
        short: Vec<f32>,
        /// dims / 2 divisors for longer contexts.
        long: Vec<f32>,
        /// Context, in tokens, before the extension.
        original_context_tokens: usize,
        /// Multiplies cos and sin.
        attention_factor: f32,
    },
    /// dims / 2 divisors, one per pair (GGUF `rope_freqs.weight`, how llama 3.1 is stored there).
    Factors(Vec<f32>),
}

/// Attention limited to recent positions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlidingWindow {
    /// A windowed layer's position p sees p - tokens + 1 ..= p.
    pub tokens: usize,
    /// One entry per layer: is it windowed?
    pub layers: Vec<bool>,
}

/// Mixture of experts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Experts {
    /// Experts per layer.
    pub expert_count: usize,
    /// Experts that compute each token; at most `expert_count`.
    pub experts_used: usize,
    /// Width inside an expert.
    pub ffn_dim: usize,
    /// The chosen experts' probabilities are divided by their sum.
    pub normalize_probs: bool,
    /// One entry per layer: experts, or the dense network?
    pub layers: Vec<bool>,
}

impl ModelConfig {
    /// How many positions back layer `layer` sees, itself included; `None` for all.
    pub fn window_tokens(&self, layer: usize) -> Option<usize> {
        self.window.as_ref().filter(|window| window.layers[layer]).map(|window| window.tokens)
    }

    /// The experts of layer `layer`; `None` when it has the dense network.
    pub fn layer_experts(&self, layer: usize) -> Option<&Experts> {
        self.experts.as_ref().filter(|experts| experts.layers[layer])
    }

    /// The rotation of layer `layer`.
    pub fn layer_rope(&self, layer: usize) -> Option<&Rope> {
        match (&self.rope_windowed, self.window_tokens(layer)) {
            (Some(rope), Some(_)) => Some(rope),
            _ => self.rope.as_ref(),
        }
    }
}

/// Layers in runs of `period`, all windowed but the last of each run.
fn windowed_by_period(layer_count: usize, period: usize) -> Vec<bool> {
    (1..=layer_count).map(|layer| !layer.is_multiple_of(period)).collect()
}
