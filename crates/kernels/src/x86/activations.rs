//! Quantized activations in the order in which the integer micro-kernels read them.
//!
//! The rows of a batch form groups of at most [`GROUP_ROWS_MAX`], as equal as possible; a
//! micro-kernel multiplies one group at a time. A group of R rows is one stream of blocks, so that
//! the kernel walks it with a single pointer and constant distances:
//!
//! ```text
//! 32 values    codes i8 [R][32] | scales f32 [R] | sums 4 bytes [R]                    40 R bytes
//! 256 values   codes i8 [8][R][32] | sum pairs i16 [R][8][2] | scales f32 [R]         292 R bytes
//! ```

use super::scratch::Lines;
use crate::input::Quantized;

/// Most input rows that a micro-kernel multiplies at once: what 32 vector registers hold.
pub(super) const GROUP_ROWS_MAX: usize = 8;

/// Bytes per row and block of 32 values.
pub(super) const ROW_BYTES_32: usize = 40;

/// Bytes per row and block of 256 values.
pub(super) const ROW_BYTES_256: usize = 292;

/// Some consecutive rows of the batch.
#[derive(Clone, Copy)]
pub(super) struct Group {
    pub(super) first_row: usize,
    pub(super) rows: usize,
}

/// Splits `rows` into groups of at most `rows_max`, their sizes differing by at most one.
pub(super) fn groups(rows: usize, rows_max: usize) -> impl Iterator<Item = Group> {
    let count = rows.div_ceil(rows_max);
    (0..count).map(move |index| {
        let first_row = rows * index / count;
        Group { first_row, rows: rows * (index + 1) / count - first_row }
    })
}

/// What the kernel wants in the four bytes of sums that belong to a row and a block of 32 values.
#[derive(Clone, Copy)]
pub(super) enum Sums32 {
    /// `-offset * sum` as i32: where the integer sum of unsigned codes starts.
    Start {
        /// What was added to the weight codes to make them unsigned.
        offset: i32,
    },
    /// The sum as f32: what a weight block's minimum is multiplied by.
    Float,
}

/// Packs all rows of a batch quantized per 32 values; a row has `blocks` blocks.
pub(super) fn pack_32<'a>(
    input: &Quantized,
    rows: usize,
    blocks: usize,
    sums: Sums32,
    lines: &'a mut Lines,
) -> &'a [u8] {
    let packed = lines.bytes(rows * blocks * ROW_BYTES_32);
    for group in groups(rows, GROUP_ROWS_MAX) {
        let start = group.first_row * blocks * ROW_BYTES_32;
        let stream = &mut packed[start..][..group.rows * blocks * ROW_BYTES_32];
        for (block, packed) in stream.chunks_exact_mut(group.rows * ROW_BYTES_32).enumerate() {
            let (codes, tail) = packed.split_at_mut(group.rows * 32);
            let (scales, starts) = tail.split_at_mut(group.rows * 4);
            for r in 0..group.rows {
                let index = (group.first_row + r) * blocks + block;
                copy_codes(&mut codes[r * 32..][..32], &input.codes[index * 32..][..32]);
                scales[r * 4..][..4].copy_from_slice(&input.scales[index].to_ne_bytes());
                let sum = input.sums[index];
                starts[r * 4..][..4].copy_from_slice(&match sums {
                    Sums32::Start { offset } => (-offset * sum).to_ne_bytes(),
                    Sums32::Float => (sum as f32).to_ne_bytes(),
                });
            }
        }
    }
    packed
}

/// Packs all rows of a batch quantized per 256 values; a row has `blocks` superblocks.
///
/// The sums are per `sub_block` (16 or 32) values; of 32 they fill the first half of their place.
pub(super) fn pack_256<'a>(
    input: &Quantized,
    rows: usize,
    blocks: usize,
    sub_block: usize,
    lines: &'a mut Lines,
) -> &'a [u8] {
    let packed = lines.bytes(rows * blocks * ROW_BYTES_256);
    for group in groups(rows, GROUP_ROWS_MAX) {
        let start = group.first_row * blocks * ROW_BYTES_256;
        let stream = &mut packed[start..][..group.rows * blocks * ROW_BYTES_256];
        for (block, packed) in stream.chunks_exact_mut(group.rows * ROW_BYTES_256).enumerate() {
            let (codes, tail) = packed.split_at_mut(group.rows * 256);
            let (pairs, scales) = tail.split_at_mut(group.rows * 32);
            for r in 0..group.rows {
                let index = (group.first_row + r) * blocks + block;
                let row_codes = &input.codes[index * 256..][..256];
                for (chunk, row_codes) in row_codes.chunks_exact(32).enumerate() {
                    copy_codes(&mut codes[(chunk * group.rows + r) * 32..][..32], row_codes);
                }
                scales[r * 4..][..4].copy_from_slice(&input.scales[index].to_ne_bytes());
                let sums = input.sums[index * 16..][..16].chunks_exact(sub_block / 16);
                for (pair, sums) in pairs[r * 32..][..32].chunks_exact_mut(2).zip(sums) {
                    let sum: i32 = sums.iter().sum();
                    // At most 32 * 127 in size.
                    pair.copy_from_slice(&(sum as i16).to_ne_bytes());
                }
            }
        }
    }
    packed
}

/// Copies 32 codes (an array copy compiles to two vector moves).
fn copy_codes(to: &mut [u8], from: &[i8]) {
    for (to, from) in to.iter_mut().zip(from) {
        *to = *from as u8;
    }
}
