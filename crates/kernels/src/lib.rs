//! `kernels` multiplies: quantized dot products, matrix products, attention, norms, RoPE, threads.
//!
//! Invariants of this room:
//! - It knows no model and no request, only slices, weight formats and row counts.
//! - Every operation has **one** result, bit for bit, on every instruction set, for any number of
//!   rows in the batch and any number of threads. `scalar` states it; the others must equal it.
//!   So every floating-point sum has its order fixed by definition (see [`scalar`]).
//! - All `unsafe` of the project lives here, except the one file of `model` that maps memory.
//! - The API is not generic, so that it is compiled with this crate's own optimization level.

/// Version of the definition of every operation's result. It goes up when the bits of any result
/// change, by the order of a sum or by a formula; receipts of runs name it.
pub const NUMERIC_LAW: u32 = 1;

pub mod scalar;

pub mod attention;
pub mod bandwidth;
mod input;
mod isa;
mod matmul;
pub mod ops;
pub mod quant;
mod threads;
mod weight;
#[cfg(target_arch = "x86_64")]
mod x86;

pub use input::Input;
pub use isa::{Isa, Kernels};
pub use matmul::{matmul, matmul_many};
pub use threads::ThreadPool;
pub use weight::{Arithmetic, Weight, WeightError, WeightType};
