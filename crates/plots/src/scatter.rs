//! Points in a plane, with lines: latency against tokens produced, against the limit.

use plotters::element::{Circle, PathElement};
use plotters::style::{Color, ShapeStyle};

use crate::error::{check_count, check_number};
use crate::frame::{Axes, Labels, Size, axes, drawing, picture};
use crate::numbers::{axis_from_zero, short_number};
use crate::svg::colour;
use crate::{POINTS_MAX, PlotError, SERIES_MAX};

/// Points of one colour, and a line of the same.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Points {
    /// What they are.
    pub name: String,
    /// `(x, y)` of each.
    pub points: Vec<(f64, f64)>,
    /// A line through these `(x, y)`; empty for none. [`least_squares`] makes one.
    pub line: Vec<(f64, f64)>,
}

/// Scattered points with lines. Axes begin at zero unless a number is negative, so that a line
/// through the origin looks like one. Every second series is drawn hollow, for who does not tell
/// colours apart.
///
/// # Errors
/// A number that is not finite, more than [`SERIES_MAX`] series or [`POINTS_MAX`] points, a size
/// out of range.
pub fn scatter(labels: &Labels, size: Size, series: &[Points]) -> Result<String, PlotError> {
    check_count("series", series.len(), SERIES_MAX)?;
    let count = series.iter().map(|one| one.points.len() + one.line.len()).sum();
    check_count("points", count, POINTS_MAX)?;
    let all = || series.iter().flat_map(|one| one.points.iter().chain(&one.line));
    for (x, y) in all() {
        check_number("x", *x, true)?;
        check_number("y", *y, true)?;
    }
    let legend: Vec<String> = match series {
        [one] if one.name.is_empty() => Vec::new(),
        _ => series.iter().map(|one| one.name.clone()).collect(),
    };
    picture(labels, size, &legend, &summary(series), |area| {
        let x = axis_from_zero(all().map(|point| point.0));
        let y = axis_from_zero(all().map(|point| point.1));
        let chart = axes(area, labels, &Axes::new(x, y))?;
        let plane = chart.plotting_area();
        for (index, one) in series.iter().enumerate() {
            let style = match index % 2 {
                0 => ShapeStyle::from(colour(index).mix(0.7)).filled(),
                _ => ShapeStyle::from(colour(index)).stroke_width(1),
            };
            for point in &one.points {
                plane.draw(&Circle::new(*point, 3, style)).map_err(drawing)?;
            }
            if !one.line.is_empty() {
                let style = ShapeStyle::from(colour(index)).stroke_width(2);
                plane.draw(&PathElement::new(one.line.clone(), style)).map_err(drawing)?;
            }
        }
        Ok(())
    })
}

/// The two ends of the least-squares line through `points`, over the range of their x; none when
/// fewer than two different x are known.
pub fn least_squares(points: &[(f64, f64)]) -> Option<[(f64, f64); 2]> {
    let count = points.len() as f64;
    let mean_x = points.iter().map(|point| point.0).sum::<f64>() / count;
    let mean_y = points.iter().map(|point| point.1).sum::<f64>() / count;
    let spread: f64 = points.iter().map(|point| (point.0 - mean_x).powi(2)).sum();
    let slope =
        points.iter().map(|point| (point.0 - mean_x) * (point.1 - mean_y)).sum::<f64>() / spread;
    let low = points.iter().map(|point| point.0).fold(f64::INFINITY, f64::min);
    let high = points.iter().map(|point| point.0).fold(f64::NEG_INFINITY, f64::max);
    (slope.is_finite() && high > low)
        .then(|| [low, high].map(|x| (x, mean_y + slope * (x - mean_x))))
}

fn summary(series: &[Points]) -> String {
    let parts: Vec<String> = series
        .iter()
        .filter(|one| !one.points.is_empty() || !one.line.is_empty())
        .map(|one| {
            let name = if one.name.is_empty() { "points" } else { &one.name };
            let (what, seen) = match one.points.len() {
                0 => ("a line".to_string(), &one.line),
                1 => ("1 point".to_string(), &one.points),
                count => (format!("{count} points"), &one.points),
            };
            let high = |of: fn(&(f64, f64)) -> f64| {
                short_number(seen.iter().map(of).fold(f64::NEG_INFINITY, f64::max))
            };
            let (x, y) = (high(|point| point.0), high(|point| point.1));
            format!("{name}: {what}, x up to {x}, y up to {y}")
        })
        .collect();
    if parts.is_empty() { "No data.".to_string() } else { format!("{}.", parts.join("; ")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_found_again() {
        let points: Vec<_> = (0..9).map(|x| (x as f64, 3.0 + 2.0 * x as f64)).collect();
        let [(x0, y0), (x1, y1)] = least_squares(&points).expect("nine different x");
        assert!((y0 - 3.0).abs() < 1e-9 && (y1 - 19.0).abs() < 1e-9, "{y0} {y1}");
        assert_eq!((x0, x1), (0.0, 8.0));
    }

    #[test]
    fn one_place_has_no_line() {
        assert_eq!(least_squares(&[]), None);
        assert_eq!(least_squares(&[(1.0, 1.0), (1.0, 2.0)]), None);
    }

    #[test]
    fn a_line_alone_is_described_too() {
        let one = |points: Vec<(f64, f64)>, line: Vec<(f64, f64)>| Points {
            name: "a".to_string(),
            points,
            line,
        };
        let line = vec![(0.0, 1.0), (5.0, 2.0)];
        let drawn = [one(vec![], line.clone()), one(vec![(3.0, 4.0)], line), Points::default()];
        let says = "a: a line, x up to 5, y up to 2; a: 1 point, x up to 3, y up to 4.";
        assert_eq!(summary(&drawn), says);
        assert_eq!(summary(&[Points::default()]), "No data.");
    }
}
