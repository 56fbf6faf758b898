//! Feed-forward networks.

use super::batch::{Batch, share_rows, sized};
use super::linear::{Linear, linear, linear_many};
use crate::config::Activation;
use kernels::ops::activation;

/// down(activation(gate(x)) * up(x)): SwiGLU or GeGLU (arXiv:2002.05202).
#[derive(Debug)]
pub(crate) struct GatedMlp {
    /// (ffn_dim, hidden_dim)
    pub gate: Linear,
    /// (ffn_dim, hidden_dim)
    pub up: Linear,
    /// (hidden_dim, ffn_dim)
    pub down: Linear,
    pub activation: Activation,
}

/// down(activation(up(x))).
#[derive(Debug)]
pub(crate) struct Mlp {
    /// (ffn_dim, hidden_dim)
    pub up: Linear,
    /// (hidden_dim, ffn_dim)
    pub down: Linear,
    pub activation: Activation,
}

/// (rows, hidden_dim) -> (rows, hidden_dim)
pub(crate) fn gated_mlp(batch: &mut Batch<'_>, mlp: &GatedMlp, x: &[f32], out: &mut [f32]) {
    let len = x.len() / mlp.gate.weight.cols * mlp.gate.weight.rows;
    let mut buffers = std::mem::take(&mut batch.compute.ffn);
    let [gate, up] = buffers.each_mut().map(|buffer| sized(buffer, len)); // (rows, ffn_dim)
    linear_many(batch, x, [(&mlp.gate, &mut *gate), (&mlp.up, &mut *up)]);
    let (compute, ffn_dim) = (&*batch.compute, mlp.gate.weight.rows);
    share_rows(compute, gate, ffn_dim, |rows, gate| {
        let up = &up[rows.start * ffn_dim..rows.end * ffn_dim];
        activation::gate(&compute.kernels, kernel_activation(mlp.activation), gate, up);
    });
    linear(batch, &mlp.down, gate, out);
    batch.compute.ffn = buffers;
}

/// (rows, hidden_dim) -> (rows, hidden_dim)
pub(crate) fn mlp(batch: &mut Batch<'_>, mlp: &Mlp, x: &[f32], out: &mut [f32]) {
    let len = x.len() / mlp.up.weight.cols * mlp.up.weight.rows;
    let mut buffers = std::mem::take(&mut batch.compute.ffn);
    let up = sized(&mut buffers[0], len); // (rows, ffn_dim)
    linear(batch, &mlp.up, x, up);
    let compute = &*batch.compute;
    share_rows(compute, up, mlp.up.weight.rows, |_, up| {
        activation::activate(&compute.kernels, kernel_activation(mlp.activation), up);
    });
    linear(batch, &mlp.down, up, out);
    batch.compute.ffn = buffers;
}

fn kernel_activation(activation: Activation) -> activation::Activation {
    match activation {
        Activation::Silu => activation::Activation::Silu,
        Activation::GeluTanh => activation::Activation::GeluTanh,
    }
}
