//! The parts that families are put together from: plain functions over rows of a batch.
//!
//! Each function takes the [`batch::Batch`] first (what is computed: tokens, positions, kernels,
//! key-value memory), then its weights, then rows in and rows out. Shapes stand in comments as
//! (rows, columns), one row per token. `linear.rs` multiplies, `attention.rs` looks back,
//! `mlp.rs` and `experts.rs` think, `norm.rs` keeps the numbers in bounds, `rope.rs` tells
//! positions apart.

pub(crate) mod attention;
pub(crate) mod batch;
pub(crate) mod embedding;
pub(crate) mod experts;
pub(crate) mod linear;
pub(crate) mod load;
pub(crate) mod mlp;
pub(crate) mod norm;
pub(crate) mod rope;
