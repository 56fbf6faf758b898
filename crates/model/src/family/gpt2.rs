//! GPT-2 (Radford et al. 2019): learned positions, LayerNorm, biases everywhere, a network
//! without a gate.

use super::Decoder;
use crate::error::LoadError;
use crate::files::names::LayerTensor::{AttnNorm, FfnNorm};
use crate::layers::attention::{Attention, look_back, project};
use crate::layers::batch::{Batch, Stream};
use crate::layers::embedding::{Embedding, Head, embed, head};
use crate::layers::linear::{add, linear};
use crate::layers::load::Loader;
use crate::layers::mlp::{Mlp, mlp};
use crate::layers::norm::{Norm, norm};

/// The weights of a GPT-2 model.
pub(crate) struct Gpt2 {
    embedding: Embedding,
    layers: Vec<Layer>,
    head: Head,
}

struct Layer {
    attn_norm: Norm,
    attention: Attention,
    ffn_norm: Norm,
    mlp: Mlp,
}

impl Gpt2 {
    pub(crate) fn load(loader: &Loader<'_>) -> Result<Self, LoadError> {
        let layers = (0..loader.config.layer_count).map(|layer| Layer::load(loader, layer));
        Ok(Gpt2 {
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
            ffn_norm: loader.layer_norm(layer, FfnNorm)?,
            mlp: loader.mlp(layer)?,
        })
    }
}

impl Decoder for Gpt2 {
    fn decode(&self, batch: &mut Batch<'_>, mut stream: Stream<'_>, logits: &mut [f32]) {
        let Stream { x, normed, branch, heads } = &mut stream;
        embed(batch, &self.embedding, x); // token + position: (rows, hidden_dim)
        for layer in &self.layers {
            norm(batch, &layer.attn_norm, x, normed); // (rows, hidden_dim)
            project(batch, &layer.attention, normed, heads); // q (rows, q_dim), k, v (rows, kv_dim)
            look_back(batch, &layer.attention, heads); // (rows, q_dim)
            linear(batch, &layer.attention.out, heads.seen, branch); // (rows, hidden_dim)
            add(batch, x, branch);

            norm(batch, &layer.ffn_norm, x, normed); // (rows, hidden_dim)
            mlp(batch, &layer.mlp, normed, branch); // (rows, hidden_dim)
            add(batch, x, branch);
        }
        head(batch, &self.head, stream, logits); // (wanted rows, vocab_size)
    }
}
