//! Draws: numbers in, SVG text out.
//!
//! Pure: no I/O, no clock, no fonts. The same numbers give the same text, byte for byte. The ground
//! is transparent, the ink is readable on white and on black, and there is no style inside, so
//! that a strict content policy changes nothing. Every picture carries its title and a sentence
//! that says what is in it, for those who do not see it. Texts are data: they can neither end nor
//! begin markup.
#![forbid(unsafe_code)]

mod bars;
mod error;
mod frame;
mod histogram;
mod numbers;
mod scatter;
mod stacked;
mod survival;
mod svg;

pub use bars::{Bar, bars};
pub use error::PlotError;
pub use frame::{Labels, Size};
pub use histogram::histogram;
pub use numbers::short_number;
pub use scatter::{Points, least_squares, scatter};
pub use stacked::{Series, stacked};
pub use survival::{Curve, Guide, survival};

/// Bars of one chart, or buckets of time, at most.
pub const BARS_MAX: usize = 400;
/// Series, curves or guides of one picture, at most: more cannot be told apart.
pub const SERIES_MAX: usize = 12;
/// Points of one picture, at most: some megabytes of SVG.
pub const POINTS_MAX: usize = 50_000;
/// Characters of a text that are kept; the rest becomes an ellipsis.
pub const TEXT_CHARS_MAX: usize = 400;
/// Largest magnitude of a number, so that no sum of them loses its place.
pub const MAGNITUDE_MAX: f64 = 1e15;
