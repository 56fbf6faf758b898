//! One unit of attention: some rows of a segment, the query heads of one key-value head.

use super::inner::{Inner, Tile};
use super::{AttentionSegment, AttentionShape, KvBlocks};
use crate::isa::{Kernels, per_isa};
use crate::ops::exp::tanh;
use crate::ops::softmax::exponentials;
use crate::quant::half::widen_f16_rows;
use crate::scalar::float::LANES;
use std::cell::RefCell;
use std::marker::PhantomData;
use std::ops::Range;

/// What one thread computes in one go.
pub(super) struct Unit {
    /// Index of the segment.
    pub(super) segment: usize,
    /// Rows, counted from the segment's first.
    pub(super) rows: Range<usize>,
    pub(super) kv_head: usize,
    /// Query heads that read `kv_head`.
    pub(super) heads: Range<usize>,
}

/// The output of shape (rows, head_count, head_dim), written by several threads at once.
pub(super) struct OutHeads<'a> {
    start: *mut f32,
    len: usize,
    borrow: PhantomData<&'a mut [f32]>,
}

// SAFETY: no two units have a (row, head) in common, and a unit writes only its own.
unsafe impl Sync for OutHeads<'_> {}

impl<'a> OutHeads<'a> {
    pub(super) fn new(out: &'a mut [f32]) -> Self {
        OutHeads { start: out.as_mut_ptr(), len: out.len(), borrow: PhantomData }
    }

    /// Writes `values` at `index`, a place that belongs to the calling unit alone.
    fn write(&self, index: usize, values: &[f32]) {
        assert!(index + values.len() <= self.len, "the head lies within the output");
        // SAFETY: in bounds, as just checked; nobody else reads or writes this place meanwhile.
        unsafe { self.start.add(index).copy_from_nonoverlapping(values.as_ptr(), values.len()) }
    }
}

/// Memory of one thread, kept from unit to unit. A pair is a (row, head), rows first.
#[derive(Default)]
struct Scratch {
    /// (pairs, head_dim)
    q: Vec<f32>,
    /// (pairs, span): scores, then their exponentials.
    scores: Vec<f32>,
    /// (pairs): sums of the exponentials.
    sums: Vec<f32>,
    /// (pairs, head_dim)
    out: Vec<f32>,
    /// (positions, head_dim): one head of one block of f16, widened.
    wide: Vec<f32>,
}

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

impl Unit {
    /// Computes the unit's (row, head) pairs and writes them to `out`.
    pub(super) fn compute(
        &self,
        kernels: &Kernels,
        shape: &AttentionShape,
        segment: &AttentionSegment<'_>,
        q: &[f32],
        out: &OutHeads<'_>,
    ) {
        let job = Job { unit: self, kernels, inner: Inner::of(kernels), shape, segment };
        SCRATCH.with_borrow_mut(|scratch| {
            job.gather(q, scratch);
            job.score(scratch);
            job.weigh(scratch);
            job.accumulate(scratch);
            job.scatter(scratch, out);
        });
    }
}

/// A unit and what belongs to it.
struct Job<'a, 'b> {
    unit: &'a Unit,
    kernels: &'a Kernels,
    inner: Inner,
    shape: &'a AttentionShape,
    segment: &'a AttentionSegment<'b>,
}

impl Job<'_, '_> {
    /// Positions that row `row` of the segment sees.
    fn visible(&self, row: usize) -> Range<usize> {
        let position = self.segment.first_position + row;
        let end = if self.shape.causal {
            position + 1
        } else {
            self.segment.first_position + self.segment.rows.len()
        };
        let window = self.shape.window.unwrap_or(usize::MAX).max(1);
        (position + 1).saturating_sub(window)..end
    }

    /// Positions that any row of the unit sees.
    fn visible_to_any(&self) -> Range<usize> {
        let rows = &self.unit.rows;
        self.visible(rows.start).start..self.visible(rows.end - 1).end
    }

    /// The position of the first column of the scores: a multiple of 16, so that a column's lane
    /// is its position's lane.
    fn first_column(&self) -> usize {
        self.visible_to_any().start / LANES * LANES
    }

    fn span(&self) -> usize {
        self.visible_to_any().end - self.first_column()
    }

    /// Index in q and out of each pair's head.
    fn heads(&self) -> impl Iterator<Item = usize> {
        let (shape, first) = (self.shape, self.segment.rows.start);
        self.unit.rows.clone().flat_map(move |row| {
            let heads = self.unit.heads.clone();
            heads.map(move |head| ((first + row) * shape.head_count + head) * shape.head_dim)
        })
    }

    fn gather(&self, q: &[f32], scratch: &mut Scratch) {
        scratch.q.clear();
        for start in self.heads() {
            scratch.q.extend_from_slice(&q[start..start + self.shape.head_dim]);
        }
    }

    /// Scores of all pairs at all positions that any of them sees.
    fn score(&self, scratch: &mut Scratch) {
        let (dim, span, first) = (self.shape.head_dim, self.span(), self.first_column());
        let Scratch { q, scores, wide, .. } = scratch;
        let count = q.len() / dim * span;
        if scores.len() < count {
            scores.resize(count, 0.0);
        }
        self.for_each_tile(&self.segment.keys, wide, |position, tile| {
            (self.inner.scores)(dim, q, tile, &mut scores[position - first..count], span);
        });
    }

    /// Exponentials of the scores that each pair sees, and their sums.
    fn weigh(&self, scratch: &mut Scratch) {
        let (span, first, kernels) = (self.span(), self.first_column(), self.kernels);
        scratch.sums.clear();
        let mut rows = scratch.scores.chunks_exact_mut(span);
        for row in self.unit.rows.clone() {
            let visible = self.visible(row);
            let start = visible.start / LANES * LANES;
            let hidden = visible.start - start;
            for scores in rows.by_ref().take(self.unit.heads.len()) {
                let scores = &mut scores[start - first..visible.end - first];
                let (scale, cap) = (self.shape.scale, self.shape.soft_cap);
                let mut sum = 0.0;
                let out = &mut sum;
                per_isa!(
                    kernels,
                    weigh_body,
                    (scores: &mut [f32], hidden: usize, scale: f32, cap: Option<f32>,
                     out: &mut f32)
                );
                scratch.sums.push(sum);
            }
        }
    }

    /// Sums of the values, weighted.
    fn accumulate(&self, scratch: &mut Scratch) {
        let (dim, span, first) = (self.shape.head_dim, self.span(), self.first_column());
        let Scratch { scores, out, wide, q, .. } = scratch;
        out.clear();
        out.resize(q.len(), 0.0);
        let heads = self.unit.heads.len();
        self.for_each_tile(&self.segment.values, wide, |position, tile| {
            let seen = |row: usize| {
                let visible = self.visible(self.unit.rows.start + row);
                visible.start.max(position)..visible.end.min(position + tile.count)
            };
            // Consecutive rows that see the same part of the tile are done together.
            let mut row = 0;
            while row < self.unit.rows.len() {
                let seen_here = seen(row);
                let same = (row + 1..self.unit.rows.len()).take_while(|&r| seen(r) == seen_here);
                let next = row + 1 + same.count();
                if !seen_here.is_empty() {
                    let weights = &scores[row * heads * span + seen_here.start - first..];
                    let part = tile.part(seen_here.start - position, seen_here.len());
                    let out = &mut out[row * heads * dim..next * heads * dim];
                    (self.inner.accumulate)(dim, weights, span, part, out);
                }
                row = next;
            }
        });
    }

    fn scatter(&self, scratch: &mut Scratch, out: &OutHeads<'_>) {
        let dim = self.shape.head_dim;
        let pairs = scratch.out.chunks_exact_mut(dim).zip(&scratch.sums).zip(self.heads());
        for ((values, sum), start) in pairs {
            values.iter_mut().for_each(|value| *value /= sum);
            out.write(start, values);
        }
    }

    /// Calls `visit` with the first position and the rows of the unit's head, for every block that
    /// a row of the unit sees, ascending.
    fn for_each_tile(
        &self,
        side: &KvBlocks<'_>,
        wide: &mut Vec<f32>,
        mut visit: impl FnMut(usize, Tile<'_>),
    ) {
        let (dim, block_tokens) = (self.shape.head_dim, self.shape.block_tokens);
        let stride = self.shape.kv_head_count * dim;
        let visible = self.visible_to_any();
        let mut position = visible.start;
        while position < visible.end {
            let (block, offset) = (position / block_tokens, position % block_tokens);
            let count = (block_tokens - offset).min(visible.end - position);
            let start = offset * stride + self.unit.kv_head * dim;
            match side {
                KvBlocks::F32(blocks) => {
                    let numbers = &blocks[block][start..];
                    visit(position, Tile { numbers, stride, count });
                }
                KvBlocks::F16(blocks) => {
                    wide.resize(count * dim, 0.0);
                    widen_f16_rows(self.kernels, &blocks[block][start..], stride, dim, wide);
                    visit(position, Tile { numbers: wide, stride: dim, count });
                }
            }
            position += count;
        }
    }
}

/// Scales the scores, blots out the first `hidden`, and replaces them by `e^(score - max)`.
#[inline(always)]
fn weigh_body(scores: &mut [f32], hidden: usize, scale: f32, cap: Option<f32>, sum: &mut f32) {
    match cap {
        None => scores.iter_mut().for_each(|score| *score *= scale),
        Some(cap) => {
            scores.iter_mut().for_each(|score| *score = cap * tanh(*score * scale / cap));
        }
    }
    // Their exponentials are +0, which changes no sum.
    scores[..hidden].fill(f32::NEG_INFINITY);
    *sum = exponentials(scores);
}
