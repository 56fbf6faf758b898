//! Both integer families as operands of the walk: input rows become constants of the kernels.

use super::block32::Format32;
use super::superblock::Format256;
use super::{dot32, dot256};
use crate::input::Input;
use crate::weight::WeightType;
use crate::x86::activations::{self, Sums32};
use crate::x86::rows::block32::Row32;
use crate::x86::rows::superblock::Row256;
use crate::x86::rows::{self, Vnni};
use crate::x86::scratch::Lines;
use crate::x86::walk::{Operand, Place, TileRows};
use std::arch::x86_64::*;
use std::marker::PhantomData;

/// The formats of [`super::block32`].
pub(super) struct Blocks<F>(PhantomData<F>);

/// The formats of [`super::superblock`].
pub(super) struct Superblocks<F>(PhantomData<F>);

/// Calls `$kernel::<.., R>` with R the number of rows of the group, which is 1 to 8.
macro_rules! with_rows {
    ($place:expr, $rows:ident => $call:expr) => {
        match $place.group.rows {
            1 => with_rows!(@ $rows, 1, $call),
            2 => with_rows!(@ $rows, 2, $call),
            3 => with_rows!(@ $rows, 3, $call),
            4 => with_rows!(@ $rows, 4, $call),
            5 => with_rows!(@ $rows, 5, $call),
            6 => with_rows!(@ $rows, 6, $call),
            7 => with_rows!(@ $rows, 7, $call),
            8 => with_rows!(@ $rows, 8, $call),
            rows => unreachable!("a group of {rows} rows"),
        }
    };
    (@ $rows:ident, $count:literal, $call:expr) => {{
        const $rows: usize = $count;
        $call
    }};
}

impl<F: Format32> Operand for Blocks<F> {
    const KIND: WeightType = F::KIND;
    const TILE_ROWS: usize = 16;
    const GROUP_ROWS: usize = 8;
    const FEW_ROWS: usize = 3;
    const PANEL_VALUES: usize = 1024;
    const PANEL_BYTES: usize = dot32::PANEL_BYTES;
    const ROW_BYTES: usize = activations::ROW_BYTES_32;

    fn pack_activations<'a>(input: &Input, lines: &'a mut Lines) -> &'a [u8] {
        let sums = if F::HAS_MIN { Sums32::Float } else { Sums32::Start { offset: F::OFFSET } };
        activations::pack_32(&input.block32, input.rows, input.cols / 32, sums, lines)
    }

    unsafe fn pack(rows: TileRows, blocks: usize, panel: *mut u8) {
        // SAFETY: passed on.
        unsafe { dot32::pack::<F>(rows, blocks, panel) }
    }

    unsafe fn multiply_panel(panel: *const u8, group: *const u8, blocks: usize, place: &Place<'_>) {
        // SAFETY: passed on.
        unsafe {
            with_rows!(place, R => if F::HAS_MIN {
                dot32::dot_panel::<R, true>(panel, group, blocks, place);
            } else {
                dot32::dot_panel::<R, false>(panel, group, blocks, place);
            })
        }
    }

    unsafe fn multiply_rows(rows: TileRows, input: &Input, blocks: usize, place: &Place<'_>) {
        for (rows, place) in halves(rows, place).into_iter().flatten() {
            // SAFETY: passed on.
            unsafe {
                match place.group.rows {
                    1 => dot_32::<F::Row, 1>(rows, input, blocks, &place),
                    2 => dot_32::<F::Row, 2>(rows, input, blocks, &place),
                    3 => dot_32::<F::Row, 3>(rows, input, blocks, &place),
                    rows => unreachable!("{rows} rows are not few"),
                }
            }
        }
    }
}

impl<F: Format256> Operand for Superblocks<F> {
    const KIND: WeightType = F::KIND;
    const TILE_ROWS: usize = 16;
    const GROUP_ROWS: usize = 8;
    const FEW_ROWS: usize = 3;
    const PANEL_VALUES: usize = 1024;
    const PANEL_BYTES: usize = dot256::PANEL_BYTES;
    const ROW_BYTES: usize = activations::ROW_BYTES_256;

    fn pack_activations<'a>(input: &Input, lines: &'a mut Lines) -> &'a [u8] {
        let blocks = input.cols / 256;
        activations::pack_256(&input.block256, input.rows, blocks, F::SUB_BLOCK, lines)
    }

    unsafe fn pack(rows: TileRows, blocks: usize, panel: *mut u8) {
        // SAFETY: passed on.
        unsafe { dot256::pack::<F>(rows, blocks, panel) }
    }

    unsafe fn multiply_panel(panel: *const u8, group: *const u8, blocks: usize, place: &Place<'_>) {
        // SAFETY: passed on.
        unsafe {
            with_rows!(place, R => match (F::SUB_BLOCK == 16, F::HAS_MIN) {
                (true, true) => dot256::dot_panel::<R, true, true>(panel, group, blocks, place),
                (true, false) => dot256::dot_panel::<R, true, false>(panel, group, blocks, place),
                (false, true) => dot256::dot_panel::<R, false, true>(panel, group, blocks, place),
                (false, false) => dot256::dot_panel::<R, false, false>(panel, group, blocks, place),
            })
        }
    }

    unsafe fn multiply_rows(rows: TileRows, input: &Input, blocks: usize, place: &Place<'_>) {
        for (rows, place) in halves(rows, place).into_iter().flatten() {
            // SAFETY: passed on.
            unsafe {
                match place.group.rows {
                    1 => dot_256::<F::Row, 1>(rows, input, blocks, &place),
                    2 => dot_256::<F::Row, 2>(rows, input, blocks, &place),
                    3 => dot_256::<F::Row, 3>(rows, input, blocks, &place),
                    rows => unreachable!("{rows} rows are not few"),
                }
            }
        }
    }
}

/// The sums that a kernel goes on from: zeros, or what earlier panels left in the output.
#[inline(always)]
pub(super) unsafe fn load_sums<const R: usize>(place: &Place<'_>) -> [__m512; R] {
    // SAFETY: the place's columns of its rows are this thread's.
    unsafe {
        let mut acc = [_mm512_setzero_ps(); R];
        if !place.is_first {
            for (r, acc) in acc.iter_mut().enumerate() {
                *acc = _mm512_maskz_loadu_ps(mask(place), place.row(r));
            }
        }
        acc
    }
}

/// Stores the sums to the columns that exist.
#[inline(always)]
pub(super) unsafe fn store_sums<const R: usize>(place: &Place<'_>, acc: [__m512; R]) {
    for (r, acc) in acc.into_iter().enumerate() {
        // SAFETY: the place's columns of its rows are this thread's.
        unsafe { _mm512_mask_storeu_ps(place.row(r), mask(place), acc) }
    }
}

fn mask(place: &Place<'_>) -> __mmask16 {
    u16::MAX >> (16 - place.columns)
}

/// A tile as two of eight rows; the second only where it has columns.
fn halves<'a>(rows: TileRows, place: &Place<'a>) -> [Option<(TileRows, Place<'a>)>; 2] {
    let half = |first: usize| {
        let start = rows.start.wrapping_add(first * rows.stride);
        (place.columns > first).then(|| {
            let place = Place {
                first_column: place.first_column + first,
                columns: (place.columns - first).min(8),
                ..*place
            };
            (TileRows { start, ..rows }, place)
        })
    };
    [half(0), half(8)]
}

/// [`rows::dot_32`] with this instruction set.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,avx2,fma,f16c")]
unsafe fn dot_32<F: Row32, const R: usize>(
    rows: TileRows,
    input: &Input,
    blocks: usize,
    place: &Place<'_>,
) {
    // SAFETY: passed on.
    unsafe { rows::dot_32::<Vnni, F, R>(rows, input, blocks, place) }
}

/// [`rows::dot_256`] with this instruction set.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,avx2,fma,f16c")]
unsafe fn dot_256<F: Row256, const R: usize>(
    rows: TileRows,
    input: &Input,
    blocks: usize,
    place: &Place<'_>,
) {
    // SAFETY: passed on.
    unsafe { rows::dot_256::<Vnni, F, R>(rows, input, blocks, place) }
}
