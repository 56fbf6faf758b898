//! Integer dot products over blocks of 32 values: 16 weight rows times 1 to 8 input rows.
//!
//! ```text
//! for each block:
//!     isum[r] = -offset * sum[r]                          broadcast, all input rows r
//!     for each of 8 groups of 4 values:
//!         for each r: isum[r] += codes[group] * activations[r][group]        vpdpbusd
//!     for each r: acc[r] = fma(isum[r] as f32, scale * activation_scale[r], acc[r])
//!                 acc[r] = fma(sum[r] as f32, min * activation_scale[r], acc[r])   with minima
//! ```
//! 1. Lanes are weight rows, so every output keeps its own chain of float sums over the blocks, and
//!    tiles, panels and batches of any size give the same bits.
//! 2. One `vpdpbusd` does 64 multiplications; its activations come from memory with the broadcast
//!    for free, its weights are shared by all input rows.
//! 3. Eight independent chains hide its latency; 8 of 10 operations on its ports are useful.
//! 4. Weights come from a panel that was unpacked once for all input rows (few rows: see `rows`).

use super::block32::{Format32, Tile32};
use super::bytes::{broadcast, broadcast_f32, load, load_f32, store, store_f32};
use super::integer::{load_sums, store_sums};
use crate::x86::activations::ROW_BYTES_32;
use crate::x86::walk::{Place, TileRows};
use std::arch::x86_64::*;

/// Bytes of one unpacked block of a tile: codes, scales, minima.
pub(super) const PANEL_BYTES: usize = 10 * 64;

/// Unpacks `blocks` blocks of a tile into `panel`.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")]
pub(super) unsafe fn pack<F: Format32>(rows: TileRows, blocks: usize, panel: *mut u8) {
    for block in 0..blocks {
        // SAFETY: the caller's rows have `blocks` blocks, its panel has room for as many.
        unsafe {
            let rows = rows.at(block * F::KIND.block_bytes());
            rows.prefetch_next(F::KIND.block_bytes());
            let tile = F::unpack(rows);
            let packed = panel.add(block * PANEL_BYTES);
            for (g, codes) in tile.codes.into_iter().enumerate() {
                store(packed.add(g * 64), codes);
            }
            store_f32(packed.add(512), tile.scale);
            store_f32(packed.add(576), tile.min);
        }
    }
}

/// Adds the products of `blocks` blocks of a panel with a group of R input rows.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")]
pub(super) unsafe fn dot_panel<const R: usize, const HAS_MIN: bool>(
    panel: *const u8,
    group: *const u8,
    blocks: usize,
    place: &Place<'_>,
) {
    // SAFETY: the caller's panel and group have `blocks` blocks.
    unsafe {
        let mut acc = load_sums::<R>(place);
        for block in 0..blocks {
            let packed = panel.add(block * PANEL_BYTES);
            let mut codes = [_mm512_setzero_si512(); 8];
            for (g, codes) in codes.iter_mut().enumerate() {
                *codes = load(packed.add(g * 64));
            }
            let (scale, min) = (load_f32(packed.add(512)), load_f32(packed.add(576)));
            let tile = Tile32 { codes, scale, min };
            step::<R, HAS_MIN>(&tile, group.add(block * R * ROW_BYTES_32), &mut acc);
        }
        store_sums(place, acc);
    }
}

/// One block of a tile times R input rows.
#[inline(always)]
unsafe fn step<const R: usize, const HAS_MIN: bool>(
    tile: &Tile32,
    group: *const u8,
    acc: &mut [__m512; R],
) {
    // SAFETY: a group's block has 40 R bytes: codes, scales, sums.
    unsafe {
        let (scales, sums) = (group.add(32 * R), group.add(36 * R));
        let mut isum = [_mm512_setzero_si512(); R];
        if !HAS_MIN {
            for (r, isum) in isum.iter_mut().enumerate() {
                *isum = broadcast(sums.add(4 * r));
            }
        }
        for (g, &codes) in tile.codes.iter().enumerate() {
            for (r, isum) in isum.iter_mut().enumerate() {
                *isum = _mm512_dpbusd_epi32(*isum, codes, broadcast(group.add(32 * r + 4 * g)));
            }
        }
        for (r, acc) in acc.iter_mut().enumerate() {
            let scale = broadcast_f32(scales.add(4 * r));
            let product = _mm512_mul_ps(tile.scale, scale);
            *acc = _mm512_fmadd_ps(_mm512_cvtepi32_ps(isum[r]), product, *acc);
            if HAS_MIN {
                let min = _mm512_mul_ps(tile.min, scale);
                *acc = _mm512_fmadd_ps(broadcast_f32(sums.add(4 * r)), min, *acc);
            }
        }
    }
}
