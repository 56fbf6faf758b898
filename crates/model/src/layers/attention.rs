//! Attention: each row looks back on the keys of its sequence and sums up their values.
//!
//! A family calls [`project`], what it does to heads ([`norm_heads`], [`rotate`]), [`look_back`],
//! and multiplies what was seen with the output matrix.

use super::batch::{Batch, Compute, Heads};
use super::linear::{Linear, linear_many};
use super::norm::{Norm, norm_in_place};
use kernels::attention::{AttentionSegment, AttentionShape};

/// The attention of one layer. q_dim = head_count * head_dim, kv_dim = kv_head_count * head_dim.
#[derive(Debug)]
pub(crate) struct Attention {
    /// Which layer's keys and values.
    pub layer: usize,
    /// (q_dim, hidden_dim)
    pub q: Linear,
    /// (kv_dim, hidden_dim)
    pub k: Linear,
    /// (kv_dim, hidden_dim)
    pub v: Linear,
    /// (hidden_dim, q_dim)
    pub out: Linear,
    /// Which of the model's rotations turns queries and keys.
    pub rotation: usize,
    pub head_dim: usize,
    /// Multiplies q·k.
    pub scale: f32,
    /// c of c * tanh(score / c).
    pub soft_cap: Option<f32>,
    /// A row sees this many positions, itself included; all of them when `None`.
    pub window_tokens: Option<usize>,
}

/// Queries, keys and values of `x`: (rows, hidden_dim) -> (rows, q_dim) and twice (rows, kv_dim).
pub(crate) fn project(batch: &mut Batch<'_>, it: &Attention, x: &[f32], heads: &mut Heads<'_>) {
    linear_many(batch, x, [(&it.q, heads.q), (&it.k, heads.k), (&it.v, heads.v)]);
}

/// Normalizes each query head and each key head.
pub(crate) fn norm_heads(batch: &Batch<'_>, q: &Norm, k: &Norm, heads: &mut Heads<'_>) {
    norm_in_place(batch, q, heads.q); // each head_dim numbers of (rows, q_dim)
    norm_in_place(batch, k, heads.k); // each head_dim numbers of (rows, kv_dim)
}

/// Turns queries and keys by the angles of their positions.
pub(crate) fn rotate(batch: &Batch<'_>, it: &Attention, heads: &mut Heads<'_>) {
    let (rotation, table) = &batch.rotations[it.rotation];
    for x in [&mut *heads.q, &mut *heads.k] {
        rotation.apply(&batch.compute.kernels, table, x, it.head_dim);
    }
}

/// Stores keys and values, then sums up for each query head the values that it attends to.
pub(crate) fn look_back(batch: &mut Batch<'_>, it: &Attention, heads: &mut Heads<'_>) {
    store(batch, it.layer, heads.k, heads.v);
    attend(batch, it, heads.q, heads.seen); // (rows, q_dim)
}

/// Writes the rows' keys and values into their blocks.
fn store(batch: &mut Batch<'_>, layer: usize, k: &[f32], v: &[f32]) {
    let kernels = &batch.compute.kernels;
    let dim = batch.kv.shape().row_numbers();
    let block_tokens = batch.kv.block_tokens();
    for run in batch.runs {
        for (index, row) in run.rows.clone().enumerate() {
            let position = run.first_position + index;
            let block = run.kv_blocks[position / block_tokens];
            let offset = position % block_tokens;
            let [key, value] = [k, v].map(|rows| &rows[row * dim..][..dim]);
            batch.kv.write(kernels, block, layer, offset, key, value);
        }
    }
}

/// For each row and query head: the values of the positions that it sees, weighted by softmax of
/// its query's products with their keys.
fn attend(batch: &mut Batch<'_>, it: &Attention, q: &[f32], out: &mut [f32]) {
    let shape = AttentionShape {
        head_count: it.q.weight.rows / it.head_dim,
        kv_head_count: it.k.weight.rows / it.head_dim,
        head_dim: it.head_dim,
        block_tokens: batch.kv.block_tokens(),
        scale: it.scale,
        causal: true,
        window: it.window_tokens,
        soft_cap: it.soft_cap,
    };
    let segments = batch.runs.iter().map(|run| {
        let visible_tokens = run.first_position + run.rows.len();
        let blocks = &run.kv_blocks[..visible_tokens.div_ceil(shape.block_tokens)];
        let (keys, values) = batch.kv.layer_blocks(it.layer, blocks);
        AttentionSegment {
            rows: run.rows.clone(),
            first_position: run.first_position,
            keys,
            values,
        }
    });
    let segments: Vec<_> = segments.collect();
    let Compute { kernels, pool, .. } = &*batch.compute;
    kernels::attention::attention(kernels, pool, &shape, &segments, q, out);
}
