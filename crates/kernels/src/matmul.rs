//! The matrix product over all threads: each thread owns a fixed range of weight rows.

use crate::input::Input;
use crate::isa::Kernels;
use crate::threads::ThreadPool;
use crate::weight::{Arithmetic, Weight};

/// Where products go: shape (input rows, weight rows), written by several threads at once, each to
/// its own columns.
pub(crate) struct OutRows {
    start: *mut f32,
    rows: usize,
    stride: usize,
}

// SAFETY: threads write disjoint column ranges (`matmul` splits the weight rows), and the borrow of
// the slice outlives the parallel call, which `ThreadPool::run` joins before it returns.
unsafe impl Sync for OutRows {}

impl OutRows {
    /// Wraps `out` of shape (rows, stride).
    pub(crate) fn new(out: &mut [f32], rows: usize, stride: usize) -> Self {
        let expected = rows.checked_mul(stride);
        assert_eq!(Some(out.len()), expected, "output must be input rows x weight rows");
        OutRows { start: out.as_mut_ptr(), rows, stride }
    }

    /// Stores `value` for input row `row` and weight row `column`.
    #[inline(always)]
    pub(crate) fn store(&self, row: usize, column: usize, value: f32) {
        debug_assert!(row < self.rows && column < self.stride);
        // SAFETY: in bounds by construction (kernels walk rows < input rows, columns < weight
        // rows), and no two threads are given the same column.
        unsafe { self.start.add(row * self.stride + column).write(value) }
    }

    /// A pointer to (row, column) for a vector store of columns that this thread owns.
    #[inline(always)]
    #[allow(dead_code)]
    pub(crate) fn pointer(&self, row: usize, column: usize) -> *mut f32 {
        debug_assert!(row < self.rows && column < self.stride);
        // SAFETY: as for `store`.
        unsafe { self.start.add(row * self.stride + column) }
    }
}

/// One matrix of a group that reads the same input: the weight, its arithmetic, its output of shape
/// (input rows, weight rows).
pub type Product<'a, 'w> = (Weight<'w>, Arithmetic, &'a mut [f32]);

/// `out[r][o] = sum over c of weight[o][c] * input[r][c]`.
///
/// # Panics
/// When the columns of weight and input differ, `out` has another length than input rows times
/// weight rows, or `arithmetic` is neither the weight type's own nor [`Arithmetic::Float`].
pub fn matmul(
    kernels: &Kernels,
    pool: &ThreadPool,
    weight: &Weight<'_>,
    arithmetic: Arithmetic,
    input: &mut Input,
    out: &mut [f32],
) {
    matmul_many(kernels, pool, input, &mut [(*weight, arithmetic, out)]);
}

/// Several products of the same input in one parallel call (query, key and value; gate and up).
///
/// # Panics
/// As [`matmul`].
pub fn matmul_many(
    kernels: &Kernels,
    pool: &ThreadPool,
    input: &mut Input,
    products: &mut [Product<'_, '_>],
) {
    for (weight, arithmetic, _) in products.iter() {
        assert_eq!(weight.cols(), input.cols(), "weight columns must equal input columns");
        // The kernel of a type reads its form of the input unchecked: it must be the prepared one.
        let kind = weight.kind();
        assert!(
            [Arithmetic::Float, kind.native_arithmetic()].contains(arithmetic),
            "{kind} cannot be multiplied in {arithmetic:?}"
        );
        input.prepare(kernels, *arithmetic);
    }
    let input = &*input;
    let jobs: Vec<(Weight<'_>, Arithmetic, OutRows)> = products
        .iter_mut()
        .map(|(weight, arithmetic, out)| {
            (*weight, *arithmetic, OutRows::new(out, input.rows(), weight.rows()))
        })
        .collect();
    pool.run(&|thread| {
        for (weight, arithmetic, out) in &jobs {
            let range = split_rows(weight.rows(), thread, pool.threads());
            (kernels.matmul_range)(weight, range, *arithmetic, input, out);
        }
    });
}

/// The weight rows of one thread: multiples of 16 rows, so that a tile belongs to one thread.
fn split_rows(rows: usize, thread: usize, threads: usize) -> std::ops::Range<usize> {
    let tiles = rows.div_ceil(16);
    let first = tiles * thread / threads * 16;
    let last = tiles * (thread + 1) / threads * 16;
    first.min(rows)..last.min(rows)
}
