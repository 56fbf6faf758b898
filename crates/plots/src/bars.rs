//! A bar per name: horizontal, so that long names stay readable.

use plotters::element::{Rectangle, Text};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, ShapeStyle};

use crate::error::{check_count, check_number};
use crate::frame::{Axes, Labels, Size, axes, drawing, ink, picture};
use crate::numbers::{axis_from_zero, short_number};
use crate::svg::{colour, cut};
use crate::{BARS_MAX, PlotError};

/// One bar.
#[derive(Clone, Debug, PartialEq)]
pub struct Bar {
    /// What is counted.
    pub name: String,
    /// How much; zero to [`MAGNITUDE_MAX`](crate::MAGNITUDE_MAX).
    pub value: f64,
}

/// Horizontal bars in the order given, each with its number and its name, cut to a third of the
/// width. The horizontal axis is `labels.x`. A bar takes its share of the height: 20 pixels are
/// enough to read its name.
///
/// # Errors
/// A negative or not finite value, more than [`BARS_MAX`] bars, a size out of range.
pub fn bars(labels: &Labels, size: Size, bars: &[Bar]) -> Result<String, PlotError> {
    check_count("bars", bars.len(), BARS_MAX)?;
    for bar in bars {
        check_number(&bar.name, bar.value, false)?;
    }
    picture(labels, size, &[], &summary(bars), |area| {
        let longest = bars.iter().map(|bar| bar.name.chars().count()).max().unwrap_or(0);
        let left_px = (longest as u32 * 7 + 10).clamp(40, size.width_px / 3);
        let mut x = axis_from_zero(bars.iter().map(|bar| bar.value));
        x.end *= 1.06;
        let set =
            Axes { left_px, has_y_numbers: false, ..Axes::new(x, 0.0..bars.len().max(1) as f64) };
        let chart = axes(area, labels, &set)?;
        let plane = chart.plotting_area();
        let chars_max = (left_px / 7).max(4) as usize;
        for (index, bar) in bars.iter().enumerate() {
            let middle = (bars.len() - index) as f64 - 0.5;
            let fill = ShapeStyle::from(colour(0).mix(0.9)).filled();
            plane
                .draw(&Rectangle::new([(0.0, middle + 0.36), (bar.value, middle - 0.36)], fill))
                .map_err(drawing)?;
            let (zero_px, middle_px) = plane.map_coordinate(&(0.0, middle));
            let (end_px, _) = plane.map_coordinate(&(bar.value, middle));
            let origin = area.get_base_pixel();
            let middle_px = middle_px - origin.1;
            let name = ink(14).pos(Pos::new(HPos::Right, VPos::Center));
            let at = (zero_px - origin.0 - 6, middle_px);
            area.draw(&Text::new(cut(&bar.name, chars_max), at, name)).map_err(drawing)?;
            let number = ink(13).pos(Pos::new(HPos::Left, VPos::Center));
            let at = (end_px - origin.0 + 4, middle_px);
            area.draw(&Text::new(short_number(bar.value), at, number)).map_err(drawing)?;
        }
        Ok(())
    })
}

fn summary(bars: &[Bar]) -> String {
    let listed: Vec<String> = bars
        .iter()
        .take(8)
        .map(|bar| format!("{} {}", bar.name, short_number(bar.value)))
        .collect();
    match bars.len() {
        0 => "No data.".to_string(),
        1 => format!("1 bar: {}.", listed.join("")),
        count if count > 8 => format!("{count} bars, beginning with {}.", listed.join(", ")),
        count => format!("{count} bars: {}.", listed.join(", ")),
    }
}
