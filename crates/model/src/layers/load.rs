//! Weights by their canonical names, as the parts that families are put together from.

use super::attention::Attention;
use super::embedding::{Embedding, Head};
use super::experts::MoeMlp;
use super::linear::Linear;
use super::mlp::{GatedMlp, Mlp};
use super::norm::Norm;
use crate::config::{Experts, ModelConfig};
use crate::error::LoadError;
use crate::files::names::{LayerTensor, TensorName};
use crate::files::tensors::Tensors;
use crate::files::view::TensorView;
use crate::loaded::Precision;
use kernels::Arithmetic;

/// Builds parts from a model file.
pub(crate) struct Loader<'a> {
    pub config: &'a ModelConfig,
    pub tensors: &'a Tensors,
    pub precision: Precision,
}

impl Loader<'_> {
    pub(crate) fn embedding(&self) -> Result<Embedding, LoadError> {
        let positions = match self.config.rope {
            Some(_) => None,
            None => Some(self.tensors.matrix(TensorName::PositionEmbedding)?),
        };
        Ok(Embedding {
            tokens: self.tensors.matrix(TensorName::TokenEmbedding)?,
            positions,
            scale: self.config.embedding_scale,
        })
    }

    pub(crate) fn head(&self) -> Result<Head, LoadError> {
        Ok(Head {
            norm: self.norm(TensorName::OutputNorm)?,
            output: self.map(self.tensors.matrix(TensorName::Output)?, None),
            soft_cap: self.config.logit_soft_cap,
        })
    }

    /// The norm `tensor` of a layer.
    pub(crate) fn layer_norm(&self, layer: usize, tensor: LayerTensor) -> Result<Norm, LoadError> {
        self.norm(TensorName::Layer(layer, tensor))
    }

    pub(crate) fn attention(&self, layer: usize) -> Result<Attention, LoadError> {
        let config = self.config;
        let windowed = config.rope_windowed.is_some() && config.window_tokens(layer).is_some();
        Ok(Attention {
            layer,
            q: self.linear(layer, LayerTensor::AttnQ)?,
            k: self.linear(layer, LayerTensor::AttnK)?,
            v: self.linear(layer, LayerTensor::AttnV)?,
            out: self.linear(layer, LayerTensor::AttnOut)?,
            rotation: usize::from(windowed),
            head_dim: config.head_dim,
            scale: config.attention_scale,
            soft_cap: config.attention_soft_cap,
            window_tokens: config.window_tokens(layer),
        })
    }

    pub(crate) fn gated_mlp(&self, layer: usize) -> Result<GatedMlp, LoadError> {
        Ok(GatedMlp {
            gate: self.linear(layer, LayerTensor::FfnGate)?,
            up: self.linear(layer, LayerTensor::FfnUp)?,
            down: self.linear(layer, LayerTensor::FfnDown)?,
            activation: self.config.activation,
        })
    }

    pub(crate) fn mlp(&self, layer: usize) -> Result<Mlp, LoadError> {
        Ok(Mlp {
            up: self.linear(layer, LayerTensor::FfnUp)?,
            down: self.linear(layer, LayerTensor::FfnDown)?,
            activation: self.config.activation,
        })
    }

    /// Router and experts of a layer that has them.
    pub(crate) fn moe_mlp(&self, layer: usize, shape: &Experts) -> Result<MoeMlp, LoadError> {
        let expert = |tensor, expert| {
            Ok::<_, LoadError>(self.map(self.tensors.expert(layer, tensor, expert)?, None))
        };
        let experts = (0..shape.expert_count).map(|index| {
            Ok(GatedMlp {
                gate: expert(LayerTensor::ExpertGate, index)?,
                up: expert(LayerTensor::ExpertUp, index)?,
                down: expert(LayerTensor::ExpertDown, index)?,
                activation: self.config.activation,
            })
        });
        Ok(MoeMlp {
            router: self.linear(layer, LayerTensor::Router)?,
            experts: experts.collect::<Result<_, LoadError>>()?,
            experts_used: shape.experts_used,
            normalize_probs: shape.normalize_probs,
        })
    }

    fn norm(&self, name: TensorName) -> Result<Norm, LoadError> {
        Ok(Norm {
            weight: self.tensors.norm(name)?,
            bias: self.tensors.bias(name)?,
            eps: self.config.norm_eps,
        })
    }

    fn linear(&self, layer: usize, tensor: LayerTensor) -> Result<Linear, LoadError> {
        let name = TensorName::Layer(layer, tensor);
        Ok(self.map(self.tensors.matrix(name)?, self.tensors.bias(name)?))
    }

    fn map(&self, weight: TensorView, bias: Option<Vec<f32>>) -> Linear {
        let arithmetic = match self.precision {
            Precision::Auto => weight.kind.native_arithmetic(),
            Precision::F32 => Arithmetic::Float,
        };
        Linear { weight, arithmetic, bias }
    }
}
