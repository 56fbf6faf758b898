//! What is refused, and what would be allowed.

use crate::MAGNITUDE_MAX;

/// Why no picture was drawn.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum PlotError {
    /// A number that has no place on an axis.
    #[error("{what}: {value} cannot be drawn; allowed: {low} to {}", bound(*high))]
    Number {
        /// Which number.
        what: String,
        /// The number.
        value: f64,
        /// Smallest that is allowed.
        low: f64,
        /// Largest that is allowed.
        high: f64,
    },
    /// More than a picture can show.
    #[error("{count} {what}; at most {limit}")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// How many there are.
        count: usize,
        /// How many are allowed.
        limit: usize,
    },
    /// A series whose length is not that of the axis.
    #[error("series `{name}` has {count} values for {buckets} buckets")]
    Lengths {
        /// The series.
        name: String,
        /// Its values.
        count: usize,
        /// Buckets of the axis.
        buckets: usize,
    },
    /// A picture too small to read or too large to show.
    #[error("size {width_px}x{height_px}: width is 240 to 4096, height is 160 to 4096 pixels")]
    Size {
        /// Asked width.
        width_px: u32,
        /// Asked height.
        height_px: u32,
    },
    /// The drawing library refused.
    #[error("drawing failed: {0}")]
    Drawing(String),
}

/// A bound, without a row of zeros.
fn bound(high: f64) -> String {
    if high < 1e6 { high.to_string() } else { format!("{high:e}") }
}

/// Refuses what is not finite, negative where `is_signed` is false, or beyond [`MAGNITUDE_MAX`].
pub(crate) fn check_number(what: &str, value: f64, is_signed: bool) -> Result<(), PlotError> {
    let low = if is_signed { -MAGNITUDE_MAX } else { 0.0 };
    if value >= low && value <= MAGNITUDE_MAX {
        return Ok(());
    }
    Err(PlotError::Number { what: what.to_string(), value, low, high: MAGNITUDE_MAX })
}

/// Refuses more than `limit`.
pub(crate) fn check_count(what: &'static str, count: usize, limit: usize) -> Result<(), PlotError> {
    if count > limit { Err(PlotError::TooMany { what, count, limit }) } else { Ok(()) }
}
