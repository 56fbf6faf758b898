//! The share that is still going after x: survival curves of reply lengths, and with them every
//! quantile (where a curve crosses 50 % is the median).

use plotters::element::{PathElement, Text};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, ShapeStyle};

use crate::error::{check_count, check_number};
use crate::frame::{Area, Axes, Chart, Labels, Size, axes, drawing, ink, picture};
use crate::numbers::{axis_from_zero, short_number};
use crate::svg::{INK, colour, cut};
use crate::{MAGNITUDE_MAX, POINTS_MAX, PlotError, SERIES_MAX};

/// A share that only falls.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Curve {
    /// What it is of.
    pub name: String,
    /// `(x, share)`, x rising and shares falling: from x on, this share (0 to 1) is left. Before
    /// the first it is 1.
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
/// A number that is not finite, a negative x, a share outside of 0 to 1, x that fall or shares that
/// rise, more than
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
        let chart = axes(area, labels, &set)?;
        for (index, curve) in curves.iter().enumerate() {
            draw_curve(&chart, curve, index)?;
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
        let (mut previous, mut left) = (0.0, 1.0);
        for (x, share) in &curve.steps {
            check_number(&curve.name, *x, false)?;
            if *x < previous {
                let what = format!("{}: x behind {previous}", curve.name);
                let (low, high) = (previous, MAGNITUDE_MAX);
                return Err(PlotError::Number { what, value: *x, low, high });
            }
            if !(0.0..=left).contains(share) {
                let what = format!("{}: share at {x}", curve.name);
                return Err(PlotError::Number { what, value: *share, low: 0.0, high: left });
            }
            (previous, left) = (*x, *share);
        }
        for x in &curve.censored {
            check_number(&curve.name, *x, false)?;
        }
    }
    guides.iter().try_for_each(|guide| check_number(&guide.name, guide.x, false))
}

fn draw_curve(chart: &Chart<'_, '_>, curve: &Curve, index: usize) -> Result<(), PlotError> {
    if is_empty(curve) {
        return Ok(());
    }
    let mut path = vec![(0.0, 1.0)];
    for (x, share) in &curve.steps {
        let before = share_at(curve, *x, true);
        path.extend([(*x, before), (*x, *share)]);
    }
    let last = curve.steps.last().map_or(1.0, |step| step.1);
    path.push((seen_to(curve), last));
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

fn is_empty(curve: &Curve) -> bool {
    curve.steps.is_empty() && curve.censored.is_empty()
}

/// The last x at which something was seen: beyond it a curve above zero is not known.
fn seen_to(curve: &Curve) -> f64 {
    let last_step = curve.steps.last().map_or(0.0, |step| step.0);
    curve.censored.iter().copied().fold(last_step, f64::max)
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
    let (width_px, _) = area.dim_in_pixel();
    for (index, guide) in guides.iter().enumerate() {
        let style = ShapeStyle::from(INK.mix(0.7)).stroke_width(1);
        let line = vec![(guide.x, 0.0), (guide.x, 1.02)];
        plane.draw(&PathElement::new(line, style)).map_err(drawing)?;
        let (x_px, y_px) = plane.map_coordinate(&(guide.x, 1.02));
        let name = cut(&guide.name, 32);
        let x_px = x_px - origin.0;
        let is_near_edge = x_px + 4 + name.chars().count() as i32 * 7 > width_px as i32;
        let (side, x_px) =
            if is_near_edge { (HPos::Right, x_px - 4) } else { (HPos::Left, x_px + 4) };
        let style = ink(13).pos(Pos::new(side, VPos::Top));
        // One below the other, so that names of near guides do not cover each other.
        let at = (x_px, y_px - origin.1 + 2 + 15 * (index as i32 % 4));
        area.draw(&Text::new(name, at, style)).map_err(drawing)?;
    }
    Ok(())
}

fn summary(curves: &[Curve], guides: &[Guide]) -> String {
    let mut parts: Vec<String> = Vec::new();
    for curve in curves.iter().filter(|curve| !is_empty(curve)) {
        let name = if curve.name.is_empty() { "curve" } else { &curve.name };
        let median = curve.steps.iter().find(|step| step.1 <= 0.5);
        parts.push(match median {
            Some((x, _)) => format!("{name}: half is over by {}", short_number(*x)),
            None => format!("{name}: more than half is left at the end"),
        });
        for guide in guides {
            let left = share_at(curve, guide.x, false);
            parts.push(match left > 0.0 && guide.x > seen_to(curve) {
                true => format!("not known at {}", guide.name),
                false => format!("{} % left at {}", short_number(left * 100.0), guide.name),
            });
        }
    }
    if parts.is_empty() { "No data.".to_string() } else { format!("{}.", parts.join("; ")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_description_claims_only_what_was_seen() {
        let curve = |name: &str, steps: &[(f64, f64)], censored: &[f64]| Curve {
            name: name.to_string(),
            steps: steps.to_vec(),
            censored: censored.to_vec(),
        };
        let guides = [50.0, 200.0].map(|x| Guide { x, name: format!("limit {x}") }).to_vec();
        let cut = curve("cut", &[(40.0, 0.996)], &[100.0]);
        let says = "cut: more than half is left at the end; 99.6 % left at limit 50; not known at \
                    limit 200.";
        assert_eq!(summary(&[cut], &guides), says);
        let over = curve("", &[(40.0, 0.5), (60.0, 0.0)], &[]);
        let says = "curve: half is over by 40; 50 % left at limit 50; 0 % left at limit 200.";
        assert_eq!(summary(&[over], &guides), says);
        let never = curve("never", &[], &[90.0]);
        let says = "never: more than half is left at the end; 100 % left at limit 50.";
        assert_eq!(summary(&[never], &guides[..1]), says);
        assert_eq!(summary(&[Curve::default()], &guides), "No data.");
    }
}
