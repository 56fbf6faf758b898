//! The walk over a matrix of integer codes: which tile meets which input rows when.
//!
//! ```text
//! few input rows:   for each tile of 16 weight rows: unpack and multiply block by block
//! many input rows:  for each strip of tiles, for each panel of columns:
//!                       unpack the strip's panel
//!                       for each group of input rows, for each tile: multiply
//! ```
//! 1. With few rows weights are read once, in the order of the file, at the speed of memory.
//! 2. With many rows a tile is unpacked once for all of them. Its panel (20 KB) streams from the
//!    second-level cache, a group's activations (10 KB) stay in the first for all tiles of a strip.
//! 3. Between panels the partial sums of outputs wait in the output itself; they are exact f32, so
//!    the chain of sums is the same as without panels.

use super::block32::Format32;
use super::bytes::TileRows;
use super::superblock::Format256;
use super::{dot32, dot256};
use crate::input::Input;
use crate::matmul::OutRows;
use crate::weight::{Weight, WeightType};
use crate::x86::activations::{self, GROUP_ROWS_MAX, Group, Sums32};
use crate::x86::scratch::{Lines, Scratch};
use std::arch::x86_64::*;
use std::marker::PhantomData;
use std::ops::Range;

/// Up to as many input rows, unpacking in registers beats unpacking to a panel.
const FEW_ROWS_MAX: usize = 4;

/// Columns of a panel.
const PANEL_VALUES: usize = 1024;

/// Tiles of a strip: they share a visit to each group of input rows.
const STRIP_TILES: usize = 4;

/// A weight format as the walk sees it. All functions need AVX-512 F, BW, VL, DQ and VNNI.
trait Operand {
    const KIND: WeightType;
    /// Bytes of an unpacked block of a tile.
    const PANEL_BYTES: usize;
    /// Bytes of a block of an input row among the packed activations.
    const ROW_BYTES: usize;

    fn pack_activations<'a>(input: &Input, lines: &'a mut Lines) -> &'a [u8];
    unsafe fn pack(rows: TileRows, blocks: usize, panel: *mut u8);
    unsafe fn dot_panel<const R: usize>(
        panel: *const u8,
        group: *const u8,
        blocks: usize,
        acc: &mut [__m512; R],
    );
    unsafe fn dot_rows<const R: usize>(
        rows: TileRows,
        group: *const u8,
        blocks: usize,
        acc: &mut [__m512; R],
    );
}

/// The formats of [`super::block32`].
pub(super) struct Blocks<F>(PhantomData<F>);

impl<F: Format32> Operand for Blocks<F> {
    const KIND: WeightType = F::KIND;
    const PANEL_BYTES: usize = dot32::PANEL_BYTES;
    const ROW_BYTES: usize = activations::ROW_BYTES_32;

    fn pack_activations<'a>(input: &Input, lines: &'a mut Lines) -> &'a [u8] {
        let sums = if F::HAS_MIN { Sums32::Float } else { Sums32::Start { offset: F::OFFSET } };
        activations::pack_32(&input.block32, input.rows, input.cols / 32, sums, lines)
    }

    #[inline(always)]
    unsafe fn pack(rows: TileRows, blocks: usize, panel: *mut u8) {
        // SAFETY: passed on.
        unsafe { dot32::pack::<F>(rows, blocks, panel) }
    }

    #[inline(always)]
    unsafe fn dot_panel<const R: usize>(
        panel: *const u8,
        group: *const u8,
        blocks: usize,
        acc: &mut [__m512; R],
    ) {
        // SAFETY: passed on.
        unsafe {
            if F::HAS_MIN {
                dot32::dot_panel::<R, true>(panel, group, blocks, acc)
            } else {
                dot32::dot_panel::<R, false>(panel, group, blocks, acc)
            }
        }
    }

    #[inline(always)]
    unsafe fn dot_rows<const R: usize>(
        rows: TileRows,
        group: *const u8,
        blocks: usize,
        acc: &mut [__m512; R],
    ) {
        // SAFETY: passed on.
        unsafe { dot32::dot_rows::<F, R>(rows, group, blocks, acc) }
    }
}

/// The formats of [`super::superblock`].
pub(super) struct Superblocks<F>(PhantomData<F>);

impl<F: Format256> Operand for Superblocks<F> {
    const KIND: WeightType = F::KIND;
    const PANEL_BYTES: usize = dot256::PANEL_BYTES;
    const ROW_BYTES: usize = activations::ROW_BYTES_256;

    fn pack_activations<'a>(input: &Input, lines: &'a mut Lines) -> &'a [u8] {
        let blocks = input.cols / 256;
        activations::pack_256(&input.block256, input.rows, blocks, F::SUB_BLOCK, lines)
    }

    #[inline(always)]
    unsafe fn pack(rows: TileRows, blocks: usize, panel: *mut u8) {
        // SAFETY: passed on.
        unsafe { dot256::pack::<F>(rows, blocks, panel) }
    }

    #[inline(always)]
    unsafe fn dot_panel<const R: usize>(
        panel: *const u8,
        group: *const u8,
        blocks: usize,
        acc: &mut [__m512; R],
    ) {
        // SAFETY: passed on.
        unsafe {
            match (F::SUB_BLOCK == 16, F::HAS_MIN) {
                (true, true) => dot256::dot_panel::<R, true, true>(panel, group, blocks, acc),
                (true, false) => dot256::dot_panel::<R, true, false>(panel, group, blocks, acc),
                (false, true) => dot256::dot_panel::<R, false, true>(panel, group, blocks, acc),
                (false, false) => dot256::dot_panel::<R, false, false>(panel, group, blocks, acc),
            }
        }
    }

    #[inline(always)]
    unsafe fn dot_rows<const R: usize>(
        rows: TileRows,
        group: *const u8,
        blocks: usize,
        acc: &mut [__m512; R],
    ) {
        // SAFETY: passed on.
        unsafe { dot256::dot_rows::<F, R>(rows, group, blocks, acc) }
    }
}

/// Multiplies weight rows `range` of a format with 32-value blocks with all input rows.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")]
pub(super) fn multiply_32<F: Format32>(call: &Call<'_>, scratch: &mut Scratch) {
    multiply::<Blocks<F>>(call, scratch);
}

/// Multiplies weight rows `range` of a format with superblocks with all input rows.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")]
pub(super) fn multiply_256<F: Format256>(call: &Call<'_>, scratch: &mut Scratch) {
    multiply::<Superblocks<F>>(call, scratch);
}

/// One thread's share of a product.
pub(super) struct Call<'a> {
    pub(super) weight: &'a Weight<'a>,
    pub(super) range: Range<usize>,
    pub(super) input: &'a Input,
    pub(super) out: &'a OutRows,
}

/// Sixteen weight rows and where their products go.
#[derive(Clone, Copy)]
struct Tile {
    rows: TileRows,
    first_column: usize,
    /// The columns that exist.
    mask: __mmask16,
}

#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")]
fn multiply<O: Operand>(call: &Call<'_>, scratch: &mut Scratch) {
    let Scratch { panel, activations, tail, .. } = scratch;
    let activations = O::pack_activations(call.input, activations);
    let blocks = call.weight.cols() / O::KIND.block_values();
    let rows = call.input.rows();
    let first_columns = || call.range.clone().step_by(16);
    if rows <= FEW_ROWS_MAX {
        let group = Group { first_row: 0, rows };
        for first_column in first_columns() {
            let tile = Tile::new(call, first_column, tail);
            add::<O>(call, tile, Source::Rows(tile.rows), group, activations.as_ptr(), 0..blocks);
        }
        return;
    }
    let panel_blocks = (PANEL_VALUES / O::KIND.block_values()).min(blocks);
    let panel_bytes = panel_blocks * O::PANEL_BYTES;
    let panel = panel.bytes(STRIP_TILES * panel_bytes);
    for strip in first_columns().step_by(STRIP_TILES) {
        let strip_end = (strip + 16 * STRIP_TILES).min(call.range.end);
        for first_block in (0..blocks).step_by(panel_blocks) {
            let panel_range = first_block..(first_block + panel_blocks).min(blocks);
            let mut tiles = [None; STRIP_TILES];
            for (index, first_column) in (strip..strip_end).step_by(16).enumerate() {
                let tile = Tile::new(call, first_column, tail);
                tiles[index] = Some(tile);
                let to = panel[index * panel_bytes..].as_mut_ptr();
                // SAFETY: the tile's rows have `blocks` blocks, and the panel has room for
                // `panel_blocks` of each tile.
                unsafe {
                    let rows = tile.rows.at(first_block * O::KIND.block_bytes());
                    O::pack(rows, panel_range.len(), to);
                }
            }
            for group in activations::groups(rows, GROUP_ROWS_MAX) {
                let start = (group.first_row * blocks + group.rows * first_block) * O::ROW_BYTES;
                let activations = activations[start..].as_ptr();
                for (index, tile) in tiles.iter().flatten().enumerate() {
                    let source = Source::Panel(panel[index * panel_bytes..].as_ptr());
                    add::<O>(call, *tile, source, group, activations, panel_range.clone());
                }
            }
        }
    }
}

impl Tile {
    /// The tile of the columns from `first_column` on; if fewer than 16 are left, they are copied
    /// to `tail` and filled up with rows of zeros.
    fn new(call: &Call<'_>, first_column: usize, tail: &mut Lines) -> Tile {
        let stride = call.weight.row_bytes();
        let bytes = &call.weight.bytes()[first_column * stride..];
        let columns = call.weight.rows() - first_column;
        if columns >= 16 {
            let rows = TileRows { start: bytes.as_ptr(), stride };
            return Tile { rows, first_column, mask: 0xffff };
        }
        let copy = tail.bytes(16 * stride);
        copy[..bytes.len()].copy_from_slice(bytes);
        copy[bytes.len()..].fill(0);
        let rows = TileRows { start: copy.as_ptr(), stride };
        Tile { rows, first_column, mask: (1 << columns) - 1 }
    }
}

/// Where the weights of a tile are.
#[derive(Clone, Copy)]
enum Source {
    /// In the file's order.
    Rows(TileRows),
    /// Unpacked.
    Panel(*const u8),
}

/// Adds the products of some blocks of a tile and a group of input rows to the output.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")]
fn add<O: Operand>(
    call: &Call<'_>,
    tile: Tile,
    source: Source,
    group: Group,
    activations: *const u8,
    blocks: Range<usize>,
) {
    // SAFETY: source and activations hold these blocks of the tile and the group.
    unsafe {
        match group.rows {
            1 => add_group::<O, 1>(call, tile, source, group, activations, blocks),
            2 => add_group::<O, 2>(call, tile, source, group, activations, blocks),
            3 => add_group::<O, 3>(call, tile, source, group, activations, blocks),
            4 => add_group::<O, 4>(call, tile, source, group, activations, blocks),
            5 => add_group::<O, 5>(call, tile, source, group, activations, blocks),
            6 => add_group::<O, 6>(call, tile, source, group, activations, blocks),
            7 => add_group::<O, 7>(call, tile, source, group, activations, blocks),
            _ => add_group::<O, 8>(call, tile, source, group, activations, blocks),
        }
    }
}

#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")]
unsafe fn add_group<O: Operand, const R: usize>(
    call: &Call<'_>,
    tile: Tile,
    source: Source,
    group: Group,
    activations: *const u8,
    blocks: Range<usize>,
) {
    debug_assert_eq!(group.rows, R);
    // SAFETY: the caller's source and activations hold these blocks; the output has the columns
    // of the mask, which belong to this thread.
    unsafe {
        let mut acc = [_mm512_setzero_ps(); R];
        let place = |r: usize| call.out.pointer(group.first_row + r, tile.first_column);
        if blocks.start > 0 {
            for (r, acc) in acc.iter_mut().enumerate() {
                *acc = _mm512_maskz_loadu_ps(tile.mask, place(r));
            }
        }
        match source {
            Source::Rows(rows) if R <= FEW_ROWS_MAX => {
                O::dot_rows::<R>(rows, activations, blocks.len(), &mut acc);
            }
            Source::Rows(_) => unreachable!("many input rows read a panel"),
            Source::Panel(panel) => O::dot_panel::<R>(panel, activations, blocks.len(), &mut acc),
        }
        for (r, acc) in acc.into_iter().enumerate() {
            _mm512_mask_storeu_ps(place(r), tile.mask, acc);
        }
    }
}
