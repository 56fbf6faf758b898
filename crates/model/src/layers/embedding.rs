//! Both ends of a model: tokens to rows, rows to logits.

use super::batch::{Batch, Stream};
use super::linear::{Linear, linear};
use super::norm::{Norm, norm};
use crate::files::view::TensorView;
use kernels::ops::activation::soft_cap;
use kernels::ops::elementwise;
use kernels::quant::dequantize_row;

/// Rows of numbers for tokens and, in older models, for positions.
#[derive(Debug)]
pub(crate) struct Embedding {
    /// (vocab_size, hidden_dim)
    pub tokens: TensorView,
    /// (context_tokens_max, hidden_dim)
    pub positions: Option<TensorView>,
    /// Multiplies the token's row.
    pub scale: f32,
}

/// The way out: the last norm and the matrix that makes logits.
#[derive(Debug)]
pub(crate) struct Head {
    pub norm: Norm,
    /// (vocab_size, hidden_dim)
    pub output: Linear,
    /// c of c * tanh(logit / c).
    pub soft_cap: Option<f32>,
}

/// `x` = the embedding of each row's token: (rows, hidden_dim).
pub(crate) fn embed(batch: &Batch<'_>, embedding: &Embedding, x: &mut [f32]) {
    let kernels = &batch.compute.kernels;
    let hidden_dim = embedding.tokens.cols;
    let mut learned = vec![0.0; if embedding.positions.is_some() { hidden_dim } else { 0 }];
    let rows = batch.tokens.iter().zip(batch.positions).zip(x.chunks_exact_mut(hidden_dim));
    for ((&token, &position), x) in rows {
        fetch_row(&embedding.tokens, token as usize, x);
        if embedding.scale != 1.0 {
            elementwise::scale(kernels, x, embedding.scale);
        }
        if let Some(positions) = &embedding.positions {
            fetch_row(positions, position, &mut learned);
            elementwise::add(kernels, x, &learned);
        }
    }
}

/// `logits` = one row for each wanted row of the stream, in order: (wanted rows, vocab_size).
pub(crate) fn head(batch: &mut Batch<'_>, head: &Head, stream: Stream<'_>, logits: &mut [f32]) {
    let Stream { x, normed, .. } = stream;
    let hidden_dim = head.norm.weight.len();
    let wanted_count = logits.len() / head.output.weight.rows;
    if wanted_count == 0 {
        return;
    }
    let normed = &mut normed[..wanted_count * hidden_dim];
    let mut rows = normed.chunks_exact_mut(hidden_dim);
    for run in batch.runs {
        for row in run.wanted.clone() {
            let out = rows.next().expect("logits has a row for each wanted row");
            norm(batch, &head.norm, &x[row * hidden_dim..(row + 1) * hidden_dim], out);
        }
    }
    linear(batch, &head.output, normed, logits);
    if let Some(cap) = head.soft_cap {
        soft_cap(&batch.compute.kernels, logits, cap);
    }
}

/// Row `row` of a matrix as f32.
fn fetch_row(matrix: &TensorView, row: usize, out: &mut [f32]) {
    dequantize_row(matrix.kind, matrix.weight().row(row), out);
}
