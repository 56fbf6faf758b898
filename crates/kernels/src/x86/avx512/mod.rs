//! Matrix products with AVX-512: which kernel multiplies which weight type.
//!
//! Read on in `bytes` (rows into lanes), `block32` and `superblock` (unpacking), `dot32` and
//! `dot256` (integer micro-kernels), `integer` (the walk over tiles), `float`.

mod block32;
mod bytes;
mod dot256;
mod dot32;
mod float;
mod integer;
mod superblock;

use super::scratch;
use super::walk::{Call, multiply};
use crate::input::Input;
use crate::matmul::OutRows;
use crate::weight::{Arithmetic, Weight, WeightType};
use integer::{Blocks, Superblocks};
use std::arch::is_x86_feature_detected;
use std::ops::Range;

/// Whether this machine runs these kernels, which use the instructions of the AVX2 set as well.
pub(super) fn is_available() -> bool {
    super::avx2::is_available()
        && is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512vl")
        && is_x86_feature_detected!("avx512dq")
        && is_x86_feature_detected!("avx512vnni")
}

/// [`crate::isa::MatmulRange`] with AVX-512.
///
/// Only [`super::kernels`] hands it out, where [`is_available`].
pub(super) fn matmul_range(
    weight: &Weight<'_>,
    range: Range<usize>,
    arithmetic: Arithmetic,
    input: &Input,
    out: &OutRows,
) {
    debug_assert!(is_available());
    if range.is_empty() || input.rows() == 0 {
        return;
    }
    if weight.cols() == 0 {
        return crate::scalar::matmul_range(weight, range, arithmetic, input, out);
    }
    let call = Call { weight, range, input, out };
    // SAFETY: a `Kernels` with this function exists only where the instructions are available.
    scratch::with(|scratch| unsafe {
        match (arithmetic, weight.kind()) {
            (Arithmetic::Float, _) => float::multiply(&call, scratch),
            (_, WeightType::Q8_0) => multiply::<Blocks<block32::Q8_0>>(&call, scratch),
            (_, WeightType::Q4_0) => multiply::<Blocks<block32::Q4_0>>(&call, scratch),
            (_, WeightType::Q4_1) => multiply::<Blocks<block32::Q4_1>>(&call, scratch),
            (_, WeightType::Q5_0) => multiply::<Blocks<block32::Q5_0>>(&call, scratch),
            (_, WeightType::Q5_1) => multiply::<Blocks<block32::Q5_1>>(&call, scratch),
            (_, WeightType::IQ4_NL) => multiply::<Blocks<block32::Iq4Nl>>(&call, scratch),
            (_, WeightType::MXFP4) => multiply::<Blocks<block32::Mxfp4>>(&call, scratch),
            (_, WeightType::Q2_K) => multiply::<Superblocks<superblock::Q2K>>(&call, scratch),
            (_, WeightType::Q3_K) => multiply::<Superblocks<superblock::Q3K>>(&call, scratch),
            (_, WeightType::Q4_K) => multiply::<Superblocks<superblock::Q4K>>(&call, scratch),
            (_, WeightType::Q5_K) => multiply::<Superblocks<superblock::Q5K>>(&call, scratch),
            (_, WeightType::Q6_K) => multiply::<Superblocks<superblock::Q6K>>(&call, scratch),
            (_, WeightType::IQ4_XS) => multiply::<Superblocks<superblock::Iq4Xs>>(&call, scratch),
            (_, WeightType::F32 | WeightType::F16 | WeightType::BF16) => {
                unreachable!("{} has no integer arithmetic", weight.kind())
            }
        }
    })
}
