//! What is computed together: rows of one or more sequences, and what computing them takes.

use crate::forward::TokenId;
use crate::kv::{KvBlockId, KvPool};
use kernels::ops::rope::{Rope, RopeTable};
use kernels::{Input, Kernels, ThreadPool};
use std::ops::Range;
use std::sync::Mutex;

/// Rows of a step that go through the layers together.
pub(crate) struct Batch<'a> {
    /// Kernels, threads and scratch memory.
    pub compute: &'a mut Compute,
    /// One per row.
    pub tokens: &'a [TokenId],
    /// One per row: where in its sequence the row stands.
    pub positions: &'a [usize],
    /// The same rows, by sequence.
    pub runs: &'a [Run<'a>],
    /// The rotations that the model uses, with the angles of all rows.
    pub rotations: &'a [(Rope, RopeTable)],
    /// Keys and values of all sequences.
    pub kv: &'a mut KvPool,
}

/// Rows `rows` of a batch: consecutive positions of one sequence.
#[derive(Clone, Debug)]
pub(crate) struct Run<'a> {
    pub rows: Range<usize>,
    pub first_position: usize,
    pub kv_blocks: &'a [KvBlockId],
    /// Those of `rows` whose logits are wanted.
    pub wanted: Range<usize>,
}

/// Kernels, threads, and memory that is kept between steps.
#[derive(Debug)]
pub(crate) struct Compute {
    pub kernels: Kernels,
    pub pool: ThreadPool,
    /// Rows on their way into a matrix, quantized where the matrix asks for it.
    pub input: Input,
    /// Inside of a feed-forward network: gate and up.
    pub ffn: [Vec<f32>; 2],
    /// Router probabilities, and the rows into and out of one expert.
    pub experts: [Vec<f32>; 3],
    /// Which expert computes which row.
    pub routes: Vec<super::experts::Route>,
}

/// The rows of a batch on their way through the layers.
pub(crate) struct Stream<'a> {
    /// (rows, hidden_dim): the residual stream, which every layer adds to.
    pub x: &'a mut [f32],
    /// (rows, hidden_dim): `x`, normalized for the next branch.
    pub normed: &'a mut [f32],
    /// (rows, hidden_dim): what the branch adds.
    pub branch: &'a mut [f32],
    /// The inside of attention.
    pub heads: Heads<'a>,
}

/// The rows of a batch inside of attention, head after head.
pub(crate) struct Heads<'a> {
    /// (rows, head_count, head_dim): queries.
    pub q: &'a mut [f32],
    /// (rows, kv_head_count, head_dim): keys.
    pub k: &'a mut [f32],
    /// (rows, kv_head_count, head_dim): values.
    pub v: &'a mut [f32],
    /// (rows, head_count, head_dim): the values that each query head attended to, summed up.
    pub seen: &'a mut [f32],
}

impl Batch<'_> {
    /// Number of rows.
    pub(crate) fn rows(&self) -> usize {
        self.tokens.len()
    }
}

impl Compute {
    pub(crate) fn new(kernels: Kernels, threads: usize) -> Self {
        Compute {
            kernels,
            pool: ThreadPool::new(threads),
            input: Input::new(),
            ffn: Default::default(),
            experts: Default::default(),
            routes: Vec::new(),
        }
    }
}

/// Runs `work` on rows of `x` (and which they are), shared out between the threads where there is
/// enough to share. Each row is one thread's, so the result does not depend on how.
pub(crate) fn share_rows(
    compute: &Compute,
    x: &mut [f32],
    row_len: usize,
    work: impl Fn(Range<usize>, &mut [f32]) + Sync,
) {
    /// Numbers per thread below which waking it costs more than it saves.
    const SHARE_NUMBERS_MIN: usize = 1 << 14;
    let rows = x.len() / row_len;
    let shares = compute.pool.threads().min(x.len() / SHARE_NUMBERS_MIN).min(rows);
    if shares < 2 {
        return work(0..rows, x);
    }
    let share_rows = rows.div_ceil(shares);
    let shares = x.chunks_mut(share_rows * row_len).map(Mutex::new);
    let shares: Vec<Mutex<&mut [f32]>> = shares.collect();
    compute.pool.run(&|thread| {
        if let Some(share) = shares.get(thread) {
            let mut x = share.lock().expect("no other thread takes this share");
            let first = thread * share_rows;
            work(first..first + x.len() / row_len, &mut x);
        }
    });
}

/// The first `len` numbers of a scratch buffer, which grows when it is too small and never shrinks.
pub(crate) fn sized(buffer: &mut Vec<f32>, len: usize) -> &mut [f32] {
    if buffer.len() < len {
        buffer.resize(len, 0.0);
    }
    &mut buffer[..len]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_worked_on_once_under_its_own_number() {
        for (threads, rows, row_len) in [(1, 5, 7), (3, 5, 7), (3, 50, 1000), (2, 1, 100_000)] {
            let compute = Compute::new(Kernels::scalar(), threads);
            let mut x = vec![1.0; rows * row_len];
            share_rows(&compute, &mut x, row_len, |range, x| {
                assert_eq!(x.len(), range.len() * row_len);
                for (row, x) in range.zip(x.chunks_exact_mut(row_len)) {
                    x.iter_mut().for_each(|number| *number += row as f32);
                }
            });
            for (row, x) in x.chunks_exact(row_len).enumerate() {
                assert!(x.iter().all(|&number| number == 1.0 + row as f32), "row {row}");
            }
        }
    }
}
