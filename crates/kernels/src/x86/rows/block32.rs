//! Unpacking 32 values of one row, for each format with blocks of 32 values.
//!
//! ```text
//! low four bits of 16 bytes -> values 0..16, high four bits -> values 16..32
//! add the fifth bit, or look the code up
//! ```
//! 1. A block becomes one vector of codes, in the order of the values, in a few operations.

use crate::quant::{IQ4_CODES, MXFP4_CODES, mxfp4_scale};
use crate::weight::WeightType;
use crate::x86::walk::TileRows;
use std::arch::x86_64::*;

/// A format with blocks of 32 values. The functions need AVX2 and a readable block.
pub(in crate::x86) trait Row32 {
    const KIND: WeightType;
    /// What was added to a signed code to make it unsigned.
    const OFFSET: u8;
    const HAS_MIN: bool = false;

    /// The unsigned codes.
    unsafe fn unsigned(block: *const u8) -> __m256i;

    /// The signed codes.
    #[inline(always)]
    unsafe fn signed(block: *const u8) -> __m256i {
        // SAFETY: passed on.
        unsafe { _mm256_sub_epi8(Self::unsigned(block), _mm256_set1_epi8(Self::OFFSET as i8)) }
    }

    /// What the codes of eight blocks, one in each of eight rows, are multiplied by: the f16 that
    /// most blocks begin with.
    #[inline(always)]
    unsafe fn scales(blocks: TileRows) -> __m256 {
        // SAFETY: the blocks begin with an f16.
        unsafe { eight_halves(blocks) }
    }

    /// The minima, where there are any: an f16 after the scale.
    #[inline(always)]
    unsafe fn mins(blocks: TileRows) -> __m256 {
        // SAFETY: only asked for where the blocks have a minimum.
        unsafe { eight_halves(TileRows { start: blocks.start.add(2), ..blocks }) }
    }
}

pub(in crate::x86) struct Q8_0;
pub(in crate::x86) struct Q4_0;
pub(in crate::x86) struct Q4_1;
pub(in crate::x86) struct Q5_0;
pub(in crate::x86) struct Q5_1;
pub(in crate::x86) struct Iq4Nl;
pub(in crate::x86) struct Mxfp4;

impl Row32 for Q8_0 {
    const KIND: WeightType = WeightType::Q8_0;
    const OFFSET: u8 = 128;

    #[inline(always)]
    unsafe fn unsigned(block: *const u8) -> __m256i {
        // SAFETY: the block has 34 bytes.
        unsafe {
            let codes = _mm256_loadu_si256(block.add(2).cast());
            _mm256_xor_si256(codes, _mm256_set1_epi8(-128))
        }
    }
}

impl Row32 for Q4_0 {
    const KIND: WeightType = WeightType::Q4_0;
    const OFFSET: u8 = 8;

    #[inline(always)]
    unsafe fn unsigned(block: *const u8) -> __m256i {
        // SAFETY: the block has 18 bytes.
        unsafe { nibbles(block.add(2)) }
    }
}

impl Row32 for Q4_1 {
    const KIND: WeightType = WeightType::Q4_1;
    const OFFSET: u8 = 0;
    const HAS_MIN: bool = true;

    #[inline(always)]
    unsafe fn unsigned(block: *const u8) -> __m256i {
        // SAFETY: the block has 20 bytes.
        unsafe { nibbles(block.add(4)) }
    }
}

impl Row32 for Q5_0 {
    const KIND: WeightType = WeightType::Q5_0;
    const OFFSET: u8 = 16;

    #[inline(always)]
    unsafe fn unsigned(block: *const u8) -> __m256i {
        // SAFETY: the block has 22 bytes.
        unsafe { _mm256_or_si256(nibbles(block.add(6)), fifth_bits(block.add(2))) }
    }
}

impl Row32 for Q5_1 {
    const KIND: WeightType = WeightType::Q5_1;
    const OFFSET: u8 = 0;
    const HAS_MIN: bool = true;

    #[inline(always)]
    unsafe fn unsigned(block: *const u8) -> __m256i {
        // SAFETY: the block has 24 bytes.
        unsafe { _mm256_or_si256(nibbles(block.add(8)), fifth_bits(block.add(4))) }
    }
}

impl Row32 for Iq4Nl {
    const KIND: WeightType = WeightType::IQ4_NL;
    const OFFSET: u8 = 128;

    #[inline(always)]
    unsafe fn unsigned(block: *const u8) -> __m256i {
        // SAFETY: the block has 18 bytes.
        unsafe { looked_up(nibbles(block.add(2)), &IQ4_CODES, Self::OFFSET) }
    }
}

impl Row32 for Mxfp4 {
    const KIND: WeightType = WeightType::MXFP4;
    const OFFSET: u8 = 12;

    #[inline(always)]
    unsafe fn unsigned(block: *const u8) -> __m256i {
        // SAFETY: the block has 17 bytes.
        unsafe { looked_up(nibbles(block.add(1)), &MXFP4_CODES, Self::OFFSET) }
    }

    #[inline(always)]
    unsafe fn scales(blocks: TileRows) -> __m256 {
        let mut scales = [0.0; 8];
        for (row, scale) in scales.iter_mut().enumerate() {
            // SAFETY: the blocks begin with their exponent.
            *scale = mxfp4_scale(unsafe { *blocks.start.add(row * blocks.stride) });
        }
        // SAFETY: the array has eight floats.
        unsafe { _mm256_loadu_ps(scales.as_ptr()) }
    }
}

/// The f16 at the start of each of eight rows, widened.
#[inline(always)]
pub(in crate::x86) unsafe fn eight_halves(rows: TileRows) -> __m256 {
    // SAFETY: two bytes are readable in each of eight rows.
    unsafe {
        let mut halves = _mm_setzero_si128();
        halves = _mm_insert_epi16::<0>(halves, half_bits(rows, 0));
        halves = _mm_insert_epi16::<1>(halves, half_bits(rows, 1));
        halves = _mm_insert_epi16::<2>(halves, half_bits(rows, 2));
        halves = _mm_insert_epi16::<3>(halves, half_bits(rows, 3));
        halves = _mm_insert_epi16::<4>(halves, half_bits(rows, 4));
        halves = _mm_insert_epi16::<5>(halves, half_bits(rows, 5));
        halves = _mm_insert_epi16::<6>(halves, half_bits(rows, 6));
        halves = _mm_insert_epi16::<7>(halves, half_bits(rows, 7));
        _mm256_cvtph_ps(halves)
    }
}

#[inline(always)]
unsafe fn half_bits(rows: TileRows, row: usize) -> i32 {
    // SAFETY: two bytes are readable in each of eight rows.
    i32::from(unsafe { rows.start.add(row * rows.stride).cast::<u16>().read_unaligned() })
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

/// Replaces indices by their entries of a table of 16 codes, `offset` added.
#[inline(always)]
pub(super) unsafe fn looked_up(indices: __m256i, codes: &[i8; 16], offset: u8) -> __m256i {
    // SAFETY: the table has 16 bytes.
    unsafe {
        let table = _mm256_broadcastsi128_si256(_mm_loadu_si128(codes.as_ptr().cast()));
        let table = _mm256_add_epi8(table, _mm256_set1_epi8(offset as i8));
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
