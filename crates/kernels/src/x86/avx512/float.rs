//! Float matrix products: sixteen partial sums per output, as the law says, in one register.
//!
//! ```text
//! for each strip of 32 weight rows, each group of up to 6 input rows, each panel of 512 columns:
//!     for each tile of T weight rows:
//!         acc[t][r] = what the panel before left                            T x R registers
//!         for each 16 columns: acc[t][r] = fma(weights[t], inputs[r], acc[t][r])
//! output = acc[0..8] + acc[8..16], then 4 + 4, 2 + 2, 1 + 1
//! ```
//! 1. Lane i of a sum holds the columns i, i + 16, ...: the law's order, whatever T, R and panels.
//! 2. 24 chains keep both multipliers busy, and a loaded vector is used 4 to 8 times.
//! 3. Inputs are packed into one stream; a panel of it (12 KB) stays in the first-level cache for
//!    all tiles of a strip.
//! 4. Half-precision weights are widened on the way from the file; there is no copy.

use super::bytes::{load_f32, store_f32};
use crate::matmul::OutRows;
use crate::quant::dequantize_row;
use crate::weight::WeightType;
use crate::x86::activations::{Group, groups};
use crate::x86::scratch::{Lines, Scratch};
use crate::x86::walk::Call;
use std::arch::x86_64::*;
use std::ops::Range;

/// Weight rows that share a visit to each group of input rows.
const STRIP_ROWS: usize = 32;

/// Most input rows of a tile.
const GROUP_ROWS: usize = 6;

/// Columns of a panel, a multiple of 16.
const PANEL_VALUES: usize = 512;

/// Multiplies one thread's weight rows with all input rows in float arithmetic.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")]
pub(super) fn multiply(call: &Call<'_>, scratch: &mut Scratch) {
    let Scratch { panel, sums, activations, .. } = scratch;
    let inputs = pack_inputs(&call.input.values, call.input.rows, call.input.cols, activations);
    let row_bytes = call.weight.row_bytes();
    for first in call.range.clone().step_by(STRIP_ROWS) {
        let columns = first..(first + STRIP_ROWS).min(call.range.end);
        let bytes = &call.weight.bytes()[first * row_bytes..columns.end * row_bytes];
        match call.weight.kind() {
            WeightType::F32 => multiply_strip::<F32>(call, columns, bytes, inputs, sums),
            WeightType::F16 => multiply_strip::<F16>(call, columns, bytes, inputs, sums),
            WeightType::BF16 => multiply_strip::<Bf16>(call, columns, bytes, inputs, sums),
            kind => {
                let panel = panel.bytes(columns.len() * call.weight.cols() * 4);
                // SAFETY: lines are aligned for f32, for which any bytes are valid.
                let values = unsafe { panel.align_to_mut::<f32>().1 };
                dequantize_row(kind, bytes, values);
                multiply_strip::<F32>(call, columns, panel, inputs, sums);
            }
        }
    }
}

/// Brings the inputs into one stream per group of R rows: 16 columns of each row, then the next 16.
///
/// Rows in place would be as far apart as a power of two, as model dimensions are, and would drive
/// each other out of the same few lines of the first-level cache.
fn pack_inputs<'a>(values: &[f32], rows: usize, cols: usize, lines: &'a mut Lines) -> &'a [u8] {
    let stride = cols.next_multiple_of(16);
    let packed = lines.bytes(rows * stride * 4);
    // SAFETY: lines are aligned for f32, for which any bytes are valid.
    let floats = unsafe { packed.align_to_mut::<f32>().1 };
    for group in groups(rows, GROUP_ROWS) {
        let stream = &mut floats[group.first_row * stride..][..group.rows * stride];
        for (chunk, sixteens) in stream.chunks_exact_mut(group.rows * 16).enumerate() {
            for (r, sixteen) in sixteens.chunks_exact_mut(16).enumerate() {
                let row = &values[(group.first_row + r) * cols..][..cols];
                let columns = &row[chunk * 16..cols.min(chunk * 16 + 16)];
                sixteen[..columns.len()].copy_from_slice(columns);
            }
        }
    }
    packed
}

/// A float format: how 16 neighbouring weights become 16 lanes.
trait Widen {
    const BYTES: usize;
    /// The 16 weights at `weights`.
    unsafe fn sixteen(weights: *const u8) -> __m512;
    /// The first weights at `weights`, one per bit of `mask`, and zeros.
    unsafe fn masked(weights: *const u8, mask: __mmask16) -> __m512;
}

struct F32;
struct F16;
struct Bf16;

impl Widen for F32 {
    const BYTES: usize = 4;

    #[inline(always)]
    unsafe fn sixteen(weights: *const u8) -> __m512 {
        // SAFETY: 16 weights are readable.
        unsafe { load_f32(weights) }
    }

    #[inline(always)]
    unsafe fn masked(weights: *const u8, mask: __mmask16) -> __m512 {
        // SAFETY: the weights of the mask are readable, others are not touched.
        unsafe { _mm512_maskz_loadu_ps(mask, weights.cast()) }
    }
}

impl Widen for F16 {
    const BYTES: usize = 2;

    #[inline(always)]
    unsafe fn sixteen(weights: *const u8) -> __m512 {
        // SAFETY: 16 weights are readable.
        unsafe { _mm512_cvtph_ps(_mm256_loadu_si256(weights.cast())) }
    }

    #[inline(always)]
    unsafe fn masked(weights: *const u8, mask: __mmask16) -> __m512 {
        // SAFETY: the weights of the mask are readable, others are not touched.
        unsafe { _mm512_cvtph_ps(_mm256_maskz_loadu_epi16(mask, weights.cast())) }
    }
}

impl Widen for Bf16 {
    const BYTES: usize = 2;

    #[inline(always)]
    unsafe fn sixteen(weights: *const u8) -> __m512 {
        // SAFETY: 16 weights are readable.
        unsafe { widen_bf16(_mm256_loadu_si256(weights.cast())) }
    }

    #[inline(always)]
    unsafe fn masked(weights: *const u8, mask: __mmask16) -> __m512 {
        // SAFETY: the weights of the mask are readable, others are not touched.
        unsafe { widen_bf16(_mm256_maskz_loadu_epi16(mask, weights.cast())) }
    }
}

/// bf16 is the upper half of an f32.
#[inline(always)]
unsafe fn widen_bf16(halves: __m256i) -> __m512 {
    // SAFETY: register arithmetic.
    unsafe { _mm512_castsi512_ps(_mm512_slli_epi32::<16>(_mm512_cvtepu16_epi32(halves))) }
}

/// A rectangle of the product that keeps its sums in registers, and where its operands are.
#[derive(Clone, Copy)]
struct Tile<'a> {
    weights: *const u8,
    weight_stride: usize,
    /// Packed inputs, see [`pack_inputs`].
    inputs: *const u8,
    columns: usize,
    /// Partial sums between panels: (t, r) of 16 f32.
    sums: *mut u8,
    is_first: bool,
    /// In the last panel, the output with the tile's first row and column.
    out: Option<(&'a OutRows, usize, usize)>,
}

/// Multiplies at most [`STRIP_ROWS`] weight rows, whose `bytes` are of format W.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")]
fn multiply_strip<W: Widen>(
    call: &Call<'_>,
    columns: Range<usize>,
    bytes: &[u8],
    inputs: &[u8],
    sums: &mut Lines,
) {
    let (input, cols) = (call.input, call.input.cols);
    let is_single = input.rows <= GROUP_ROWS;
    let panel = if is_single { cols.max(1) } else { PANEL_VALUES };
    let sums = sums.bytes(STRIP_ROWS * GROUP_ROWS * 64);
    for group in groups(input.rows, GROUP_ROWS) {
        let inputs = inputs[group.first_row * cols.next_multiple_of(16) * 4..].as_ptr();
        let mut first = 0;
        loop {
            let last = (first + panel).min(cols);
            let mut row = 0;
            while row < columns.len() {
                let left = columns.len() - row;
                let tile_rows = tile_rows(group, left);
                let tile = Tile {
                    weights: bytes[(row * cols + first) * W::BYTES..].as_ptr(),
                    weight_stride: cols * W::BYTES,
                    inputs: inputs.wrapping_add(first * group.rows * 4),
                    columns: last - first,
                    sums: sums[row * group.rows * 64..].as_mut_ptr(),
                    is_first: first == 0,
                    out: (last == cols).then_some((call.out, group.first_row, columns.start + row)),
                };
                // SAFETY: the tile names rows and columns inside weights, inputs and output.
                unsafe { multiply_tile::<W>(tile, tile_rows, group.rows) };
                row += tile_rows;
            }
            if last == cols {
                break;
            }
            first = last;
        }
    }
}

/// How many weight rows a tile has: as many as registers allow, or one at a ragged end.
fn tile_rows(group: Group, left: usize) -> usize {
    let wanted = if group.rows <= 3 { 8 } else { 4 };
    if left >= wanted { wanted } else { 1 }
}

#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")]
unsafe fn multiply_tile<W: Widen>(tile: Tile<'_>, weight_rows: usize, input_rows: usize) {
    // SAFETY: passed on.
    unsafe {
        match (weight_rows, input_rows) {
            (8, 1) => tile.multiply::<W, 8, 1>(),
            (8, 2) => tile.multiply::<W, 8, 2>(),
            (8, 3) => tile.multiply::<W, 8, 3>(),
            (4, 4) => tile.multiply::<W, 4, 4>(),
            (4, 5) => tile.multiply::<W, 4, 5>(),
            (4, 6) => tile.multiply::<W, 4, 6>(),
            (1, 1) => tile.multiply::<W, 1, 1>(),
            (1, 2) => tile.multiply::<W, 1, 2>(),
            (1, 3) => tile.multiply::<W, 1, 3>(),
            (1, 4) => tile.multiply::<W, 1, 4>(),
            (1, 5) => tile.multiply::<W, 1, 5>(),
            (1, 6) => tile.multiply::<W, 1, 6>(),
            _ => unreachable!("no tile of {weight_rows} x {input_rows}"),
        }
    }
}

impl Tile<'_> {
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")]
    unsafe fn multiply<W: Widen, const T: usize, const R: usize>(self) {
        // SAFETY: T rows of weights, R rows of inputs, T x R sums and outputs are the tile's.
        unsafe {
            let mut acc = [[_mm512_setzero_ps(); R]; T];
            let sum = |t: usize, r: usize| self.sums.add((t * R + r) * 64);
            if !self.is_first {
                for (t, acc) in acc.iter_mut().enumerate() {
                    for (r, acc) in acc.iter_mut().enumerate() {
                        *acc = load_f32(sum(t, r));
                    }
                }
            }
            self.accumulate::<W, T, R>(&mut acc);
            for (t, acc) in acc.iter().enumerate() {
                for (r, &acc) in acc.iter().enumerate() {
                    match self.out {
                        Some((out, row, column)) => out.store(row + r, column + t, total(acc)),
                        None => store_f32(sum(t, r), acc),
                    }
                }
            }
        }
    }

    /// Adds the products of all columns of the tile.
    ///
    /// A function of its own with its own copy of the sums: only so do they stay in registers.
    #[inline(never)]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")]
    unsafe fn accumulate<W: Widen, const T: usize, const R: usize>(
        &self,
        sums: &mut [[__m512; R]; T],
    ) {
        let mut acc = *sums;
        let weights = |t: usize, k: usize| {
            // SAFETY: column k of the tile's row t.
            unsafe { self.weights.add(t * self.weight_stride + k * W::BYTES) }
        };
        let inputs = |r: usize, k: usize| {
            // SAFETY: columns k..k + 16 of the tile's input row r.
            unsafe { load_f32(self.inputs.add((k * R + r * 16) * 4)) }
        };
        let whole = self.columns / 16 * 16;
        // SAFETY: only columns of the tile are read.
        unsafe {
            for k in (0..whole).step_by(16) {
                let x: [__m512; R] = std::array::from_fn(|r| inputs(r, k));
                if R <= 3 {
                    self.prefetch_next::<W, T>(k);
                }
                for (t, acc) in acc.iter_mut().enumerate() {
                    let w = W::sixteen(weights(t, k));
                    for (acc, x) in acc.iter_mut().zip(x) {
                        *acc = _mm512_fmadd_ps(w, x, *acc);
                    }
                }
            }
            let mask = (1u16 << (self.columns - whole)) - 1;
            if mask != 0 {
                let x: [__m512; R] = std::array::from_fn(|r| inputs(r, whole));
                for (t, acc) in acc.iter_mut().enumerate() {
                    let w = W::masked(weights(t, whole), mask);
                    for (acc, x) in acc.iter_mut().zip(x) {
                        // Lanes beyond the row keep their sum: adding 0 would turn -0 into +0.
                        *acc = _mm512_mask3_fmadd_ps(w, x, *acc, mask);
                    }
                }
            }
        }
        *sums = acc;
    }
}

impl Tile<'_> {
    /// Asks for as many bytes of the tile after this one as 16 columns have, one long stream where
    /// the rows are T short ones. Only worth it with few input rows, which read all columns.
    #[inline(always)]
    unsafe fn prefetch_next<W: Widen, const T: usize>(&self, k: usize) {
        let next = self.weights.wrapping_add(T * (self.weight_stride + k * W::BYTES));
        for line in 0..T * 16 * W::BYTES / 64 {
            // SAFETY: a prefetch reads nothing and faults nowhere.
            unsafe { _mm_prefetch::<_MM_HINT_T1>(next.wrapping_add(line * 64).cast()) }
        }
    }
}

/// The sum of all lanes in the order of the law: halves onto halves.
#[inline(always)]
unsafe fn total(lanes: __m512) -> f32 {
    // SAFETY: register arithmetic.
    unsafe {
        let eight =
            _mm256_add_ps(_mm512_castps512_ps256(lanes), _mm512_extractf32x8_ps::<1>(lanes));
        let four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps::<1>(eight));
        let two = _mm_add_ps(four, _mm_movehl_ps(four, four));
        _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)))
    }
}
