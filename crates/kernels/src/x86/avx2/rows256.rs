//! Unpacking 256 values of one row with AVX2, for each format with superblocks of 256 values.
//!
//! ```text
//! cut and join bits into signed codes, a vector of 32 values at a time
//! integer scales and minima: one i16 per 16 values each
//! ```
//! 1. Codes in the order of the values let one multiplication of pairs apply the integer scales:
//!    a vector of 32 codes meets a vector of eight times one scale and eight times the next.

use super::rows32::{half_at, looked_up, nibbles};
use crate::quant::IQ4_CODES;
use crate::weight::WeightType;
use std::arch::x86_64::*;

/// An unpacked superblock of one row.
pub(super) struct Row {
    /// Signed codes, 32 to a vector.
    pub(super) codes: [__m256i; 8],
    /// Integer scale of each 16 values.
    pub(super) scales: [i16; 16],
    /// Integer minimum of each 16 values; not used where there are no minima.
    pub(super) mins: [i16; 16],
    /// What integer scales are multiplied by.
    pub(super) scale: f32,
    /// What integer minima are multiplied by: negative, as minima are subtracted.
    pub(super) min_scale: f32,
}

/// A format with superblocks. The functions need AVX2 and a readable superblock.
pub(super) trait Row256 {
    const KIND: WeightType;
    const HAS_MIN: bool;

    unsafe fn unpack(block: *const u8) -> Row;
}

pub(super) struct Q2K;
pub(super) struct Q3K;
pub(super) struct Q4K;
pub(super) struct Q5K;
pub(super) struct Q6K;
pub(super) struct Iq4Xs;

impl Row256 for Q4K {
    const KIND: WeightType = WeightType::Q4_K;
    const HAS_MIN: bool = true;

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

    #[inline(always)]
    unsafe fn unpack(block: *const u8) -> Row {
        // SAFETY: the superblock has 210 bytes: low bits, high bits at 128, scales at 192, f16.
        unsafe {
            let mut row = plain_row(half_at(block.add(208)));
            for (chunk, codes) in row.codes.iter_mut().enumerate() {
                let (half, part) = (chunk / 4, chunk % 4);
                let low = load(block.add(64 * half + 32 * (part % 2)));
                let high = load(block.add(128 + 32 * half));
                let six = joined(shifted(low, 4 * (part / 2), 15), shifted(high, 2 * part, 3), 4);
                *codes = _mm256_sub_epi8(six, _mm256_set1_epi8(32));
            }
            for (j, scale) in row.scales.iter_mut().enumerate() {
                *scale = i16::from(*block.add(192 + j) as i8);
            }
            row
        }
    }
}

impl Row256 for Q3K {
    const KIND: WeightType = WeightType::Q3_K;
    const HAS_MIN: bool = false;

    #[inline(always)]
    unsafe fn unpack(block: *const u8) -> Row {
        // SAFETY: the superblock has 110 bytes: third bits, low bits at 32, scales at 96, f16.
        unsafe {
            let mut row = plain_row(half_at(block.add(108)));
            let high = load(block);
            for (chunk, codes) in row.codes.iter_mut().enumerate() {
                let low = load(block.add(32 + 32 * (chunk / 4)));
                let three = joined(shifted(low, 2 * (chunk % 4), 3), shifted(high, chunk, 1), 2);
                *codes = _mm256_sub_epi8(three, _mm256_set1_epi8(4));
            }
            let packed = block.add(96);
            for (j, scale) in row.scales.iter_mut().enumerate() {
                let low = *packed.add(j % 8) >> (4 * (j / 8)) & 15;
                let high = *packed.add(8 + j % 4) >> (2 * (j / 4)) & 3;
                *scale = i16::from(low | high << 4) - 32;
            }
            row
        }
    }
}

impl Row256 for Q2K {
    const KIND: WeightType = WeightType::Q2_K;
    const HAS_MIN: bool = true;

    #[inline(always)]
    unsafe fn unpack(block: *const u8) -> Row {
        // SAFETY: the superblock has 84 bytes: scales and minima, codes at 16, two f16 at 80.
        unsafe {
            let mut row = plain_row(half_at(block.add(80)));
            row.min_scale = -half_at(block.add(82));
            for (chunk, codes) in row.codes.iter_mut().enumerate() {
                *codes = shifted(load(block.add(16 + 32 * (chunk / 4))), 2 * (chunk % 4), 3);
            }
            for j in 0..16 {
                let both = *block.add(j);
                (row.scales[j], row.mins[j]) = (i16::from(both & 15), i16::from(both >> 4));
            }
            row
        }
    }
}

impl Row256 for Iq4Xs {
    const KIND: WeightType = WeightType::IQ4_XS;
    const HAS_MIN: bool = false;

    #[inline(always)]
    unsafe fn unpack(block: *const u8) -> Row {
        // SAFETY: the superblock has 136 bytes: f16, high scale bits, low ones at 4, codes at 8.
        unsafe {
            let mut row = plain_row(half_at(block));
            for (chunk, codes) in row.codes.iter_mut().enumerate() {
                *codes = looked_up(nibbles(block.add(8 + 16 * chunk)), &IQ4_CODES);
            }
            let high = block.add(2).cast::<u16>().read_unaligned();
            let low = block.add(4).cast::<u32>().read_unaligned();
            for (j, scale) in row.scales.iter_mut().enumerate() {
                let (four, two) = (low >> (4 * (j / 2)) & 15, high >> (2 * (j / 2)) & 3);
                *scale = (four as i16 | (two << 4) as i16) - 32;
            }
            row
        }
    }
}

/// A row without codes and scales yet, and without minima.
#[inline(always)]
unsafe fn plain_row(scale: f32) -> Row {
    // SAFETY: register arithmetic.
    let zero = unsafe { _mm256_setzero_si256() };
    Row { codes: [zero; 8], scales: [0; 16], mins: [0; 16], scale, min_scale: 0.0 }
}

/// Scales of Q4_K and Q5_K: two f16, then eight scales and eight minima of six bits in 12 bytes.
#[inline(always)]
unsafe fn six_bit_row(block: *const u8) -> Row {
    // SAFETY: the superblock begins with 16 bytes of scales.
    unsafe {
        let mut row = plain_row(half_at(block));
        row.min_scale = -half_at(block.add(2));
        let dword = |index: usize| block.add(4 + 4 * index).cast::<u32>().read_unaligned();
        let (scales, mins, both) = (dword(0), dword(1), dword(2));
        let top = |dword: u32| (dword >> 6 & 0x0303_0303) << 4;
        let upper_scales = both & 0x0f0f_0f0f | top(scales);
        let upper_mins = both >> 4 & 0x0f0f_0f0f | top(mins);
        let scales = u64::from(scales & 0x3f3f_3f3f) | u64::from(upper_scales) << 32;
        let mins = u64::from(mins & 0x3f3f_3f3f) | u64::from(upper_mins) << 32;
        for j in 0..16 {
            row.scales[j] = (scales >> (8 * (j / 2)) & 63) as i16;
            row.mins[j] = (mins >> (8 * (j / 2)) & 63) as i16;
        }
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
