//! Float matrix products with AVX2: the law's sixteen partial sums are two registers.
//!
//! ```text
//! for each strip of 16 weight rows, each group of input rows, each tile of T weight rows:
//!     for each 16 columns: acc[t][r] = fma(weights[t], inputs[r], acc[t][r])      both halves
//! output = low half + high half, then 4 + 4, 2 + 2, 1 + 1
//! ```
//! 1. Lane i of a sum holds the columns i, i + 16, ...: the law's order, whatever T and R.
//! 2. Eight chains keep both multipliers busy: four weight rows and one input row, or two and two.
//! 3. Half-precision weights are widened on the way from the file; there is no copy.

use crate::matmul::OutRows;
use crate::quant::dequantize_row;
use crate::weight::WeightType;
use crate::x86::activations::groups;
use crate::x86::scratch::Scratch;
use crate::x86::walk::Call;
use std::arch::x86_64::*;
use std::ops::Range;

/// Weight rows that share a visit to each group of input rows.
const STRIP_ROWS: usize = 16;

/// Most input rows of a tile.
const GROUP_ROWS: usize = 2;

/// Multiplies one thread's weight rows with all input rows in float arithmetic.
#[target_feature(enable = "avx2,fma,f16c")]
pub(super) fn multiply(call: &Call<'_>, scratch: &mut Scratch) {
    let row_bytes = call.weight.row_bytes();
    for first in call.range.clone().step_by(STRIP_ROWS) {
        let columns = first..(first + STRIP_ROWS).min(call.range.end);
        let bytes = &call.weight.bytes()[first * row_bytes..columns.end * row_bytes];
        match call.weight.kind() {
            WeightType::F32 => multiply_strip::<F32>(call, columns, bytes),
            WeightType::F16 => multiply_strip::<F16>(call, columns, bytes),
            WeightType::BF16 => multiply_strip::<Bf16>(call, columns, bytes),
            kind => {
                let panel = scratch.panel.bytes(columns.len() * call.weight.cols() * 4);
                // SAFETY: lines are aligned for f32, for which any bytes are valid.
                dequantize_row(kind, bytes, unsafe { panel.align_to_mut::<f32>().1 });
                multiply_strip::<F32>(call, columns, panel);
            }
        }
    }
}

/// A float format: how eight neighbouring weights become eight lanes.
trait Widen {
    const KIND: WeightType;
    /// The 8 weights at `weights`.
    unsafe fn eight(weights: *const u8) -> __m256;
}

struct F32;
struct F16;
struct Bf16;

impl Widen for F32 {
    const KIND: WeightType = WeightType::F32;

    #[inline(always)]
    unsafe fn eight(weights: *const u8) -> __m256 {
        // SAFETY: 8 weights are readable.
        unsafe { _mm256_loadu_ps(weights.cast()) }
    }
}

impl Widen for F16 {
    const KIND: WeightType = WeightType::F16;

    #[inline(always)]
    unsafe fn eight(weights: *const u8) -> __m256 {
        // SAFETY: 8 weights are readable.
        unsafe { _mm256_cvtph_ps(_mm_loadu_si128(weights.cast())) }
    }
}

impl Widen for Bf16 {
    const KIND: WeightType = WeightType::BF16;

    #[inline(always)]
    unsafe fn eight(weights: *const u8) -> __m256 {
        // SAFETY: 8 weights are readable; bf16 is the upper half of an f32.
        unsafe {
            let wide = _mm256_cvtepu16_epi32(_mm_loadu_si128(weights.cast()));
            _mm256_castsi256_ps(_mm256_slli_epi32::<16>(wide))
        }
    }
}

/// A rectangle of the product that keeps its sums in registers, and where its operands are.
#[derive(Clone, Copy)]
struct Tile<'a> {
    /// Whole rows of weights; the tile's first is row 0.
    weights: &'a [u8],
    /// Whole rows of inputs; the tile's first is row 0.
    inputs: &'a [f32],
    cols: usize,
    out: &'a OutRows,
    first_row: usize,
    first_column: usize,
}

#[target_feature(enable = "avx2,fma,f16c")]
fn multiply_strip<W: Widen>(call: &Call<'_>, columns: Range<usize>, bytes: &[u8]) {
    let cols = call.input.cols;
    for group in groups(call.input.rows, GROUP_ROWS) {
        let wanted = if group.rows == 1 { 4 } else { 2 };
        let mut row = 0;
        while row < columns.len() {
            let tile_rows = if columns.len() - row >= wanted { wanted } else { 1 };
            let tile = Tile {
                weights: &bytes[row * cols * W::KIND.block_bytes()..],
                inputs: &call.input.values[group.first_row * cols..],
                cols,
                out: call.out,
                first_row: group.first_row,
                first_column: columns.start + row,
            };
            // SAFETY: the slices have so many rows from the tile's first on.
            unsafe {
                match (tile_rows, group.rows) {
                    (4, 1) => tile.multiply::<W, 4, 1>(),
                    (2, 2) => tile.multiply::<W, 2, 2>(),
                    (1, 2) => tile.multiply::<W, 1, 2>(),
                    _ => tile.multiply::<W, 1, 1>(),
                }
            }
            row += tile_rows;
        }
    }
}

impl Tile<'_> {
    #[target_feature(enable = "avx2,fma,f16c")]
    unsafe fn multiply<W: Widen, const T: usize, const R: usize>(self) {
        let bytes = W::KIND.block_bytes();
        let whole = self.cols / 16 * 16;
        // SAFETY: columns below `whole` of T rows of weights and R rows of inputs are readable.
        unsafe {
            let mut acc = [[[_mm256_setzero_ps(); 2]; R]; T];
            for k in (0..whole).step_by(16) {
                for (t, acc) in acc.iter_mut().enumerate() {
                    let weights = self.weights.as_ptr().add((t * self.cols + k) * bytes);
                    let (low, high) = (W::eight(weights), W::eight(weights.add(8 * bytes)));
                    for (r, acc) in acc.iter_mut().enumerate() {
                        let inputs = self.inputs.as_ptr().add(r * self.cols + k);
                        acc[0] = _mm256_fmadd_ps(low, _mm256_loadu_ps(inputs), acc[0]);
                        acc[1] = _mm256_fmadd_ps(high, _mm256_loadu_ps(inputs.add(8)), acc[1]);
                    }
                }
            }
            for (t, acc) in acc.iter().enumerate() {
                for (r, &acc) in acc.iter().enumerate() {
                    let total = total(self.with_tail::<W>(acc, t, r, whole));
                    self.out.store(self.first_row + r, self.first_column + t, total);
                }
            }
        }
    }

    /// Adds the products of the columns from `whole` on, fewer than 16.
    #[target_feature(enable = "avx2,fma,f16c")]
    fn with_tail<W: Widen>(
        &self,
        acc: [__m256; 2],
        t: usize,
        r: usize,
        whole: usize,
    ) -> [__m256; 2] {
        let count = self.cols - whole;
        if count == 0 {
            return acc;
        }
        let bytes = W::KIND.block_bytes();
        let (mut weights, mut lanes) = ([0.0f32; 16], [0.0f32; 16]);
        let start = (t * self.cols + whole) * bytes;
        dequantize_row(W::KIND, &self.weights[start..][..count * bytes], &mut weights[..count]);
        // SAFETY: the array has 16 lanes.
        unsafe {
            _mm256_storeu_ps(lanes.as_mut_ptr(), acc[0]);
            _mm256_storeu_ps(lanes.as_mut_ptr().add(8), acc[1]);
            let inputs = &self.inputs[r * self.cols + whole..][..count];
            for ((lane, weight), input) in lanes.iter_mut().zip(weights).zip(inputs) {
                *lane = weight.mul_add(*input, *lane);
            }
            [_mm256_loadu_ps(lanes.as_ptr()), _mm256_loadu_ps(lanes.as_ptr().add(8))]
        }
    }
}

/// The sum of all lanes in the order of the law: halves onto halves.
#[inline(always)]
unsafe fn total([low, high]: [__m256; 2]) -> f32 {
    // SAFETY: register arithmetic.
    unsafe {
        let eight = _mm256_add_ps(low, high);
        let four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps::<1>(eight));
        let two = _mm_add_ps(four, _mm_movehl_ps(four, four));
        _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)))
    }
}
