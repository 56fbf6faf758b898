//! Parts of a whole over time: a bar per bucket, a colour per part.

use plotters::element::{Rectangle, Text};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, ShapeStyle};

use crate::error::{check_count, check_number};
use crate::frame::{Area, Axes, Chart, Labels, Size, axes, drawing, ink, picture};
use crate::numbers::{axis_from_zero, short_number};
use crate::svg::{colour, cut};
use crate::{BARS_MAX, PlotError, SERIES_MAX};

/// One part of each bar.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// What it counts.
    pub name: String,
    /// A value per bucket, zero or more.
    pub values: Vec<f64>,
}

/// Stacked bars: one per bucket, named by `buckets` (as many names as fit are written), the first
/// series at the bottom. The caller says what a bucket is called; this room knows no calendar.
///
/// # Errors
/// A series with more or fewer values than buckets, a negative or not finite value, more than
/// [`BARS_MAX`] buckets or [`SERIES_MAX`] series, a size out of range.
pub fn stacked(
    labels: &Labels,
    size: Size,
    buckets: &[String],
    series: &[Series],
) -> Result<String, PlotError> {
    check_count("buckets", buckets.len(), BARS_MAX)?;
    check_count("series", series.len(), SERIES_MAX)?;
    for one in series {
        if one.values.len() != buckets.len() {
            let (name, count, buckets) = (one.name.clone(), one.values.len(), buckets.len());
            return Err(PlotError::Lengths { name, count, buckets });
        }
        for value in &one.values {
            check_number(&one.name, *value, false)?;
        }
    }
    let legend: Vec<String> = series.iter().map(|one| one.name.clone()).collect();
    let totals: Vec<f64> =
        (0..buckets.len()).map(|at| series.iter().map(|one| one.values[at]).sum()).collect();
    picture(labels, size, &legend, &summary(buckets, series, &totals), |area| {
        let x = 0.0..buckets.len().max(1) as f64;
        let set =
            Axes { has_x_numbers: false, ..Axes::new(x, axis_from_zero(totals.iter().copied())) };
        let chart = axes(area, labels, &set)?;
        draw_bars(&chart, buckets.len(), series)?;
        draw_names(area, &chart, buckets)
    })
}

fn draw_bars(chart: &Chart<'_, '_>, buckets: usize, series: &[Series]) -> Result<(), PlotError> {
    for bucket in 0..buckets {
        let mut base = 0.0;
        for (index, one) in series.iter().enumerate() {
            let top = base + one.values[bucket];
            if top > base {
                let corners = [(bucket as f64 + 0.1, top), (bucket as f64 + 0.9, base)];
                let fill = ShapeStyle::from(colour(index).mix(0.95)).filled();
                chart.plotting_area().draw(&Rectangle::new(corners, fill)).map_err(drawing)?;
            }
            base = top;
        }
    }
    Ok(())
}

/// Writes as many names as fit side by side, evenly chosen.
fn draw_names(area: &Area<'_>, chart: &Chart<'_, '_>, buckets: &[String]) -> Result<(), PlotError> {
    let plane = chart.plotting_area();
    let (width_px, _) = plane.dim_in_pixel();
    let longest = buckets.iter().map(|name| name.chars().count().min(24)).max().unwrap_or(1);
    let fitting = (width_px as usize / (longest * 7 + 12)).max(1);
    let stride = buckets.len().div_ceil(fitting).max(1);
    let origin = area.get_base_pixel();
    for (index, name) in buckets.iter().enumerate().step_by(stride) {
        let (x_px, y_px) = plane.map_coordinate(&(index as f64 + 0.5, 0.0));
        let style = ink(14).pos(Pos::new(HPos::Center, VPos::Top));
        let at = (x_px - origin.0, y_px - origin.1 + 5);
        area.draw(&Text::new(cut(name, 24), at, style)).map_err(drawing)?;
    }
    Ok(())
}

fn summary(buckets: &[String], series: &[Series], totals: &[f64]) -> String {
    let (Some(first), Some(last)) = (buckets.first(), buckets.last()) else {
        return "No data.".to_string();
    };
    let parts: Vec<String> = series
        .iter()
        .map(|one| format!("{} {}", one.name, short_number(one.values.iter().sum())))
        .collect();
    let total = short_number(totals.iter().sum());
    let buckets = match buckets.len() {
        1 => first.clone(),
        count => format!("{count} buckets from {first} to {last}"),
    };
    format!("{buckets}; total {total}: {}.", parts.join(", "))
}
