//! Affine maps: a weight matrix that stays as it lies in the file, and a bias where there is one.

use super::batch::{Batch, share_rows};
use crate::files::view::TensorView;
use kernels::Arithmetic;
use kernels::ops::elementwise;

/// y = W x + b.
#[derive(Debug)]
pub(crate) struct Linear {
    /// (outputs, inputs)
    pub weight: TensorView,
    /// In which arithmetic the weight is multiplied.
    pub arithmetic: Arithmetic,
    /// (outputs)
    pub bias: Option<Vec<f32>>,
}

/// `out` = `map` of each row of `x`: (rows, inputs) -> (rows, outputs).
pub(crate) fn linear(batch: &mut Batch<'_>, map: &Linear, x: &[f32], out: &mut [f32]) {
    linear_many(batch, x, [(map, out)]);
}

/// Several maps of the same rows in one parallel call.
pub(crate) fn linear_many<const N: usize>(
    batch: &mut Batch<'_>,
    x: &[f32],
    maps: [(&Linear, &mut [f32]); N],
) {
    let inputs = maps[0].0.weight.cols;
    let compute = &mut *batch.compute;
    compute.input.set(x, x.len() / inputs, inputs);
    let biases = maps.each_ref().map(|(map, _)| map.bias.as_deref());
    let mut products = maps.map(|(map, out)| (map.weight.weight(), map.arithmetic, out));
    kernels::matmul_many(&compute.kernels, &compute.pool, &mut compute.input, &mut products);
    for ((_, _, out), bias) in products.into_iter().zip(biases) {
        if let Some(bias) = bias {
            elementwise::add_bias(&compute.kernels, out, bias);
        }
    }
}

/// `to += from`, for rows of any length.
pub(crate) fn add(batch: &Batch<'_>, to: &mut [f32], from: &[f32]) {
    let compute = &*batch.compute;
    let row_len = to.len() / batch.rows();
    share_rows(compute, to, row_len, |rows, to| {
        let from = &from[rows.start * row_len..rows.end * row_len];
        elementwise::add(&compute.kernels, to, from);
    });
}
