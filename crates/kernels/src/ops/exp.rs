//! `exp` and `tanh` in f32: branch-free, so that loops over them become vector instructions.

/// `e^x`, at most 1.1 ulp off; 0 below -104, infinite above 88.73, exact at 0; NaN stays NaN.
///
/// ```text
/// n = round(x / ln 2), r = x - n ln 2        |r| <= ln 2 / 2, ln 2 in two parts
/// e^r = sum of r^k / k!, k = 0 to 7          what is left out is below 2^-27
/// e^x = e^r * 2^n                            in two factors, so that subnormals round once
/// ```
#[inline(always)]
pub(crate) fn exp(x: f32) -> f32 {
    /// Adding it to a number below 2^22 leaves the nearest integer in the low bits of the sum.
    const ROUNDER: f32 = 12_582_912.0;
    /// The upper bits of ln 2: its product with any `n` here is exact.
    const LN_2_HIGH: f32 = 0.693_359_4;
    const LN_2_LOW: f32 = -2.121_944_4e-4;
    /// 1/k! for k from 7 down to 2.
    const COEFFICIENTS: [f32; 6] =
        [1.0 / 5040.0, 1.0 / 720.0, 1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 0.5];
    // Beyond these the result is 0 or infinite anyway, and `n` would leave its range.
    let x = if x < -110.0 { -110.0 } else { x };
    let x = if x > 90.0 { 90.0 } else { x };
    let rounded = x.mul_add(std::f32::consts::LOG2_E, ROUNDER);
    let n = rounded - ROUNDER;
    let r = n.mul_add(-LN_2_LOW, n.mul_add(-LN_2_HIGH, x));
    let mut tail = COEFFICIENTS[0];
    for coefficient in &COEFFICIENTS[1..] {
        tail = tail.mul_add(r, *coefficient);
    }
    let power = (tail * r).mul_add(r, r) + 1.0;
    // Wrapping: for a NaN these are arbitrary, and the product is NaN whatever they are.
    let n = rounded.to_bits().wrapping_sub(ROUNDER.to_bits()) as i32;
    let half = n >> 1;
    let factor = |n: i32| f32::from_bits((n.wrapping_add(127) as u32) << 23);
    power * factor(half) * factor(n.wrapping_sub(half))
}

/// `tanh x`, at most 3 ulp off; exactly odd.
///
/// ```text
/// |x| < 0.625   x (135135 + 17325 x^2 + 378 x^4 + x^6) / (135135 + 62370 x^2 + 3150 x^4 + 28 x^6)
///               (the continued fraction x / (1 + x^2 / (3 + x^2 / (5 + ...))) to its seventh term)
/// else          sign(x) (1 - 2 / (e^(2 |x|) + 1))
/// ```
#[inline(always)]
pub(crate) fn tanh(x: f32) -> f32 {
    let square = x * x;
    let over = (square + 378.0).mul_add(square, 17325.0).mul_add(square, 135135.0);
    let under = square.mul_add(28.0, 3150.0).mul_add(square, 62370.0).mul_add(square, 135135.0);
    let near = x * (over / under);
    let far = 1.0 - 2.0 / (exp(2.0 * x.abs()) + 1.0);
    if x.abs() < 0.625 { near } else { far.copysign(x) }
}

/// `1 / (1 + e^-x)`.
#[inline(always)]
pub(crate) fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + exp(-x))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The distance of `value` from `exact` in units of the last place of an f32 near it.
    fn ulps(value: f32, exact: f64) -> f64 {
        let nearest = (exact as f32).abs().max(f32::MIN_POSITIVE);
        let unit = f64::from(nearest.next_up()) - f64::from(nearest);
        (f64::from(value) - exact).abs() / unit
    }

    /// Every 499th f32 of both signs below `limit`.
    fn samples(limit: f32) -> impl Iterator<Item = f32> {
        (0..limit.to_bits()).step_by(499).flat_map(|bits| {
            let x = f32::from_bits(bits);
            [x, -x]
        })
    }

    #[test]
    fn exp_is_at_most_a_little_over_one_ulp_off() {
        let worst = samples(88.72)
            .map(|x| (ulps(exp(x), f64::from(x).exp()), x))
            .fold((0.0, 0.0), |worst, next| if next.0 > worst.0 { next } else { worst });
        eprintln!("exp: {worst:?}");
        assert!(worst.0 <= 1.1, "{worst:?}");
    }

    #[test]
    fn exp_at_the_edges() {
        assert_eq!(exp(0.0), 1.0);
        assert_eq!(exp(-0.0), 1.0);
        assert_eq!(exp(f32::NEG_INFINITY).to_bits(), 0);
        assert_eq!(exp(f32::MIN).to_bits(), 0);
        assert_eq!(exp(-104.0).to_bits(), 0);
        assert_eq!(exp(-103.0).to_bits(), 1);
        assert_eq!(exp(89.0), f32::INFINITY);
        assert_eq!(exp(f32::INFINITY), f32::INFINITY);
        assert!(exp(88.72).is_finite());
        for payload in [0x7fc0_0000u32, 0xffff_ffff, 0x7fc1_2345] {
            assert!(exp(f32::from_bits(payload)).is_nan());
            assert!(tanh(f32::from_bits(payload)).is_nan());
        }
    }

    #[test]
    fn tanh_is_at_most_three_ulp_off_and_odd() {
        let worst = samples(20.0)
            .map(|x| (ulps(tanh(x), f64::from(x).tanh()), x))
            .fold((0.0, 0.0), |worst, next| if next.0 > worst.0 { next } else { worst });
        eprintln!("tanh: {worst:?}");
        assert!(worst.0 <= 3.0, "{worst:?}");
        assert!(samples(20.0).step_by(101).all(|x| tanh(-x).to_bits() == (-tanh(x)).to_bits()));
        assert_eq!(tanh(f32::INFINITY), 1.0);
        assert_eq!(tanh(f32::NEG_INFINITY), -1.0);
        assert_eq!(tanh(-0.0).to_bits(), (-0.0f32).to_bits());
    }
}
