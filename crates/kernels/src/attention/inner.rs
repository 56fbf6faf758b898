//! The inner loops of attention, and their plain definition.

#[cfg(target_arch = "x86_64")]
use crate::isa::Isa;
use crate::isa::{Kernels, per_isa};
use crate::scalar::float::dot;

/// Keys or values of consecutive positions of one key-value head.
#[derive(Clone, Copy)]
pub(super) struct Tile<'a> {
    /// Row `t` starts at `t * stride`.
    pub(super) numbers: &'a [f32],
    /// Numbers between the starts of two rows.
    pub(super) stride: usize,
    /// Number of rows.
    pub(super) count: usize,
}

impl<'a> Tile<'a> {
    /// Row `t`, `dim` numbers.
    #[inline(always)]
    fn row(&self, t: usize, dim: usize) -> &'a [f32] {
        &self.numbers[t * self.stride..][..dim]
    }

    /// Rows `first..first + count`.
    pub(super) fn part(&self, first: usize, count: usize) -> Tile<'a> {
        Tile { numbers: &self.numbers[first * self.stride..], stride: self.stride, count }
    }

    /// Panics unless all rows of `dim` numbers lie within `numbers`.
    pub(super) fn assert_holds(&self, dim: usize) {
        assert!(dim <= self.stride, "rows of a tile do not overlap");
        let last = self.count.saturating_sub(1) * self.stride + dim;
        assert!(last <= self.numbers.len(), "a tile holds its rows");
    }
}

/// Fills `out[pair * out_stride + t]` with `dot(q[pair], tile[t])`; `q` is (pairs, dim).
type Scores = fn(dim: usize, q: &[f32], tile: Tile<'_>, out: &mut [f32], out_stride: usize);

/// `out[pair][d] = fma(weights[pair * stride + t], tile[t][d], out[pair][d])`, `t` ascending.
type Accumulate = fn(dim: usize, weights: &[f32], stride: usize, tile: Tile<'_>, out: &mut [f32]);

/// The inner loops of an instruction set.
#[derive(Clone, Copy)]
pub(super) struct Inner {
    pub(super) scores: Scores,
    pub(super) accumulate: Accumulate,
}

impl Inner {
    /// The loops for the set that `kernels` stands for.
    pub(super) fn of(kernels: &Kernels) -> Inner {
        match kernels.isa() {
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512 => super::avx512::inner(kernels),
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 => super::avx2::inner(kernels),
            _ => Inner { scores, accumulate },
        }
    }
}

fn scores(dim: usize, q: &[f32], tile: Tile<'_>, out: &mut [f32], out_stride: usize) {
    per_isa!(
        &Kernels::scalar(),
        scores_body,
        (dim: usize, q: &[f32], tile: Tile<'_>, out: &mut [f32], out_stride: usize)
    );
}

fn accumulate(dim: usize, weights: &[f32], stride: usize, tile: Tile<'_>, out: &mut [f32]) {
    per_isa!(
        &Kernels::scalar(),
        accumulate_body,
        (dim: usize, weights: &[f32], stride: usize, tile: Tile<'_>, out: &mut [f32])
    );
}

#[inline(always)]
fn scores_body(dim: usize, q: &[f32], tile: Tile<'_>, out: &mut [f32], out_stride: usize) {
    for (pair, q) in q.chunks_exact(dim).enumerate() {
        for t in 0..tile.count {
            out[pair * out_stride + t] = dot(q, tile.row(t, dim));
        }
    }
}

#[inline(always)]
fn accumulate_body(dim: usize, weights: &[f32], stride: usize, tile: Tile<'_>, out: &mut [f32]) {
    for (pair, out) in out.chunks_exact_mut(dim).enumerate() {
        for t in 0..tile.count {
            let weight = weights[pair * stride + t];
            for (out, value) in out.iter_mut().zip(tile.row(t, dim)) {
                *out = weight.mul_add(*value, *out);
            }
        }
    }
}
