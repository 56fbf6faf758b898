//! Softmax of a row.

use super::exp::exp;
use super::reduce;
use crate::isa::{Kernels, per_isa};

/// `x[i] = e^(x[i] - max) / sum of e^(x[j] - max)`, in place.
///
/// A row of nothing but negative infinity becomes NaN.
pub fn softmax(kernels: &Kernels, x: &mut [f32]) {
    per_isa!(kernels, softmax_body, (x: &mut [f32]));
}

#[inline(always)]
fn softmax_body(x: &mut [f32]) {
    let sum = exponentials(x);
    for value in x {
        *value /= sum;
    }
}

/// Replaces a row by `e^(x[i] - max)` and returns their sum.
#[inline(always)]
pub(crate) fn exponentials(x: &mut [f32]) -> f32 {
    let max = reduce::max(x);
    for value in x.iter_mut() {
        *value = exp(*value - max);
    }
    reduce::sum(x)
}
