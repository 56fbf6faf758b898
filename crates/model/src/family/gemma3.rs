//! Gemma 3, text only (arXiv:2503.19786): Gemma 2 with norms on query and key heads in place of the
//! soft caps; five layers with a sliding window for each one without, and a slower rotation there.

use super::Decoder;
use crate::error::LoadError;
use crate::files::names::LayerTensor::{
    AttnNorm, FfnNorm, KNorm, PostAttnNorm, PostFfnNorm, QNorm,
};
use crate::layers::attention::{Attention, look_back, norm_heads, project, rotate};
use crate::layers::batch::{Batch, Stream};
use crate::layers::embedding::{Embedding, Head, embed, head};
use crate::layers::linear::{add, linear};
use crate::layers::load::Loader;
use crate::layers::mlp::{GatedMlp, gated_mlp};
use crate::layers::norm::{Norm, norm, norm_in_place};

/// The weights of a Gemma 3 model.
pub(crate) struct Gemma3 {
    embedding: Embedding,
    layers: Vec<Layer>,
    head: Head,
}

struct Layer {
    attn_norm: Norm,
    attention: Attention,
    q_norm: Norm,
    k_norm: Norm,
    post_attn_norm: Norm,
    ffn_norm: Norm,
    mlp: GatedMlp,
    post_ffn_norm: Norm,
}

impl Gemma3 {
    pub(crate) fn load(loader: &Loader<'_>) -> Result<Self, LoadError> {
        let layers = (0..loader.config.layer_count).map(|layer| Layer::load(loader, layer));
        Ok(Gemma3 {
            embedding: loader.embedding()?,
            layers: layers.collect::<Result<_, _>>()?,
            head: loader.head()?,
        })
    }
}

impl Layer {
    fn load(loader: &Loader<'_>, layer: usize) -> Result<Self, LoadError> {
        Ok(Layer {
            attn_norm: loader.layer_norm(layer, AttnNorm)?,
            attention: loader.attention(layer)?,
            q_norm: loader.layer_norm(layer, QNorm)?,
            k_norm: loader.layer_norm(layer, KNorm)?,
            post_attn_norm: loader.layer_norm(layer, PostAttnNorm)?,
            ffn_norm: loader.layer_norm(layer, FfnNorm)?,
            mlp: loader.gated_mlp(layer)?,
            post_ffn_norm: loader.layer_norm(layer, PostFfnNorm)?,
        })
    }
}

impl Decoder for Gemma3 {
    fn decode(&self, batch: &mut Batch<'_>, mut stream: Stream<'_>, logits: &mut [f32]) {
        let Stream { x, normed, branch, heads } = &mut stream;
        embed(batch, &self.embedding, x); // times sqrt(hidden_dim): (rows, hidden_dim)
        for layer in &self.layers {
            norm(batch, &layer.attn_norm, x, normed); // (rows, hidden_dim)
            project(batch, &layer.attention, normed, heads); // q (rows, q_dim), k, v (rows, kv_dim)
            norm_heads(batch, &layer.q_norm, &layer.k_norm, heads);
            rotate(batch, &layer.attention, heads);
            look_back(batch, &layer.attention, heads); // window in five of six: (rows, q_dim)
            linear(batch, &layer.attention.out, heads.seen, branch); // (rows, hidden_dim)
            norm_in_place(batch, &layer.post_attn_norm, branch);
            add(batch, x, branch);

            norm(batch, &layer.ffn_norm, x, normed); // (rows, hidden_dim)
            gated_mlp(batch, &layer.mlp, normed, branch); // (rows, hidden_dim)
            norm_in_place(batch, &layer.post_ffn_norm, branch);
            add(batch, x, branch);
        }
        head(batch, &self.head, stream, logits); // (wanted rows, vocab_size)
    }
}
