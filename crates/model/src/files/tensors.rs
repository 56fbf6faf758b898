//! All tensors of a model, found by what they do instead of by the name their file gives them.
//!
//! What differs between files is settled here: names, fused matrices, transposed matrices, norms
//! stored less one. The order of q and k rows is not; see [`crate::RopeLayout`].

use std::collections::HashMap;

use kernels::WeightType;

use super::mapped::Bytes;
use super::names::{LayerTensor, Part, TensorName};
use super::source_names::{self, Cut, Naming};
use super::view::{StoredTensor, StoredType, TensorView};
use crate::config::{Family, ModelConfig};
use crate::error::LoadError;

/// The tensors of one model, keyed by their names in the file.
#[derive(Clone, Debug)]
pub struct Tensors {
    file: String,
    naming: Naming,
    stored: HashMap<String, StoredTensor>,
    config: ModelConfig,
}

impl Tensors {
    pub(crate) fn new(
        file: String,
        naming: Naming,
        stored: HashMap<String, StoredTensor>,
        config: ModelConfig,
    ) -> Self {
        Tensors { file, naming, stored, config }
    }

    /// Every tensor of the file, in no particular order, also those that no family needs.
    pub fn stored(&self) -> impl Iterator<Item = &StoredTensor> {
        self.stored.values()
    }

    /// Whether the file has the weight `name`, under any of the forms that [`Tensors::matrix`]
    /// understands. `AttnQkv` and `FfnGateUp` exist only where the file fuses them.
    pub fn has(&self, name: TensorName) -> bool {
        self.find(name, Part::Weight).is_some()
    }

    /// The weight matrix `name`. [`TensorName::Output`] gives the token embedding when tied.
    /// Shares the file's bytes, except for Hugging Face GPT-2, whose matrices are transposed.
    ///
    /// # Errors
    /// When it is missing, has a type that is not supported, or a shape that contradicts the
    /// configuration. For vectors use [`Tensors::norm`] and [`Tensors::bias`].
    pub fn matrix(&self, name: TensorName) -> Result<TensorView, LoadError> {
        let name = match name {
            TensorName::Output if self.config.tied_output => TensorName::TokenEmbedding,
            other => other,
        };
        let (rows, cols) = self.matrix_shape(name);
        let (stored, cut) = self.require(name, Part::Weight)?;
        let first = cut.first_row;
        if self.is_transposed(name) {
            stored.expect_shape(&[cols, cut.total_rows.unwrap_or(rows)])?;
            return transposed_rows(stored, first, rows);
        }
        stored.expect_shape(&[cut.total_rows.unwrap_or(rows), cols])?;
        stored.rows(first, rows)
    }

    /// Expert `expert`'s matrix `tensor` (one of the `Expert...` names) in layer `layer`.
    ///
    /// # Errors
    /// As [`Tensors::matrix`].
    pub fn expert(
        &self,
        layer: usize,
        tensor: LayerTensor,
        expert: usize,
    ) -> Result<TensorView, LoadError> {
        let expert_count = self.config.experts.as_ref().map_or(0, |experts| experts.expert_count);
        let (rows, cols) = self.matrix_shape(TensorName::Layer(layer, tensor));
        let (name, stacked) = source_names::expert(&self.naming, layer, tensor, expert);
        let stored = self.stored.get(&name).ok_or_else(|| self.missing(&[name]))?;
        if stacked {
            stored.expect_shape(&[expert_count, rows, cols])?;
            return stored.rows(expert * rows, rows);
        }
        stored.expect_shape(&[rows, cols])?;
        stored.rows(0, rows)
    }

    /// The norm weights `name` as they multiply: where a file stores them less one, one is added.
    ///
    /// # Errors
    /// When it is missing or has another length than the configuration says.
    pub fn norm(&self, name: TensorName) -> Result<Vec<f32>, LoadError> {
        let (stored, _) = self.require(name, Part::Weight)?;
        stored.expect_shape(&[self.vector_len(name)])?;
        let mut floats = stored.floats()?;
        if self.norms_are_less_one() {
            floats.iter_mut().for_each(|weight| *weight += 1.0);
        }
        Ok(floats)
    }

    /// The bias `name` of a projection or norm; `None` when the configuration says there is none.
    ///
    /// # Errors
    /// When it should be there and is missing, or has another length.
    pub fn bias(&self, name: TensorName) -> Result<Option<Vec<f32>>, LoadError> {
        if !self.has_bias(name) {
            return Ok(None);
        }
        let (stored, cut) = self.require(name, Part::Bias)?;
        let len = self.vector_len(name);
        stored.expect_shape(&[cut.total_rows.unwrap_or(len)])?;
        let floats = stored.floats()?;
        Ok(Some(floats[cut.first_row..cut.first_row + len].to_vec()))
    }

    fn find(&self, name: TensorName, part: Part) -> Option<(&StoredTensor, Cut)> {
        source_names::candidates(&self.naming, &self.config, name, part).into_iter().find_map(
            |candidate| {
                let stored = self.stored.get(&candidate.name)?;
                let total = candidate.cut.total_rows;
                // A tensor of another type may be a single number, without any dimension.
                let is_fused = total.is_none_or(|total| stored.shape.first() == Some(&total))
                    || self.is_transposed(name);
                (is_fused || !candidate.only_if_fused).then_some((stored, candidate.cut))
            },
        )
    }

    fn require(&self, name: TensorName, part: Part) -> Result<(&StoredTensor, Cut), LoadError> {
        self.find(name, part).ok_or_else(|| {
            let tried = source_names::candidates(&self.naming, &self.config, name, part);
            let tried: Vec<_> = tried.into_iter().map(|candidate| candidate.name).collect();
            self.missing(&if tried.is_empty() { vec![format!("{name:?}")] } else { tried })
        })
    }

    fn missing(&self, tried: &[String]) -> LoadError {
        LoadError::MissingTensor { file: self.file.clone(), tensor: tried.join("` or `") }
    }

    fn matrix_shape(&self, name: TensorName) -> (usize, usize) {
        let c = &self.config;
        let (q_dim, kv_dim) = (c.head_count * c.head_dim, c.kv_head_count * c.head_dim);
        let expert = c.experts.as_ref();
        let expert_ffn_dim = expert.map_or(0, |experts| experts.ffn_dim);
        let expert_count = expert.map_or(0, |experts| experts.expert_count);
        let tensor = match name {
            TensorName::TokenEmbedding | TensorName::Output => return (c.vocab_size, c.hidden_dim),
            TensorName::PositionEmbedding => return (c.context_tokens_max, c.hidden_dim),
            TensorName::OutputNorm => return (1, c.hidden_dim),
            TensorName::Layer(_, tensor) => tensor,
        };
        match tensor {
            LayerTensor::AttnQ => (q_dim, c.hidden_dim),
            LayerTensor::AttnK | LayerTensor::AttnV => (kv_dim, c.hidden_dim),
            LayerTensor::AttnQkv => (q_dim + 2 * kv_dim, c.hidden_dim),
            LayerTensor::AttnOut => (c.hidden_dim, q_dim),
            LayerTensor::QNorm | LayerTensor::KNorm => (1, c.head_dim),
            LayerTensor::FfnGate | LayerTensor::FfnUp => (c.ffn_dim, c.hidden_dim),
            LayerTensor::FfnGateUp => (2 * c.ffn_dim, c.hidden_dim),
            LayerTensor::FfnDown => (c.hidden_dim, c.ffn_dim),
            LayerTensor::Router => (expert_count, c.hidden_dim),
            LayerTensor::ExpertGate | LayerTensor::ExpertUp => (expert_ffn_dim, c.hidden_dim),
            LayerTensor::ExpertDown => (c.hidden_dim, expert_ffn_dim),
            LayerTensor::AttnNorm
            | LayerTensor::PostAttnNorm
            | LayerTensor::FfnNorm
            | LayerTensor::PostFfnNorm => (1, c.hidden_dim),
        }
    }

    /// Length of a norm, or of a projection's bias.
    fn vector_len(&self, name: TensorName) -> usize {
        match self.matrix_shape(name) {
            (1, len) if is_norm(name) => len,
            (rows, _) => rows,
        }
    }

    fn has_bias(&self, name: TensorName) -> bool {
        let TensorName::Layer(_, tensor) = name else {
            return name == TensorName::OutputNorm && self.config.family == Family::Gpt2;
        };
        match tensor {
            LayerTensor::AttnQ | LayerTensor::AttnK | LayerTensor::AttnV | LayerTensor::AttnQkv => {
                self.config.qkv_bias
            }
            LayerTensor::AttnOut => self.config.attn_out_bias,
            LayerTensor::FfnGate
            | LayerTensor::FfnUp
            | LayerTensor::FfnGateUp
            | LayerTensor::FfnDown => self.config.ffn_bias,
            LayerTensor::AttnNorm | LayerTensor::FfnNorm => self.config.family == Family::Gpt2,
            _ => false,
        }
    }

    /// Hugging Face stores GPT-2's projections as (inputs, outputs), its own `Conv1D`.
    fn is_transposed(&self, name: TensorName) -> bool {
        let projection = matches!(name, TensorName::Layer(..)) && !is_norm(name);
        projection && self.config.family == Family::Gpt2 && self.naming != Naming::Gguf
    }

    /// Hugging Face stores gemma's norms as w and multiplies by 1 + w; GGUF stores 1 + w.
    fn norms_are_less_one(&self) -> bool {
        matches!(self.config.family, Family::Gemma2 | Family::Gemma3) && self.naming != Naming::Gguf
    }
}

fn is_norm(name: TensorName) -> bool {
    let TensorName::Layer(_, tensor) = name else { return name == TensorName::OutputNorm };
    matches!(
        tensor,
        LayerTensor::AttnNorm
            | LayerTensor::QNorm
            | LayerTensor::KNorm
            | LayerTensor::PostAttnNorm
            | LayerTensor::FfnNorm
            | LayerTensor::PostFfnNorm
    )
}

/// Columns `first..first + rows` of a (inputs, outputs) matrix, turned into rows, in memory of
/// their own. Only plain float types can be turned; the caller has checked the shape.
fn transposed_rows(
    stored: &StoredTensor,
    first: usize,
    rows: usize,
) -> Result<TensorView, LoadError> {
    let kind = stored.weight_type()?;
    let width = match kind {
        WeightType::F32 => 4,
        WeightType::F16 | WeightType::BF16 => 2,
        other => {
            return Err(LoadError::TensorType {
                file: stored.file.clone(),
                tensor: stored.name.clone(),
                found: other.name().into(),
                supported: "F32, F16, BF16".into(),
            });
        }
    };
    let (cols, stored_cols) = (stored.shape[0], stored.shape[1]);
    let mut bytes = Vec::with_capacity(rows * cols * width);
    for output in first..first + rows {
        for input in 0..cols {
            let at = (input * stored_cols + output) * width;
            bytes.extend_from_slice(&stored.bytes[at..at + width]);
        }
    }
    Ok(TensorView { name: stored.name.clone(), kind, rows, cols, bytes: Bytes::from_vec(bytes) })
}

impl StoredType {
    /// The type's name.
    pub fn name(&self) -> &str {
        match self {
            StoredType::Weight(kind) => kind.name(),
            StoredType::Other(name) => name,
        }
    }
}
