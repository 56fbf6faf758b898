//! How values are distributed.

use plotters::element::Rectangle;
use plotters::style::{Color, ShapeStyle};

use crate::error::{check_count, check_number};
use crate::frame::{Axes, Labels, Size, axes, drawing, picture};
use crate::numbers::{axis_from_zero, short_number, widened};
use crate::svg::colour;
use crate::{POINTS_MAX, PlotError};

/// Bins at most.
const BINS_MAX: usize = 60;

/// Counts of `values` in bins of equal width, 60 at most, each without its upper edge but the last.
/// Without `bins` their number follows Freedman and Diaconis (1981), width `2 IQR n^(-1/3)`, or is
/// 10 where the middle half of the values is one number. Values that are all whole numbers get bins
/// of whole width, and for that sometimes fewer of them.
///
/// # Errors
/// A value that is not finite, more than [`POINTS_MAX`] values, a size out of range.
pub fn histogram(
    labels: &Labels,
    size: Size,
    values: &[f64],
    bins: Option<usize>,
) -> Result<String, PlotError> {
    check_count("values", values.len(), POINTS_MAX)?;
    for value in values {
        check_number("value", *value, true)?;
    }
    let bins = Bins::of(values, bins);
    picture(labels, size, &[], &summary(values, &bins), |area| {
        let y = axis_from_zero(bins.counts.iter().map(|count| *count as f64));
        let chart = axes(area, labels, &Axes::new(bins.low..bins.edge(bins.counts.len()), y))?;
        let plane = chart.plotting_area();
        let fill = ShapeStyle::from(colour(0).mix(0.9)).filled();
        for (index, count) in bins.counts.iter().enumerate().filter(|(_, count)| **count > 0) {
            let gap = bins.width * 0.04;
            let corners =
                [(bins.edge(index) + gap, *count as f64), (bins.edge(index + 1) - gap, 0.0)];
            plane.draw(&Rectangle::new(corners, fill)).map_err(drawing)?;
        }
        Ok(())
    })
}

struct Bins {
    low: f64,
    width: f64,
    counts: Vec<usize>,
    /// Whether all values are whole numbers.
    is_whole: bool,
}

impl Bins {
    fn of(values: &[f64], asked: Option<usize>) -> Self {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        let (Some(first), Some(last)) = (sorted.first(), sorted.last()) else {
            return Self { low: 0.0, width: 1.0, counts: vec![0], is_whole: true };
        };
        let range = widened(*first, *last);
        let span = range.end - range.start;
        let count = asked.unwrap_or_else(|| suggested(&sorted, span)).clamp(1, BINS_MAX);
        let is_whole = values.iter().all(|value| value.fract() == 0.0);
        let (low, width) = match is_whole {
            true => (range.start, ((span + 1.0) / count as f64).ceil().max(1.0)),
            false => (range.start, span / count as f64),
        };
        let mut counts = vec![0; count];
        for value in &sorted {
            let bin = ((value - low) / width) as usize;
            counts[bin.min(count - 1)] += 1;
        }
        // Whole widths may leave bins beyond the last value.
        while is_whole && counts.len() > 1 && counts.last() == Some(&0) {
            counts.pop();
        }
        Self { low, width, counts, is_whole }
    }

    /// Where the bin at `index` begins.
    fn edge(&self, index: usize) -> f64 {
        self.low + self.width * index as f64
    }

    /// What is in the bin at `index`, in words.
    fn named(&self, index: usize) -> String {
        let (low, high) = (self.edge(index), self.edge(index + 1));
        match self.is_whole {
            true if self.width == 1.0 => format!("at {}", short_number(low)),
            true => format!("{} to {}", short_number(low), short_number(high - 1.0)),
            false => format!("{} to {}", short_number(low), short_number(high)),
        }
    }
}

fn suggested(sorted: &[f64], span: f64) -> usize {
    let at = |share: f64| sorted[((sorted.len() - 1) as f64 * share).round() as usize];
    let width = 2.0 * (at(0.75) - at(0.25)) / (sorted.len() as f64).cbrt();
    if width > 0.0 { (span / width).ceil().min(BINS_MAX as f64) as usize } else { 10 }
}

fn summary(values: &[f64], bins: &Bins) -> String {
    let Some(fullest) = (0..bins.counts.len()).max_by_key(|index| bins.counts[*index]) else {
        return "No data.".to_string();
    };
    if values.is_empty() {
        return "No data.".to_string();
    }
    format!(
        "{} values from {} to {}; the fullest of {} bins, {}, holds {}.",
        values.len(),
        short_number(values.iter().copied().fold(f64::INFINITY, f64::min)),
        short_number(values.iter().copied().fold(f64::NEG_INFINITY, f64::max)),
        bins.counts.len(),
        bins.named(fullest),
        bins.counts[fullest],
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_is_in_exactly_one_bin() {
        let cases: [&[f64]; 5] =
            [&[], &[3.0], &[1.0, 2.0, 2.0, 9.0], &[0.1, 0.2, 0.9], &[-1e15, 1e15]];
        for values in cases {
            for asked in [None, Some(1), Some(7)] {
                let bins = Bins::of(values, asked);
                assert_eq!(bins.counts.iter().sum::<usize>(), values.len(), "{values:?}");
                assert!(bins.width > 0.0);
            }
        }
    }

    #[test]
    fn whole_numbers_get_whole_bins() {
        let bins = Bins::of(&[50.0, 51.0, 51.0, 53.0], Some(4));
        assert_eq!((bins.width, bins.counts), (1.0, vec![1, 2, 0, 1]));
    }

    #[test]
    fn the_description_does_not_take_the_fullest_bin_for_most() {
        let of = |values: &[f64], bins: usize| summary(values, &Bins::of(values, Some(bins)));
        let values = [1.0, 2.0, 3.0, 4.0, 4.0, 5.0];
        let says = "6 values from 1 to 5; the fullest of 5 bins, at 4, holds 2.";
        assert_eq!(of(&values, 6), says);
        let says = "6 values from 1 to 5; the fullest of 2 bins, 4 to 6, holds 3.";
        assert_eq!(of(&values, 2), says);
        let says = "2 values from 0 to 1.5; the fullest of 3 bins, 1 to 1.5, holds 1.";
        assert_eq!(of(&[0.0, 1.5], 3), says);
        assert_eq!(of(&[], 3), "No data.");
    }
}
