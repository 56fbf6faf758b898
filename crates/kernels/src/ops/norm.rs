//! Normalization of rows.

use super::reduce;
use crate::isa::{Kernels, per_isa};

/// Root-mean-square norm of every row: `out = x / sqrt(mean(x^2) + eps) * weight`.
///
/// `x` and `out` have shape (rows, `weight.len()`). Queries and keys are normalized per head by
/// passing (rows * head_count, head_dim).
///
/// # Panics
/// When `x` and `out` differ in length or do not consist of whole rows.
pub fn rms_norm(kernels: &Kernels, x: &[f32], weight: &[f32], eps: f32, out: &mut [f32]) {
    out.copy_from_slice(x);
    rms_norm_in_place(kernels, out, weight, eps);
}

/// As [`rms_norm`], in place.
pub fn rms_norm_in_place(kernels: &Kernels, x: &mut [f32], weight: &[f32], eps: f32) {
    assert_rows(x, weight);
    let offset = 0.0;
    per_isa!(kernels, rms_norm_body, (x: &mut [f32], weight: &[f32], offset: f32, eps: f32));
}

/// As [`rms_norm`], but with `1 + weight`: how Gemma's original weights are stored.
pub fn rms_norm_plus_one(kernels: &Kernels, x: &[f32], weight: &[f32], eps: f32, out: &mut [f32]) {
    out.copy_from_slice(x);
    rms_norm_plus_one_in_place(kernels, out, weight, eps);
}

/// As [`rms_norm_plus_one`], in place.
pub fn rms_norm_plus_one_in_place(kernels: &Kernels, x: &mut [f32], weight: &[f32], eps: f32) {
    assert_rows(x, weight);
    let offset = 1.0;
    per_isa!(kernels, rms_norm_body, (x: &mut [f32], weight: &[f32], offset: f32, eps: f32));
}

#[inline(always)]
fn rms_norm_body(x: &mut [f32], weight: &[f32], offset: f32, eps: f32) {
    if weight.is_empty() {
        return;
    }
    for row in x.chunks_exact_mut(weight.len()) {
        let mean = reduce::sum_of_squares(row) / row.len() as f32;
        let scale = 1.0 / (mean + eps).sqrt();
        for (value, weight) in row.iter_mut().zip(weight) {
            *value = *value * scale * (offset + weight);
        }
    }
}

/// Layer norm of every row: `out = (x - mean(x)) / sqrt(var(x) + eps) * weight + bias`.
///
/// `x` and `out` have shape (rows, `weight.len()`); the last product and sum are fused.
///
/// # Panics
/// When the lengths do not agree.
pub fn layer_norm(
    kernels: &Kernels,
    x: &[f32],
    weight: &[f32],
    bias: Option<&[f32]>,
    eps: f32,
    out: &mut [f32],
) {
    out.copy_from_slice(x);
    layer_norm_in_place(kernels, out, weight, bias, eps);
}

/// As [`layer_norm`], in place.
pub fn layer_norm_in_place(
    kernels: &Kernels,
    x: &mut [f32],
    weight: &[f32],
    bias: Option<&[f32]>,
    eps: f32,
) {
    assert_rows(x, weight);
    assert!(bias.is_none_or(|bias| bias.len() == weight.len()), "a bias is as long as the weight");
    per_isa!(
        kernels,
        layer_norm_body,
        (x: &mut [f32], weight: &[f32], bias: Option<&[f32]>, eps: f32)
    );
}

#[inline(always)]
fn layer_norm_body(x: &mut [f32], weight: &[f32], bias: Option<&[f32]>, eps: f32) {
    if weight.is_empty() {
        return;
    }
    for row in x.chunks_exact_mut(weight.len()) {
        let count = row.len() as f32;
        let mean = reduce::sum(row) / count;
        for value in row.iter_mut() {
            *value -= mean;
        }
        let scale = 1.0 / (reduce::sum_of_squares(row) / count + eps).sqrt();
        match bias {
            Some(bias) => {
                for ((value, weight), bias) in row.iter_mut().zip(weight).zip(bias) {
                    *value = (*value * scale).mul_add(*weight, *bias);
                }
            }
            None => {
                for (value, weight) in row.iter_mut().zip(weight) {
                    *value = *value * scale * weight;
                }
            }
        }
    }
}

fn assert_rows(x: &[f32], weight: &[f32]) {
    let whole = if weight.is_empty() { x.is_empty() } else { x.len().is_multiple_of(weight.len()) };
    assert!(whole, "rows must be as long as the weight");
}
