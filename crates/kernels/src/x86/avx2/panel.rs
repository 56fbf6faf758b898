//! Many input rows with AVX2: unpacked panels, and the micro-kernel that multiplies them.
//!
//! ```text
//! for each block:
//!     for each pair of values: isum[r] += codes[pair] * activations[r][pair]          vpmaddwd
//!     acc[r] = fma(isum[r] as f32, scale * activation_scale[r], acc[r])
//!     acc[r] = fma(msum[r] as f32, min * activation_scale[r], acc[r])                 with minima
//! ```
//! 1. Lanes are weight rows, so every output keeps its own chain of float sums over the blocks.
//! 2. Codes and activations are i16: pairs of products are exact in i32, for any code, and integer
//!    scales of superblocks are already multiplied in (at most 128 * 32), so all formats share one
//!    loop.
//! 3. A vector of weights meets four input rows; the activations are broadcast by the load unit.

use crate::input::Quantized;
use crate::x86::activations::groups;
use crate::x86::rows::block32::{Row32, eight_halves};
use crate::x86::rows::superblock::Row256;
use crate::x86::scratch::Lines;
use crate::x86::walk::{Place, TileRows};
use std::arch::x86_64::*;

/// Most input rows of a group: what 16 vector registers hold.
pub(super) const GROUP_ROWS: usize = 4;

/// Bytes of an unpacked block of a tile of 8 rows: codes, scales, scales of minima, minima.
pub(super) const PANEL_BYTES_32: usize = 16 * 32 + 64;
pub(super) const PANEL_BYTES_256: usize = 128 * 32 + 64 + 8 * 32;

/// Bytes per input row and block: codes as i16, the scale, sums.
pub(super) const ROW_BYTES_32: usize = 64 + 4 + 4;
pub(super) const ROW_BYTES_256: usize = 512 + 4 + 32;

/// Brings activations per 32 values into groups: `codes [R][32]`, `scales [R]`,
/// `sums i32 [R]`.
pub(super) fn pack_activations_32<'a>(
    input: &Quantized,
    rows: usize,
    blocks: usize,
    lines: &'a mut Lines,
) -> &'a [u8] {
    pack_activations::<32>(input, rows, blocks, lines, |sums, packed| {
        packed.copy_from_slice(&sums[0].to_ne_bytes());
    })
}

/// Brings activations per 256 values into groups: `codes [R][256]`, `scales [R]`,
/// `sums i16 [R][16]`.
pub(super) fn pack_activations_256<'a>(
    input: &Quantized,
    rows: usize,
    blocks: usize,
    lines: &'a mut Lines,
) -> &'a [u8] {
    pack_activations::<256>(input, rows, blocks, lines, |sums, packed| {
        for (packed, &sum) in packed.chunks_exact_mut(2).zip(sums) {
            // At most 16 * 127 in size.
            packed.copy_from_slice(&(sum as i16).to_ne_bytes());
        }
    })
}

fn pack_activations<'a, const VALUES: usize>(
    input: &Quantized,
    rows: usize,
    blocks: usize,
    lines: &'a mut Lines,
    pack_sums: impl Fn(&[i32], &mut [u8]),
) -> &'a [u8] {
    let sums = if VALUES == 32 { 1 } else { 16 };
    let sum_bytes = if VALUES == 32 { 4 } else { 32 };
    let row_bytes = 2 * VALUES + 4 + sum_bytes;
    let packed = lines.bytes(rows * blocks * row_bytes);
    for group in groups(rows, GROUP_ROWS) {
        let start = group.first_row * blocks * row_bytes;
        let stream = &mut packed[start..][..group.rows * blocks * row_bytes];
        for (block, packed) in stream.chunks_exact_mut(group.rows * row_bytes).enumerate() {
            let (codes, packed) = packed.split_at_mut(group.rows * 2 * VALUES);
            let (scales, packed_sums) = packed.split_at_mut(group.rows * 4);
            for r in 0..group.rows {
                let index = (group.first_row + r) * blocks + block;
                let row_codes = &input.codes[index * VALUES..][..VALUES];
                let codes = codes[r * 2 * VALUES..][..2 * VALUES].chunks_exact_mut(2);
                for (to, &code) in codes.zip(row_codes) {
                    to.copy_from_slice(&i16::from(code).to_ne_bytes());
                }
                scales[r * 4..][..4].copy_from_slice(&input.scales[index].to_ne_bytes());
                let sums = &input.sums[index * sums..][..sums];
                pack_sums(sums, &mut packed_sums[r * sum_bytes..][..sum_bytes]);
            }
        }
    }
    packed
}

/// Unpacks `blocks` blocks of 32 values of a tile.
#[target_feature(enable = "avx2,fma,f16c")]
pub(super) unsafe fn pack_32<F: Row32>(rows: TileRows, blocks: usize, panel: *mut u8) {
    for block in 0..blocks {
        // SAFETY: the caller's rows have `blocks` blocks, its panel has room for as many.
        unsafe {
            let packed = panel.add(block * PANEL_BYTES_32);
            let start = rows.start.add(block * F::KIND.block_bytes());
            for row in 0..8 {
                let codes = F::signed(start.add(row * rows.stride));
                let low = _mm256_cvtepi8_epi16(_mm256_castsi256_si128(codes));
                let high = _mm256_cvtepi8_epi16(_mm256_extracti128_si256::<1>(codes));
                scatter(low, packed, row);
                scatter(high, packed.add(256), row);
            }
            let rows = TileRows { start, ..rows };
            _mm256_storeu_ps(packed.add(512).cast(), F::scales(rows));
            if F::HAS_MIN {
                _mm256_storeu_ps(packed.add(544).cast(), F::mins(rows));
            }
        }
    }
}

/// Unpacks `blocks` superblocks of a tile; codes are multiplied by their integer scales.
#[target_feature(enable = "avx2,fma,f16c")]
pub(super) unsafe fn pack_256<F: Row256>(rows: TileRows, blocks: usize, panel: *mut u8) {
    for block in 0..blocks {
        // SAFETY: the caller's rows have `blocks` superblocks, its panel has room for as many.
        unsafe {
            let packed = panel.add(block * PANEL_BYTES_256);
            let start = rows.start.add(block * F::KIND.block_bytes());
            for row in 0..8 {
                let unpacked = F::unpack(start.add(row * rows.stride));
                let mut scales = [0i16; 16];
                _mm256_storeu_si256(scales.as_mut_ptr().cast(), unpacked.scales);
                let offset = _mm256_set1_epi8(F::OFFSET.unwrap_or(0));
                for (chunk, &codes) in unpacked.codes.iter().enumerate() {
                    let codes = _mm256_sub_epi8(codes, offset);
                    let low = _mm256_cvtepi8_epi16(_mm256_castsi256_si128(codes));
                    let high = _mm256_cvtepi8_epi16(_mm256_extracti128_si256::<1>(codes));
                    let low = _mm256_mullo_epi16(low, _mm256_set1_epi16(scales[2 * chunk]));
                    let high = _mm256_mullo_epi16(high, _mm256_set1_epi16(scales[2 * chunk + 1]));
                    scatter(low, packed.add(chunk * 512), row);
                    scatter(high, packed.add(chunk * 512 + 256), row);
                }
                scatter(unpacked.mins, packed.add(4096 + 64), row);
            }
            let halves = |offset| eight_halves(TileRows { start: start.add(offset), ..rows });
            _mm256_storeu_ps(packed.add(4096).cast(), halves(F::SCALE));
            if F::HAS_MIN {
                _mm256_storeu_ps(packed.add(4096 + 32).cast(), halves(F::MIN_SCALE));
            }
        }
    }
}

/// Writes eight pairs of values to place `row` of eight neighbouring vectors.
#[inline(always)]
unsafe fn scatter(pairs: __m256i, vectors: *mut u8, row: usize) {
    let mut dwords = [0u32; 8];
    // SAFETY: the array has 32 bytes; the caller names 256 writable ones.
    unsafe {
        _mm256_storeu_si256(dwords.as_mut_ptr().cast(), pairs);
        for (i, dword) in dwords.into_iter().enumerate() {
            vectors.cast::<u32>().add(8 * i + row).write(dword);
        }
    }
}

/// Adds the products of `blocks` blocks of a panel with a group of R input rows.
#[target_feature(enable = "avx2,fma,f16c")]
pub(super) unsafe fn dot_panel<const R: usize, const PAIRS: usize, const HAS_MIN: bool>(
    panel: *const u8,
    group: *const u8,
    blocks: usize,
    place: &Place<'_>,
) {
    let (panel_bytes, row_bytes) = match PAIRS {
        16 => (PANEL_BYTES_32, ROW_BYTES_32),
        _ => (PANEL_BYTES_256, ROW_BYTES_256),
    };
    // SAFETY: the caller's panel and group have `blocks` blocks.
    unsafe {
        let mut acc = place.load_eight::<R>();
        for block in 0..blocks {
            let packed = panel.add(block * panel_bytes);
            let group = group.add(block * R * row_bytes);
            let isum = pairs::<R, PAIRS>(packed, group, 4 * PAIRS);
            let tail = packed.add(32 * PAIRS);
            let scales = group.add(4 * PAIRS * R);
            let sums = scales.add(4 * R);
            let scale = _mm256_loadu_ps(tail.cast());
            for (r, acc) in acc.iter_mut().enumerate() {
                let product = _mm256_mul_ps(scale, _mm256_set1_ps(float_at(scales, r)));
                *acc = _mm256_fmadd_ps(_mm256_cvtepi32_ps(isum[r]), product, *acc);
            }
            if HAS_MIN {
                let msum = if PAIRS == 16 {
                    let mut msum = [_mm256_setzero_si256(); R];
                    for (r, msum) in msum.iter_mut().enumerate() {
                        *msum = _mm256_set1_epi32(sums.cast::<i32>().add(r).read_unaligned());
                    }
                    msum
                } else {
                    pairs::<R, 8>(tail.add(64), sums, 32)
                };
                let min = _mm256_loadu_ps(tail.add(32).cast());
                for (r, acc) in acc.iter_mut().enumerate() {
                    let product = _mm256_mul_ps(min, _mm256_set1_ps(float_at(scales, r)));
                    let msum = _mm256_cvtepi32_ps(msum[r]);
                    *acc = if PAIRS == 16 {
                        _mm256_fmadd_ps(msum, product, *acc)
                    } else {
                        // Minima of superblocks are subtracted.
                        _mm256_fnmadd_ps(msum, product, *acc)
                    };
                }
            }
        }
        place.store_eight(acc);
    }
}

/// Sums of products of pairs: vectors of eight weight rows with R rows `stride` bytes apart.
#[inline(always)]
unsafe fn pairs<const R: usize, const PAIRS: usize>(
    weights: *const u8,
    activations: *const u8,
    stride: usize,
) -> [__m256i; R] {
    // SAFETY: the caller's weights have PAIRS vectors, each activation row PAIRS pairs.
    unsafe {
        let mut sums = [_mm256_setzero_si256(); R];
        for pair in 0..PAIRS {
            let weights = _mm256_loadu_si256(weights.add(32 * pair).cast());
            for (r, sum) in sums.iter_mut().enumerate() {
                let two = activations.add(r * stride + 4 * pair).cast::<i32>().read_unaligned();
                let products = _mm256_madd_epi16(weights, _mm256_set1_epi32(two));
                *sum = _mm256_add_epi32(*sum, products);
            }
        }
        sums
    }
}

#[inline(always)]
unsafe fn float_at(floats: *const u8, index: usize) -> f32 {
    // SAFETY: the caller names a readable float.
    unsafe { floats.cast::<f32>().add(index).read_unaligned() }
}
