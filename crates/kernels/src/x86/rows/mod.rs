//! Few input rows: weights from the file's order into sums, eight weight rows at a time.
//!
//! ```text
//! for each block:
//!     for each of 8 weight rows:
//!         codes = unpack; for each input row r:
//!             partial[r][row] = sums of four codes * activations                 32 values
//!             partial[r][row] += pairs of (pairs of codes * activations) * scales   superblocks
//!     for each r: isum[r] = lane n: all lanes of partial[r][n], less offset * sum
//!     acc[r] = fma(isum[r] as f32, scale * activation_scale[r], acc[r])      and minima likewise
//! ```
//! 1. Lanes are weight rows only from the sum on: nothing is transposed but eight sums per block,
//!    and of a superblock's 256 values only eight sums.
//! 2. Integer scales cost nothing: they are the factors of a second step of pairs, which would
//!    otherwise multiply by ones.
//! 3. The next tile is prefetched as one long stream, where the rows of this one are eight short
//!    ones, too many for the prefetchers of processors.

pub(super) mod block32;
pub(super) mod superblock;

use super::walk::{Place, TileRows};
use crate::input::{Input, Quantized};
use block32::{Row32, eight_halves};
use std::arch::x86_64::*;
use superblock::Row256;

/// The steps that instruction sets with and without VNNI do differently.
pub(super) trait Steps {
    /// Whether [`Steps::dot`] takes any unsigned code; if not, only codes below 64.
    const TAKES_ANY_CODE: bool;
    /// Sums of four products of unsigned codes and activations.
    unsafe fn dot(codes: __m256i, activations: __m256i) -> __m256i;
    /// `sums` plus sums of two products of i16.
    unsafe fn add_pairs(sums: __m256i, a: __m256i, b: __m256i) -> __m256i;
}

/// AVX2.
pub(super) struct Avx2;

/// AVX-512 with VNNI, at half its width.
pub(super) struct Vnni;

impl Steps for Avx2 {
    const TAKES_ANY_CODE: bool = false;

    #[inline(always)]
    unsafe fn dot(codes: __m256i, activations: __m256i) -> __m256i {
        // SAFETY: register arithmetic.
        unsafe {
            let pairs = _mm256_maddubs_epi16(codes, activations);
            _mm256_madd_epi16(pairs, _mm256_set1_epi16(1))
        }
    }

    #[inline(always)]
    unsafe fn add_pairs(sums: __m256i, a: __m256i, b: __m256i) -> __m256i {
        // SAFETY: register arithmetic.
        unsafe { _mm256_add_epi32(sums, _mm256_madd_epi16(a, b)) }
    }
}

impl Steps for Vnni {
    const TAKES_ANY_CODE: bool = true;

    #[inline(always)]
    unsafe fn dot(codes: __m256i, activations: __m256i) -> __m256i {
        // SAFETY: register arithmetic.
        unsafe { _mm256_dpbusd_epi32(_mm256_setzero_si256(), codes, activations) }
    }

    #[inline(always)]
    unsafe fn add_pairs(sums: __m256i, a: __m256i, b: __m256i) -> __m256i {
        // SAFETY: register arithmetic.
        unsafe { _mm256_dpwssd_epi32(sums, a, b) }
    }
}

/// Stores the products of 8 weight rows with blocks of 32 values with R input rows.
///
/// # Safety
/// The weight rows and each of R input rows have `blocks` blocks; the machine has the steps.
#[inline(always)]
pub(super) unsafe fn dot_32<S: Steps, F: Row32, const R: usize>(
    rows: TileRows,
    input: &Input,
    blocks: usize,
    place: &Place<'_>,
) {
    let input = &input.block32;
    let is_signed = !S::TAKES_ANY_CODE && F::OFFSET == 128;
    // SAFETY: all blocks are the caller's.
    unsafe {
        let mut acc = [_mm256_setzero_ps(); R];
        for block in 0..blocks {
            prefetch_next(rows, block, F::KIND.block_bytes());
            let rows = at(rows, block * F::KIND.block_bytes());
            let mut partial = [[_mm256_setzero_si256(); 8]; R];
            for row in 0..8 {
                let bytes = rows.start.add(row * rows.stride);
                let codes = if is_signed { F::signed(bytes) } else { F::unsigned(bytes) };
                for (r, partial) in partial.iter_mut().enumerate() {
                    let activations = load(input, (r * blocks + block) * 32);
                    partial[row] = if is_signed {
                        let pairs = signed_pairs(codes, activations);
                        _mm256_madd_epi16(pairs, _mm256_set1_epi16(1))
                    } else {
                        S::dot(codes, activations)
                    };
                }
            }
            let scale = F::scales(rows);
            let min = if F::HAS_MIN { F::mins(rows) } else { scale };
            for (r, acc) in acc.iter_mut().enumerate() {
                let index = r * blocks + block;
                let activation_scale = _mm256_set1_ps(*input.scales.get_unchecked(index));
                let sum = *input.sums.get_unchecked(index);
                let mut isum = sum_rows(partial[r]);
                if !is_signed && F::OFFSET != 0 {
                    isum = _mm256_sub_epi32(isum, _mm256_set1_epi32(i32::from(F::OFFSET) * sum));
                }
                let product = _mm256_mul_ps(scale, activation_scale);
                *acc = _mm256_fmadd_ps(_mm256_cvtepi32_ps(isum), product, *acc);
                if F::HAS_MIN {
                    let product = _mm256_mul_ps(min, activation_scale);
                    *acc = _mm256_fmadd_ps(_mm256_set1_ps(sum as f32), product, *acc);
                }
            }
        }
        place.store_eight(acc);
    }
}

/// Stores the products of 8 weight rows with superblocks with R input rows.
///
/// # Safety
/// The weight rows and each of R input rows have `blocks` superblocks; the machine has the steps.
#[inline(always)]
pub(super) unsafe fn dot_256<S: Steps, F: Row256, const R: usize>(
    rows: TileRows,
    input: &Input,
    blocks: usize,
    place: &Place<'_>,
) {
    let input = &input.block256;
    // SAFETY: all superblocks are the caller's.
    unsafe {
        let mut acc = [_mm256_setzero_ps(); R];
        for block in 0..blocks {
            prefetch_next(rows, block, F::KIND.block_bytes());
            let rows = at(rows, block * F::KIND.block_bytes());
            let mut partial = [[_mm256_setzero_si256(); 8]; R];
            let mut minima = [[_mm256_setzero_si256(); 8]; R];
            for row in 0..8 {
                let unpacked = F::unpack(rows.start.add(row * rows.stride));
                for r in 0..R {
                    let index = r * blocks + block;
                    partial[r][row] = scaled_sums::<S, F>(&unpacked, input, index);
                    if F::HAS_MIN {
                        minima[r][row] = _mm256_madd_epi16(unpacked.mins, sums(input, index * 16));
                    }
                }
            }
            let scale = eight_halves(at(rows, F::SCALE));
            let min_scale = if F::HAS_MIN { eight_halves(at(rows, F::MIN_SCALE)) } else { scale };
            for (r, acc) in acc.iter_mut().enumerate() {
                let index = r * blocks + block;
                let activation_scale = _mm256_set1_ps(*input.scales.get_unchecked(index));
                let isum = _mm256_cvtepi32_ps(sum_rows(partial[r]));
                *acc = _mm256_fmadd_ps(isum, _mm256_mul_ps(scale, activation_scale), *acc);
                if F::HAS_MIN {
                    let msum = _mm256_cvtepi32_ps(sum_rows(minima[r]));
                    let product = _mm256_mul_ps(min_scale, activation_scale);
                    *acc = _mm256_fnmadd_ps(msum, product, *acc);
                }
            }
        }
        place.store_eight(acc);
    }
}

/// Eight sums whose sum is the integer product of a superblock with superblock `index` of an input.
#[inline(always)]
unsafe fn scaled_sums<S: Steps, F: Row256>(
    row: &superblock::Row,
    input: &Quantized,
    index: usize,
) -> __m256i {
    // SAFETY: the caller's index is that of a superblock.
    unsafe {
        let mut scales = [0i32; 8];
        _mm256_storeu_si256(scales.as_mut_ptr().cast(), row.scales);
        // Of two scales the first for 16 values in the lower lane, the second in the upper.
        let first = _mm_set1_epi16(0x0100);
        let each_eight_times = _mm256_set_m128i(_mm_set1_epi16(0x0302), first);
        let mut total = _mm256_setzero_si256();
        if let Some(offset) = F::OFFSET.filter(|&offset| offset != 0) {
            let sums = _mm256_madd_epi16(row.scales, sums(input, index * 16));
            let count = _mm256_set1_epi32(offset.trailing_zeros() as i32);
            total = _mm256_sub_epi32(total, _mm256_sllv_epi32(sums, count));
        }
        for (chunk, &codes) in row.codes.iter().enumerate() {
            let activations = load(input, index * 256 + chunk * 32);
            let pairs = if F::OFFSET.is_some() {
                _mm256_maddubs_epi16(codes, activations)
            } else {
                signed_pairs(codes, activations)
            };
            let two = _mm256_set1_epi32(scales[chunk]);
            total = S::add_pairs(total, pairs, _mm256_shuffle_epi8(two, each_eight_times));
        }
        total
    }
}

/// Sums of two products of signed codes and activations.
///
/// Activations are never -128, so a product of magnitudes fits: 2 * 128 * 127 is an i16.
#[inline(always)]
unsafe fn signed_pairs(codes: __m256i, activations: __m256i) -> __m256i {
    // SAFETY: register arithmetic.
    unsafe { _mm256_maddubs_epi16(_mm256_abs_epi8(codes), _mm256_sign_epi8(activations, codes)) }
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

/// Lane n of the result is the sum of all lanes of `rows[n]`.
#[inline(always)]
unsafe fn sum_rows([a, b, c, d, e, f, g, h]: [__m256i; 8]) -> __m256i {
    // SAFETY: register arithmetic.
    unsafe {
        let first = _mm256_hadd_epi32(_mm256_hadd_epi32(a, b), _mm256_hadd_epi32(c, d));
        let last = _mm256_hadd_epi32(_mm256_hadd_epi32(e, f), _mm256_hadd_epi32(g, h));
        _mm256_add_epi32(
            _mm256_permute2x128_si256::<0x20>(first, last),
            _mm256_permute2x128_si256::<0x31>(first, last),
        )
    }
}

/// The same rows, `bytes` further on.
#[inline(always)]
unsafe fn at(rows: TileRows, bytes: usize) -> TileRows {
    // SAFETY: the caller stays inside the rows.
    unsafe { TileRows { start: rows.start.add(bytes), ..rows } }
}

/// Asks for the bytes of block `block` of the eight rows after these.
///
/// A few lines at a time go straight to the first-level cache; the many lines of a large block
/// would wait there for each other, and drive out the rows of this tile, so they go to the second.
#[inline(always)]
unsafe fn prefetch_next(rows: TileRows, block: usize, block_bytes: usize) {
    let first = rows.start.wrapping_add(8 * (rows.stride + block * block_bytes));
    for line in 0..(8 * block_bytes).div_ceil(64) {
        let line = first.wrapping_add(line * 64).cast();
        // SAFETY: a prefetch reads nothing and faults nowhere.
        unsafe {
            if block_bytes <= 24 {
                _mm_prefetch::<_MM_HINT_T0>(line);
            } else {
                _mm_prefetch::<_MM_HINT_T1>(line);
            }
        }
    }
}
