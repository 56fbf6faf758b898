//! Rotary position embedding: pairs of values turned by an angle that grows with the position.
//!
//! ```text
//! angle(position, i) = position as f32 * inverse_frequency[i]                 f32
//! cos, sin           = of that f32 angle in f64, rounded, times magnitude     f32
//! (a, b) of pair i   becomes (a cos - b sin, b cos + a sin)                   products, then sum
//! ```
//! The angle is rounded to f32 as in Transformers, so that its models see the angles that they were
//! trained with, even at positions where that rounding shows.

use crate::isa::{Kernels, per_isa};

/// Which two values of a head make a pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RopeLayout {
    /// Pair `i` is (i, i + rotary_dims / 2): Hugging Face's `rotate_half`, GGUF's "neox".
    Half,
    /// Pair `i` is (2i, 2i + 1): GGUF's "norm", in whose `llama` files queries and keys are stored
    /// permuted to suit it.
    Interleaved,
}

/// The rotation of one kind of layer.
#[derive(Clone, Debug, PartialEq)]
pub struct Rope {
    layout: RopeLayout,
    /// (rotary_dims / 2).
    inverse_frequencies: Vec<f32>,
    magnitude: f32,
}

/// Cosines and sines for the rows of a step: made once, used by all layers.
#[derive(Clone, Debug, Default)]
pub struct RopeTable {
    /// (rows, rotary_dims / 2).
    cos: Vec<f32>,
    /// (rows, rotary_dims / 2).
    sin: Vec<f32>,
    rows: usize,
}

/// `1 / base^(2i / rotary_dims)` for `i` in `0..rotary_dims / 2`, each divided by its divisor.
///
/// `divisors` are the `rope_freqs` of a GGUF file, or the factors of Llama 3 or longrope scaling.
/// The exponent, the power (computed in f64) and both quotients are rounded to f32.
///
/// # Panics
/// When `divisors` has another length than `rotary_dims / 2`.
pub fn inverse_frequencies(base: f32, rotary_dims: usize, divisors: Option<&[f32]>) -> Vec<f32> {
    let pairs = rotary_dims / 2;
    assert!(divisors.is_none_or(|divisors| divisors.len() == pairs), "one divisor per pair");
    (0..pairs)
        .map(|i| {
            let exponent = (2 * i) as f32 / rotary_dims as f32;
            let power = f64::from(base).powf(f64::from(exponent)) as f32;
            1.0 / power / divisors.map_or(1.0, |divisors| divisors[i])
        })
        .collect()
}

impl Rope {
    /// A rotation of the first `2 * inverse_frequencies.len()` values of every head.
    ///
    /// `magnitude` multiplies cosines and sines: 1, or the attention factor of yarn or longrope.
    pub fn new(layout: RopeLayout, inverse_frequencies: Vec<f32>, magnitude: f32) -> Self {
        Rope { layout, inverse_frequencies, magnitude }
    }

    /// How many values of a head are rotated.
    pub fn rotary_dims(&self) -> usize {
        2 * self.inverse_frequencies.len()
    }

    /// Fills `table` for rows at these positions.
    pub fn fill(&self, positions: impl IntoIterator<Item = usize>, table: &mut RopeTable) {
        table.cos.clear();
        table.sin.clear();
        table.rows = 0;
        for position in positions {
            table.rows += 1;
            for frequency in &self.inverse_frequencies {
                let angle = f64::from(position as f32 * frequency);
                table.cos.push(angle.cos() as f32 * self.magnitude);
                table.sin.push(angle.sin() as f32 * self.magnitude);
            }
        }
    }

    /// Rotates `x` of shape (rows, head_count, head_dim) in place, row `r` by row `r` of `table`.
    ///
    /// # Panics
    /// When `table` is not of this rotation, or `x` does not have its rows, or a head is shorter
    /// than the rotated part.
    pub fn apply(&self, kernels: &Kernels, table: &RopeTable, x: &mut [f32], head_dim: usize) {
        let pairs = self.inverse_frequencies.len();
        assert_eq!(table.cos.len(), table.rows * pairs, "the table must be of this rotation");
        assert!(2 * pairs <= head_dim, "a head must hold the rotated values");
        assert!(
            x.len().is_multiple_of((table.rows * head_dim).max(1)),
            "rows must consist of whole heads"
        );
        if pairs == 0 || x.is_empty() {
            return;
        }
        let layout = self.layout;
        per_isa!(
            kernels,
            apply_body,
            (layout: RopeLayout, table: &RopeTable, x: &mut [f32], head_dim: usize)
        );
    }
}

impl RopeTable {
    /// An empty table.
    pub fn new() -> Self {
        Self::default()
    }

    /// Number of rows filled.
    pub fn rows(&self) -> usize {
        self.rows
    }
}

#[inline(always)]
fn apply_body(layout: RopeLayout, table: &RopeTable, x: &mut [f32], head_dim: usize) {
    let pairs = table.cos.len() / table.rows;
    let angles = table.cos.chunks_exact(pairs).zip(table.sin.chunks_exact(pairs));
    for (row, (cos, sin)) in x.chunks_exact_mut(x.len() / table.rows).zip(angles) {
        for head in row.chunks_exact_mut(head_dim) {
            match layout {
                RopeLayout::Half => rotate_half(head, cos, sin),
                RopeLayout::Interleaved => rotate_interleaved(head, cos, sin),
            }
        }
    }
}

#[inline(always)]
fn rotate_half(head: &mut [f32], cos: &[f32], sin: &[f32]) {
    let (first, rest) = head.split_at_mut(cos.len());
    for (((a, b), cos), sin) in first.iter_mut().zip(rest).zip(cos).zip(sin) {
        (*a, *b) = (*a * cos - *b * sin, *b * cos + *a * sin);
    }
}

#[inline(always)]
fn rotate_interleaved(head: &mut [f32], cos: &[f32], sin: &[f32]) {
    for ((pair, cos), sin) in head.as_chunks_mut::<2>().0.iter_mut().zip(cos).zip(sin) {
        let [a, b] = *pair;
        *pair = [a * cos - b * sin, b * cos + a * sin];
    }
}
