//! Few input rows with AVX2: weights from the file's order into sums, eight rows at a time.
//!
//! ```text
//! for each block:
//!     for each of 8 weight rows:
//!         codes = unpack; for each input row r:
//!             partial[r][row] = pairs of |codes| * (activations with the codes' signs), then
//!                               pairs of those, times the integer scales of a superblock
//!     for each r: isum[r] = lane n: all lanes of partial[r][n]
//!     acc[r] = fma(isum[r] as f32, scale * activation_scale[r], acc[r])      and minima likewise
//! ```
//! 1. Lanes are weight rows only from the sum on: nothing is transposed but eight sums per block.
//! 2. Activations are never -128, so |code| * activation fits two to an i16: 2 * 128 * 127.
//! 3. The second step of pairs multiplies by ones, or, for nothing, by integer scales.

use super::rows32::Row32;
use super::rows256::Row256;
use super::sums::{load_sums, store_sums, sum_rows};
use crate::input::{Input, Quantized};
use crate::x86::walk::{Place, TileRows};
use std::arch::x86_64::*;

/// Stores the products of a tile of a format with blocks of 32 values with R input rows.
#[target_feature(enable = "avx2,fma,f16c")]
pub(super) unsafe fn dot_rows_32<F: Row32, const R: usize>(
    rows: TileRows,
    input: &Input,
    blocks: usize,
    place: &Place<'_>,
) {
    let input = &input.block32;
    // SAFETY: the caller's rows have `blocks` blocks, and so has each of R input rows.
    unsafe {
        let mut acc = load_sums::<R>(place);
        for block in 0..blocks {
            prefetch_next(rows, block, F::KIND.block_bytes());
            let mut partial = [[_mm256_setzero_si256(); 8]; R];
            let (mut scales, mut mins) = ([0.0f32; 8], [0.0f32; 8]);
            for row in 0..8 {
                let bytes = rows.start.add(row * rows.stride + block * F::KIND.block_bytes());
                let codes = F::codes(bytes);
                let magnitudes = _mm256_abs_epi8(codes);
                for (r, partial) in partial.iter_mut().enumerate() {
                    let activations = load(input, (r * blocks + block) * 32);
                    let signed = _mm256_sign_epi8(activations, codes);
                    let products = _mm256_maddubs_epi16(magnitudes, signed);
                    partial[row] = _mm256_madd_epi16(products, _mm256_set1_epi16(1));
                }
                scales[row] = F::scale(bytes);
                if F::HAS_MIN {
                    mins[row] = F::min(bytes);
                }
            }
            let scale = _mm256_loadu_ps(scales.as_ptr());
            let min = _mm256_loadu_ps(mins.as_ptr());
            for (r, acc) in acc.iter_mut().enumerate() {
                let index = r * blocks + block;
                let activation_scale = _mm256_set1_ps(*input.scales.get_unchecked(index));
                let isum = _mm256_cvtepi32_ps(sum_rows(partial[r]));
                *acc = _mm256_fmadd_ps(isum, _mm256_mul_ps(scale, activation_scale), *acc);
                if F::HAS_MIN {
                    let sum = _mm256_set1_ps(*input.sums.get_unchecked(index) as f32);
                    *acc = _mm256_fmadd_ps(sum, _mm256_mul_ps(min, activation_scale), *acc);
                }
            }
        }
        store_sums(place, acc);
    }
}

/// Stores the products of a tile of a format with superblocks with R input rows.
#[target_feature(enable = "avx2,fma,f16c")]
pub(super) unsafe fn dot_rows_256<F: Row256, const R: usize>(
    rows: TileRows,
    input: &Input,
    blocks: usize,
    place: &Place<'_>,
) {
    let input = &input.block256;
    // SAFETY: the caller's rows have `blocks` superblocks, and so has each of R input rows.
    unsafe {
        let mut acc = load_sums::<R>(place);
        for block in 0..blocks {
            prefetch_next(rows, block, F::KIND.block_bytes());
            let mut partial = [[_mm256_setzero_si256(); 8]; R];
            let mut minima = [[_mm256_setzero_si256(); 8]; R];
            let (mut scales, mut min_scales) = ([0.0f32; 8], [0.0f32; 8]);
            for row in 0..8 {
                let bytes = rows.start.add(row * rows.stride + block * F::KIND.block_bytes());
                let unpacked = F::unpack(bytes);
                (scales[row], min_scales[row]) = (unpacked.scale, unpacked.min_scale);
                let mins = _mm256_loadu_si256(unpacked.mins.as_ptr().cast());
                for r in 0..R {
                    let index = r * blocks + block;
                    for (chunk, &codes) in unpacked.codes.iter().enumerate() {
                        let activations = load(input, index * 256 + chunk * 32);
                        let signed = _mm256_sign_epi8(activations, codes);
                        let products = _mm256_maddubs_epi16(_mm256_abs_epi8(codes), signed);
                        let scales = _mm256_set_m128i(
                            _mm_set1_epi16(unpacked.scales[2 * chunk + 1]),
                            _mm_set1_epi16(unpacked.scales[2 * chunk]),
                        );
                        let scaled = _mm256_madd_epi16(products, scales);
                        partial[r][row] = _mm256_add_epi32(partial[r][row], scaled);
                    }
                    if F::HAS_MIN {
                        minima[r][row] = _mm256_madd_epi16(mins, sums(input, index * 16));
                    }
                }
            }
            let scale = _mm256_loadu_ps(scales.as_ptr());
            let min_scale = _mm256_loadu_ps(min_scales.as_ptr());
            for (r, acc) in acc.iter_mut().enumerate() {
                let activation_scale =
                    _mm256_set1_ps(*input.scales.get_unchecked(r * blocks + block));
                let isum = _mm256_cvtepi32_ps(sum_rows(partial[r]));
                *acc = _mm256_fmadd_ps(isum, _mm256_mul_ps(scale, activation_scale), *acc);
                if F::HAS_MIN {
                    let msum = _mm256_cvtepi32_ps(sum_rows(minima[r]));
                    *acc = _mm256_fmadd_ps(msum, _mm256_mul_ps(min_scale, activation_scale), *acc);
                }
            }
        }
        store_sums(place, acc);
    }
}

/// 32 activations from `index` on.
#[inline(always)]
unsafe fn load(input: &Quantized, index: usize) -> __m256i {
    // SAFETY: the caller's index is that of a block of 32 codes.
    unsafe { _mm256_loadu_si256(input.codes.as_ptr().add(index).cast()) }
}

/// 16 sums of activations from `index` on, narrowed to i16 (at most 16 * 127 in size).
#[inline(always)]
unsafe fn sums(input: &Quantized, index: usize) -> __m256i {
    // SAFETY: the caller's index is that of a superblock's 16 sums.
    unsafe {
        let sums = input.sums.as_ptr().add(index).cast::<__m256i>();
        let (low, high) = (_mm256_loadu_si256(sums), _mm256_loadu_si256(sums.add(1)));
        _mm256_permute4x64_epi64::<0b11_01_10_00>(_mm256_packs_epi32(low, high))
    }
}

/// Asks for the bytes of block `block` of the tile after this one: one long stream, a tile ahead,
/// instead of eight short ones.
#[inline(always)]
unsafe fn prefetch_next(rows: TileRows, block: usize, block_bytes: usize) {
    let first = rows.start.wrapping_add(8 * (rows.stride + block * block_bytes));
    for line in 0..(8 * block_bytes).div_ceil(64) {
        // SAFETY: a prefetch reads nothing and faults nowhere.
        unsafe { _mm_prefetch::<_MM_HINT_T1>(first.wrapping_add(line * 64).cast()) }
    }
}
