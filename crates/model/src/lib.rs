//! `model` computes: model files to weights, weights to logits for the rows of a step.
//!
//! Invariants of this room:
//! - It knows no request, no sampling, no tokenizer and no time: token ids in, logits out.
//! - Memory for keys and values is addressed from outside by [`KvBlockId`] only.
//! - The logits of a row depend on the tokens of its sequence alone, never on its neighbours.

#![deny(unsafe_code)]

pub mod config;
pub mod defaults;
pub mod error;
mod family;
pub mod files;
pub mod forward;
pub mod kv;
mod layers;
pub mod loaded;
pub mod memory;
pub mod open;
pub mod scripted;

pub use config::{
    Activation, Experts, Family, ModelConfig, Rope, RopeLayout, RopeScaling, SlidingWindow,
};
pub use defaults::GenerationDefaults;
pub use error::LoadError;
pub use files::digest::sha256_hex;
pub use files::gguf::{Gguf, Metadata};
pub use files::mapped::Bytes;
pub use files::names::{LayerTensor, TensorName};
pub use files::tensors::Tensors;
pub use files::view::{StoredTensor, StoredType, TensorView};
pub use forward::{Forward, Logits, Segment, StepRows, TokenId, WantedLogits};
pub use kv::{KvBlockId, KvElement, KvPool, KvShape};
pub use loaded::{LoadOptions, LoadedModel, Precision};
pub use memory::{MemoryNeed, Usage};
pub use open::{ModelFile, TypeShare};
pub use scripted::{ScriptedCounters, ScriptedModel};
