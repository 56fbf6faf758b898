//! Kernels for x86-64: AVX-512 with VNNI, and AVX2.
//!
//! Everything here gives the same bits as [`crate::scalar`]; what differs is the order of memory
//! and of integer sums. Both instruction sets share the `walk` over a matrix and, for few input
//! rows, `rows`; their folders hold what multiplies many input rows, and float products.

mod activations;
mod avx2;
mod avx512;
mod rows;
mod scratch;
#[cfg(test)]
mod tests;
mod walk;

use crate::isa::{Isa, MatmulRange};

/// The sets that this machine can run, slowest first.
pub(crate) fn kernels() -> Vec<(Isa, MatmulRange)> {
    let mut sets: Vec<(Isa, MatmulRange)> = Vec::new();
    if avx2::is_available() {
        sets.push((Isa::Avx2, avx2::matmul_range));
    }
    if avx512::is_available() {
        sets.push((Isa::Avx512, avx512::matmul_range));
    }
    sets
}
