//! sum / length ^ penalty, with the same bits on every machine.

use crate::exponential::{exp_nonpositive, ln};

/// `sum` divided by `length` (at least 1) to the power of `penalty` (within [-10, 10]).
///
/// Whole penalties multiply; others go through e^(penalty ln length), as a factor or a divisor so
/// that the exponent is never positive.
pub(super) fn divide_by_power(sum: f64, length: usize, penalty: f64) -> f64 {
    let length = length as f64;
    if penalty.fract() == 0.0 {
        let power: f64 = (0..penalty.abs() as u32).map(|_| length).product();
        return if penalty < 0.0 { sum * power } else { sum / power };
    }
    let shrunk = exp_nonpositive(-penalty.abs() * ln(length));
    if penalty < 0.0 { sum / shrunk } else { sum * shrunk }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn powers_agree_with_the_standard_librarys() {
        for length in [1, 2, 7, 24, 131_072] {
            for penalty in [-10.0, -1.0, -0.7, 0.0, 0.5, 0.6, 1.0, 2.0, 3.3, 10.0] {
                let expected = -12.5 / f64::powf(length as f64, penalty);
                let found = divide_by_power(-12.5, length, penalty);
                assert!((found / expected - 1.0).abs() < 1e-13, "{length} ^ {penalty}");
            }
        }
        assert_eq!(divide_by_power(-3.0, 3, 1.0), -1.0);
        assert_eq!(divide_by_power(-3.0, 3, 0.0), -3.0);
    }
}
