//! `model` computes: model files to weights, weights to logits for the rows of a step.
//!
//! Invariants of this room:
//! - It knows no request, no sampling, no tokenizer and no time: token ids in, logits out.
//! - Memory for keys and values is addressed from outside by [`KvBlockId`] only.
//! - The logits of a row depend on the sequence's tokens alone, never on the other rows of the step.

pub mod forward;
pub mod kv;
pub mod scripted;

pub use forward::{Forward, Logits, Segment, StepRows, TokenId, WantedLogits};
pub use kv::{KvBlockId, KvElement, KvPool, KvShape};
pub use scripted::{ScriptedCounters, ScriptedModel};
