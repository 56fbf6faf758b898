//! The inner loops of attention with AVX2: two registers are the 16 lanes of one sum.
//!
//! As in `avx512`, with half as many numbers in a register and half as many registers: 4 products
//! at a time, as 2 x 2 or 1 x 4; and 4 queries x 16 numbers of the values.

use super::inner::{Inner, Tile};
use crate::isa::{Isa, Kernels};
use std::arch::x86_64::*;

/// The loops, for which `kernels` is the proof that this machine runs them.
pub(super) fn inner(kernels: &Kernels) -> Inner {
    assert_eq!(kernels.isa(), Isa::Avx2, "only AVX2 kernels stand for AVX2");
    Inner {
        // SAFETY: these pointers exist only where a `Kernels` of this set was made, on a
        // processor that has the instructions.
        scores: |dim, q, tile, out, stride| unsafe { scores(dim, q, tile, out, stride) },
        // SAFETY: as above.
        accumulate: |dim, w, stride, tile, out| unsafe { accumulate(dim, w, stride, tile, out) },
    }
}

/// All bits set in the lanes that hold numbers `first..` of a row of `dim`.
#[inline]
#[target_feature(enable = "avx2")]
fn mask(dim: usize, first: usize) -> __m256i {
    let left = dim.saturating_sub(first).min(8) as i32;
    _mm256_cmpgt_epi32(_mm256_set1_epi32(left), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7))
}

#[target_feature(enable = "avx2,fma")]
fn scores(dim: usize, q: &[f32], tile: Tile<'_>, out: &mut [f32], out_stride: usize) {
    let pairs = q.len() / dim;
    tile.assert_holds(dim);
    if pairs == 0 || tile.count == 0 {
        return;
    }
    assert!((pairs - 1) * out_stride + tile.count <= out.len(), "the scores have room");
    let mut pair = 0;
    while pair < pairs {
        let at = At { dim, q: &q[pair * dim..], tile, out_stride };
        let out = &mut out[pair * out_stride..];
        pair += match pairs - pair {
            1 => at.rows::<1, 4>(out),
            _ => at.rows::<2, 2>(out),
        };
    }
}

/// A place in the scores.
#[derive(Clone, Copy)]
struct At<'a> {
    dim: usize,
    /// (at least P, dim)
    q: &'a [f32],
    tile: Tile<'a>,
    out_stride: usize,
}

impl At<'_> {
    /// Scores of P queries with all keys, T at a time; P * T is 4. Returns P.
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    fn rows<const P: usize, const T: usize>(self, out: &mut [f32]) -> usize {
        let mut t = 0;
        while t < self.tile.count {
            // The last keys may be fewer than T: then the last one stands in for the missing.
            let count = T.min(self.tile.count - t);
            let sums = self.four::<P, T>(t, count);
            for pair in 0..P {
                let from = &sums[pair * T..][..count];
                out[pair * self.out_stride + t..][..count].copy_from_slice(from);
            }
            t += count;
        }
        P
    }

    /// The products of P queries and keys `t..t + count` (at most T), at `pair * T + key`.
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    fn four<const P: usize, const T: usize>(&self, t: usize, count: usize) -> [f32; 4] {
        const { assert!(P * T == 4) };
        debug_assert!(self.q.len() >= P * self.dim && t + count <= self.tile.count && count > 0);
        let mut acc = [[_mm256_setzero_ps(); 2]; 4];
        let starts: [usize; T] = std::array::from_fn(|r| (t + r.min(count - 1)) * self.tile.stride);
        let whole = self.dim / 16 * 16;
        for first in (0..whole).step_by(16) {
            for half in 0..2 {
                let at = first + 8 * half;
                // SAFETY: key rows have `dim` numbers (`assert_holds` in `scores`).
                let keys: [__m256; T] = starts.map(|start| unsafe {
                    _mm256_loadu_ps(self.tile.numbers.as_ptr().add(start + at))
                });
                for pair in 0..P {
                    // SAFETY: query `pair` has `dim` numbers.
                    let query =
                        unsafe { _mm256_loadu_ps(self.q.as_ptr().add(pair * self.dim + at)) };
                    for (r, key) in keys.iter().enumerate() {
                        let acc = &mut acc[pair * T + r][half];
                        *acc = _mm256_fmadd_ps(query, *key, *acc);
                    }
                }
            }
        }
        if whole < self.dim {
            self.last_columns::<P, T>(whole, starts, &mut acc);
        }
        trees(acc)
    }

    /// The numbers after the last whole 16 of a row; lanes without a number keep their sum.
    #[target_feature(enable = "avx2,fma")]
    fn last_columns<const P: usize, const T: usize>(
        &self,
        whole: usize,
        starts: [usize; T],
        acc: &mut [[__m256; 2]; 4],
    ) {
        for half in 0..2 {
            let at = (whole + 8 * half).min(self.dim);
            let mask = mask(self.dim, whole + 8 * half);
            for pair in 0..P {
                for r in 0..T {
                    // SAFETY: both rows have `dim` numbers, and the mask ends there.
                    let (query, key) = unsafe {
                        let query = self.q.as_ptr().add(pair * self.dim + at);
                        let key = self.tile.numbers.as_ptr().add(starts[r] + at);
                        (_mm256_maskload_ps(query, mask), _mm256_maskload_ps(key, mask))
                    };
                    let acc = &mut acc[pair * T + r][half];
                    let sum = _mm256_fmadd_ps(query, key, *acc);
                    *acc = _mm256_blendv_ps(*acc, sum, _mm256_castsi256_ps(mask));
                }
            }
        }
    }
}

/// Sum `i` of the result is the tree over the 16 lanes of `acc[i]`.
#[inline]
#[target_feature(enable = "avx2")]
fn trees(acc: [[__m256; 2]; 4]) -> [f32; 4] {
    // h = 8: the two registers of a sum.
    let eight = acc.map(|[low, high]| _mm256_add_ps(low, high));
    // h = 4: two sums side by side in the halves of a register.
    let halves = |a: __m256, b: __m256| {
        let low = _mm256_permute2f128_ps::<0x20>(a, b);
        _mm256_add_ps(low, _mm256_permute2f128_ps::<0x31>(a, b))
    };
    let (a, b) = (halves(eight[0], eight[2]), halves(eight[1], eight[3]));
    // h = 2, then 1; the sums end up as 0 1 .. in the lower half and 2 3 .. in the upper.
    let low = _mm256_shuffle_ps::<0x44>(a, b);
    let two = _mm256_add_ps(low, _mm256_shuffle_ps::<0xee>(a, b));
    let low = _mm256_shuffle_ps::<0x88>(two, two);
    let one = _mm256_add_ps(low, _mm256_shuffle_ps::<0xdd>(two, two));
    let sums = _mm_movelh_ps(_mm256_castps256_ps128(one), _mm256_extractf128_ps::<1>(one));
    let mut out = [0.0; 4];
    // SAFETY: `out` has four numbers.
    unsafe { _mm_storeu_ps(out.as_mut_ptr(), sums) };
    out
}

#[target_feature(enable = "avx2,fma")]
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
#[target_feature(enable = "avx2,fma")]
fn values<const P: usize>(
    dim: usize,
    weights: &[f32],
    stride: usize,
    tile: Tile<'_>,
    out: &mut [f32],
) -> usize {
    let mut first = 0;
    while first < dim {
        first += match (dim - first).div_ceil(8) {
            1 => columns::<P, 1>(dim, first, weights, stride, tile, out),
            _ => columns::<P, 2>(dim, first, weights, stride, tile, out),
        };
    }
    P
}

/// Adds numbers `first..first + 8 * C` of the tile's values. Returns `8 * C`.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn columns<const P: usize, const C: usize>(
    dim: usize,
    first: usize,
    weights: &[f32],
    stride: usize,
    tile: Tile<'_>,
    out: &mut [f32],
) -> usize {
    debug_assert!(out.len() >= P * dim && weights.len() >= (P - 1) * stride + tile.count);
    let masks: [__m256i; C] = std::array::from_fn(|c| mask(dim, first + 8 * c));
    let mut acc = [[_mm256_setzero_ps(); C]; P];
    for (pair, acc) in acc.iter_mut().enumerate() {
        for (c, acc) in acc.iter_mut().enumerate() {
            // SAFETY: row `pair` of `out` has `dim` numbers, and the mask ends there.
            *acc = unsafe {
                _mm256_maskload_ps(out.as_ptr().add(pair * dim + first + 8 * c), masks[c])
            };
        }
    }
    for t in 0..tile.count {
        // SAFETY: row `t` of the tile has `dim` numbers (`assert_holds` in `accumulate`), and the
        // mask ends there.
        let values: [__m256; C] = std::array::from_fn(|c| unsafe {
            let from = tile.numbers.as_ptr().add(t * tile.stride + first + 8 * c);
            _mm256_maskload_ps(from, masks[c])
        });
        for (pair, acc) in acc.iter_mut().enumerate() {
            // SAFETY: every pair has a weight per row (asserted in `accumulate`).
            let weight = _mm256_set1_ps(unsafe { *weights.get_unchecked(pair * stride + t) });
            for (acc, value) in acc.iter_mut().zip(&values) {
                *acc = _mm256_fmadd_ps(weight, *value, *acc);
            }
        }
    }
    for (pair, acc) in acc.iter().enumerate() {
        for (c, acc) in acc.iter().enumerate() {
            // SAFETY: as for the loads.
            unsafe {
                let to = out.as_mut_ptr().add(pair * dim + first + 8 * c);
                _mm256_maskstore_ps(to, masks[c], *acc);
            }
        }
    }
    8 * C
}
