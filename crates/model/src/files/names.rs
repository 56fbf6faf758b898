//! Names of tensors, the same for every kind of file.

/// A tensor of a model, named by what it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TensorName {
    /// (vocab_size, hidden_dim)
    TokenEmbedding,
    /// (context_tokens_max, hidden_dim), learned positions of GPT-2.
    PositionEmbedding,
    /// (hidden_dim), with a bias in GPT-2.
    OutputNorm,
    /// (vocab_size, hidden_dim); the token embedding when the output is tied.
    Output,
    /// A tensor of layer `.0`.
    Layer(usize, LayerTensor),
}

/// A tensor of one layer. `q_dim` = head_count * head_dim, `kv_dim` = kv_head_count * head_dim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LayerTensor {
    /// (hidden_dim), before attention.
    AttnNorm,
    /// (q_dim, hidden_dim), bias (q_dim)
    AttnQ,
    /// (kv_dim, hidden_dim), bias (kv_dim)
    AttnK,
    /// (kv_dim, hidden_dim), bias (kv_dim)
    AttnV,
    /// (q_dim + 2 kv_dim, hidden_dim): q, k and v rows in one matrix, where the file fuses them.
    AttnQkv,
    /// (hidden_dim, q_dim), bias (hidden_dim)
    AttnOut,
    /// (head_dim), on each query head.
    QNorm,
    /// (head_dim), on each key head.
    KNorm,
    /// (hidden_dim), on attention's result before it is added (gemma).
    PostAttnNorm,
    /// (hidden_dim), before the feed-forward network.
    FfnNorm,
    /// (ffn_dim, hidden_dim), the gate of a gated network.
    FfnGate,
    /// (ffn_dim, hidden_dim), bias (ffn_dim)
    FfnUp,
    /// (2 ffn_dim, hidden_dim): gate rows, then up rows, where the file fuses them.
    FfnGateUp,
    /// (hidden_dim, ffn_dim), bias (hidden_dim)
    FfnDown,
    /// (hidden_dim), on the feed-forward result before it is added (gemma).
    PostFfnNorm,
    /// (expert_count, hidden_dim): chooses the experts.
    Router,
    /// (expert ffn_dim, hidden_dim) of one expert.
    ExpertGate,
    /// (expert ffn_dim, hidden_dim) of one expert.
    ExpertUp,
    /// (hidden_dim, expert ffn_dim) of one expert.
    ExpertDown,
}

/// The two halves of an affine map or norm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Part {
    Weight,
    Bias,
}

impl Part {
    /// How both kinds of files spell it.
    pub(crate) fn suffix(self) -> &'static str {
        match self {
            Part::Weight => "weight",
            Part::Bias => "bias",
        }
    }
}
