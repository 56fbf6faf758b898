//! Operations on rows of f32 around the matrix products: norms, softmax, activations, rotations.
//!
//! Each is written once, as plain loops, and compiled for every instruction set (`per_isa!`).
//! Reductions run in the order of the reference: 16 partial sums over `index % 16`, then a tree
//! (see [`crate::scalar`]). So every result is the same bit for bit everywhere.
//!
//! Rows lie one after the other; an operation works on each row alone, and its result does not
//! depend on the number of rows. Not-a-number and infinity pass through as the formula has it.
//!
//! Reading order: [`norm`], [`rope`], [`activation`], then [`exp`] beneath them.

pub mod activation;
pub mod elementwise;
pub mod exp;
pub mod norm;
pub mod rope;
pub mod softmax;

pub(crate) mod reduce;
