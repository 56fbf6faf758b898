//! The inner loops of attention with AVX-512: one register is the 16 lanes of one sum.
//!
//! Scores: 16 (query, key) products at a time, as 4 x 4, 2 x 8 or 1 x 16, each with its 16 partial
//! sums in a register. Then the trees of all 16 are added up together: every step halves the number
//! of registers instead of the use made of each.
//! Values: 4 queries x 64 numbers at a time stay in registers over all positions of a tile.

use super::inner::{Inner, Tile};
use crate::isa::{Isa, Kernels};
use std::arch::x86_64::*;

/// The loops, for which `kernels` is the proof that this machine runs them.
pub(super) fn inner(kernels: &Kernels) -> Inner {
    assert_eq!(kernels.isa(), Isa::Avx512, "only AVX-512 kernels stand for AVX-512");
    Inner {
        // SAFETY: these pointers exist only where a `Kernels` of this set was made, on a
        // processor that has the instructions.
        scores: |dim, q, tile, out, stride| unsafe { scores(dim, q, tile, out, stride) },
        // SAFETY: as above.
        accumulate: |dim, w, stride, tile, out| unsafe { accumulate(dim, w, stride, tile, out) },
    }
}

/// The lanes of a register that hold numbers `first..` of a row of `dim`.
#[inline(always)]
fn mask(dim: usize, first: usize) -> __mmask16 {
    let left = dim.saturating_sub(first).min(16);
    ((1u32 << left) - 1) as __mmask16
}

#[target_feature(enable = "avx512f")]
fn scores(dim: usize, q: &[f32], tile: Tile<'_>, out: &mut [f32], out_stride: usize) {
    let pairs = q.len() / dim;
    tile.assert_holds(dim);
    if pairs == 0 || tile.count == 0 {
        return;
    }
    assert!((pairs - 1) * out_stride + tile.count <= out.len(), "the scores have room");
    let mut pair = 0;
    while pair < pairs {
        let pairs = (pairs - pair).min(4);
        let at = At { dim, q: &q[pair * dim..][..pairs * dim], pairs, tile, out_stride };
        let out = &mut out[pair * out_stride..];
        match pairs {
            1 => at.rows::<1, 16>(out),
            2 => at.rows::<2, 8>(out),
            _ => at.rows::<4, 4>(out),
        }
        pair += pairs;
    }
}

/// A place in the scores.
#[derive(Clone, Copy)]
struct At<'a> {
    dim: usize,
    /// (pairs, dim)
    q: &'a [f32],
    /// At most P; for a missing query the last one stands in.
    pairs: usize,
    tile: Tile<'a>,
    out_stride: usize,
}

impl At<'_> {
    /// Scores of the queries with all keys, T at a time; P * T is 16.
    #[inline]
    #[target_feature(enable = "avx512f")]
    fn rows<const P: usize, const T: usize>(self, out: &mut [f32]) {
        let mut t = 0;
        while t < self.tile.count {
            // The last keys may be fewer than T: then the last one stands in for the missing.
            let count = T.min(self.tile.count - t);
            let sums = self.sixteen::<P, T>(t, count);
            for pair in 0..self.pairs {
                let from = &sums[pair * T..][..count];
                out[pair * self.out_stride + t..][..count].copy_from_slice(from);
            }
            t += count;
        }
    }

    /// The products of P queries and keys `t..t + count` (at most T), at `pair * T + key`.
    #[inline]
    #[target_feature(enable = "avx512f")]
    fn sixteen<const P: usize, const T: usize>(&self, t: usize, count: usize) -> [f32; 16] {
        const { assert!(P * T == 16) };
        debug_assert!((1..=P).contains(&self.pairs) && self.q.len() == self.pairs * self.dim);
        debug_assert!(count > 0 && t + count <= self.tile.count);
        let mut acc = [_mm512_setzero_ps(); 16];
        let starts: [usize; T] = std::array::from_fn(|r| (t + r.min(count - 1)) * self.tile.stride);
        for first in (0..self.dim).step_by(16) {
            let mask = mask(self.dim, first);
            // SAFETY: key rows have `dim` numbers (`assert_holds` in `scores`), and the mask ends
            // there.
            let keys: [__m512; T] = starts.map(|start| unsafe {
                _mm512_maskz_loadu_ps(mask, self.tile.numbers.as_ptr().add(start + first))
            });
            for pair in 0..P {
                let start = pair.min(self.pairs - 1) * self.dim;
                // SAFETY: queries have `dim` numbers, and the mask ends there.
                let query =
                    unsafe { _mm512_maskz_loadu_ps(mask, self.q.as_ptr().add(start + first)) };
                for (r, key) in keys.iter().enumerate() {
                    let acc = &mut acc[pair * T + r];
                    *acc = _mm512_mask3_fmadd_ps(query, *key, *acc, mask);
                }
            }
        }
        let mut sums = [0.0f32; 16];
        // SAFETY: `sums` has 16 numbers.
        unsafe { _mm512_storeu_ps(sums.as_mut_ptr(), trees(acc)) };
        sums
    }
}

/// Sum `i` of the result is the tree over the lanes of `acc[i]`.
///
/// A step adds the upper half of each sum's lanes to the lower, for two registers at once: from one
/// register per sum, over two and four sums in a register, to all sixteen in one.
#[inline]
#[target_feature(enable = "avx512f")]
fn trees(acc: [__m512; 16]) -> __m512 {
    // h = 8, 4: afterwards quarter l of register p is sum 4 l + p, as four partial sums.
    let quarters: [__m512; 4] = std::array::from_fn(|p| {
        let halves = |a: __m512, b: __m512| {
            let low = _mm512_shuffle_f32x4::<0x44>(a, b);
            _mm512_add_ps(low, _mm512_shuffle_f32x4::<0xee>(a, b))
        };
        let (a, b) = (halves(acc[p], acc[p + 4]), halves(acc[p + 8], acc[p + 12]));
        let low = _mm512_shuffle_f32x4::<0x88>(a, b);
        _mm512_add_ps(low, _mm512_shuffle_f32x4::<0xdd>(a, b))
    });
    // h = 2: two partial sums of one register beside two of the next.
    let pairs = |a: __m512, b: __m512| {
        let low = _mm512_shuffle_ps::<0x44>(a, b);
        _mm512_add_ps(low, _mm512_shuffle_ps::<0xee>(a, b))
    };
    let (a, b) = (pairs(quarters[0], quarters[1]), pairs(quarters[2], quarters[3]));
    // h = 1.
    let low = _mm512_shuffle_ps::<0x88>(a, b);
    _mm512_add_ps(low, _mm512_shuffle_ps::<0xdd>(a, b))
}

#[target_feature(enable = "avx512f")]
fn accumulate(dim: usize, weights: &[f32], stride: usize, tile: Tile<'_>, out: &mut [f32]) {
    let pairs = out.len() / dim;
    tile.assert_holds(dim);
    if pairs == 0 || tile.count == 0 {
        return;
    }
    assert!((pairs - 1) * stride + tile.count <= weights.len(), "every pair has its weights");
    let mut pair = 0;
    while pair < pairs {
        let weights = &weights[pair * stride..];
        let out = &mut out[pair * dim..];
        pair += match pairs - pair {
            1 => values::<1>(dim, weights, stride, tile, out),
            2 => values::<2>(dim, weights, stride, tile, out),
            3 => values::<3>(dim, weights, stride, tile, out),
            _ => values::<4>(dim, weights, stride, tile, out),
        };
    }
}

/// Adds all values of the tile to P rows of `out`. Returns P.
#[inline]
#[target_feature(enable = "avx512f")]
fn values<const P: usize>(
    dim: usize,
    weights: &[f32],
    stride: usize,
    tile: Tile<'_>,
    out: &mut [f32],
) -> usize {
    let mut first = 0;
    while first < dim {
        first += match (dim - first).div_ceil(16) {
            1 => columns::<P, 1>(dim, first, weights, stride, tile, out),
            2 => columns::<P, 2>(dim, first, weights, stride, tile, out),
            3 => columns::<P, 3>(dim, first, weights, stride, tile, out),
            _ => columns::<P, 4>(dim, first, weights, stride, tile, out),
        };
    }
    P
}

/// Adds numbers `first..first + 16 * C` of the tile's values. Returns `16 * C`.
#[inline]
#[target_feature(enable = "avx512f")]
fn columns<const P: usize, const C: usize>(
    dim: usize,
    first: usize,
    weights: &[f32],
    stride: usize,
    tile: Tile<'_>,
    out: &mut [f32],
) -> usize {
    debug_assert!(out.len() >= P * dim && weights.len() >= (P - 1) * stride + tile.count);
    let masks: [__mmask16; C] = std::array::from_fn(|c| mask(dim, first + 16 * c));
    let mut acc = [[_mm512_setzero_ps(); C]; P];
    for (pair, acc) in acc.iter_mut().enumerate() {
        for (c, acc) in acc.iter_mut().enumerate() {
            // SAFETY: row `pair` of `out` has `dim` numbers, and the mask ends there.
            *acc = unsafe {
                _mm512_maskz_loadu_ps(masks[c], out.as_ptr().add(pair * dim + first + 16 * c))
            };
        }
    }
    for t in 0..tile.count {
        // SAFETY: row `t` of the tile has `dim` numbers (`assert_holds` in `accumulate`), and the
        // mask ends there.
        let values: [__m512; C] = std::array::from_fn(|c| unsafe {
            let from = tile.numbers.as_ptr().add(t * tile.stride + first + 16 * c);
            _mm512_maskz_loadu_ps(masks[c], from)
        });
        for (pair, acc) in acc.iter_mut().enumerate() {
            // SAFETY: every pair has a weight per row (asserted in `accumulate`).
            let weight = _mm512_set1_ps(unsafe { *weights.get_unchecked(pair * stride + t) });
            for (acc, value) in acc.iter_mut().zip(&values) {
                *acc = _mm512_fmadd_ps(weight, *value, *acc);
            }
        }
    }
    for (pair, acc) in acc.iter().enumerate() {
        for (c, acc) in acc.iter().enumerate() {
            // SAFETY: as for the loads.
            unsafe {
                let to = out.as_mut_ptr().add(pair * dim + first + 16 * c);
                _mm512_mask_storeu_ps(to, masks[c], *acc);
            }
        }
    }
    16 * C
}
