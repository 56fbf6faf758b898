//! The nonlinear functions of feed-forward layers.

use super::exp::{exp, sigmoid, tanh};
use crate::isa::{Kernels, per_isa};

/// Which function a feed-forward layer uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Activation {
    /// `x / (1 + e^-x)`, also called swish.
    Silu,
    /// `x (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))) / 2`: GELU as GPT-2 and Gemma have it.
    GeluTanh,
    /// `x (1 + erf(x / sqrt 2)) / 2`: GELU proper, its normal integral within 1e-7.
    GeluErf,
}

/// Applies `activation` to every value.
pub fn activate(kernels: &Kernels, activation: Activation, x: &mut [f32]) {
    match activation {
        Activation::Silu => per_isa!(kernels, silu_body, (x: &mut [f32])),
        Activation::GeluTanh => per_isa!(kernels, gelu_tanh_body, (x: &mut [f32])),
        Activation::GeluErf => per_isa!(kernels, gelu_erf_body, (x: &mut [f32])),
    }
}

/// The gated product of a feed-forward layer: `gate = activation(gate) * up`, in place.
///
/// # Panics
/// When the lengths differ.
pub fn gate(kernels: &Kernels, activation: Activation, gate: &mut [f32], up: &[f32]) {
    assert_eq!(gate.len(), up.len(), "gate and up must be equally long");
    activate(kernels, activation, gate);
    per_isa!(kernels, multiply_body, (gate: &mut [f32], up: &[f32]));
}

/// `x = cap * tanh(x / cap)`: keeps scores or logits within -cap..cap.
pub fn soft_cap(kernels: &Kernels, x: &mut [f32], cap: f32) {
    per_isa!(kernels, soft_cap_body, (x: &mut [f32], cap: f32));
}

/// `x = tanh x`.
pub fn tanh_in_place(kernels: &Kernels, x: &mut [f32]) {
    per_isa!(kernels, tanh_body, (x: &mut [f32]));
}

/// `x = e^x`, each at most 1.1 ulp off.
pub fn exp_in_place(kernels: &Kernels, x: &mut [f32]) {
    per_isa!(kernels, exp_body, (x: &mut [f32]));
}

#[inline(always)]
fn silu_body(x: &mut [f32]) {
    for value in x {
        *value /= 1.0 + exp(-*value);
    }
}

/// Since `(1 + tanh u) / 2 = 1 / (1 + e^-2u)`, without cancellation for negative x.
#[inline(always)]
fn gelu_tanh_body(x: &mut [f32]) {
    const TWICE_ROOT_2_BY_PI: f32 = 1.595_769;
    for value in x {
        let cubic = (*value * *value).mul_add(0.044_715, 1.0);
        *value *= sigmoid(TWICE_ROOT_2_BY_PI * (*value * cubic));
    }
}

/// The normal integral by formula 7.1.26 of Abramowitz and Stegun.
#[inline(always)]
fn gelu_erf_body(x: &mut [f32]) {
    const COEFFICIENTS: [f32; 5] =
        [1.061_405_4, -1.453_152, 1.421_413_8, -0.284_496_74, 0.254_829_6];
    for value in x {
        let z = value.abs() * std::f32::consts::FRAC_1_SQRT_2;
        let t = 1.0 / z.mul_add(0.327_591_1, 1.0);
        let mut series = COEFFICIENTS[0];
        for coefficient in &COEFFICIENTS[1..] {
            series = series.mul_add(t, *coefficient);
        }
        let upper_tail = 0.5 * (series * t) * exp(-(z * z));
        *value *= if *value < 0.0 { upper_tail } else { 1.0 - upper_tail };
    }
}

#[inline(always)]
fn multiply_body(x: &mut [f32], factors: &[f32]) {
    for (value, factor) in x.iter_mut().zip(factors) {
        *value *= factor;
    }
}

#[inline(always)]
fn soft_cap_body(x: &mut [f32], cap: f32) {
    for value in x {
        *value = cap * tanh(*value / cap);
    }
}

#[inline(always)]
fn tanh_body(x: &mut [f32]) {
    for value in x {
        *value = tanh(*value);
    }
}

#[inline(always)]
fn exp_body(x: &mut [f32]) {
    for value in x {
        *value = exp(*value);
    }
}
