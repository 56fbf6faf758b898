//! Unpacking 256 values of one row, for each format with superblocks of 256 values.
//!
//! ```text
//! cut and join bits into codes, a vector of 32 values at a time
//! integer scales and minima: one i16 per 16 values each
//! ```
//! 1. Codes in the order of the values let one multiplication of pairs apply the integer scales:
//!    a vector of 32 codes meets a vector of eight times one scale and eight times the next.

use super::block32::{looked_up, nibbles};
use crate::quant::IQ4_CODES;
use crate::weight::WeightType;
use std::arch::x86_64::*;

/// An unpacked superblock of one row.
pub(in crate::x86) struct Row {
    /// Codes, 32 to a vector: unsigned, but signed where there is no offset.
    pub(in crate::x86) codes: [__m256i; 8],
    /// Integer scale of each 16 values, as i16.
    pub(in crate::x86) scales: __m256i,
    /// Integer minimum of each 16 values, as i16; not used where there are no minima.
    pub(in crate::x86) mins: __m256i,
}

/// A format with superblocks. The functions need AVX2 and a readable superblock.
pub(in crate::x86) trait Row256 {
    const KIND: WeightType;
    const HAS_MIN: bool;
    /// What was added to a signed code to make it unsigned: `None` where it stays signed.
    const OFFSET: Option<i8>;
    /// Where in a superblock the f16 is that integer scales are multiplied by.
    const SCALE: usize;
    /// Likewise for minima.
    const MIN_SCALE: usize = 0;

    unsafe fn unpack(block: *const u8) -> Row;
}

pub(in crate::x86) struct Q2K;
pub(in crate::x86) struct Q3K;
pub(in crate::x86) struct Q4K;
pub(in crate::x86) struct Q5K;
pub(in crate::x86) struct Q6K;
pub(in crate::x86) struct Iq4Xs;

impl Row256 for Q4K {
    const KIND: WeightType = WeightType::Q4_K;
    const HAS_MIN: bool = true;
    const OFFSET: Option<i8> = Some(0);
    const SCALE: usize = 0;
    const MIN_SCALE: usize = 2;

    #[inline(always)]
    unsafe fn unpack(block: *const u8) -> Row {
        // SAFETY: the superblock has 144 bytes, its codes from 16 on.
        unsafe {
            let mut row = six_bit_row(block);
            for (chunk, codes) in row.codes.iter_mut().enumerate() {
                let packed = load(block.add(16 + chunk / 2 * 32));
                *codes = shifted(packed, 4 * (chunk % 2), 15);
            }
            row
        }
    }
}

impl Row256 for Q5K {
    const KIND: WeightType = WeightType::Q5_K;
    const HAS_MIN: bool = true;
    const OFFSET: Option<i8> = Some(0);
    const SCALE: usize = 0;
    const MIN_SCALE: usize = 2;

    #[inline(always)]
    unsafe fn unpack(block: *const u8) -> Row {
        // SAFETY: the superblock has 176 bytes: fifth bits at 16, the others at 48.
        unsafe {
            let mut row = six_bit_row(block);
            let high = load(block.add(16));
            for (chunk, codes) in row.codes.iter_mut().enumerate() {
                let packed = load(block.add(48 + chunk / 2 * 32));
                *codes = joined(shifted(packed, 4 * (chunk % 2), 15), shifted(high, chunk, 1), 4);
            }
            row
        }
    }
}

impl Row256 for Q6K {
    const KIND: WeightType = WeightType::Q6_K;
    const HAS_MIN: bool = false;
    const OFFSET: Option<i8> = Some(32);
    const SCALE: usize = 208;

    #[inline(always)]
    unsafe fn unpack(block: *const u8) -> Row {
        // SAFETY: the superblock has 210 bytes: low bits, high bits at 128, scales at 192, f16.
        unsafe {
            let mut row = empty_row();
            for (chunk, codes) in row.codes.iter_mut().enumerate() {
                let (half, part) = (chunk / 4, chunk % 4);
                let low = load(block.add(64 * half + 32 * (part % 2)));
                let high = load(block.add(128 + 32 * half));
                *codes = joined(shifted(low, 4 * (part / 2), 15), shifted(high, 2 * part, 3), 4);
            }
            row.scales = _mm256_cvtepi8_epi16(_mm_loadu_si128(block.add(192).cast()));
            row
        }
    }
}

impl Row256 for Q3K {
    const KIND: WeightType = WeightType::Q3_K;
    const HAS_MIN: bool = false;
    const OFFSET: Option<i8> = Some(4);
    const SCALE: usize = 108;

    #[inline(always)]
    unsafe fn unpack(block: *const u8) -> Row {
        // SAFETY: the superblock has 110 bytes: third bits, low bits at 32, scales at 96, f16.
        unsafe {
            let mut row = empty_row();
            let high = load(block);
            for (chunk, codes) in row.codes.iter_mut().enumerate() {
                let low = load(block.add(32 + 32 * (chunk / 4)));
                *codes = joined(shifted(low, 2 * (chunk % 4), 3), shifted(high, chunk, 1), 2);
            }
            // Four low bits of scales 0..8 and 8..16, and two high bits of each four scales.
            let low = block.add(96).cast::<u64>().read_unaligned();
            let high = block.add(104).cast::<u32>().read_unaligned();
            let pair = |shift: u32| {
                u64::from(high >> shift & 0x0303_0303) << 4
                    | u64::from(high >> (shift + 2) & 0x0303_0303) << 36
            };
            let nibbles = 0x0f0f_0f0f_0f0f_0f0f;
            let (first, last) = (low & nibbles | pair(0), low >> 4 & nibbles | pair(4));
            row.scales = _mm256_sub_epi16(
                _mm256_cvtepu8_epi16(_mm_set_epi64x(last as i64, first as i64)),
                _mm256_set1_epi16(32),
            );
            row
        }
    }
}

impl Row256 for Q2K {
    const KIND: WeightType = WeightType::Q2_K;
    const HAS_MIN: bool = true;
    const OFFSET: Option<i8> = Some(0);
    const SCALE: usize = 80;
    const MIN_SCALE: usize = 82;

    #[inline(always)]
    unsafe fn unpack(block: *const u8) -> Row {
        // SAFETY: the superblock has 84 bytes: scales and minima, codes at 16, two f16 at 80.
        unsafe {
            let mut row = empty_row();
            for (chunk, codes) in row.codes.iter_mut().enumerate() {
                *codes = shifted(load(block.add(16 + 32 * (chunk / 4))), 2 * (chunk % 4), 3);
            }
            let both = _mm256_cvtepu8_epi16(_mm_loadu_si128(block.cast()));
            row.scales = _mm256_and_si256(both, _mm256_set1_epi16(15));
            row.mins = _mm256_srli_epi16::<4>(both);
            row
        }
    }
}

impl Row256 for Iq4Xs {
    const KIND: WeightType = WeightType::IQ4_XS;
    const HAS_MIN: bool = false;
    const OFFSET: Option<i8> = None;
    const SCALE: usize = 0;

    #[inline(always)]
    unsafe fn unpack(block: *const u8) -> Row {
        // SAFETY: the superblock has 136 bytes: f16, high scale bits, low ones at 4, codes at 8.
        unsafe {
            let mut row = empty_row();
            for (chunk, codes) in row.codes.iter_mut().enumerate() {
                *codes = looked_up(nibbles(block.add(8 + 16 * chunk)), &IQ4_CODES, 0);
            }
            let low = spread_nibbles(block.add(4).cast::<u32>().read_unaligned());
            let high = spread_pairs(block.add(2).cast::<u16>().read_unaligned());
            row.scales = _mm256_sub_epi16(twice(low | high << 4), _mm256_set1_epi16(32));
            row
        }
    }
}

/// A row without anything yet.
#[inline(always)]
unsafe fn empty_row() -> Row {
    // SAFETY: register arithmetic.
    let zero = unsafe { _mm256_setzero_si256() };
    Row { codes: [zero; 8], scales: zero, mins: zero }
}

/// Eight bytes as sixteen i16, each byte twice.
#[inline(always)]
unsafe fn twice(bytes: u64) -> __m256i {
    // SAFETY: register arithmetic.
    unsafe {
        let bytes = _mm_cvtsi64_si128(bytes as i64);
        _mm256_cvtepu8_epi16(_mm_unpacklo_epi8(bytes, bytes))
    }
}

/// Eight neighbouring groups of four bits, each in a byte of its own.
#[inline(always)]
fn spread_nibbles(packed: u32) -> u64 {
    let halves = u64::from(packed);
    let halves = (halves | halves << 16) & 0x0000_ffff_0000_ffff;
    let bytes = (halves | halves << 8) & 0x00ff_00ff_00ff_00ff;
    (bytes | bytes << 4) & 0x0f0f_0f0f_0f0f_0f0f
}

/// Eight neighbouring groups of two bits, each in a byte of its own.
#[inline(always)]
fn spread_pairs(packed: u16) -> u64 {
    let bytes = u64::from(packed);
    let bytes = (bytes | bytes << 24) & 0x0000_00ff_0000_00ff;
    let nibbles = (bytes | bytes << 12) & 0x000f_000f_000f_000f;
    (nibbles | nibbles << 6) & 0x0303_0303_0303_0303
}

/// Scales of Q4_K and Q5_K: two f16, then eight scales and eight minima of six bits in 12 bytes.
#[inline(always)]
unsafe fn six_bit_row(block: *const u8) -> Row {
    // SAFETY: the superblock begins with 16 bytes of scales.
    unsafe {
        let mut row = empty_row();
        let dword = |index: usize| block.add(4 + 4 * index).cast::<u32>().read_unaligned();
        let (scales, mins, both) = (dword(0), dword(1), dword(2));
        let top = |dword: u32| (dword >> 6 & 0x0303_0303) << 4;
        let upper_scales = both & 0x0f0f_0f0f | top(scales);
        let upper_mins = both >> 4 & 0x0f0f_0f0f | top(mins);
        let scales = u64::from(scales & 0x3f3f_3f3f) | u64::from(upper_scales) << 32;
        let mins = u64::from(mins & 0x3f3f_3f3f) | u64::from(upper_mins) << 32;
        (row.scales, row.mins) = (twice(scales), twice(mins));
        row
    }
}

#[inline(always)]
unsafe fn load(bytes: *const u8) -> __m256i {
    // SAFETY: the caller names 32 readable bytes.
    unsafe { _mm256_loadu_si256(bytes.cast()) }
}

/// Each byte of `vector` shifted right by `count` and cut to `mask`.
#[inline(always)]
unsafe fn shifted(vector: __m256i, count: usize, mask: i8) -> __m256i {
    // SAFETY: register arithmetic.
    unsafe {
        let shifted = _mm256_srlv_epi32(vector, _mm256_set1_epi32(count as i32));
        _mm256_and_si256(shifted, _mm256_set1_epi8(mask))
    }
}

/// `low` with the bits of `high` moved up by `position` in each byte.
#[inline(always)]
unsafe fn joined(low: __m256i, high: __m256i, position: i32) -> __m256i {
    // SAFETY: register arithmetic.
    unsafe { _mm256_or_si256(low, _mm256_sllv_epi32(high, _mm256_set1_epi32(position))) }
}
