//! Sums and the maximum of a row, in 16 lanes.

use crate::scalar::float::{LANES, tree};

/// `sum of term(x[k])`: lane `k % 16` takes `fold(lane, x[k])`, then the tree.
#[inline(always)]
pub(crate) fn lanes(x: &[f32], fold: impl Fn(f32, f32) -> f32) -> f32 {
    let mut acc = [0.0f32; LANES];
    let (chunks, rest) = x.as_chunks::<LANES>();
    for chunk in chunks {
        for lane in 0..LANES {
            acc[lane] = fold(acc[lane], chunk[lane]);
        }
    }
    for (acc, value) in acc.iter_mut().zip(rest) {
        *acc = fold(*acc, *value);
    }
    tree(acc)
}

/// The sum of a row.
#[inline(always)]
pub(crate) fn sum(x: &[f32]) -> f32 {
    lanes(x, |acc, value| acc + value)
}

/// The sum of squares of a row, each step fused.
#[inline(always)]
pub(crate) fn sum_of_squares(x: &[f32]) -> f32 {
    lanes(x, |acc, value| value.mul_add(value, acc))
}

/// The largest value of a row that is a number; negative infinity for none.
#[inline(always)]
pub(crate) fn max(x: &[f32]) -> f32 {
    let larger = |a: f32, b: f32| if b > a { b } else { a };
    let mut largest = [f32::NEG_INFINITY; LANES];
    let (chunks, rest) = x.as_chunks::<LANES>();
    for chunk in chunks {
        for lane in 0..LANES {
            largest[lane] = larger(largest[lane], chunk[lane]);
        }
    }
    let largest = largest.into_iter().fold(f32::NEG_INFINITY, larger);
    rest.iter().copied().fold(largest, larger)
}
