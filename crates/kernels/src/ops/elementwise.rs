//! Sums and products element by element.

use crate::isa::{Kernels, per_isa};

/// `x += y`.
///
/// # Panics
/// When the lengths differ.
pub fn add(kernels: &Kernels, x: &mut [f32], y: &[f32]) {
    assert_eq!(x.len(), y.len(), "what is added must be equally long");
    per_isa!(kernels, add_body, (x: &mut [f32], y: &[f32]));
}

/// Adds `bias` to every row of `x`, shape (rows, `bias.len()`).
///
/// # Panics
/// When `x` does not consist of whole rows.
pub fn add_bias(kernels: &Kernels, x: &mut [f32], bias: &[f32]) {
    if bias.is_empty() {
        assert!(x.is_empty(), "rows must be as long as the bias");
        return;
    }
    assert!(x.len().is_multiple_of(bias.len()), "rows must be as long as the bias");
    per_isa!(kernels, add_bias_body, (x: &mut [f32], bias: &[f32]));
}

/// `x *= factor`.
pub fn scale(kernels: &Kernels, x: &mut [f32], factor: f32) {
    per_isa!(kernels, scale_body, (x: &mut [f32], factor: f32));
}

#[inline(always)]
fn add_body(x: &mut [f32], y: &[f32]) {
    for (x, y) in x.iter_mut().zip(y) {
        *x += y;
    }
}

#[inline(always)]
fn add_bias_body(x: &mut [f32], bias: &[f32]) {
    for row in x.chunks_exact_mut(bias.len()) {
        add_body(row, bias);
    }
}

#[inline(always)]
fn scale_body(x: &mut [f32], factor: f32) {
    for x in x {
        *x *= factor;
    }
}
