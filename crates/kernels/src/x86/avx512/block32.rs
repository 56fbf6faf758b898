//! Unpacking a tile of 16 rows by 32 values, for each format with blocks of 32 values.
//!
//! ```text
//! transpose the packed bytes of 16 rows into dwords                 (see `bytes`)
//! low four bits -> values 0..16, high four bits -> values 16..32    (or the byte itself)
//! add the fifth bit, or look the code up, make it unsigned
//! widen the 16 scales (and minima) to f32
//! ```
//! 1. Sixteen rows at once: no step looks at a single row.
//! 2. Codes become unsigned by an offset that the integer sum starts from, so that nothing needs a
//!    sign trick and the code -128 is as good as any other.

use super::bytes::{all_shifted, high_f16, load_16, low_f16};
use crate::quant::{IQ4_CODES, MXFP4_CODES};
use crate::weight::WeightType;
use crate::x86::rows::{self, block32::Row32};
use crate::x86::walk::TileRows;
use std::arch::x86_64::*;

/// A block of 32 values of 16 rows.
pub(super) struct Tile32 {
    /// Dword n of vector g: unsigned codes 4g..4g+4 of row n.
    pub(super) codes: [__m512i; 8],
    /// Scale of each row.
    pub(super) scale: __m512,
    /// Minimum of each row; zero, and not used, where [`Format32::HAS_MIN`] is false.
    pub(super) min: __m512,
}

/// A format with blocks of 32 values.
pub(super) trait Format32 {
    /// The same format, unpacked row by row.
    type Row: Row32;
    const KIND: WeightType;
    /// What is added to a signed code to make it unsigned.
    const OFFSET: i32;
    const HAS_MIN: bool = false;

    /// Unpacks the block at which `rows` stand.
    unsafe fn unpack(rows: TileRows) -> Tile32;
}

pub(super) struct Q8_0;
pub(super) struct Q4_0;
pub(super) struct Q4_1;
pub(super) struct Q5_0;
pub(super) struct Q5_1;
pub(super) struct Iq4Nl;
pub(super) struct Mxfp4;

impl Format32 for Q8_0 {
    type Row = rows::block32::Q8_0;
    const KIND: WeightType = WeightType::Q8_0;
    const OFFSET: i32 = 128;

    #[inline(always)]
    unsafe fn unpack(rows: TileRows) -> Tile32 {
        // SAFETY: the block has 34 bytes.
        unsafe {
            let mut codes = rows.at(2).dwords8();
            for codes in &mut codes {
                *codes = _mm512_xor_si512(*codes, _mm512_set1_epi8(-128));
            }
            Tile32 { codes, scale: low_f16(rows.dwords4()[0]), min: _mm512_setzero_ps() }
        }
    }
}

impl Format32 for Q4_0 {
    type Row = rows::block32::Q4_0;
    const KIND: WeightType = WeightType::Q4_0;
    const OFFSET: i32 = 8;

    #[inline(always)]
    unsafe fn unpack(rows: TileRows) -> Tile32 {
        // SAFETY: the block has 18 bytes.
        unsafe {
            Tile32 {
                codes: nibbles(rows.at(2).dwords4()),
                scale: low_f16(rows.dwords4()[0]),
                min: _mm512_setzero_ps(),
            }
        }
    }
}

impl Format32 for Q4_1 {
    type Row = rows::block32::Q4_1;
    const KIND: WeightType = WeightType::Q4_1;
    const OFFSET: i32 = 0;
    const HAS_MIN: bool = true;

    #[inline(always)]
    unsafe fn unpack(rows: TileRows) -> Tile32 {
        // SAFETY: the block has 20 bytes.
        unsafe {
            let head = rows.dwords4()[0];
            let codes = nibbles(rows.at(4).dwords4());
            Tile32 { codes, scale: low_f16(head), min: high_f16(head) }
        }
    }
}

impl Format32 for Q5_0 {
    type Row = rows::block32::Q5_0;
    const KIND: WeightType = WeightType::Q5_0;
    const OFFSET: i32 = 16;

    #[inline(always)]
    unsafe fn unpack(rows: TileRows) -> Tile32 {
        // SAFETY: the block has 22 bytes.
        unsafe {
            let [head, next, ..] = rows.dwords4();
            // The 32 fifth bits are bytes 2..6: the upper half of one dword, the lower of the next.
            let bits =
                _mm512_or_si512(_mm512_srli_epi32::<16>(head), _mm512_slli_epi32::<16>(next));
            let codes = with_fifth_bits(nibbles(rows.at(6).dwords4()), bits);
            Tile32 { codes, scale: low_f16(head), min: _mm512_setzero_ps() }
        }
    }
}

impl Format32 for Q5_1 {
    type Row = rows::block32::Q5_1;
    const KIND: WeightType = WeightType::Q5_1;
    const OFFSET: i32 = 0;
    const HAS_MIN: bool = true;

    #[inline(always)]
    unsafe fn unpack(rows: TileRows) -> Tile32 {
        // SAFETY: the block has 24 bytes.
        unsafe {
            let [head, bits, ..] = rows.dwords4();
            let codes = with_fifth_bits(nibbles(rows.at(8).dwords4()), bits);
            Tile32 { codes, scale: low_f16(head), min: high_f16(head) }
        }
    }
}

impl Format32 for Iq4Nl {
    type Row = rows::block32::Iq4Nl;
    const KIND: WeightType = WeightType::IQ4_NL;
    const OFFSET: i32 = 128;

    #[inline(always)]
    unsafe fn unpack(rows: TileRows) -> Tile32 {
        // SAFETY: the block has 18 bytes.
        unsafe {
            Tile32 {
                codes: looked_up(nibbles(rows.at(2).dwords4()), &IQ4_CODES, Self::OFFSET),
                scale: low_f16(rows.dwords4()[0]),
                min: _mm512_setzero_ps(),
            }
        }
    }
}

impl Format32 for Mxfp4 {
    type Row = rows::block32::Mxfp4;
    const KIND: WeightType = WeightType::MXFP4;
    const OFFSET: i32 = 12;

    #[inline(always)]
    unsafe fn unpack(rows: TileRows) -> Tile32 {
        // SAFETY: the block has 17 bytes.
        unsafe {
            let exponent = _mm512_and_si512(rows.dwords4()[0], _mm512_set1_epi32(0xff));
            // 2^(e - 128): a normal number from e = 2 on, below that a subnormal one.
            let normal = _mm512_slli_epi32::<23>(_mm512_sub_epi32(exponent, _mm512_set1_epi32(1)));
            let small = _mm512_sllv_epi32(_mm512_set1_epi32(0x0020_0000), exponent);
            let is_small = _mm512_cmplt_epu32_mask(exponent, _mm512_set1_epi32(2));
            let bits = _mm512_mask_mov_epi32(normal, is_small, small);
            Tile32 {
                codes: looked_up(nibbles(rows.at(1).dwords4()), &MXFP4_CODES, Self::OFFSET),
                scale: _mm512_castsi512_ps(bits),
                min: _mm512_setzero_ps(),
            }
        }
    }
}

/// Low four bits of 16 bytes, then their high four bits.
#[inline(always)]
pub(super) unsafe fn nibbles(packed: [__m512i; 4]) -> [__m512i; 8] {
    // SAFETY: register arithmetic.
    unsafe {
        let ([a, b, c, d], [e, f, g, h]) = (all_shifted(packed, 0, 15), all_shifted(packed, 4, 15));
        [a, b, c, d, e, f, g, h]
    }
}

/// Replaces indices by their entries of a table of 16 codes, `offset` added.
#[inline(always)]
pub(super) unsafe fn looked_up(
    mut indices: [__m512i; 8],
    codes: &[i8; 16],
    offset: i32,
) -> [__m512i; 8] {
    // SAFETY: the table has 16 bytes, the rest is register arithmetic.
    unsafe {
        let table = _mm512_broadcast_i32x4(load_16(codes.as_ptr().cast()));
        let table = _mm512_add_epi8(table, _mm512_set1_epi8(offset as i8));
        for indices in &mut indices {
            *indices = _mm512_shuffle_epi8(table, *indices);
        }
    }
    indices
}

/// Adds 16 to the codes whose bit is set: bit i of a row's dword belongs to its value i.
#[inline(always)]
unsafe fn with_fifth_bits(codes: [__m512i; 8], bits: __m512i) -> [__m512i; 8] {
    // SAFETY: register arithmetic.
    unsafe {
        let sixteen = _mm512_set1_epi8(16);
        let mut result = codes;
        for (g, codes) in result.iter_mut().enumerate() {
            // The byte with the bits of values 4g..4g+4, in all four bytes of its dword.
            let byte = g as i32 / 2 * 0x0101_0101;
            let lane = _mm512_set_epi32(
                0x0c0c_0c0c + byte,
                0x0808_0808 + byte,
                0x0404_0404 + byte,
                byte,
                0x0c0c_0c0c + byte,
                0x0808_0808 + byte,
                0x0404_0404 + byte,
                byte,
                0x0c0c_0c0c + byte,
                0x0808_0808 + byte,
                0x0404_0404 + byte,
                byte,
                0x0c0c_0c0c + byte,
                0x0808_0808 + byte,
                0x0404_0404 + byte,
                byte,
            );
            let spread = _mm512_shuffle_epi8(bits, lane);
            let select = if g % 2 == 0 { 0x0804_0201 } else { 0x8040_2010u32 as i32 };
            let is_set = _mm512_test_epi8_mask(spread, _mm512_set1_epi32(select));
            *codes = _mm512_mask_add_epi8(*codes, is_set, *codes, sixteen);
        }
        result
    }
}
