//! Gemma 2 (arXiv:2408.00118): a norm before and after each half of a layer, a sliding window in
//! every second layer, soft caps on attention scores and on logits, GeGLU.

use super::Decoder;
use crate::error::LoadError;
use crate::files::names::LayerTensor::{AttnNorm, FfnNorm, PostAttnNorm, PostFfnNorm};
use crate::layers::attention::{Attention, look_back, project, rotate};
use crate::layers::batch::{Batch, Stream};
use crate::layers::embedding::{Embedding, Head, embed, head};
use crate::layers::linear::{add, linear};
use crate::layers::load::Loader;
use crate::layers::mlp::{GatedMlp, gated_mlp};
use crate::layers::norm::{Norm, norm, norm_in_place};

/// The weights of a Gemma 2 model.
pub(crate) struct Gemma2 {
    embedding: Embedding,
    layers: Vec<Layer>,
    head: Head,
}

struct Layer {
    attn_norm: Norm,
    attention: Attention,
    post_attn_norm: Norm,
    ffn_norm: Norm,
    mlp: GatedMlp,
    post_ffn_norm: Norm,
}

impl Gemma2 {
    pub(crate) fn load(loader: &Loader<'_>) -> Result<Self, LoadError> {
        let layers = (0..loader.config.layer_count).map(|layer| Layer::load(loader, layer));
        Ok(Gemma2 {
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
            post_attn_norm: loader.layer_norm(layer, PostAttnNorm)?,
            ffn_norm: loader.layer_norm(layer, FfnNorm)?,
            mlp: loader.gated_mlp(layer)?,
            post_ffn_norm: loader.layer_norm(layer, PostFfnNorm)?,
        })
    }
}

impl Decoder for Gemma2 {
    fn decode(&self, batch: &mut Batch<'_>, mut stream: Stream<'_>, logits: &mut [f32]) {
        let Stream { x, normed, branch, heads } = &mut stream;
        embed(batch, &self.embedding, x); // times sqrt(hidden_dim): (rows, hidden_dim)
        for layer in &self.layers {
            norm(batch, &layer.attn_norm, x, normed); // (rows, hidden_dim)
            project(batch, &layer.attention, normed, heads); // q (rows, q_dim), k, v (rows, kv_dim)
            rotate(batch, &layer.attention, heads);
            look_back(batch, &layer.attention, heads); // window, soft cap: (rows, q_dim)
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
