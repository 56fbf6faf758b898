//! Weight formats: how each block type unpacks, exactly, to integer codes and to f32.
//!
//! The layouts are those of GGUF (ggml), where all numbers are little-endian. Three families:
//!
//! | family | types | a block | value |
//! |---|---|---|---|
//! | [`half`] | F32 F16 BF16 | one number | itself |
//! | `block32` | Q8_0 Q4_0 Q4_1 Q5_0 Q5_1 IQ4_NL MXFP4 | 32 codes | `scale * code (+ min)` |
//! | `superblock` | Q2_K Q3_K Q4_K Q5_K Q6_K IQ4_XS | 256 codes | `scale*s*code (- min_scale*m)` |
//!
//! where a superblock has an integer scale `s` and minimum `m` for every 16 values.
//!
//! Each type has one function that unpacks a block to codes; dequantization and the integer dot
//! products of [`crate::scalar`] both start from these codes, so they cannot disagree. The vector
//! kernels unpack in their own way and are tested against them.

mod block32;
pub mod half;
mod nonlinear;
mod superblock;

pub(crate) use block32::Block32;
#[cfg(target_arch = "x86_64")]
pub(crate) use nonlinear::{IQ4_CODES, MXFP4_CODES, mxfp4_scale};
pub(crate) use superblock::Superblock;

use crate::weight::WeightType;

/// Unpacks a run of whole blocks of `kind` to f32, exactly as the format defines the values.
///
/// Each product and each sum is rounded to f32 in the order of the table above.
///
/// # Panics
/// When `out.len()` is no multiple of the block, or `bytes` is not exactly `out.len()` values.
pub fn dequantize_row(kind: WeightType, bytes: &[u8], out: &mut [f32]) {
    let block_values = kind.block_values();
    assert!(out.len().is_multiple_of(block_values), "{kind} unpacks whole blocks");
    assert_eq!(
        bytes.len(),
        out.len() / block_values * kind.block_bytes(),
        "bytes must hold exactly the values asked for"
    );
    let blocks = bytes.chunks_exact(kind.block_bytes());
    match kind {
        WeightType::F32 | WeightType::F16 | WeightType::BF16 => half::widen(kind, bytes, out),
        _ if block_values == 32 => {
            let mut unpacked = Block32::default();
            for (block, values) in blocks.zip(out.chunks_exact_mut(32)) {
                unpacked.unpack(kind, block);
                unpacked.dequantize(values);
            }
        }
        _ => {
            let mut unpacked = Superblock::default();
            for (block, values) in blocks.zip(out.chunks_exact_mut(256)) {
                unpacked.unpack(kind, block);
                unpacked.dequantize(values);
            }
        }
    }
}

/// The f16 at `offset` of a block, widened.
fn f16_at(block: &[u8], offset: usize) -> f32 {
    half::f16_to_f32(u16::from_le_bytes([block[offset], block[offset + 1]]))
}
