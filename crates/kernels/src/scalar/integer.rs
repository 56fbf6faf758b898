//! Products of integer codes: exact sums per quant block, then one fused chain over the blocks.

use crate::input::{Input, Quantized};
use crate::isa::{Kernels, per_isa};
use crate::matmul::OutRows;
use crate::quant::{Block32, Superblock};
use crate::weight::Weight;
use std::ops::Range;

/// One weight row against one input row, blocks of 32.
///
/// `codes` and `scales` are one row of the input, `sums` its sums per 32 values.
#[inline(always)]
pub(crate) fn dot32(weight: &[Block32], codes: &[i8], scales: &[f32], sums: &[i32]) -> f32 {
    let mut acc = 0.0f32;
    for (b, block) in weight.iter().enumerate() {
        let sum = code_dot(&block.codes, &codes[32 * b..][..32]);
        acc = (sum as f32).mul_add(block.scale * scales[b], acc);
        if let Some(min) = block.min {
            acc = (sums[b] as f32).mul_add(min * scales[b], acc);
        }
    }
    acc
}

/// One weight row against one input row, superblocks of 256; `sums` per 16 values.
#[inline(always)]
pub(crate) fn dot256(weight: &[Superblock], codes: &[i8], scales: &[f32], sums: &[i32]) -> f32 {
    let mut acc = 0.0f32;
    for (b, block) in weight.iter().enumerate() {
        let codes = &codes[256 * b..][..256];
        let mut sum = 0i32;
        for j in 0..16 {
            sum += block.scales[j] * code_dot(&block.codes[16 * j..][..16], &codes[16 * j..][..16]);
        }
        acc = (sum as f32).mul_add(block.scale * scales[b], acc);
        if let Some(min_scale) = block.min_scale {
            let sums = &sums[16 * b..][..16];
            let sum: i32 = block.mins.iter().zip(sums).map(|(min, sum)| min * sum).sum();
            acc = (sum as f32).mul_add(-(min_scale * scales[b]), acc);
        }
    }
    acc
}

/// The exact sum of products of two runs of codes.
#[inline(always)]
fn code_dot(a: &[i8], b: &[i8]) -> i32 {
    a.iter().zip(b).map(|(&a, &b)| i32::from(a) * i32::from(b)).sum()
}

/// Products of weight rows `range` of a 32-value type with all input rows.
pub(super) fn matmul_range32(
    weight: &Weight<'_>,
    range: Range<usize>,
    input: &Input,
    out: &OutRows,
) {
    per_isa!(
        &Kernels::scalar(),
        range32_body,
        (weight: &Weight<'_>, range: Range<usize>, input: &Input, out: &OutRows)
    );
}

#[inline(always)]
fn range32_body(weight: &Weight<'_>, range: Range<usize>, input: &Input, out: &OutRows) {
    let (kind, form) = (weight.kind(), &input.block32);
    let mut blocks: Vec<Block32> = Vec::new();
    blocks.resize_with(weight.cols() / 32, Block32::default);
    for column in range {
        for (block, bytes) in
            blocks.iter_mut().zip(weight.row(column).chunks_exact(kind.block_bytes()))
        {
            block.unpack(kind, bytes);
        }
        for row in 0..input.rows() {
            let (codes, scales, sums) = row_of(form, row, input.rows());
            out.store(row, column, dot32(&blocks, codes, scales, sums));
        }
    }
}

/// Products of weight rows `range` of a 256-value type with all input rows.
pub(super) fn matmul_range256(
    weight: &Weight<'_>,
    range: Range<usize>,
    input: &Input,
    out: &OutRows,
) {
    per_isa!(
        &Kernels::scalar(),
        range256_body,
        (weight: &Weight<'_>, range: Range<usize>, input: &Input, out: &OutRows)
    );
}

#[inline(always)]
fn range256_body(weight: &Weight<'_>, range: Range<usize>, input: &Input, out: &OutRows) {
    let (kind, form) = (weight.kind(), &input.block256);
    let mut blocks: Vec<Superblock> = Vec::new();
    blocks.resize_with(weight.cols() / 256, Superblock::default);
    for column in range {
        for (block, bytes) in
            blocks.iter_mut().zip(weight.row(column).chunks_exact(kind.block_bytes()))
        {
            block.unpack(kind, bytes);
        }
        for row in 0..input.rows() {
            let (codes, scales, sums) = row_of(form, row, input.rows());
            out.store(row, column, dot256(&blocks, codes, scales, sums));
        }
    }
}

/// Codes, scales and sums of one of `rows` input rows.
fn row_of(form: &Quantized, row: usize, rows: usize) -> (&[i8], &[f32], &[i32]) {
    (
        row_part(&form.codes, row, rows),
        row_part(&form.scales, row, rows),
        row_part(&form.sums, row, rows),
    )
}

/// Row `row` of a buffer of `rows` equal rows.
fn row_part<T>(buffer: &[T], row: usize, rows: usize) -> &[T] {
    let length = buffer.len() / rows;
    &buffer[row * length..][..length]
}
