//! What a model will need of memory, as plain numbers, before anything is taken.

use crate::config::ModelConfig;
use crate::kv::{KvElement, KvShape};
use crate::loaded::BATCH_ROWS_MAX;

/// Bytes that a model needs. Sums saturate: absurd questions give absurd answers, no panic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryNeed {
    /// The weights as they lie in the file: mapped, so the system may drop and read them again,
    /// but a decoded token reads all of them (of a mixture of experts: those in use).
    pub weights_bytes: u64,
    /// Keys and values, when every sequence fills its context.
    pub kv_bytes: u64,
    /// Rows on their way through the layers, and attention's scores; an upper estimate.
    pub workspace_bytes: u64,
    /// Logits of one row per sequence.
    pub logits_bytes: u64,
}

impl MemoryNeed {
    /// All of it.
    pub fn total_bytes(&self) -> u64 {
        [self.kv_bytes, self.workspace_bytes, self.logits_bytes]
            .into_iter()
            .fold(self.weights_bytes, u64::saturating_add)
    }
}

/// How a model is to be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usage {
    /// Sequences at a time.
    pub sequence_count: usize,
    /// Tokens of each sequence, prompt and output together.
    pub context_tokens: usize,
    /// Token rows per step; more than 512 need no more memory.
    pub step_tokens: usize,
    /// Compute threads.
    pub threads: usize,
    /// Storage of keys and values.
    pub kv_element: KvElement,
}

impl ModelConfig {
    /// What one position of a sequence needs, when keys and values are stored as `element`.
    pub fn kv_shape(&self, element: KvElement) -> KvShape {
        KvShape {
            layer_count: self.layer_count,
            kv_head_count: self.kv_head_count,
            head_dim: self.head_dim,
            element,
        }
    }

    /// What a model of this shape, with `weights_bytes` of tensors, needs under `usage`.
    pub fn memory_need(&self, weights_bytes: u64, usage: &Usage) -> MemoryNeed {
        let product = |factors: &[usize]| {
            factors.iter().fold(1u64, |product, &factor| product.saturating_mul(factor as u64))
        };
        let position_bytes = self.kv_shape(usage.kv_element).position_bytes();
        MemoryNeed {
            weights_bytes,
            kv_bytes: product(&[usage.sequence_count, usage.context_tokens, position_bytes]),
            workspace_bytes: product(&[usage.step_tokens.min(BATCH_ROWS_MAX), self.row_bytes()])
                .saturating_add(product(&[usage.threads, usage.context_tokens, 16 * 4])),
            logits_bytes: product(&[usage.sequence_count, self.vocab_size, 4]),
        }
    }

    /// Workspace of one row: the stream and its branches, heads, the network's inside, the copy
    /// that a matrix reads with its quantized forms, and the router's probabilities.
    fn row_bytes(&self) -> usize {
        let q_dim = self.head_count.saturating_mul(self.head_dim);
        let kv_dim = self.kv_head_count.saturating_mul(self.head_dim);
        let experts = self.experts.as_ref();
        let ffn_dim = experts.map_or(self.ffn_dim, |experts| self.ffn_dim.max(experts.ffn_dim));
        let widest = ffn_dim.max(self.hidden_dim).max(q_dim);
        let stream = 3 * self.hidden_dim + 2 * q_dim + 2 * kv_dim + 2 * ffn_dim;
        let routed = experts.map_or(0, |experts| experts.expert_count + 2 * self.hidden_dim);
        // The input: f32, two forms of i8 codes with scales and sums per 32 or fewer values.
        4 * stream + 7 * widest + 4 * routed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::open::ModelFile;
    use std::path::Path;

    fn config() -> ModelConfig {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/llama");
        ModelFile::open(&folder).expect("is in the repo").config().clone()
    }

    #[test]
    fn needs_are_plain_products() {
        // 2 layers, 2 kv heads of 6, keys and values: 48 numbers per position.
        let usage = Usage {
            sequence_count: 3,
            context_tokens: 100,
            step_tokens: 4096,
            threads: 2,
            kv_element: KvElement::F16,
        };
        let need = config().memory_need(1000, &usage);
        assert_eq!(need.kv_bytes, 3 * 100 * 48 * 2);
        assert_eq!(need.logits_bytes, 3 * 64 * 4);
        assert_eq!(need.weights_bytes, 1000);
        // Hidden 32, q 24, kv 12, ffn 24, widest 32; 512 rows at most; scores of 2 threads.
        let row = 4 * (3 * 32 + 2 * 24 + 2 * 12 + 2 * 24) + 7 * 32;
        assert_eq!(need.workspace_bytes, 512 * row + 2 * 100 * 64);
        assert_eq!(
            need.total_bytes(),
            1000 + need.kv_bytes + need.logits_bytes + need.workspace_bytes
        );
    }

    #[test]
    fn absurd_usage_saturates() {
        let usage = Usage {
            sequence_count: usize::MAX,
            context_tokens: usize::MAX,
            step_tokens: usize::MAX,
            threads: usize::MAX,
            kv_element: KvElement::F32,
        };
        let need = config().memory_need(u64::MAX, &usage);
        assert_eq!(need.kv_bytes, u64::MAX);
        assert_eq!(need.total_bytes(), u64::MAX);
    }
}
