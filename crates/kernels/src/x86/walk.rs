//! The walk over a matrix of integer codes: which tile of weights meets which input rows when.
//!
//! ```text
//! few input rows:   for each tile of weight rows: unpack and multiply block by block
//! many input rows:  for each strip of tiles, for each panel of columns:
//!                       unpack the strip's panel
//!                       for each group of input rows, for each tile: multiply
//! ```
//! 1. With few rows weights are read once, in the order of the file, at the speed of memory.
//! 2. With many rows a tile is unpacked once for all of them. Its panel (10 to 20 KB) streams from
//!    the second-level cache, a group's activations stay in the first for all tiles of a strip.
//! 3. Between panels the partial sums of outputs wait in the output itself; they are exact f32, so
//!    the chain of sums is the same as without panels.

use super::activations::{Group, groups};
use super::scratch::{Lines, Scratch};
use crate::input::Input;
use crate::matmul::OutRows;
use crate::weight::{Weight, WeightType};
use std::arch::x86_64::*;
use std::ops::Range;

/// Tiles of a strip: they share a visit to each group of input rows.
const STRIP_TILES: usize = 4;

/// One thread's share of a product.
pub(super) struct Call<'a> {
    pub(super) weight: &'a Weight<'a>,
    pub(super) range: Range<usize>,
    pub(super) input: &'a Input,
    pub(super) out: &'a OutRows,
}

/// The rows of a weight tile: one every `stride` bytes, as many as the operand's tile has.
#[derive(Clone, Copy)]
pub(super) struct TileRows {
    pub(super) start: *const u8,
    pub(super) stride: usize,
}

/// Where the products of a tile and a group of input rows go.
pub(super) struct Place<'a> {
    pub(super) out: &'a OutRows,
    pub(super) group: Group,
    pub(super) first_column: usize,
    /// Columns that exist: all of the tile's but at a ragged end.
    pub(super) columns: usize,
    /// Whether the output holds nothing yet.
    pub(super) is_first: bool,
}

impl Place<'_> {
    /// Where the tile's product with row `r` of the group begins.
    #[inline(always)]
    pub(super) fn row(&self, r: usize) -> *mut f32 {
        self.out.pointer(self.group.first_row + r, self.first_column)
    }

    /// Eight sums per row that a kernel goes on from: zeros, or what earlier panels left.
    ///
    /// # Safety
    /// The machine has AVX2, and the place is this thread's.
    #[inline(always)]
    pub(super) unsafe fn load_eight<const R: usize>(&self) -> [__m256; R] {
        // SAFETY: masked lanes are not touched.
        unsafe {
            let mut acc = [_mm256_setzero_ps(); R];
            if !self.is_first {
                for (r, acc) in acc.iter_mut().enumerate() {
                    *acc = _mm256_maskload_ps(self.row(r), self.eight_lanes());
                }
            }
            acc
        }
    }

    /// Stores eight sums per row to the columns that exist.
    ///
    /// # Safety
    /// As for [`Place::load_eight`].
    #[inline(always)]
    pub(super) unsafe fn store_eight<const R: usize>(&self, acc: [__m256; R]) {
        for (r, acc) in acc.into_iter().enumerate() {
            // SAFETY: masked lanes are not touched.
            unsafe { _mm256_maskstore_ps(self.row(r), self.eight_lanes(), acc) }
        }
    }

    /// All bits in the lanes of columns that exist.
    #[inline(always)]
    unsafe fn eight_lanes(&self) -> __m256i {
        // SAFETY: register arithmetic.
        unsafe {
            let lanes = _mm256_set_epi32(7, 6, 5, 4, 3, 2, 1, 0);
            _mm256_cmpgt_epi32(_mm256_set1_epi32(self.columns as i32), lanes)
        }
    }
}

/// A weight format and the instruction set that multiplies it.
///
/// The unsafe functions need that instruction set, and pointers to as many blocks as they are told
/// of.
pub(super) trait Operand {
    const KIND: WeightType;
    /// Weight rows of a tile.
    const TILE_ROWS: usize;
    /// Most input rows of a group.
    const GROUP_ROWS: usize;
    /// Up to as many input rows are multiplied without a panel.
    const FEW_ROWS: usize;
    /// Columns of a panel.
    const PANEL_VALUES: usize;
    /// Bytes of an unpacked block of a tile.
    const PANEL_BYTES: usize;
    /// Bytes of a block of an input row among the packed activations.
    const ROW_BYTES: usize;

    /// Brings the activations of all input rows into the order of [`super::activations`].
    fn pack_activations<'a>(input: &Input, lines: &'a mut Lines) -> &'a [u8];

    /// Unpacks blocks of a tile into a panel.
    unsafe fn pack(rows: TileRows, blocks: usize, panel: *mut u8);

    /// Adds the products of a panel with a group.
    unsafe fn multiply_panel(
        panel: *const u8,
        activations: *const u8,
        blocks: usize,
        place: &Place<'_>,
    );

    /// Stores the products of all blocks of a tile with all, that is few, input rows.
    unsafe fn multiply_rows(rows: TileRows, input: &Input, blocks: usize, place: &Place<'_>);
}

/// Multiplies the weight rows of a call with all input rows.
///
/// # Safety
/// The machine has the operand's instruction set.
pub(super) unsafe fn multiply<O: Operand>(call: &Call<'_>, scratch: &mut Scratch) {
    if call.input.rows() > O::FEW_ROWS {
        // SAFETY: passed on.
        return unsafe { multiply_many::<O>(call, scratch) };
    }
    let blocks = call.weight.cols() / O::KIND.block_values();
    let group = Group { first_row: 0, rows: call.input.rows() };
    for first_column in call.range.clone().step_by(O::TILE_ROWS) {
        let rows = tile_rows::<O>(call, first_column, &mut scratch.tail);
        let place = place::<O>(call, first_column, group, true);
        // SAFETY: weight rows and input rows have `blocks` blocks.
        unsafe { O::multiply_rows(rows, call.input, blocks, &place) }
    }
}

unsafe fn multiply_many<O: Operand>(call: &Call<'_>, scratch: &mut Scratch) {
    let Scratch { panel, activations, tail, .. } = scratch;
    let block_values = O::KIND.block_values();
    let blocks = call.weight.cols() / block_values;
    let activations = O::pack_activations(call.input, activations);
    let panel_blocks = (O::PANEL_VALUES / block_values).min(blocks);
    let panel_bytes = panel_blocks * O::PANEL_BYTES;
    let panel = panel.bytes(STRIP_TILES * panel_bytes);
    let strip_columns = STRIP_TILES * O::TILE_ROWS;
    for strip in call.range.clone().step_by(strip_columns) {
        let columns = || (strip..(strip + strip_columns).min(call.range.end)).step_by(O::TILE_ROWS);
        for first_block in (0..blocks).step_by(panel_blocks) {
            let count = panel_blocks.min(blocks - first_block);
            for (index, first_column) in columns().enumerate() {
                let mut rows = tile_rows::<O>(call, first_column, tail);
                rows.start = rows.start.wrapping_add(first_block * O::KIND.block_bytes());
                // SAFETY: the rows have `blocks` blocks, the panel room for `panel_blocks`.
                unsafe { O::pack(rows, count, panel[index * panel_bytes..].as_mut_ptr()) }
            }
            for group in groups(call.input.rows(), O::GROUP_ROWS) {
                let start = (group.first_row * blocks + group.rows * first_block) * O::ROW_BYTES;
                let activations = activations[start..].as_ptr();
                for (index, first_column) in columns().enumerate() {
                    let place = place::<O>(call, first_column, group, first_block == 0);
                    let panel = panel[index * panel_bytes..].as_ptr();
                    // SAFETY: panel and activations have these blocks.
                    unsafe { O::multiply_panel(panel, activations, count, &place) }
                }
            }
        }
    }
}

fn place<'a, O: Operand>(
    call: &Call<'a>,
    first_column: usize,
    group: Group,
    is_first: bool,
) -> Place<'a> {
    let columns = O::TILE_ROWS.min(call.weight.rows() - first_column);
    Place { out: call.out, group, first_column, columns, is_first }
}

/// The weight rows of a tile. If fewer are left than it has, they are copied to `tail` and filled
/// up with rows of zeros.
fn tile_rows<O: Operand>(call: &Call<'_>, first_column: usize, tail: &mut Lines) -> TileRows {
    let stride = call.weight.row_bytes();
    let bytes = &call.weight.bytes()[first_column * stride..];
    if bytes.len() >= O::TILE_ROWS * stride {
        return TileRows { start: bytes.as_ptr(), stride };
    }
    let copy = tail.bytes(O::TILE_ROWS * stride);
    copy[..bytes.len()].copy_from_slice(bytes);
    copy[bytes.len()..].fill(0);
    TileRows { start: copy.as_ptr(), stride }
}
