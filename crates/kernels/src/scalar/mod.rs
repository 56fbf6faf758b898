//! The plain reference: what every kernel computes, in the order in which it computes it.
//!
//! A product of one weight row and one input row is, by [`Arithmetic`]:
//!
//! **Float.** The weights become f32 exactly ([`crate::quant::dequantize_row`]); see `float::dot`:
//! ```text
//! acc[k % 16] = fma(w[k], x[k], acc[k % 16])          k ascending, 16 sums that start at +0
//! for h in [8, 4, 2, 1]: acc[i] += acc[i + h] (i < h)  the product is acc[0]
//! ```
//! **Block32.** Codes, scale `dw` and min `m` of `Block32`; input codes q, scale `da`, sum of q per
//! 32 values; see `integer::dot32`:
//! ```text
//! acc = +0; per block, ascending:
//!     acc = fma((sum of code * q) as f32, dw * da, acc)
//!     acc = fma((sum of q) as f32, m * da, acc)         Q4_1 and Q5_1 only
//! ```
//! **Block256.** Codes, integer scales and mins per 16 values and their float scales of
//! `Superblock`; input codes q, scale `da`, sums of q per 16 values; see `integer::dot256`:
//! ```text
//! acc = +0; per superblock, ascending:
//!     acc = fma((sum over j of scales[j] * (sum of code * q)) as f32, dw * da, acc)
//!     acc = fma((sum over j of mins[j] * (sum of q)) as f32, -(dmin * da), acc)
//!                                                       Q2_K, Q4_K and Q5_K only
//! ```
//! Integer sums are exact in i32 in any order; their conversion to f32 rounds to nearest, ties to
//! even. The products of scales are rounded to f32 before the fused step. Which scale, which min
//! and which code range a type has: tables in `quant/block32.rs` and `quant/superblock.rs`.

pub(crate) mod float;
mod integer;

use crate::input::Input;
use crate::matmul::OutRows;
use crate::weight::{Arithmetic, Weight};
use std::ops::Range;

/// The reference for [`crate::matmul`] on weight rows `range`.
///
/// A weight row is unpacked once and multiplied with all input rows.
pub(crate) fn matmul_range(
    weight: &Weight<'_>,
    range: Range<usize>,
    arithmetic: Arithmetic,
    input: &Input,
    out: &OutRows,
) {
    match arithmetic {
        Arithmetic::Float => float::matmul_range(weight, range, input, out),
        Arithmetic::Block32 => integer::matmul_range32(weight, range, input, out),
        Arithmetic::Block256 => integer::matmul_range256(weight, range, input, out),
    }
}
