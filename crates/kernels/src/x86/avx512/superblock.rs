//! Unpacking a tile of 16 rows by 256 values, for each format with superblocks of 256 values.
//!
//! ```text
//! transpose the packed bytes of 16 rows into dwords, 32 bytes at a time      (see `bytes`)
//! cut and join bits into unsigned codes, chunk after chunk of 32 values
//! bring the integer scales (and minima) of all sub-blocks into bytes, one dword per four
//! ```
//! 1. Scales are taken apart for 16 rows and four sub-blocks at once.
//! 2. Codes become unsigned by an offset, which is undone by one sum of products of (offset times
//!    scale) and activation sums: a sixteenth or an eighth of the work of a correction per value.

use super::block32::{looked_up, nibbles};
use super::bytes::{all_joined, all_shifted, high_f16, low_f16, shifted, transpose};
use crate::quant::IQ4_CODES;
use crate::weight::WeightType;
use crate::x86::rows::{self, superblock::Row256};
use crate::x86::walk::TileRows;
use std::arch::x86_64::*;

/// What a superblock of 16 rows has beside its codes.
pub(super) struct Head {
    /// Byte i of dword n of vector v: integer scale 4v + i of row n, signed. A format with eight
    /// sub-blocks fills the first two vectors.
    pub(super) scales: [__m512i; 4],
    /// Likewise the integer minima, where [`Format256::HAS_MIN`].
    pub(super) mins: [__m512i; 4],
    /// Scale of each row.
    pub(super) scale: __m512,
    /// What the minima of each row are multiplied by, where [`Format256::HAS_MIN`].
    pub(super) min_scale: __m512,
}

/// Where the codes of a superblock go, chunk after chunk of 32 values.
pub(super) trait ChunkSink {
    /// Takes the unsigned codes of chunk `chunk` (0..8, each once, in no fixed order).
    unsafe fn chunk(&mut self, chunk: usize, codes: [__m512i; 8]);
}

/// A format with superblocks of 256 values.
pub(super) trait Format256 {
    /// The same format, unpacked row by row.
    type Row: Row256;
    const KIND: WeightType;
    /// What is added to a signed code to make it unsigned.
    const OFFSET: i16;
    /// Values per integer scale: 16 or 32.
    const SUB_BLOCK: usize;
    const HAS_MIN: bool;

    /// Unpacks scales and minima of the superblock at which `rows` stand.
    unsafe fn head(rows: TileRows) -> Head;

    /// Unpacks its codes.
    unsafe fn codes(rows: TileRows, sink: &mut impl ChunkSink);
}

pub(super) struct Q2K;
pub(super) struct Q3K;
pub(super) struct Q4K;
pub(super) struct Q5K;
pub(super) struct Q6K;
pub(super) struct Iq4Xs;

impl Format256 for Q4K {
    type Row = rows::superblock::Q4K;
    const KIND: WeightType = WeightType::Q4_K;
    const OFFSET: i16 = 0;
    const SUB_BLOCK: usize = 32;
    const HAS_MIN: bool = true;

    #[inline(always)]
    unsafe fn head(rows: TileRows) -> Head {
        // SAFETY: the superblock has 144 bytes.
        unsafe { six_bit_head(rows) }
    }

    #[inline(always)]
    unsafe fn codes(rows: TileRows, sink: &mut impl ChunkSink) {
        for pair in 0..4 {
            // SAFETY: the superblock has 144 bytes: the codes are bytes 16..144.
            unsafe {
                let packed = rows.at(16 + 32 * pair).dwords8();
                sink.chunk(2 * pair, all_shifted(packed, 0, 15));
                sink.chunk(2 * pair + 1, all_shifted(packed, 4, 15));
            }
        }
    }
}

impl Format256 for Q5K {
    type Row = rows::superblock::Q5K;
    const KIND: WeightType = WeightType::Q5_K;
    const OFFSET: i16 = 0;
    const SUB_BLOCK: usize = 32;
    const HAS_MIN: bool = true;

    #[inline(always)]
    unsafe fn head(rows: TileRows) -> Head {
        // SAFETY: the superblock has 176 bytes.
        unsafe { six_bit_head(rows) }
    }

    #[inline(always)]
    unsafe fn codes(rows: TileRows, sink: &mut impl ChunkSink) {
        // SAFETY: the superblock has 176 bytes: fifth bits at 16..48, the others at 48..176.
        unsafe {
            let high = rows.at(16).dwords8();
            for pair in 0..4 {
                let packed = rows.at(48 + 32 * pair).dwords8();
                for half in 0..2 {
                    let chunk = 2 * pair + half;
                    let low = all_shifted(packed, 4 * half as i32, 15);
                    let fifth = all_shifted(high, chunk as i32, 1);
                    sink.chunk(chunk, all_joined(low, fifth, 4));
                }
            }
        }
    }
}

impl Format256 for Q6K {
    type Row = rows::superblock::Q6K;
    const KIND: WeightType = WeightType::Q6_K;
    const OFFSET: i16 = 32;
    const SUB_BLOCK: usize = 16;
    const HAS_MIN: bool = false;

    #[inline(always)]
    unsafe fn head(rows: TileRows) -> Head {
        // SAFETY: the superblock has 210 bytes: scales at 192..208, then the f16.
        unsafe {
            let scale = high_f16(rows.at(194).dwords4()[3]);
            without_mins(rows.at(192).dwords4(), scale)
        }
    }

    #[inline(always)]
    unsafe fn codes(rows: TileRows, sink: &mut impl ChunkSink) {
        for half in 0..2 {
            // SAFETY: the superblock has 210 bytes: low bits at 0..128, high bits at 128..192.
            unsafe {
                let high = rows.at(128 + 32 * half).dwords8();
                for column in 0..2 {
                    let low = rows.at(64 * half + 32 * column).dwords8();
                    for nibble in 0..2 {
                        let part = 2 * nibble + column;
                        let four = all_shifted(low, 4 * nibble as i32, 15);
                        let two = all_shifted(high, 2 * part as i32, 3);
                        sink.chunk(4 * half + part, all_joined(four, two, 4));
                    }
                }
            }
        }
    }
}

impl Format256 for Q3K {
    type Row = rows::superblock::Q3K;
    const KIND: WeightType = WeightType::Q3_K;
    const OFFSET: i16 = 4;
    const SUB_BLOCK: usize = 16;
    const HAS_MIN: bool = false;

    #[inline(always)]
    unsafe fn head(rows: TileRows) -> Head {
        // SAFETY: the superblock has 110 bytes: scales at 96..108, the f16 at 108..110. The load
        // starts two bytes early to end with the block.
        unsafe {
            let rows = rows.at(94);
            let mut quads = [rows.quad(0), rows.quad(1), rows.quad(2), rows.quad(3)];
            for quad in &mut quads {
                *quad = _mm512_bsrli_epi128::<2>(*quad);
            }
            let [a, b, high, last] = transpose(quads);
            let four = [shifted(a, 0, 15), shifted(b, 0, 15), shifted(a, 4, 15), shifted(b, 4, 15)];
            let two = [
                shifted(high, 0, 3),
                shifted(high, 2, 3),
                shifted(high, 4, 3),
                shifted(high, 6, 3),
            ];
            let mut scales = all_joined(four, two, 4);
            for scales in &mut scales {
                *scales = _mm512_sub_epi8(*scales, _mm512_set1_epi8(32));
            }
            without_mins(scales, low_f16(last))
        }
    }

    #[inline(always)]
    unsafe fn codes(rows: TileRows, sink: &mut impl ChunkSink) {
        // SAFETY: the superblock has 110 bytes: third bits at 0..32, the others at 32..96.
        unsafe {
            let high = rows.dwords8();
            for half in 0..2 {
                let packed = rows.at(32 + 32 * half).dwords8();
                for part in 0..4 {
                    let chunk = 4 * half + part;
                    let low = all_shifted(packed, 2 * part as i32, 3);
                    let third = all_shifted(high, chunk as i32, 1);
                    sink.chunk(chunk, all_joined(low, third, 2));
                }
            }
        }
    }
}

impl Format256 for Q2K {
    type Row = rows::superblock::Q2K;
    const KIND: WeightType = WeightType::Q2_K;
    const OFFSET: i16 = 0;
    const SUB_BLOCK: usize = 16;
    const HAS_MIN: bool = true;

    #[inline(always)]
    unsafe fn head(rows: TileRows) -> Head {
        // SAFETY: the superblock has 84 bytes: scales and minima at 0..16, two f16 at 80..84.
        unsafe {
            let bytes = rows.dwords4();
            let last = rows.at(68).dwords4()[3];
            Head {
                scales: all_shifted(bytes, 0, 15),
                mins: all_shifted(bytes, 4, 15),
                scale: low_f16(last),
                min_scale: high_f16(last),
            }
        }
    }

    #[inline(always)]
    unsafe fn codes(rows: TileRows, sink: &mut impl ChunkSink) {
        for half in 0..2 {
            // SAFETY: the superblock has 84 bytes: the codes are bytes 16..80.
            unsafe {
                let packed = rows.at(16 + 32 * half).dwords8();
                for part in 0..4 {
                    let codes = all_shifted(packed, 2 * part as i32, 3);
                    sink.chunk(4 * half + part, codes);
                }
            }
        }
    }
}

impl Format256 for Iq4Xs {
    type Row = rows::superblock::Iq4Xs;
    const KIND: WeightType = WeightType::IQ4_XS;
    const OFFSET: i16 = 128;
    const SUB_BLOCK: usize = 32;
    const HAS_MIN: bool = false;

    #[inline(always)]
    unsafe fn head(rows: TileRows) -> Head {
        // SAFETY: the superblock has 136 bytes: f16, two bytes of high scale bits, four of low.
        unsafe {
            let [head, low, ..] = rows.dwords4();
            let zero = _mm512_setzero_si512();
            let scales = [
                four_scales(low, shifted_dwords(head, 16)),
                four_scales(shifted_dwords(low, 16), shifted_dwords(head, 24)),
                zero,
                zero,
            ];
            without_mins(scales, low_f16(head))
        }
    }

    #[inline(always)]
    unsafe fn codes(rows: TileRows, sink: &mut impl ChunkSink) {
        for chunk in 0..8 {
            // SAFETY: the superblock has 136 bytes: the codes are bytes 8..136.
            unsafe {
                let indices = nibbles(rows.at(8 + 16 * chunk).dwords4());
                sink.chunk(chunk, looked_up(indices, &IQ4_CODES, i32::from(Self::OFFSET)));
            }
        }
    }
}

/// Four scales of IQ4_XS: four bits each from `low`, two from `high`, minus 32, in four bytes.
#[inline(always)]
unsafe fn four_scales(low: __m512i, high: __m512i) -> __m512i {
    // SAFETY: register arithmetic.
    unsafe {
        let mut bytes = _mm512_setzero_si512();
        for i in 0..4 {
            let four = _mm512_and_si512(shifted_dwords(low, 4 * i), dword(15));
            let two = _mm512_and_si512(shifted_dwords(high, 2 * i), dword(3));
            let six = _mm512_or_si512(four, _mm512_slli_epi32::<4>(two));
            bytes = _mm512_or_si512(bytes, _mm512_sllv_epi32(six, dword(8 * i)));
        }
        _mm512_sub_epi8(bytes, _mm512_set1_epi8(32))
    }
}

/// Head of Q4_K and Q5_K: d, dmin, then eight scales and eight minima of six bits in 12 bytes.
#[inline(always)]
unsafe fn six_bit_head(rows: TileRows) -> Head {
    // SAFETY: the head is 16 bytes.
    unsafe {
        let [head, scales, mins, both] = rows.dwords4();
        // The upper two bits of sub-blocks 4..8 are on top of the six of sub-blocks 0..4.
        let low = [shifted(both, 0, 15), shifted(both, 4, 15)];
        let top = [shifted(scales, 6, 3), shifted(mins, 6, 3)];
        let [upper_scales, upper_mins] = all_joined(low, top, 4);
        let zero = _mm512_setzero_si512();
        Head {
            scales: [shifted(scales, 0, 63), upper_scales, zero, zero],
            mins: [shifted(mins, 0, 63), upper_mins, zero, zero],
            scale: low_f16(head),
            min_scale: high_f16(head),
        }
    }
}

#[inline(always)]
unsafe fn without_mins(scales: [__m512i; 4], scale: __m512) -> Head {
    // SAFETY: register arithmetic.
    unsafe {
        Head { scales, mins: [_mm512_setzero_si512(); 4], scale, min_scale: _mm512_setzero_ps() }
    }
}

#[inline(always)]
unsafe fn dword(value: i32) -> __m512i {
    // SAFETY: register arithmetic.
    unsafe { _mm512_set1_epi32(value) }
}

#[inline(always)]
unsafe fn shifted_dwords(vector: __m512i, count: i32) -> __m512i {
    // SAFETY: register arithmetic.
    unsafe { _mm512_srlv_epi32(vector, dword(count)) }
}
