//! Families: one file each, which says that family's forward pass from top to bottom.
//!
//! Read `llama.rs` first; the others say what they do differently.

mod gemma2;
mod gemma3;
mod gpt2;
mod llama;
mod phi3;
mod qwen2;
mod qwen3;
mod qwen3_moe;

use crate::config::Family;
use crate::error::LoadError;
use crate::layers::batch::{Batch, Stream};
use crate::layers::load::Loader;

/// The weights of a model and how they are used.
pub(crate) trait Decoder: Send {
    /// Computes the rows of a batch through all layers, writes their keys and values into memory,
    /// and leaves logits for the wanted rows: (wanted rows, vocab_size).
    fn decode(&self, batch: &mut Batch<'_>, stream: Stream<'_>, logits: &mut [f32]);
}

/// Takes the weights of `loader`'s model.
///
/// # Errors
/// When a tensor is missing or does not fit the configuration.
pub(crate) fn load(loader: &Loader<'_>) -> Result<Box<dyn Decoder>, LoadError> {
    Ok(match loader.config.family {
        Family::Llama => Box::new(llama::Llama::load(loader)?),
        Family::Qwen2 => Box::new(qwen2::Qwen2::load(loader)?),
        Family::Qwen3 => Box::new(qwen3::Qwen3::load(loader)?),
        Family::Qwen3Moe => Box::new(qwen3_moe::Qwen3Moe::load(loader)?),
        Family::Gpt2 => Box::new(gpt2::Gpt2::load(loader)?),
        Family::Gemma2 => Box::new(gemma2::Gemma2::load(loader)?),
        Family::Gemma3 => Box::new(gemma3::Gemma3::load(loader)?),
        Family::Phi3 => Box::new(phi3::Phi3::load(loader)?),
    })
}
