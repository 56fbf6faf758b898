//! The share that is still going after x: survival curves of reply lengths, and with them every
//! quantile (where a curve crosses 50 % is the median).

use plotters::element::{PathElement, Text};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, ShapeStyle};

use crate::error::{check_count, check_number};
use crate::frame::{Area, Axes, Chart, Labels, Size, axes, drawing, ink, picture};
use crate::numbers::{axis_from_zero, short_number};
use crate::svg::{INK, colour, cut};
use crate::{POINTS_MAX, PlotError, SERIES_MAX};

/// A share that only falls.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Curve {
    /// What it is of.
    pub name: String,
    /// `(x, share)` with x rising: from x on, this share (0 to 1) is left. Before the first
    /// it is 1.
    pub steps: Vec<(f64, f64)>,
    /// Where something was last seen without having ended (cut at a limit): a short stroke each.
    pub censored: Vec<f64>,
}

/// A vertical line with a name, such as a limit.
#[derive(Clone, Debug, PartialEq)]
pub struct Guide {
    /// Where.
    pub x: f64,
    /// What is written beside it.
    pub name: String,
}

/// Step curves of shares over x from zero, the vertical axis in percent.
///
/// # Errors
/// A number that is not finite, a negative x, a share outside of 0 to 1 or x that fall, more than
/// [`SERIES_MAX`] curves or guides or [`POINTS_MAX`] points, a size out of range.
pub fn survival(
    labels: &Labels,
    size: Size,
    curves: &[Curve],
    guides: &[Guide],
) -> Result<String, PlotError> {
    check(curves, guides)?;
    let legend: Vec<String> = match curves {
        [one] if one.name.is_empty() => Vec::new(),
        _ => curves.iter().map(|one| one.name.clone()).collect(),
    };
    picture(labels, size, &legend, &summary(curves, guides), |area| {
        let seen = curves
            .iter()
            .flat_map(|one| one.steps.iter().map(|step| step.0).chain(one.censored.iter().copied()))
            .chain(guides.iter().map(|guide| guide.x));
        let set = Axes { is_y_share: true, ..Axes::new(axis_from_zero(seen), 0.0..1.02) };
        let end = set.x.end;
        let chart = axes(area, labels, &set)?;
        for (index, curve) in curves.iter().enumerate() {
            draw_curve(&chart, curve, index, end)?;
        }
        draw_guides(area, &chart, guides)
    })
}

fn check(curves: &[Curve], guides: &[Guide]) -> Result<(), PlotError> {
    check_count("curves", curves.len(), SERIES_MAX)?;
    check_count("guides", guides.len(), SERIES_MAX)?;
    let count = curves.iter().map(|one| one.steps.len() + one.censored.len()).sum();
    check_count("points", count, POINTS_MAX)?;
    for curve in curves {
        let mut previous = 0.0;
        for (x, share) in &curve.steps {
            check_number(&curve.name, *x, false)?;
            if *x < previous || !(0.0..=1.0).contains(share) {
                let what = format!("{}: share at {x} (x rise)", curve.name);
                return Err(PlotError::Number { what, value: *share, low: 0.0, high: 1.0 });
            }
            previous = *x;
        }
        for x in &curve.censored {
            check_number(&curve.name, *x, false)?;
        }
    }
    guides.iter().try_for_each(|guide| check_number(&guide.name, guide.x, false))
}

fn draw_curve(
    chart: &Chart<'_, '_>,
    curve: &Curve,
    index: usize,
    end: f64,
) -> Result<(), PlotError> {
    if curve.steps.is_empty() && curve.censored.is_empty() {
        return Ok(());
    }
    let mut path = vec![(0.0, 1.0)];
    for (x, share) in &curve.steps {
        let before = share_at(curve, *x, true);
        path.extend([(*x, before), (*x, *share)]);
    }
    let last = curve.steps.last().map_or(1.0, |step| step.1);
    let seen =
        curve.censored.iter().copied().fold(curve.steps.last().map_or(0.0, |s| s.0), f64::max);
    path.push((if last > 0.0 { seen.max(0.0) } else { seen }.min(end), last));
    let plane = chart.plotting_area();
    let style = ShapeStyle::from(colour(index)).stroke_width(2);
    plane.draw(&PathElement::new(path, style)).map_err(drawing)?;
    for x in &curve.censored {
        let share = share_at(curve, *x, false);
        let stroke = vec![(*x, share - 0.015), (*x, share + 0.015)];
        let style = ShapeStyle::from(colour(index)).stroke_width(1);
        plane.draw(&PathElement::new(stroke, style)).map_err(drawing)?;
    }
    Ok(())
}

/// The share left at `x`, or just before it.
fn share_at(curve: &Curve, x: f64, is_before: bool) -> f64 {
    let passed =
        curve.steps.partition_point(|step| if is_before { step.0 < x } else { step.0 <= x });
    if passed == 0 { 1.0 } else { curve.steps[passed - 1].1 }
}

fn draw_guides(area: &Area<'_>, chart: &Chart<'_, '_>, guides: &[Guide]) -> Result<(), PlotError> {
    let plane = chart.plotting_area();
    let origin = area.get_base_pixel();
    for (index, guide) in guides.iter().enumerate() {
        let style = ShapeStyle::from(INK.mix(0.7)).stroke_width(1);
        let line = vec![(guide.x, 0.0), (guide.x, 1.02)];
        plane.draw(&PathElement::new(line, style)).map_err(drawing)?;
        let (x_px, y_px) = plane.map_coordinate(&(guide.x, 1.02));
        let style = ink(13).pos(Pos::new(HPos::Left, VPos::Top));
        // One below the other, so that names of near guides do not cover each other.
        let at = (x_px - origin.0 + 4, y_px - origin.1 + 2 + 15 * (index as i32 % 4));
        area.draw(&Text::new(cut(&guide.name, 32), at, style)).map_err(drawing)?;
    }
    Ok(())
}

fn summary(curves: &[Curve], guides: &[Guide]) -> String {
    let mut parts: Vec<String> = Vec::new();
    for curve in curves.iter().filter(|curve| !curve.steps.is_empty()) {
        let name = if curve.name.is_empty() { "curve" } else { &curve.name };
        let median = curve.steps.iter().find(|step| step.1 <= 0.5);
        parts.push(match median {
            Some((x, _)) => format!("{name}: half is over by {}", short_number(*x)),
            None => format!("{name}: more than half is left at the end"),
        });
        for guide in guides {
            let left = short_number((share_at(curve, guide.x, false) * 100.0).round());
            parts.push(format!("{left} % left at {}", guide.name));
        }
    }
    if parts.is_empty() { "No data.".to_string() } else { format!("{}.", parts.join("; ")) }
}
