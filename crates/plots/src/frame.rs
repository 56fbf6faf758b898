//! What all pictures share: size, header with title and legend, axes.

use std::ops::Range;

use plotters::backend::SVGBackend;
use plotters::chart::{ChartBuilder, ChartContext};
use plotters::coord::Shift;
use plotters::coord::cartesian::Cartesian2d;
use plotters::coord::types::RangedCoordf64;
use plotters::drawing::{DrawingArea, IntoDrawingArea};
use plotters::element::{Rectangle, Text};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, FontStyle, IntoFont, ShapeStyle, TextStyle};

use crate::PlotError;
use crate::numbers::short_number;
use crate::svg::{INK, clean, colour, cut, described};

/// What is written around a picture. Empty texts are left out.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Labels {
    /// Above the picture, and its name for screen readers.
    pub title: String,
    /// What the picture says, for who does not see it; empty to describe the numbers plainly.
    pub description: String,
    /// What runs along the horizontal axis, with its unit.
    pub x: String,
    /// What runs along the vertical axis, with its unit.
    pub y: String,
}

/// Width and height of a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// 240 to 4096.
    pub width_px: u32,
    /// 160 to 4096.
    pub height_px: u32,
}

impl Default for Size {
    fn default() -> Self {
        Self { width_px: 720, height_px: 360 }
    }
}

pub(crate) type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
pub(crate) type Chart<'a, 'b> =
    ChartContext<'a, SVGBackend<'b>, Cartesian2d<RangedCoordf64, RangedCoordf64>>;

/// Draws a header and lets `body` draw below it; gives the whole SVG.
pub(crate) fn picture(
    labels: &Labels,
    size: Size,
    legend: &[String],
    summary: &str,
    body: impl FnOnce(&Area<'_>) -> Result<(), PlotError>,
) -> Result<String, PlotError> {
    let Size { width_px, height_px } = size;
    if !(240..=4096).contains(&width_px) || !(160..=4096).contains(&height_px) {
        return Err(PlotError::Size { width_px, height_px });
    }
    let mut drawn = String::new();
    {
        let root = SVGBackend::with_string(&mut drawn, (width_px, height_px)).into_drawing_area();
        let header_px = header(&root, labels, legend, width_px as i32)?;
        let (_, below) = root.split_vertically(header_px.min(height_px as i32 / 2));
        body(&below)?;
        root.present().map_err(drawing)?;
    }
    let description =
        if labels.description.is_empty() { summary } else { labels.description.as_str() };
    Ok(described(&drawn, &labels.title, description))
}

/// Title and legend, wrapped to the width; gives the height that they took.
fn header(
    root: &Area<'_>,
    labels: &Labels,
    legend: &[String],
    width_px: i32,
) -> Result<i32, PlotError> {
    let mut y = 8;
    if !labels.title.is_empty() {
        let style = ink(18).pos(Pos::new(HPos::Left, VPos::Top));
        let style = TextStyle { font: style.font.style(FontStyle::Bold), ..style };
        let text = cut(&labels.title, (width_px / 9).max(8) as usize);
        root.draw(&Text::new(text, (12, y), style)).map_err(drawing)?;
        y += 24;
    }
    let mut x = 12;
    for (index, name) in legend.iter().enumerate() {
        let name = cut(name, 40);
        let wide = 22 + name.chars().count() as i32 * 7 + 12;
        if x > 12 && x + wide > width_px {
            x = 12;
            y += 18;
        }
        let swatch = ShapeStyle::from(colour(index)).filled();
        root.draw(&Rectangle::new([(x, y + 3), (x + 12, y + 13)], swatch)).map_err(drawing)?;
        let style = ink(14).pos(Pos::new(HPos::Left, VPos::Top));
        root.draw(&Text::new(name, (x + 17, y + 2), style)).map_err(drawing)?;
        x += wide;
    }
    Ok(if legend.is_empty() { y } else { y + 20 })
}

/// Which axes a picture has, and how their numbers are written.
pub(crate) struct Axes {
    pub x: Range<f64>,
    pub y: Range<f64>,
    /// Pixels left of the vertical axis.
    pub left_px: u32,
    /// Numbers along the horizontal axis; none where names stand there.
    pub has_x_numbers: bool,
    /// Numbers along the vertical axis; none where names stand there.
    pub has_y_numbers: bool,
    /// Vertical numbers are shares, written as percent.
    pub is_y_share: bool,
}

impl Axes {
    /// Numbers along both axes.
    pub fn new(x: Range<f64>, y: Range<f64>) -> Self {
        Self { x, y, left_px: 52, has_x_numbers: true, has_y_numbers: true, is_y_share: false }
    }
}

/// Draws axes and a faint grid.
pub(crate) fn axes<'a, 'b>(
    area: &'a Area<'b>,
    labels: &Labels,
    axes: &Axes,
) -> Result<Chart<'a, 'b>, PlotError> {
    let mut chart = ChartBuilder::on(area)
        .margin_top(10)
        .margin_right(18)
        .margin_bottom(6)
        .margin_left(6)
        .x_label_area_size(if labels.x.is_empty() { 24 } else { 42 })
        .y_label_area_size(axes.left_px + if labels.y.is_empty() { 0 } else { 12 })
        .build_cartesian_2d(axes.x.clone(), axes.y.clone())
        .map_err(drawing)?;
    let share = |value: &f64| format!("{}%", short_number(value * 100.0));
    let number = |value: &f64| short_number(*value);
    let y_number: &dyn Fn(&f64) -> String = if axes.is_y_share { &share } else { &number };
    let mut mesh = chart.configure_mesh();
    mesh.axis_style(INK.mix(0.8))
        .bold_line_style(INK.mix(0.2))
        .light_line_style(INK.mix(0.0))
        .label_style(ink(14))
        .axis_desc_style(ink(14))
        .x_desc(clean(&labels.x))
        .y_desc(clean(&labels.y))
        .x_label_formatter(&number)
        .y_label_formatter(y_number);
    match axes.has_x_numbers {
        true => mesh.x_labels(8),
        false => mesh.disable_x_mesh().x_labels(0),
    };
    match axes.has_y_numbers {
        true => mesh.y_labels(6),
        false => mesh.disable_y_mesh().y_labels(0),
    };
    mesh.draw().map_err(drawing)?;
    drop(mesh);
    Ok(chart)
}

/// Text in the colour of the axes.
pub(crate) fn ink(size: i32) -> TextStyle<'static> {
    TextStyle::from(("sans-serif", size).into_font()).color(&INK)
}

/// The library's error as ours.
pub(crate) fn drawing(error: impl std::fmt::Display) -> PlotError {
    PlotError::Drawing(error.to_string())
}
