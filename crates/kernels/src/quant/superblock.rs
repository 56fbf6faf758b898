//! Superblocks of 256 values: sub-blocks with integer scales under one float scale.
//!
//! ```text
//! Q2_K   84 bytes  scales: 16 | qs: 64 | d: f16 | dmin: f16
//! Q3_K  110 bytes  hmask: 32 | qs: 64 | scales: 12 | d: f16
//! Q4_K  144 bytes  d: f16 | dmin: f16 | scales: 12 | qs: 128
//! Q5_K  176 bytes  d: f16 | dmin: f16 | scales: 12 | qh: 32 | qs: 128
//! Q6_K  210 bytes  ql: 128 | qh: 64 | scales: i8 x 16 | d: f16
//! ```
//! Where the bits of value `i` are (`half = i / 128`, `part = i / 32`, `l = i % 32`):
//! ```text
//! Q2_K  bits 2(part%4).. of qs[32 half + l]; scale and min of i/16: the low and the high four bits
//! Q3_K  as Q2_K, and the third bit is bit `part` of hmask[l]; code = q - 4; scale = s - 32
//! Q4_K  half part%2 (low first) of qs[32 (part/2) + l]; scale and min of `part`: 6 bits each
//! Q5_K  as Q4_K, and the fifth bit is bit `part` of qh[l]
//! Q6_K  half (part%4)/2 of ql[64 half + 32 (part%2) + l], then bits 2(part%4).. of qh[32 half + l]
//!       above them; code = q - 32; scale of i/16 is an i8
//! ```
//! IQ4_XS is in `nonlinear`.

use super::{f16_at, nonlinear};
use crate::weight::WeightType;

/// One unpacked superblock. With `j = i / 16`:
/// `value[i] = (scale * scales[j]) * codes[i]`, minus `min_scale * mins[j]` where there are minima.
///
/// | type | code | scales | mins | scale | min_scale |
/// |---|---|---|---|---|---|
/// | Q2_K | 0..=3 | 0..=15 per 16 | 0..=15 per 16 | d | dmin |
/// | Q3_K | -4..=3 | -32..=31 per 16 | - | d | - |
/// | Q4_K | 0..=15 | 0..=63 per 32 | 0..=63 per 32 | d | dmin |
/// | Q5_K | 0..=31 | 0..=63 per 32 | 0..=63 per 32 | d | dmin |
/// | Q6_K | -32..=31 | -128..=127 per 16 | - | d | - |
/// | IQ4_XS | -127..=113, one of 16 | -32..=31 per 32 | - | d | - |
///
/// Scales and minima per 32 values stand here twice.
pub(crate) struct Superblock {
    /// Signed integer codes, in the order of the values.
    pub(crate) codes: [i8; 256],
    /// Integer scale of each 16 values.
    pub(crate) scales: [i32; 16],
    /// Integer minimum of each 16 values.
    pub(crate) mins: [i32; 16],
    /// What integer scales are multiplied by.
    pub(crate) scale: f32,
    /// What integer minima are multiplied by, in formats that have them.
    pub(crate) min_scale: Option<f32>,
}

impl Default for Superblock {
    fn default() -> Self {
        Superblock { codes: [0; 256], scales: [0; 16], mins: [0; 16], scale: 0.0, min_scale: None }
    }
}

impl Superblock {
    /// Unpacks the `block` of a 256-value `kind`.
    pub(crate) fn unpack(&mut self, kind: WeightType, block: &[u8]) {
        self.min_scale = None;
        match kind {
            WeightType::Q2_K => self.unpack_q2_k(block),
            WeightType::Q3_K => self.unpack_q3_k(block),
            WeightType::Q4_K => self.unpack_q4_k(block),
            WeightType::Q5_K => self.unpack_q5_k(block),
            WeightType::Q6_K => self.unpack_q6_k(block),
            WeightType::IQ4_XS => nonlinear::unpack_iq4_xs(self, block),
            _ => unreachable!("{kind} has no blocks of 256 values"),
        }
    }

    /// The values of the superblock, each product and difference rounded to f32.
    pub(crate) fn dequantize(&self, values: &mut [f32]) {
        for (j, values) in values.chunks_exact_mut(16).enumerate() {
            let scale = self.scale * self.scales[j] as f32;
            let min = self.min_scale.map(|min_scale| min_scale * self.mins[j] as f32);
            for (value, &code) in values.iter_mut().zip(&self.codes[16 * j..]) {
                let product = scale * f32::from(code);
                // Not `- 0.0` without minima: the sign of a zero is part of the definition.
                *value = min.map_or(product, |min| product - min);
            }
        }
    }

    fn unpack_q2_k(&mut self, block: &[u8]) {
        self.scale = f16_at(block, 80);
        self.min_scale = Some(f16_at(block, 82));
        for (j, &byte) in block[..16].iter().enumerate() {
            self.scales[j] = i32::from(byte & 15);
            self.mins[j] = i32::from(byte >> 4);
        }
        self.two_bits(&block[16..80]);
    }

    fn unpack_q3_k(&mut self, block: &[u8]) {
        let (high, low_bits, scales) = (&block[..32], &block[32..96], &block[96..108]);
        self.scale = f16_at(block, 108);
        for j in 0..16 {
            let low = scales[j % 8] >> (4 * (j / 8)) & 15;
            let high = scales[8 + j % 4] >> (2 * (j / 4)) & 3;
            self.scales[j] = i32::from(low | high << 4) - 32;
        }
        self.two_bits(low_bits);
        for (i, code) in self.codes.iter_mut().enumerate() {
            let third = high[i % 32] >> (i / 32) & 1;
            *code += (third << 2) as i8 - 4;
        }
    }

    fn unpack_q4_k(&mut self, block: &[u8]) {
        self.scale = f16_at(block, 0);
        self.min_scale = Some(f16_at(block, 2));
        self.six_bit_scales(&block[4..16]);
        self.nibbles(&block[16..144]);
    }

    fn unpack_q5_k(&mut self, block: &[u8]) {
        self.scale = f16_at(block, 0);
        self.min_scale = Some(f16_at(block, 2));
        self.six_bit_scales(&block[4..16]);
        self.nibbles(&block[48..176]);
        let high = &block[16..48];
        for (i, code) in self.codes.iter_mut().enumerate() {
            *code += ((high[i % 32] >> (i / 32) & 1) << 4) as i8;
        }
    }

    fn unpack_q6_k(&mut self, block: &[u8]) {
        let (low, high) = (&block[..128], &block[128..192]);
        for (scale, &byte) in self.scales.iter_mut().zip(&block[192..208]) {
            *scale = i32::from(byte as i8);
        }
        self.scale = f16_at(block, 208);
        for (i, code) in self.codes.iter_mut().enumerate() {
            let (half, part, l) = (i / 128, i / 32 % 4, i % 32);
            let four = low[64 * half + 32 * (part % 2) + l] >> (4 * (part / 2)) & 15;
            let two = high[32 * half + l] >> (2 * part) & 3;
            *code = (four | two << 4) as i8 - 32;
        }
    }

    /// Two bits per value: 32 bytes hold 128 values, the lowest bits first.
    fn two_bits(&mut self, packed: &[u8]) {
        for (i, code) in self.codes.iter_mut().enumerate() {
            *code = (packed[32 * (i / 128) + i % 32] >> (2 * (i / 32 % 4)) & 3) as i8;
        }
    }

    /// Four bits per value: 32 bytes hold 64 values, the low halves of all bytes first.
    fn nibbles(&mut self, packed: &[u8]) {
        for (codes, packed) in self.codes.chunks_exact_mut(64).zip(packed.chunks_exact(32)) {
            for (j, &byte) in packed.iter().enumerate() {
                codes[j] = (byte & 15) as i8;
                codes[j + 32] = (byte >> 4) as i8;
            }
        }
    }

    /// Eight scales and eight minima of six bits in twelve bytes: sub-blocks 0 to 3 in the low six
    /// bits of bytes 0..4 (scales) and 4..8 (minima); sub-blocks 4 to 7 in the halves of bytes
    /// 8..12, with their upper two bits on top of the former.
    fn six_bit_scales(&mut self, packed: &[u8]) {
        for b in 0..8 {
            let (scale, min) = if b < 4 {
                (packed[b] & 63, packed[b + 4] & 63)
            } else {
                let (low, high) = (packed[b + 4] & 15, packed[b + 4] >> 4);
                (low | packed[b - 4] >> 6 << 4, high | packed[b] >> 6 << 4)
            };
            self.scales[2 * b..][..2].fill(i32::from(scale));
            self.mins[2 * b..][..2].fill(i32::from(min));
        }
    }
}
