//! Products in f32: 16 fused partial sums, then a tree.

use crate::input::Input;
use crate::isa::{Kernels, per_isa};
use crate::matmul::OutRows;
use crate::quant::dequantize_row;
use crate::weight::Weight;
use std::ops::Range;

/// The number of partial sums of every float reduction.
pub(crate) const LANES: usize = 16;

/// `sum of a[k] * b[k]` by the 16-lane rule; slices of equal length.
#[inline(always)]
pub(crate) fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut acc = [0.0f32; LANES];
    let (a_chunks, a_rest) = a.as_chunks::<LANES>();
    let (b_chunks, b_rest) = b.as_chunks::<LANES>();
    for (a, b) in a_chunks.iter().zip(b_chunks) {
        for lane in 0..LANES {
            acc[lane] = a[lane].mul_add(b[lane], acc[lane]);
        }
    }
    for ((a, b), acc) in a_rest.iter().zip(b_rest).zip(&mut acc) {
        *acc = a.mul_add(*b, *acc);
    }
    tree(acc)
}

/// Adds up 16 partial sums: upper half onto lower half, four times.
#[inline(always)]
pub(crate) fn tree(acc: [f32; LANES]) -> f32 {
    let eight: [f32; 8] = std::array::from_fn(|i| acc[i] + acc[i + 8]);
    let four: [f32; 4] = std::array::from_fn(|i| eight[i] + eight[i + 4]);
    let two: [f32; 2] = std::array::from_fn(|i| four[i] + four[i + 2]);
    two[0] + two[1]
}

/// Float products of weight rows `range` with all input rows.
pub(super) fn matmul_range(weight: &Weight<'_>, range: Range<usize>, input: &Input, out: &OutRows) {
    per_isa!(
        &Kernels::scalar(),
        matmul_range_body,
        (weight: &Weight<'_>, range: Range<usize>, input: &Input, out: &OutRows)
    );
}

#[inline(always)]
fn matmul_range_body(weight: &Weight<'_>, range: Range<usize>, input: &Input, out: &OutRows) {
    let mut values = vec![0.0f32; weight.cols()];
    for column in range {
        dequantize_row(weight.kind(), weight.row(column), &mut values);
        for row in 0..input.rows() {
            out.store(row, column, dot(&values, input.row(row)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_of_the_sum_is_the_definition() {
        // 1 and -1 meet in the last addition of the tree, after 2^-24 was lost in lane 0.
        let mut a = [0.0f32; 33];
        (a[0], a[16], a[1]) = (1.0, 2f32.powi(-24), -1.0);
        assert_eq!(dot(&a, &[1.0; 33]), 0.0);
        // In a lane of its own, and added to another lane first, it survives.
        (a[16], a[3], a[17]) = (0.0, 2f32.powi(-24), 0.0);
        assert_eq!(dot(&a, &[1.0; 33]), 2f32.powi(-24));
        assert_eq!(dot(&[], &[]).to_bits(), 0);
    }

    /// Tests are compiled for any x86-64, where a fused step is a call of the C library.
    #[test]
    fn the_instruction_fuses_like_the_library() {
        let values = |seed: u32| -> Vec<f32> {
            let bits = (0..1000u32).map(|i| i.wrapping_mul(2_654_435_761).wrapping_add(seed) >> 9);
            bits.map(|bits| f32::from_bits(bits | 0x3f80_0000) - 1.5).collect()
        };
        let (a, b) = (values(1), values(77));
        let mut by_instruction = 0.0;
        let out = &mut by_instruction;
        let (x, y) = (&a[..], &b[..]);
        #[inline(always)]
        fn dot_into(x: &[f32], y: &[f32], out: &mut f32) {
            *out = dot(x, y);
        }
        per_isa!(&Kernels::scalar(), dot_into, (x: &[f32], y: &[f32], out: &mut f32));
        assert_eq!(dot(&a, &b).to_bits(), by_instruction.to_bits());
    }

    #[test]
    fn the_product_is_fused() {
        let x = 1.0 + f32::EPSILON;
        let mut a = [0.0f32; 17];
        (a[0], a[16]) = (-(x * x), x);
        let mut b = [1.0f32; 17];
        b[16] = x;
        assert_eq!(dot(&a, &b), f32::EPSILON * f32::EPSILON);
    }
}
