//! Numbers as people read them on an axis, and the ranges of axes.

use std::ops::Range;

/// A number in few characters: `0.25`, `12`, `1500`, `12k`, `3.4M`; scientific when it is tiny.
pub fn short_number(value: f64) -> String {
    let size = value.abs();
    let (scaled, unit) = match size {
        s if s >= 999_950_000.0 => (value / 1e9, "G"),
        s if s >= 999_950.0 => (value / 1e6, "M"),
        s if s >= 9_999.5 => (value / 1e3, "k"),
        _ => (value, ""),
    };
    if size > 0.0 && size < 0.001 {
        return format!("{value:.0e}");
    }
    let decimals = match scaled.abs() {
        s if s >= 100.0 => 0,
        s if s >= 10.0 => 1,
        s if s >= 1.0 => 2,
        _ => 3,
    };
    let text = format!("{scaled:.decimals$}");
    let text = match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.'),
        false => &text,
    };
    let text = if text == "-0" { "0" } else { text };
    format!("{text}{unit}")
}

/// An axis over `values` that begins at zero unless some are negative, with a little room above.
pub(crate) fn axis_from_zero(values: impl Iterator<Item = f64>) -> Range<f64> {
    let (low, high) = values.fold((0.0f64, 0.0f64), |(l, h), v| (l.min(v), h.max(v)));
    let room = (high - low) * 0.05;
    widened(if low < 0.0 { low - room } else { 0.0 }, if high > 0.0 { high + room } else { 0.0 })
}

/// `low..high`, made wide enough that ticks on it differ from each other.
pub(crate) fn widened(low: f64, high: f64) -> Range<f64> {
    let width_min = 1e-9f64.max(low.abs().max(high.abs()) * 1e-9);
    if high - low >= width_min {
        return low..high;
    }
    low..low + width_min.max(if high == low { 1.0 } else { 0.0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_keep_their_size() {
        let cases = [
            (0.0, "0"),
            (0.25, "0.25"),
            (-0.0001, "-1e-4"),
            (12.0, "12"),
            (12.34, "12.3"),
            (1500.0, "1500"),
            (12_000.0, "12k"),
            (999_999.0, "1M"),
            (3_400_000.0, "3.4M"),
            (2e9, "2G"),
            (-150.0, "-150"),
        ];
        for (value, text) in cases {
            assert_eq!(short_number(value), text, "{value}");
        }
    }

    #[test]
    fn an_axis_is_never_empty() {
        for values in [vec![], vec![0.0], vec![5e-324], vec![1e15], vec![-3.0, -3.0]] {
            let axis = axis_from_zero(values.iter().copied());
            assert!(axis.end > axis.start && axis.start <= 0.0, "{values:?}: {axis:?}");
        }
        let axis = widened(1e15, 1e15);
        assert!(axis.end - axis.start >= 1e5);
    }
}
