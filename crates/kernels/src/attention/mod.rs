//! Attention of query rows over keys and values that lie in blocks.
//!
//! For one query row at absolute position `pos` and one query head, over the positions `t` that it
//! sees (`t <= pos` if causal, `pos - t < window` if windowed), in f32:
//! ```text
//! score[t] = dot(q, k[t]) * scale                   dot by the 16-lane rule of `scalar`
//! score[t] = cap * tanh(score[t] / cap)             with a soft cap only
//! p[t]     = e^(score[t] - max of scores)
//! sum      = sum of p[t]                            16 lanes over t % 16, then the tree
//! out[d]   = (fma chain over t ascending, from +0: fma(p[t], v[t][d], acc)) / sum
//! ```
//! That is all that a result depends on. How positions are cut into blocks, how rows are batched,
//! and which thread does what has no influence on any bit.
//!
//! Why it is fast:
//! 1. A unit of work is several query rows times the query heads that share a key-value head, so a
//!    key is read once for up to 16 scores.
//! 2. The inner loops (`inner`) keep 16 sums in registers, and add up 16 scores' lanes at once.
//! 3. Units are handed out one by one, the long rows first, so that threads end together.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod inner;
mod unit;

use crate::isa::Kernels;
use crate::threads::ThreadPool;
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use unit::{OutHeads, Unit};

/// Most (row, head) pairs of a unit: this many score rows of the context's length per thread.
const UNIT_PAIRS_MAX: usize = 16;

/// What is the same for all rows of a layer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AttentionShape {
    /// Query heads; a multiple of `kv_head_count`.
    pub head_count: usize,
    /// Key-value heads; query head `h` reads key-value head `h / (head_count / kv_head_count)`.
    pub kv_head_count: usize,
    /// Numbers per head.
    pub head_dim: usize,
    /// Positions per block of keys and values.
    pub block_tokens: usize,
    /// What scores are multiplied by; usually `1 / sqrt(head_dim)`.
    pub scale: f32,
    /// Whether a row sees only itself and what lies before. If not, the rows of a segment also see
    /// each other ahead.
    pub causal: bool,
    /// A row at `pos` sees no position `t` with `pos - t >= window`. At least 1.
    pub window: Option<usize>,
    /// Scores are kept within `-cap..cap`.
    pub soft_cap: Option<f32>,
}

/// The keys, or the values, of one layer and one sequence: its blocks in order of position, each of
/// shape (block_tokens, kv_head_count, head_dim). What lies behind the last position is not read.
#[derive(Clone, Debug)]
pub enum KvBlocks<'a> {
    /// Numbers as they are.
    F32(Vec<&'a [f32]>),
    /// f16 bits.
    F16(Vec<&'a [u16]>),
}

/// Consecutive rows of one sequence.
#[derive(Clone, Debug)]
pub struct AttentionSegment<'a> {
    /// Which rows of `q` and `out`.
    pub rows: Range<usize>,
    /// Absolute position of the first of them.
    pub first_position: usize,
    /// Keys of positions `0..first_position + rows.len()`, those of the rows included.
    pub keys: KvBlocks<'a>,
    /// Values of the same positions.
    pub values: KvBlocks<'a>,
}

/// Attention of all segments in one parallel call.
///
/// `q` and `out` have shape (rows, head_count, head_dim). Rows that belong to no segment are left
/// as they are. Each thread keeps scratch memory of up to 16 * 4 bytes per visible position.
///
/// # Panics
/// When lengths do not fit the shape, segments overlap or are not in order, or a segment has fewer
/// blocks than its positions need.
pub fn attention(
    kernels: &Kernels,
    pool: &ThreadPool,
    shape: &AttentionShape,
    segments: &[AttentionSegment<'_>],
    q: &[f32],
    out: &mut [f32],
) {
    assert_fit(shape, segments, q, out);
    let plan = Plan::new(shape, segments, pool.threads());
    let out = OutHeads::new(out);
    let next = AtomicUsize::new(0);
    pool.run(&|_| {
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            if index >= plan.unit_count {
                return;
            }
            let unit = plan.unit(segments, plan.unit_count - 1 - index);
            unit.compute(kernels, shape, &segments[unit.segment], q, &out);
        }
    });
}

/// How the work is cut into units: (row chunk, key-value head, head chunk), over all segments.
struct Plan {
    /// Rows of a unit.
    rows: usize,
    /// Query heads of a unit.
    heads: usize,
    /// Query heads per key-value head.
    group: usize,
    /// Units of one row chunk.
    units_per_chunk: usize,
    unit_count: usize,
}

impl Plan {
    /// Units as large as possible, but enough of them to keep the threads equally busy.
    fn new(shape: &AttentionShape, segments: &[AttentionSegment<'_>], threads: usize) -> Plan {
        let group = shape.head_count / shape.kv_head_count;
        let mut heads = group.min(UNIT_PAIRS_MAX);
        let mut rows = UNIT_PAIRS_MAX / heads;
        loop {
            let units_per_chunk = shape.kv_head_count * group.div_ceil(heads);
            let chunks: usize =
                segments.iter().map(|segment| segment.rows.len().div_ceil(rows)).sum();
            let unit_count = chunks * units_per_chunk;
            let balanced = unit_count.is_multiple_of(threads) || unit_count >= 4 * threads;
            if balanced || (rows == 1 && heads == 1) {
                return Plan { rows, heads, group, units_per_chunk, unit_count };
            }
            if rows > 1 {
                rows /= 2;
            } else {
                heads = heads.div_ceil(2);
            }
        }
    }

    /// The unit of that number; row chunks ascending.
    fn unit(&self, segments: &[AttentionSegment<'_>], number: usize) -> Unit {
        let mut chunk = number / self.units_per_chunk;
        let mut segment = 0;
        loop {
            let chunks = segments[segment].rows.len().div_ceil(self.rows);
            if chunk < chunks {
                break;
            }
            chunk -= chunks;
            segment += 1;
        }
        let first_row = chunk * self.rows;
        let head_chunks = self.group.div_ceil(self.heads);
        let rest = number % self.units_per_chunk;
        let (kv_head, head_chunk) = (rest / head_chunks, rest % head_chunks);
        let first_head = kv_head * self.group + head_chunk * self.heads;
        let last_head = (first_head + self.heads).min((kv_head + 1) * self.group);
        Unit {
            segment,
            rows: first_row..(first_row + self.rows).min(segments[segment].rows.len()),
            kv_head,
            heads: first_head..last_head,
        }
    }
}

/// The checks on which the unsafe code of `unit` and the inner loops rests.
///
/// Products saturate: no slice is as long as the largest number, so what overflows does not fit.
fn assert_fit(
    shape: &AttentionShape,
    segments: &[AttentionSegment<'_>],
    q: &[f32],
    out: &mut [f32],
) {
    let row = shape.head_count.saturating_mul(shape.head_dim);
    assert!(row > 0 && shape.kv_head_count > 0 && shape.block_tokens > 0, "no size may be zero");
    assert!(
        shape.head_count.is_multiple_of(shape.kv_head_count),
        "heads share keys in equal groups"
    );
    assert!(q.len().is_multiple_of(row), "queries must be whole rows");
    assert_eq!(q.len(), out.len(), "queries and output must be equally long");
    let mut covered = 0;
    for segment in segments {
        let rows = &segment.rows;
        assert!(covered <= rows.start && rows.start <= rows.end, "segments must be in order");
        covered = rows.end;
        let positions = segment.first_position.saturating_add(rows.len());
        let blocks = positions.div_ceil(shape.block_tokens);
        let kv_row = shape.kv_head_count.saturating_mul(shape.head_dim);
        let block = shape.block_tokens.saturating_mul(kv_row);
        for side in [&segment.keys, &segment.values] {
            assert!(
                side.holds(blocks, block),
                "a segment needs {blocks} blocks of {block} numbers"
            );
        }
    }
    assert!(covered <= q.len() / row, "segments must lie within the rows");
}

impl KvBlocks<'_> {
    /// Whether there are `count` blocks, each of `numbers` numbers.
    fn holds(&self, count: usize, numbers: usize) -> bool {
        match self {
            KvBlocks::F32(blocks) => {
                blocks.len() >= count && blocks[..count].iter().all(|block| block.len() == numbers)
            }
            KvBlocks::F16(blocks) => {
                blocks.len() >= count && blocks[..count].iter().all(|block| block.len() == numbers)
            }
        }
    }
}
