//! Both integer families as operands of the walk: input rows become constants of the kernels.

use super::panel;
use crate::input::Input;
use crate::weight::WeightType;
use crate::x86::rows::block32::Row32;
use crate::x86::rows::superblock::Row256;
use crate::x86::rows::{self, Avx2};
use crate::x86::scratch::Lines;
use crate::x86::walk::{Operand, Place, TileRows};
use std::marker::PhantomData;

/// The formats of [`crate::x86::rows::block32`].
pub(super) struct Blocks<F>(PhantomData<F>);

/// The formats of [`crate::x86::rows::superblock`].
pub(super) struct Superblocks<F>(PhantomData<F>);

/// Calls `$kernel` with R, a constant, the number of rows of the group, which is 1 to 4.
macro_rules! with_rows {
    ($place:expr, $rows:ident => $call:expr) => {
        match $place.group.rows {
            1 => with_rows!(@ $rows, 1, $call),
            2 => with_rows!(@ $rows, 2, $call),
            3 => with_rows!(@ $rows, 3, $call),
            4 => with_rows!(@ $rows, 4, $call),
            rows => unreachable!("a group of {rows} rows"),
        }
    };
    (@ $rows:ident, $count:literal, $call:expr) => {{
        const $rows: usize = $count;
        $call
    }};
}

impl<F: Row32> Operand for Blocks<F> {
    const KIND: WeightType = F::KIND;
    const TILE_ROWS: usize = 8;
    const GROUP_ROWS: usize = panel::GROUP_ROWS;
    const FEW_ROWS: usize = 4;
    const PANEL_VALUES: usize = 1024;
    const PANEL_BYTES: usize = panel::PANEL_BYTES_32;
    const ROW_BYTES: usize = panel::ROW_BYTES_32;

    fn pack_activations<'a>(input: &Input, lines: &'a mut Lines) -> &'a [u8] {
        panel::pack_activations_32(&input.block32, input.rows, input.cols / 32, lines)
    }

    unsafe fn pack(rows: TileRows, blocks: usize, panel: *mut u8) {
        // SAFETY: passed on.
        unsafe { panel::pack_32::<F>(rows, blocks, panel) }
    }

    unsafe fn multiply_panel(panel: *const u8, group: *const u8, blocks: usize, place: &Place<'_>) {
        // SAFETY: passed on.
        unsafe {
            with_rows!(place, R => if F::HAS_MIN {
                panel::dot_panel::<R, 16, true>(panel, group, blocks, place);
            } else {
                panel::dot_panel::<R, 16, false>(panel, group, blocks, place);
            })
        }
    }

    unsafe fn multiply_rows(rows: TileRows, input: &Input, blocks: usize, place: &Place<'_>) {
        // SAFETY: passed on.
        unsafe { with_rows!(place, R => dot_32::<F, R>(rows, input, blocks, place)) }
    }
}

impl<F: Row256> Operand for Superblocks<F> {
    const KIND: WeightType = F::KIND;
    const TILE_ROWS: usize = 8;
    const GROUP_ROWS: usize = panel::GROUP_ROWS;
    const FEW_ROWS: usize = 4;
    const PANEL_VALUES: usize = 1024;
    const PANEL_BYTES: usize = panel::PANEL_BYTES_256;
    const ROW_BYTES: usize = panel::ROW_BYTES_256;

    fn pack_activations<'a>(input: &Input, lines: &'a mut Lines) -> &'a [u8] {
        panel::pack_activations_256(&input.block256, input.rows, input.cols / 256, lines)
    }

    unsafe fn pack(rows: TileRows, blocks: usize, panel: *mut u8) {
        // SAFETY: passed on.
        unsafe { panel::pack_256::<F>(rows, blocks, panel) }
    }

    unsafe fn multiply_panel(panel: *const u8, group: *const u8, blocks: usize, place: &Place<'_>) {
        // SAFETY: passed on.
        unsafe {
            with_rows!(place, R => if F::HAS_MIN {
                panel::dot_panel::<R, 128, true>(panel, group, blocks, place);
            } else {
                panel::dot_panel::<R, 128, false>(panel, group, blocks, place);
            })
        }
    }

    unsafe fn multiply_rows(rows: TileRows, input: &Input, blocks: usize, place: &Place<'_>) {
        // SAFETY: passed on.
        unsafe { with_rows!(place, R => dot_256::<F, R>(rows, input, blocks, place)) }
    }
}

/// [`rows::dot_32`] with this instruction set.
#[target_feature(enable = "avx2,fma,f16c")]
unsafe fn dot_32<F: Row32, const R: usize>(
    rows: TileRows,
    input: &Input,
    blocks: usize,
    place: &Place<'_>,
) {
    // SAFETY: passed on.
    unsafe { rows::dot_32::<Avx2, F, R>(rows, input, blocks, place) }
}

/// [`rows::dot_256`] with this instruction set.
#[target_feature(enable = "avx2,fma,f16c")]
unsafe fn dot_256<F: Row256, const R: usize>(
    rows: TileRows,
    input: &Input,
    blocks: usize,
    place: &Place<'_>,
) {
    // SAFETY: passed on.
    unsafe { rows::dot_256::<Avx2, F, R>(rows, input, blocks, place) }
}
