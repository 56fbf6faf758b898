//! Activation rows, in the forms that the matrix kernels read.

use crate::isa::{Kernels, per_isa};
use crate::weight::Arithmetic;

/// A batch of activation rows of shape (rows, cols), and their integer forms once asked for.
///
/// One `Input` feeds several matrices (query, key and value, say), so the quantized forms are made
/// once and kept until the next [`Input::set`]. Buffers are reused: a warm input allocates none.
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
        assert_eq!(Some(values.len()), rows.checked_mul(cols), "input must be rows x cols");
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
    ///
    /// # Panics
    /// When the rows do not consist of whole blocks of that form.
    pub fn prepare(&mut self, kernels: &Kernels, arithmetic: Arithmetic) {
        let (form, block, sum_block) = match arithmetic {
            Arithmetic::Float => return,
            Arithmetic::Block32 => (&mut self.block32, 32, 32),
            Arithmetic::Block256 => (&mut self.block256, 256, 16),
        };
        if form.ready {
            return;
        }
        assert!(self.cols.is_multiple_of(block), "rows must consist of whole blocks");
        let values = &self.values[..];
        per_isa!(
            kernels,
            quantize,
            (form: &mut Quantized, values: &[f32], block: usize, sum_block: usize)
        );
    }
}

/// Fills `form` with `values`, quantized per `block` values, with code sums per `sum_block` values.
///
/// Both sizes are multiples of 16, and variables on purpose: loops of a known small length are
/// unrolled into single numbers, and not turned into vector instructions.
#[inline(always)]
fn quantize(form: &mut Quantized, values: &[f32], block: usize, sum_block: usize) {
    form.codes.resize(values.len(), 0);
    form.scales.resize(values.len() / block, 0.0);
    form.sums.resize(values.len() / sum_block, 0);
    let blocks = values.chunks_exact(block).zip(form.codes.chunks_exact_mut(block));
    for (scale, (values, codes)) in form.scales.iter_mut().zip(blocks) {
        *scale = quantize_block(values, codes);
    }
    for (sum, codes) in form.sums.iter_mut().zip(form.codes.chunks_exact(sum_block)) {
        *sum = codes.iter().map(|&code| i32::from(code)).sum();
    }
    form.ready = true;
}

/// Writes the codes of one block and returns its scale: `scale = max|x| / 127`.
///
/// Codes are rounded to the nearest integer, ties to even, as the vector instructions round. A
/// block whose largest value is too small for a finite `127 / max|x|` counts as zero: the codes
/// stay in -127..=127, which the vector kernels rely on. A NaN becomes 0; in a block with an
/// infinite value the scale is infinite and all codes are 0, so that its products are NaN.
#[inline(always)]
fn quantize_block(values: &[f32], codes: &mut [i8]) -> f32 {
    /// Adding it to a number below 2^22 leaves the nearest integer in the low bits of the sum.
    const ROUNDER: f32 = 12_582_912.0;
    // A NaN is not larger than anything.
    let larger = |a: f32, b: f32| if b > a { b } else { a };
    let mut lanes = [0.0f32; 16];
    for values in values.as_chunks::<16>().0 {
        for (lane, value) in lanes.iter_mut().zip(values) {
            *lane = larger(*lane, value.abs());
        }
    }
    let eight: [f32; 8] = std::array::from_fn(|i| larger(lanes[i], lanes[i + 8]));
    let four: [f32; 4] = std::array::from_fn(|i| larger(eight[i], eight[i + 4]));
    let largest = larger(larger(four[0], four[2]), larger(four[1], four[3]));
    let inverse = 127.0 / largest;
    if inverse == f32::INFINITY {
        codes.fill(0);
        return 0.0;
    }
    for (code, value) in codes.iter_mut().zip(values) {
        let scaled = value * inverse;
        let scaled = if scaled.is_nan() { 0.0 } else { scaled };
        *code = (scaled + ROUNDER).to_bits() as i8;
    }
    largest / 127.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_and_scales_of_awkward_blocks() {
        let quantized = |head: &[f32]| {
            let mut values = [0.0; 32];
            values[..head.len()].copy_from_slice(head);
            let mut codes = [1i8; 32];
            let scale = quantize_block(&values, &mut codes);
            assert_eq!(codes[head.len()..], [0; 32][head.len()..]);
            (scale, codes[..head.len()].to_vec())
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
        let kernels = Kernels::detect();
        let mut input = Input::new();
        input.set(&[1.0; 512], 2, 256);
        input.prepare(&kernels, Arithmetic::Block32);
        input.prepare(&kernels, Arithmetic::Block256);
        assert_eq!((input.block32.scales.len(), input.block32.sums.len()), (16, 16));
        assert_eq!((input.block256.scales.len(), input.block256.sums.len()), (2, 32));
        assert_eq!(input.block256.sums, [16 * 127; 32]);
        input.set(&[0.0; 256], 1, 256);
        input.prepare(&kernels, Arithmetic::Block256);
        assert_eq!(input.block256.sums, [0; 16]);
        assert!(!input.block32.ready);
    }
}
