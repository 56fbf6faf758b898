//! Ranges: every number of a configuration passes through here before it is believed.

use super::{Family, ModelConfig};
use crate::error::LoadError;

/// Bounds on shapes. They are far above any real model; their purpose is that no product of two
/// of them overflows and that no list sized by one of them hurts.
pub(super) const LAYERS_MAX: usize = 1024;
pub(super) const DIM_MAX: usize = 1 << 20;
pub(super) const HEADS_MAX: usize = 1 << 12;
pub(super) const HEAD_DIM_MAX: usize = 1 << 12;
pub(super) const VOCAB_MAX: usize = 1 << 22;
pub(super) const CONTEXT_TOKENS_MAX: usize = 1 << 27;
pub(super) const EXPERTS_MAX: usize = 1 << 12;

/// Numbers and texts under keys, wherever they are stored.
pub(super) trait Fields {
    /// The file, for error messages.
    fn file(&self) -> &str;
    /// `key` as it is spelled in the file.
    fn spelled(&self, key: &str) -> String;
    /// An integer; `None` when absent.
    fn integer(&self, key: &str) -> Result<Option<u64>, LoadError>;
    /// A number; `None` when absent.
    fn number(&self, key: &str) -> Result<Option<f64>, LoadError>;

    /// An error about `key`.
    fn refuse(&self, key: &str, message: impl Into<String>) -> LoadError {
        LoadError::key(self.file(), &self.spelled(key), message)
    }

    /// A count or dimension from 1 to `max`.
    fn count(&self, key: &str, max: usize) -> Result<Option<usize>, LoadError> {
        match self.integer(key)? {
            None => Ok(None),
            Some(found) if (1..=max as u64).contains(&found) => Ok(Some(found as usize)),
            Some(found) => Err(self.refuse(key, format!("is {found}, allowed: 1 to {max}"))),
        }
    }

    /// As [`Fields::count`], but the key must be there.
    fn needed_count(&self, key: &str, max: usize) -> Result<usize, LoadError> {
        let found = self.count(key, max)?;
        found.ok_or_else(|| self.refuse(key, format!("is missing, needed: 1 to {max}")))
    }

    /// A positive finite number.
    fn positive(&self, key: &str) -> Result<Option<f32>, LoadError> {
        match self.number(key)? {
            None => Ok(None),
            Some(found) if found > 0.0 && (found as f32).is_finite() && found as f32 > 0.0 => {
                Ok(Some(found as f32))
            }
            Some(found) => {
                Err(self.refuse(key, format!("is {found}, allowed: positive finite numbers")))
            }
        }
    }

    /// As [`Fields::positive`], but the key must be there.
    fn needed_positive(&self, key: &str) -> Result<f32, LoadError> {
        let found = self.positive(key)?;
        found.ok_or_else(|| self.refuse(key, "is missing, needed: a positive finite number"))
    }
}

/// The keys that name a shape's parts in one kind of file.
pub(super) struct ShapeKeys {
    pub(super) head_count: &'static str,
    pub(super) kv_head_count: &'static str,
    pub(super) head_dim: &'static str,
    pub(super) rope_dims: &'static str,
    pub(super) experts_used: &'static str,
}

/// Checks what concerns several numbers at once.
///
/// # Errors
/// [`LoadError::Key`] naming the key at fault.
pub(super) fn check_shape(
    config: &ModelConfig,
    fields: &impl Fields,
    keys: &ShapeKeys,
) -> Result<(), LoadError> {
    let (heads, kv_heads) = (config.head_count, config.kv_head_count);
    if !heads.is_multiple_of(kv_heads) {
        let message = format!("is {kv_heads}, which does not divide the {heads} query heads");
        return Err(fields.refuse(keys.kv_head_count, message));
    }
    if heads * config.head_dim > DIM_MAX {
        let message = format!("is {heads} of {}, allowed: {DIM_MAX} in all", config.head_dim);
        return Err(fields.refuse(keys.head_count, message));
    }
    if config.family == Family::Gpt2 && heads * config.head_dim != config.hidden_dim {
        let message = format!("is {heads}, which does not divide the width {}", config.hidden_dim);
        return Err(fields.refuse(keys.head_count, message));
    }
    for rope in config.rope.iter().chain(&config.rope_windowed) {
        if rope.dims < 2 || !rope.dims.is_multiple_of(2) || rope.dims > config.head_dim {
            let message = format!(
                "gives {} rotated numbers per head, allowed: even numbers from 2 to {}",
                rope.dims, config.head_dim
            );
            let key = if rope.dims == config.head_dim { keys.head_dim } else { keys.rope_dims };
            return Err(fields.refuse(key, message));
        }
    }
    if let Some(experts) = &config.experts
        && experts.experts_used > experts.expert_count
    {
        let message = format!(
            "is {}, allowed: up to the {} experts there are",
            experts.experts_used, experts.expert_count
        );
        return Err(fields.refuse(keys.experts_used, message));
    }
    Ok(())
}

/// Checks a list of frequency divisors: one per rotated pair, each positive and finite.
pub(super) fn check_factors(factors: &[f32], dims: usize) -> Result<(), String> {
    if factors.len() != dims / 2 {
        return Err(format!("has {} numbers, expected {}", factors.len(), dims / 2));
    }
    match factors.iter().position(|factor| !factor.is_finite() || *factor <= 0.0) {
        Some(at) => {
            Err(format!("has {} at index {at}, allowed: positive finite numbers", factors[at]))
        }
        None => Ok(()),
    }
}
