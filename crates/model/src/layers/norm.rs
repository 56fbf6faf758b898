//! Normalization of rows.

use super::batch::{Batch, share_rows};
use kernels::Kernels;
use kernels::ops::norm::{layer_norm_in_place, rms_norm_in_place};

/// The weights of a norm over the last dimension.
#[derive(Debug)]
pub(crate) struct Norm {
    pub weight: Vec<f32>,
    /// Where there is a bias the mean is subtracted first: LayerNorm. RMSNorm has none.
    pub bias: Option<Vec<f32>>,
    /// Added to the mean square or the variance.
    pub eps: f32,
}

/// `out` = norm of each row of `x`.
pub(crate) fn norm(batch: &Batch<'_>, norm: &Norm, x: &[f32], out: &mut [f32]) {
    let dim = norm.weight.len();
    let compute = &*batch.compute;
    share_rows(compute, out, dim, |rows, out| {
        out.copy_from_slice(&x[rows.start * dim..rows.end * dim]);
        norm_rows(&compute.kernels, norm, out);
    });
}

/// `x` = norm of each row of `x`, for rows as long as the weight.
pub(crate) fn norm_in_place(batch: &Batch<'_>, norm: &Norm, x: &mut [f32]) {
    let compute = &*batch.compute;
    share_rows(compute, x, norm.weight.len(), |_, x| norm_rows(&compute.kernels, norm, x));
}

fn norm_rows(kernels: &Kernels, norm: &Norm, x: &mut [f32]) {
    match &norm.bias {
        None => rms_norm_in_place(kernels, x, &norm.weight, norm.eps),
        Some(bias) => layer_norm_in_place(kernels, x, &norm.weight, Some(bias), norm.eps),
    }
}
