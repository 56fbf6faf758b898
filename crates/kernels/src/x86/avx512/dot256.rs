//! Integer dot products over superblocks of 256 values: 16 weight rows times 1 to 8 input rows.
//!
//! ```text
//! for each superblock:
//!     isum[r] = sum over pairs of (-offset * scales) * (activation sums)          vpdpwssd
//!     for each sub-block:
//!         dot[r] = 0
//!         for each group of 4 values: dot[r] += codes[group] * activations[r][group]   vpdpbusd
//!         isum[r] += scales[sub-block] * dot[r]
//!     acc[r] = fma(isum[r] as f32, scale * activation_scale[r], acc[r])
//!     acc[r] = fma(msum[r] as f32, -(min_scale * activation_scale[r]), acc[r])     with minima
//! ```
//! where msum is the sum over pairs of minima * (activation sums), as in the first line.
//! 1. Lanes are weight rows, as in `dot32`; integer sums are exact in any order.
//! 2. The multiplication by the integer scale runs on another port than `vpdpbusd`.
//! 3. Offsets and minima cost one `vpdpwssd` per two sub-blocks, not one operation per value.

use super::bytes::{broadcast, broadcast_f32, load, load_f32, store, store_f32};
use super::integer::{load_sums, store_sums};
use super::superblock::{ChunkSink, Format256};
use crate::x86::activations::ROW_BYTES_256;
use crate::x86::walk::{Place, TileRows};
use std::arch::x86_64::*;

/// Bytes of one unpacked superblock of a tile: codes (64 vectors), scales as i32 (16), pairs of
/// minima or of offset times scale as i16 (8), scale, scale of the minima.
pub(super) const PANEL_BYTES: usize = 90 * 64;
const SCALES: usize = 64 * 64;
const PAIRS: usize = 80 * 64;
const SCALE: usize = 88 * 64;
const MIN_SCALE: usize = 89 * 64;

/// Unpacks `blocks` superblocks of a tile into `panel`.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")]
pub(super) unsafe fn pack<F: Format256>(rows: TileRows, blocks: usize, panel: *mut u8) {
    for block in 0..blocks {
        // SAFETY: the caller's rows have `blocks` superblocks, its panel has room for as many.
        unsafe {
            let packed = panel.add(block * PANEL_BYTES);
            let rows = rows.at(block * F::KIND.block_bytes());
            rows.prefetch_next(F::KIND.block_bytes());
            F::codes(rows, &mut PanelCodes(packed));
            pack_head::<F>(rows, packed);
        }
    }
}

/// Chunk j of the codes becomes the vectors 8j..8j+8 of a panel's superblock.
struct PanelCodes(*mut u8);

impl ChunkSink for PanelCodes {
    #[inline(always)]
    unsafe fn chunk(&mut self, chunk: usize, codes: [__m512i; 8]) {
        for (g, codes) in codes.into_iter().enumerate() {
            // SAFETY: a superblock of a panel begins with 64 vectors.
            unsafe { store(self.0.add((chunk * 8 + g) * 64), codes) }
        }
    }
}

/// Unpacks everything but the codes.
#[inline(always)]
unsafe fn pack_head<F: Format256>(rows: TileRows, packed: *mut u8) {
    // SAFETY: a superblock of a panel has 90 vectors.
    unsafe {
        let head = F::head(rows);
        for j in 0..256 / F::SUB_BLOCK {
            let byte = _mm512_sllv_epi32(head.scales[j / 4], set(24 - 8 * (j as i32 % 4)));
            store(packed.add(SCALES + j * 64), _mm512_srai_epi32::<24>(byte));
        }
        for i in 0..128 / F::SUB_BLOCK {
            let pair = if F::HAS_MIN {
                byte_pair(head.mins[i / 2], i % 2)
            } else {
                let offset = _mm512_set1_epi16(-F::OFFSET);
                _mm512_mullo_epi16(byte_pair(head.scales[i / 2], i % 2), offset)
            };
            store(packed.add(PAIRS + i * 64), pair);
        }
        store_f32(packed.add(SCALE), head.scale);
        store_f32(packed.add(MIN_SCALE), head.min_scale);
    }
}

/// The lower (`half` 0) or upper (1) two bytes of each dword, widened with their sign to i16.
#[inline(always)]
unsafe fn byte_pair(dwords: __m512i, half: usize) -> __m512i {
    // SAFETY: register arithmetic.
    unsafe {
        let bytes = _mm512_srlv_epi32(dwords, set(16 * half as i32));
        let second = _mm512_slli_epi32::<16>(bytes);
        let first = _mm512_srai_epi16::<8>(_mm512_slli_epi16::<8>(bytes));
        _mm512_mask_blend_epi16(0xaaaa_aaaa, first, _mm512_srai_epi16::<8>(second))
    }
}

#[inline(always)]
unsafe fn set(value: i32) -> __m512i {
    // SAFETY: register arithmetic.
    unsafe { _mm512_set1_epi32(value) }
}

/// Adds the products of `blocks` superblocks of a panel with a group of R input rows.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")]
pub(super) unsafe fn dot_panel<const R: usize, const SUB_16: bool, const HAS_MIN: bool>(
    panel: *const u8,
    group: *const u8,
    blocks: usize,
    place: &Place<'_>,
) {
    // SAFETY: the caller's panel and group have `blocks` superblocks.
    unsafe {
        let mut acc = load_sums::<R>(place);
        for block in 0..blocks {
            let packed = panel.add(block * PANEL_BYTES);
            step::<R, SUB_16, HAS_MIN>(packed, group.add(block * R * ROW_BYTES_256), &mut acc);
        }
        store_sums(place, acc);
    }
}

/// One superblock of a panel times R input rows.
#[inline(always)]
unsafe fn step<const R: usize, const SUB_16: bool, const HAS_MIN: bool>(
    packed: *const u8,
    group: *const u8,
    acc: &mut [__m512; R],
) {
    // SAFETY: a superblock of a panel has 90 vectors, one of a group 292 R bytes.
    unsafe {
        let mut isum = [_mm512_setzero_si512(); R];
        if !HAS_MIN {
            add_pairs::<R, SUB_16>(packed, group, &mut isum);
        }
        for chunk in 0..8 {
            let (codes, activations) = (packed.add(chunk * 512), group.add(chunk * R * 32));
            if SUB_16 {
                let scales = packed.add(SCALES + chunk * 128);
                add_sub_block::<R, 4>(codes, activations, scales, &mut isum);
                let (codes, activations) = (codes.add(256), activations.add(16));
                add_sub_block::<R, 4>(codes, activations, scales.add(64), &mut isum);
            } else {
                let scales = packed.add(SCALES + chunk * 64);
                add_sub_block::<R, 8>(codes, activations, scales, &mut isum);
            }
        }
        let scales = group.add(288 * R);
        let scale = load_f32(packed.add(SCALE));
        for (r, acc) in acc.iter_mut().enumerate() {
            let product = _mm512_mul_ps(scale, broadcast_f32(scales.add(4 * r)));
            *acc = _mm512_fmadd_ps(_mm512_cvtepi32_ps(isum[r]), product, *acc);
        }
        if HAS_MIN {
            let mut msum = [_mm512_setzero_si512(); R];
            add_pairs::<R, SUB_16>(packed, group, &mut msum);
            let scale = load_f32(packed.add(MIN_SCALE));
            for (r, acc) in acc.iter_mut().enumerate() {
                let product = _mm512_mul_ps(scale, broadcast_f32(scales.add(4 * r)));
                // fnmadd negates the product of its factors, which negates one factor exactly.
                *acc = _mm512_fnmadd_ps(_mm512_cvtepi32_ps(msum[r]), product, *acc);
            }
        }
    }
}

/// Adds the scaled dot products of one sub-block of 4 GROUPS values.
#[inline(always)]
unsafe fn add_sub_block<const R: usize, const GROUPS: usize>(
    codes: *const u8,
    activations: *const u8,
    scale: *const u8,
    isum: &mut [__m512i; R],
) {
    // SAFETY: GROUPS vectors of codes, one of scales, and R rows of 32 activations are readable.
    unsafe {
        let mut dot = [_mm512_setzero_si512(); R];
        for g in 0..GROUPS {
            let codes = load(codes.add(g * 64));
            for (r, dot) in dot.iter_mut().enumerate() {
                let four = broadcast(activations.add(32 * r + 4 * g));
                *dot = _mm512_dpbusd_epi32(*dot, codes, four);
            }
        }
        let scale = load(scale);
        for (isum, dot) in isum.iter_mut().zip(dot) {
            *isum = _mm512_add_epi32(*isum, _mm512_mullo_epi32(dot, scale));
        }
    }
}

/// Adds the products of a superblock's pairs with the pairs of activation sums.
#[inline(always)]
unsafe fn add_pairs<const R: usize, const SUB_16: bool>(
    packed: *const u8,
    group: *const u8,
    sums: &mut [__m512i; R],
) {
    for i in 0..if SUB_16 { 8 } else { 4 } {
        // SAFETY: a superblock of a panel has 8 vectors of pairs, one of a group 8 R pairs.
        unsafe {
            let pair = load(packed.add(PAIRS + i * 64));
            for (r, sum) in sums.iter_mut().enumerate() {
                let activation = broadcast(group.add(256 * R + 32 * r + 4 * i));
                *sum = _mm512_dpwssd_epi32(*sum, pair, activation);
            }
        }
    }
}
