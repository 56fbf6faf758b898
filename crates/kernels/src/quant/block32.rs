//! Blocks of 32 values with one scale: the straight formats (the table formats: `nonlinear`).
//!
//! ```text
//! Q8_0  34 bytes  d: f16 | q: i8 x 32                            value = d * q
//! Q4_0  18 bytes  d: f16 | qs: 16 bytes                          value = d * (q - 8)
//! Q4_1  20 bytes  d: f16 | m: f16 | qs: 16 bytes                 value = d * q + m
//! Q5_0  22 bytes  d: f16 | qh: u32 | qs: 16 bytes                value = d * (q - 16)
//! Q5_1  24 bytes  d: f16 | m: f16 | qh: u32 | qs: 16 bytes       value = d * q + m
//!
//! qs: byte j holds value j in its low and value j + 16 in its high four bits.
//! qh: bit i is the fifth bit of value i.
//! ```

use super::{f16_at, nonlinear};
use crate::weight::WeightType;

/// One unpacked block of a 32-value format: `value = scale * code`, plus `min` where there is one.
///
/// | type | code | scale | min |
/// |---|---|---|---|
/// | Q8_0 | -128..=127 | d | - |
/// | Q4_0 | -8..=7 | d | - |
/// | Q4_1 | 0..=15 | d | m |
/// | Q5_0 | -16..=15 | d | - |
/// | Q5_1 | 0..=31 | d | m |
/// | IQ4_NL | -127..=113, one of 16 | d | - |
/// | MXFP4 | -12..=12, one of 16 | 2^(e - 128) | - |
pub(crate) struct Block32 {
    /// Signed integer codes, in the order of the values.
    pub(crate) codes: [i8; 32],
    /// What a code is multiplied by.
    pub(crate) scale: f32,
    /// What is added to every product, in formats that have it.
    pub(crate) min: Option<f32>,
}

impl Default for Block32 {
    fn default() -> Self {
        Block32 { codes: [0; 32], scale: 0.0, min: None }
    }
}

impl Block32 {
    /// Unpacks the `block` of a 32-value `kind`.
    pub(crate) fn unpack(&mut self, kind: WeightType, block: &[u8]) {
        self.min = None;
        match kind {
            WeightType::Q8_0 => self.unpack_q8_0(block),
            WeightType::Q4_0 => {
                self.scale = f16_at(block, 0);
                self.nibbles(&block[2..18], |nibble| nibble as i8 - 8);
            }
            WeightType::Q4_1 => {
                self.scale = f16_at(block, 0);
                self.min = Some(f16_at(block, 2));
                self.nibbles(&block[4..20], |nibble| nibble as i8);
            }
            WeightType::Q5_0 => {
                self.scale = f16_at(block, 0);
                self.five_bits(&block[2..6], &block[6..22], 16);
            }
            WeightType::Q5_1 => {
                self.scale = f16_at(block, 0);
                self.min = Some(f16_at(block, 2));
                self.five_bits(&block[4..8], &block[8..24], 0);
            }
            WeightType::IQ4_NL => {
                self.scale = f16_at(block, 0);
                self.nibbles(&block[2..18], |nibble| nonlinear::IQ4_CODES[usize::from(nibble)]);
            }
            WeightType::MXFP4 => {
                self.scale = nonlinear::mxfp4_scale(block[0]);
                self.nibbles(&block[1..17], |nibble| nonlinear::MXFP4_CODES[usize::from(nibble)]);
            }
            _ => unreachable!("{kind} has no blocks of 32 values"),
        }
    }

    /// The values of the block, rounded to f32 after the product and after the sum.
    pub(crate) fn dequantize(&self, values: &mut [f32]) {
        for (value, &code) in values.iter_mut().zip(&self.codes) {
            let product = self.scale * f32::from(code);
            // Not `+ 0.0` without a minimum: that would turn -0 into +0.
            *value = self.min.map_or(product, |min| product + min);
        }
    }

    fn unpack_q8_0(&mut self, block: &[u8]) {
        self.scale = f16_at(block, 0);
        for (code, &byte) in self.codes.iter_mut().zip(&block[2..34]) {
            *code = byte as i8;
        }
    }

    /// Four bits per value: the low halves of all bytes first, then the high halves.
    fn nibbles(&mut self, packed: &[u8], code_of: impl Fn(u8) -> i8) {
        for (j, &byte) in packed.iter().enumerate() {
            self.codes[j] = code_of(byte & 15);
            self.codes[j + 16] = code_of(byte >> 4);
        }
    }

    /// Five bits per value: nibbles, and the fifth bits in the order of the values.
    fn five_bits(&mut self, high: &[u8], packed: &[u8], offset: i8) {
        self.nibbles(packed, |nibble| nibble as i8 - offset);
        for (i, code) in self.codes.iter_mut().enumerate() {
            *code += (((high[i / 8] >> (i % 8)) & 1) << 4) as i8;
        }
    }
}
