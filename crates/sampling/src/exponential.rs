//! exp and ln with one result on every machine: only IEEE additions, multiplications, divisions
//! and bit shifts, in a fixed order. The platform's own `exp` may differ in the last bit from one
//! C library to the next, and a last bit can move a token across the edge of a nucleus.
//!
//! exp: x = k ln 2 + r with |r| <= ln 2 / 2, then the Taylor series of e^r to degree 13 (its
//! remainder is below 5e-18), times 2^k. ln: x = 2^e m with m in [sqrt(1/2), sqrt 2), then
//! ln m = 2 atanh((m - 1) / (m + 1)) as a series of 12 terms. Both are within 2 ulp of the truth.

const LOG2_E: f64 = std::f64::consts::LOG2_E;
/// ln 2 in two parts: the first has trailing zero bits, so that k * LN_2_HIGH is exact.
const LN_2_HIGH: f64 = 6.931_471_803_691_238e-1;
const LN_2_LOW: f64 = 1.908_214_929_270_587_7e-10;
/// Adding 1.5 * 2^52 rounds to an integer and leaves it in the low bits of the sum.
const ROUNDER: f64 = 6_755_399_441_055_744.0;
/// Below this e^x is no normal number; such a weight counts as 0.
const UNDERFLOW: f64 = -708.0;

/// 1/13!, 1/12!, ... 1/2!, 1, 1: the Taylor coefficients of e^r, highest power first.
const EXP_SERIES: [f64; 14] = [
    1.0 / 6_227_020_800.0,
    1.0 / 479_001_600.0,
    1.0 / 39_916_800.0,
    1.0 / 3_628_800.0,
    1.0 / 362_880.0,
    1.0 / 40_320.0,
    1.0 / 5_040.0,
    1.0 / 720.0,
    1.0 / 120.0,
    1.0 / 24.0,
    1.0 / 6.0,
    1.0 / 2.0,
    1.0,
    1.0,
];

/// e^x for x <= 0; exactly 1 at 0, exactly 0 below -708. Free of branches, so loops vectorize.
#[inline(always)]
pub(crate) fn exp_nonpositive(x: f64) -> f64 {
    let clamped = if x < UNDERFLOW { UNDERFLOW } else { x };
    let shifted = clamped * LOG2_E + ROUNDER;
    let k = shifted - ROUNDER;
    let r = (clamped - k * LN_2_HIGH) - k * LN_2_LOW;
    let series = exp_series(r);
    let power_of_two = f64::from_bits(shifted.to_bits().wrapping_add(1023) << 52);
    if x < UNDERFLOW { 0.0 } else { series * power_of_two }
}

/// The series in Estrin's order: pairs, then pairs of pairs, whose terms do not wait for another.
#[inline(always)]
fn exp_series(r: f64) -> f64 {
    let pair = |power: usize| EXP_SERIES[13 - power] + EXP_SERIES[12 - power] * r;
    let square = r * r;
    let fourth = square * square;
    let eighth = fourth * fourth;
    let low = (pair(0) + pair(2) * square) + (pair(4) + pair(6) * square) * fourth;
    let high = (pair(8) + pair(10) * square) + pair(12) * fourth;
    low + high * eighth
}

/// 2^x for x <= 0 in f32, within 3e-7 of it; 0 below -126. Free of branches, so loops vectorize.
///
/// x = k + r with |r| <= 1/2, then the Taylor series of 2^r to degree 6, times 2^k.
#[inline(always)]
pub(crate) fn exp2_f32_nonpositive(x: f32) -> f32 {
    const ROUNDER: f32 = 12_582_912.0;
    const LN_2: f32 = std::f32::consts::LN_2;
    const SERIES: [f32; 6] =
        [0.000_154_035_3, 0.001_333_355_8, 0.009_618_129, 0.055_504_11, 0.240_226_5, LN_2];
    let clamped = if x < -126.0 { -126.0 } else { x };
    let shifted = clamped + ROUNDER;
    let r = clamped - (shifted - ROUNDER);
    let mut series = SERIES[0];
    for coefficient in &SERIES[1..] {
        series = series * r + coefficient;
    }
    let power_of_two = f32::from_bits(shifted.to_bits().wrapping_add(127) << 23);
    if x < -126.0 { 0.0 } else { (series * r + 1.0) * power_of_two }
}

/// e^x; infinite above 708.
pub(crate) fn exp(x: f64) -> f64 {
    if x > 0.0 { 1.0 / exp_nonpositive(-x) } else { exp_nonpositive(x) }
}

/// base^exponent by squaring; infinite or 0 where it leaves the range of f64.
pub(crate) fn power(base: f64, mut exponent: usize) -> f64 {
    let (mut result, mut square) = (1.0, base);
    while exponent > 0 {
        if exponent & 1 == 1 {
            result *= square;
        }
        square *= square;
        exponent >>= 1;
    }
    result
}

/// ln x for a positive normal x.
pub(crate) fn ln(x: f64) -> f64 {
    debug_assert!(x >= f64::MIN_POSITIVE && x.is_finite(), "ln of {x}");
    let bits = x.to_bits();
    let mut exponent = (bits >> 52) as i64 - 1023;
    let mut mantissa = f64::from_bits((bits & ((1 << 52) - 1)) | (1023 << 52));
    if mantissa > std::f64::consts::SQRT_2 {
        mantissa *= 0.5;
        exponent += 1;
    }
    let s = (mantissa - 1.0) / (mantissa + 1.0);
    let square = s * s;
    let mut series = 1.0 / 23.0;
    for divisor in [21.0, 19.0, 17.0, 15.0, 13.0, 11.0, 9.0, 7.0, 5.0, 3.0, 1.0] {
        series = series * square + 1.0 / divisor;
    }
    let exponent = exponent as f64;
    exponent * LN_2_HIGH + (2.0 * s * series + exponent * LN_2_LOW)
}

/// Sum in eight lanes by index, then a tree: one defined order that vectorizes.
pub(crate) fn sum_in_lanes(values: impl ExactSizeIterator<Item = f64>) -> f64 {
    let mut lanes = [0.0f64; 8];
    for (index, value) in values.enumerate() {
        lanes[index % 8] += value;
    }
    fold_lanes(lanes)
}

/// The tree at the end of a sum in eight lanes.
pub(crate) fn fold_lanes(lanes: [f64; 8]) -> f64 {
    let [a, b, c, d, e, f, g, h] = lanes;
    ((a + e) + (c + g)) + ((b + f) + (d + h))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exp_is_within_two_ulp() {
        for step in 0..200_000 {
            let x = -(step as f64) * 0.003_541;
            let (ours, libm) = (exp_nonpositive(x), x.exp());
            if x < UNDERFLOW {
                assert_eq!(ours, 0.0);
            } else {
                assert!((ours - libm).abs() <= libm * 4.5e-16, "exp({x}): {ours} vs {libm}");
            }
        }
        assert_eq!(exp_nonpositive(0.0), 1.0);
        assert_eq!(exp_nonpositive(-0.0), 1.0);
        assert_eq!(exp_nonpositive(f64::NEG_INFINITY), 0.0);
        assert_eq!(exp_nonpositive(f64::MIN), 0.0);
    }

    #[test]
    fn exp2_in_f32_is_within_its_bound() {
        for step in 0..130_000 {
            let x = -(step as f32) * 0.001;
            let (ours, truth) = (f64::from(exp2_f32_nonpositive(x)), f64::from(x).exp2());
            if x < -126.0 {
                assert_eq!(ours, 0.0);
            } else {
                assert!((ours - truth).abs() <= truth * 3e-7, "2^{x}: {ours} vs {truth}");
            }
        }
        assert_eq!(exp2_f32_nonpositive(0.0), 1.0);
        assert_eq!(exp2_f32_nonpositive(f32::NEG_INFINITY), 0.0);
    }

    #[test]
    fn powers_and_positive_exponents() {
        for (base, exponent) in [(1.75, 0), (1.75, 1), (0.5, 7), (1.000_001, 100_000), (3.0, 20)] {
            let expected = f64::powf(base, exponent as f64);
            assert!((power(base, exponent) / expected - 1.0).abs() < 1e-10, "{base}^{exponent}");
        }
        assert_eq!((power(2.0, 5000), power(0.5, 5000)), (f64::INFINITY, 0.0));
        assert!((exp(3.5) / 3.5f64.exp() - 1.0).abs() < 1e-15);
        assert_eq!((exp(800.0), exp(0.0), exp(-800.0)), (f64::INFINITY, 1.0, 0.0));
    }

    #[test]
    fn ln_is_within_two_ulp() {
        for step in 1..200_000 {
            let x = (step as f64 * 0.01).powi(3) * 1e-4;
            let (ours, libm) = (ln(x), x.ln());
            let allowed = libm.abs() * 4.5e-16 + 1e-18;
            assert!((ours - libm).abs() <= allowed, "ln({x}): {ours} vs {libm}");
        }
        assert_eq!(ln(1.0), 0.0);
        assert!((ln(f64::MAX) - f64::MAX.ln()).abs() < 1e-12);
    }

    #[test]
    fn lanes_add_up() {
        let values: Vec<f64> = (0..1000).map(f64::from).collect();
        assert_eq!(sum_in_lanes(values.iter().copied()), 499_500.0);
    }
}
