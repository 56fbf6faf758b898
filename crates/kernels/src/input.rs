//! Activation rows, in the forms that the matrix kernels read.

use crate::weight::Arithmetic;

/// A batch of activation rows of shape (rows, cols), and their integer forms once asked for.
///
/// One `Input` feeds several matrices (query, key and value, say), so the quantized forms are made
/// once and kept until the next [`Input::set`]. Buffers are reused: a warm `Input` allocates nothing.
#[derive(Debug, Default)]
pub struct Input {
    pub(crate) rows: usize,
    pub(crate) cols: usize,
    /// (rows, cols).
    pub(crate) values: Vec<f32>,
    pub(crate) block32: Quantized,
    pub(crate) block256: Quantized,
}

/// Rows quantized to i8 with one scale per block of 32 or 256 values.
#[derive(Debug, Default)]
pub(crate) struct Quantized {
    /// Whether the other fields belong to the current values.
    pub(crate) ready: bool,
    /// (rows, cols) integer codes in -127..=127.
    pub(crate) codes: Vec<i8>,
    /// (rows, cols / block) scales: value = scale * code.
    pub(crate) scales: Vec<f32>,
    /// Sums of codes: per block of 32 (Block32), per 16 values (Block256).
    pub(crate) sums: Vec<i32>,
}

impl Input {
    /// An empty input.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes a copy of `values`, shape (rows, cols); quantized forms of earlier values are dropped.
    ///
    /// # Panics
    /// When `values.len() != rows * cols`.
    pub fn set(&mut self, values: &[f32], rows: usize, cols: usize) {
        assert_eq!(values.len(), rows * cols, "input must be rows x cols");
        self.values.clear();
        self.values.extend_from_slice(values);
        self.rows = rows;
        self.cols = cols;
        self.block32.ready = false;
        self.block256.ready = false;
    }

    /// Number of activation rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Values per row.
    pub fn cols(&self) -> usize {
        self.cols
    }

    /// Row `row` of the values.
    pub(crate) fn row(&self, row: usize) -> &[f32] {
        &self.values[row * self.cols..][..self.cols]
    }

    /// Makes the form that `arithmetic` reads, if it is not there yet.
    pub fn prepare(&mut self, arithmetic: Arithmetic) {
        let (values, cols) = (&self.values, self.cols);
        match arithmetic {
            Arithmetic::Float => {}
            Arithmetic::Block32 => self.block32.fill(values, cols, 32, 32),
            Arithmetic::Block256 => self.block256.fill(values, cols, 256, 16),
        }
    }
}

impl Quantized {
    /// Quantizes (rows, cols) `values` per `block` values, with code sums per `sum_block` values.
    fn fill(&mut self, values: &[f32], cols: usize, block: usize, sum_block: usize) {
        if self.ready {
            return;
        }
        assert!(cols.is_multiple_of(block), "rows must consist of whole blocks");
        self.codes.clear();
        self.scales.clear();
        self.sums.clear();
        for chunk in values.chunks_exact(block) {
            let scale = quantize_block(chunk, &mut self.codes);
            self.scales.push(scale);
            let start = self.codes.len() - block;
            for group in self.codes[start..].chunks_exact(sum_block) {
                self.sums.push(group.iter().map(|&code| i32::from(code)).sum());
            }
        }
        self.ready = true;
    }
}

/// Appends the codes of one block and returns its scale: `scale = max|x| / 127`.
///
/// Codes are rounded to the nearest integer, ties to even, as the vector instructions round. A
/// block whose largest value is too small for a finite `127 / max|x|` counts as zero: the codes
/// stay in -127..=127, which the vector kernels rely on. A NaN becomes 0; in a block with an
/// infinite value the scale is infinite and all codes are 0, so that its products are NaN.
fn quantize_block(values: &[f32], codes: &mut Vec<i8>) -> f32 {
    let largest = values.iter().fold(0.0f32, |largest, value| largest.max(value.abs()));
    let inverse = 127.0 / largest;
    if inverse == f32::INFINITY {
        codes.resize(codes.len() + values.len(), 0);
        return 0.0;
    }
    codes.extend(values.iter().map(|value| (value * inverse).round_ties_even() as i8));
    largest / 127.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_and_scales_of_awkward_blocks() {
        let quantized = |values: &[f32]| {
            let mut codes = Vec::new();
            (quantize_block(values, &mut codes), codes)
        };
        assert_eq!(quantized(&[0.0, -0.0]), (0.0, vec![0, 0]));
        assert_eq!(quantized(&[1e-40, -1e-40]), (0.0, vec![0, 0]));
        assert_eq!(quantized(&[-254.0, 1.0, 3.0, 254.0]), (2.0, vec![-127, 0, 2, 127]));
        assert_eq!(quantized(&[f32::NAN, 127.0]), (1.0, vec![0, 127]));
        assert_eq!(quantized(&[f32::INFINITY, 5.0]), (f32::INFINITY, vec![0, 0]));
        let (scale, codes) = quantized(&[f32::MAX, f32::MIN]);
        assert_eq!((scale.is_finite(), codes), (true, vec![127, -127]));
    }

    #[test]
    fn forms_are_kept_until_the_values_change() {
        let mut input = Input::new();
        input.set(&[1.0; 512], 2, 256);
        input.prepare(Arithmetic::Block32);
        input.prepare(Arithmetic::Block256);
        assert_eq!((input.block32.scales.len(), input.block32.sums.len()), (16, 16));
        assert_eq!((input.block256.scales.len(), input.block256.sums.len()), (2, 32));
        assert_eq!(input.block256.sums, [16 * 127; 32]);
        input.set(&[0.0; 256], 1, 256);
        input.prepare(Arithmetic::Block256);
        assert_eq!(input.block256.sums, [0; 16]);
        assert!(!input.block32.ready);
    }
}
