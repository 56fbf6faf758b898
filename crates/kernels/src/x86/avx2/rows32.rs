//! Unpacking 32 values of one row with AVX2, for each format with blocks of 32 values.
//!
//! ```text
//! low four bits of 16 bytes -> values 0..16, high four bits -> values 16..32
//! add the fifth bit, or look the code up, subtract the offset
//! ```
//! 1. A block becomes one vector of signed codes, in the order of the values, in a few operations.

use crate::quant::{IQ4_CODES, MXFP4_CODES, mxfp4_scale};
use crate::weight::WeightType;
use std::arch::x86_64::*;

/// A format with blocks of 32 values. The functions need AVX2 and a readable block.
pub(super) trait Row32 {
    const KIND: WeightType;
    const HAS_MIN: bool = false;

    /// The signed codes.
    unsafe fn codes(block: *const u8) -> __m256i;

    /// What codes are multiplied by: the f16 that most blocks begin with.
    #[inline(always)]
    unsafe fn scale(block: *const u8) -> f32 {
        // SAFETY: the block begins with an f16.
        unsafe { half_at(block) }
    }

    /// The minimum, where there is one: an f16 after the scale.
    #[inline(always)]
    unsafe fn min(block: *const u8) -> f32 {
        // SAFETY: only asked for where the block has a minimum.
        unsafe { half_at(block.add(2)) }
    }
}

pub(super) struct Q8_0;
pub(super) struct Q4_0;
pub(super) struct Q4_1;
pub(super) struct Q5_0;
pub(super) struct Q5_1;
pub(super) struct Iq4Nl;
pub(super) struct Mxfp4;

impl Row32 for Q8_0 {
    const KIND: WeightType = WeightType::Q8_0;

    #[inline(always)]
    unsafe fn codes(block: *const u8) -> __m256i {
        // SAFETY: the block has 34 bytes.
        unsafe { _mm256_loadu_si256(block.add(2).cast()) }
    }
}

impl Row32 for Q4_0 {
    const KIND: WeightType = WeightType::Q4_0;

    #[inline(always)]
    unsafe fn codes(block: *const u8) -> __m256i {
        // SAFETY: the block has 18 bytes.
        unsafe { _mm256_sub_epi8(nibbles(block.add(2)), _mm256_set1_epi8(8)) }
    }
}

impl Row32 for Q4_1 {
    const KIND: WeightType = WeightType::Q4_1;
    const HAS_MIN: bool = true;

    #[inline(always)]
    unsafe fn codes(block: *const u8) -> __m256i {
        // SAFETY: the block has 20 bytes.
        unsafe { nibbles(block.add(4)) }
    }
}

impl Row32 for Q5_0 {
    const KIND: WeightType = WeightType::Q5_0;

    #[inline(always)]
    unsafe fn codes(block: *const u8) -> __m256i {
        // SAFETY: the block has 22 bytes.
        unsafe {
            let codes = _mm256_or_si256(nibbles(block.add(6)), fifth_bits(block.add(2)));
            _mm256_sub_epi8(codes, _mm256_set1_epi8(16))
        }
    }
}

impl Row32 for Q5_1 {
    const KIND: WeightType = WeightType::Q5_1;
    const HAS_MIN: bool = true;

    #[inline(always)]
    unsafe fn codes(block: *const u8) -> __m256i {
        // SAFETY: the block has 24 bytes.
        unsafe { _mm256_or_si256(nibbles(block.add(8)), fifth_bits(block.add(4))) }
    }
}

impl Row32 for Iq4Nl {
    const KIND: WeightType = WeightType::IQ4_NL;

    #[inline(always)]
    unsafe fn codes(block: *const u8) -> __m256i {
        // SAFETY: the block has 18 bytes.
        unsafe { looked_up(nibbles(block.add(2)), &IQ4_CODES) }
    }
}

impl Row32 for Mxfp4 {
    const KIND: WeightType = WeightType::MXFP4;

    #[inline(always)]
    unsafe fn codes(block: *const u8) -> __m256i {
        // SAFETY: the block has 17 bytes.
        unsafe { looked_up(nibbles(block.add(1)), &MXFP4_CODES) }
    }

    #[inline(always)]
    unsafe fn scale(block: *const u8) -> f32 {
        // SAFETY: the block begins with its exponent.
        unsafe { mxfp4_scale(*block) }
    }
}

/// The f16 at `bytes`, widened.
#[inline(always)]
pub(super) unsafe fn half_at(bytes: *const u8) -> f32 {
    // SAFETY: the caller names two readable bytes.
    unsafe {
        let bits = bytes.cast::<u16>().read_unaligned();
        _mm_cvtss_f32(_mm_cvtph_ps(_mm_cvtsi32_si128(i32::from(bits))))
    }
}

/// The low four bits of 16 bytes, then their high four bits.
#[inline(always)]
pub(super) unsafe fn nibbles(bytes: *const u8) -> __m256i {
    // SAFETY: the caller names 16 readable bytes.
    unsafe {
        let twice = _mm256_broadcastsi128_si256(_mm_loadu_si128(bytes.cast()));
        let shifted = _mm256_srlv_epi64(twice, _mm256_set_epi64x(4, 4, 0, 0));
        _mm256_and_si256(shifted, _mm256_set1_epi8(15))
    }
}

/// Replaces indices by their entries of a table of 16 codes.
#[inline(always)]
pub(super) unsafe fn looked_up(indices: __m256i, codes: &[i8; 16]) -> __m256i {
    // SAFETY: the table has 16 bytes.
    unsafe {
        let table = _mm256_broadcastsi128_si256(_mm_loadu_si128(codes.as_ptr().cast()));
        _mm256_shuffle_epi8(table, indices)
    }
}

/// 16 in the bytes whose bit is set: bit i of four bytes belongs to value i.
#[inline(always)]
unsafe fn fifth_bits(bytes: *const u8) -> __m256i {
    // SAFETY: the caller names four readable bytes.
    unsafe {
        let bits = _mm256_set1_epi32(bytes.cast::<i32>().read_unaligned());
        let byte_of_value = _mm256_set_epi64x(
            0x0303_0303_0303_0303,
            0x0202_0202_0202_0202,
            0x0101_0101_0101_0101,
            0,
        );
        let select = _mm256_set1_epi64x(0x8040_2010_0804_0201u64 as i64);
        let spread = _mm256_and_si256(_mm256_shuffle_epi8(bits, byte_of_value), select);
        _mm256_and_si256(_mm256_cmpeq_epi8(spread, select), _mm256_set1_epi8(16))
    }
}
