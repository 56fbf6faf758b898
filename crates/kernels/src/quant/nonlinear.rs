//! The formats whose four bits are an index into a table of 16 codes.
//!
//! ```text
//! IQ4_NL  18 bytes   d: f16 | qs: 16 bytes             value = d * IQ4_CODES[q]
//! MXFP4   17 bytes   e: u8 | qs: 16 bytes              value = 2^(e-128) * MXFP4_CODES[q]
//! IQ4_XS  136 bytes  d: f16 | scales_h: u16 | scales_l: 4 bytes | qs: 128 bytes
//!                                                      value = d * (s - 32) * IQ4_CODES[q]
//!
//! qs: per 32 values 16 bytes; byte j holds value j in its low, value j + 16 in its high four bits.
//! IQ4_XS, scale s of sub-block b (32 values): its low four bits are half b % 2 (low first) of
//! scales_l[b / 2], its upper two are bits 2b and 2b + 1 of scales_h.
//! ```

use super::f16_at;
use super::superblock::Superblock;

/// The 16 codes of IQ4_NL and IQ4_XS (ggml's table; denser near zero).
pub(crate) const IQ4_CODES: [i8; 16] =
    [-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113];

/// The 16 codes of MXFP4: the OCP microscaling E2M1 values, doubled to be integers.
pub(crate) const MXFP4_CODES: [i8; 16] = [0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12];

/// Half of the E8M0 scale `2^(exponent - 127)`, because the codes are doubled.
///
/// The two smallest are subnormal. 255, which OCP calls NaN, is 2^127 here, as in ggml.
pub(crate) fn mxfp4_scale(exponent: u8) -> f32 {
    f32::from_bits(match exponent {
        0 => 0x0020_0000,
        1 => 0x0040_0000,
        _ => (u32::from(exponent) - 1) << 23,
    })
}

/// Unpacks an IQ4_XS superblock.
pub(super) fn unpack_iq4_xs(out: &mut Superblock, block: &[u8]) {
    out.scale = f16_at(block, 0);
    let scales_high = u16::from_le_bytes([block[2], block[3]]);
    for sub_block in 0..8 {
        let low = block[4 + sub_block / 2] >> (4 * (sub_block % 2)) & 15;
        let high = (scales_high >> (2 * sub_block)) as u8 & 3;
        let scale = i32::from(low | high << 4) - 32;
        out.scales[2 * sub_block..][..2].fill(scale);
        let packed = &block[8 + 16 * sub_block..][..16];
        let codes = &mut out.codes[32 * sub_block..][..32];
        for (j, &byte) in packed.iter().enumerate() {
            codes[j] = IQ4_CODES[usize::from(byte & 15)];
            codes[j + 16] = IQ4_CODES[usize::from(byte >> 4)];
        }
    }
}
