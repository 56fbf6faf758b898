//! Tensors by what they do: fused matrices, experts, and what is refused.

use model::{Bytes, LayerTensor, ModelFile, TensorName, TensorView};

use crate::gguf_writer::{GgufWriter, Meta, tiny_llama};

fn open(writer: &GgufWriter) -> ModelFile {
    ModelFile::from_gguf(Bytes::from_vec(writer.bytes()), "tiny.gguf").unwrap()
}

fn at(tensor: LayerTensor) -> TensorName {
    TensorName::Layer(0, tensor)
}

/// The tiny llama, its layers' q, k, v and gate, up laid into one matrix each.
fn fused() -> GgufWriter {
    let mut writer = tiny_llama(10);
    for layer in 0..2 {
        for (parts, whole) in
            [(&["attn_q", "attn_k", "attn_v"][..], "attn_qkv"), (&["ffn_gate", "ffn_up"], "ffn_up")]
        {
            let (mut rows, mut bytes) = (0, Vec::new());
            for part in parts {
                let name = format!("blk.{layer}.{part}.weight");
                let at = writer.tensors.iter().position(|tensor| tensor.name == name).unwrap();
                let part = writer.tensors.remove(at);
                rows += part.shape[0];
                bytes.extend(part.bytes);
            }
            writer.tensor(&format!("blk.{layer}.{whole}.weight"), &[rows, 8], 0, bytes);
        }
    }
    writer
}

#[test]
fn fused_matrices_are_cut_without_copying() {
    let (plain, fused) = (open(&tiny_llama(10)), open(&fused()));
    let matrix = |file: &ModelFile, tensor| file.tensors().matrix(at(tensor)).unwrap();
    for tensor in [
        LayerTensor::AttnQ,
        LayerTensor::AttnK,
        LayerTensor::AttnV,
        LayerTensor::FfnGate,
        LayerTensor::FfnUp,
    ] {
        assert!(plain.tensors().has(at(tensor)) && fused.tensors().has(at(tensor)));
        let (ours, theirs) = (matrix(&plain, tensor), matrix(&fused, tensor));
        assert_eq!((ours.rows, ours.cols), (theirs.rows, theirs.cols));
        assert_eq!(*ours.bytes, *theirs.bytes, "{tensor:?}");
    }
    let end = |view: &TensorView| view.bytes.as_ptr_range().end;
    let (q, k) = (matrix(&fused, LayerTensor::AttnQ), matrix(&fused, LayerTensor::AttnK));
    assert_eq!(end(&q), k.bytes.as_ptr());
    for whole in [LayerTensor::AttnQkv, LayerTensor::FfnGateUp] {
        assert!(!plain.tensors().has(at(whole)) && fused.tensors().has(at(whole)));
    }
    assert_eq!(matrix(&fused, LayerTensor::AttnQkv).rows, 8 + 4 + 4);
    assert_eq!(matrix(&fused, LayerTensor::FfnGateUp).rows, 2 * 16);
    let message = plain.tensors().matrix(at(LayerTensor::AttnQkv)).unwrap_err().to_string();
    assert!(message.contains("tensor `blk.0.attn_qkv.weight` is missing"), "{message}");
}

#[test]
fn fused_biases_are_cut_like_their_matrices() {
    let mut writer = fused();
    for (name, len) in [("attn_qkv", 16), ("attn_output", 8)] {
        let values: Vec<f32> = (0..len).map(|i| i as f32).collect();
        writer.floats(&format!("blk.0.{name}.bias"), &[len], &values);
    }
    // GGUF has no flag for biases; their presence in the first layer is the flag.
    let file = open(&writer);
    assert!(file.config().attn_out_bias && !file.config().ffn_bias);
    let bias = |tensor| file.tensors().bias(at(tensor)).unwrap();
    assert_eq!(bias(LayerTensor::AttnOut).unwrap().len(), 8);
    assert_eq!(bias(LayerTensor::FfnDown), None);
    assert!(file.config().qkv_bias);
    assert_eq!(bias(LayerTensor::AttnK).unwrap(), [8.0, 9.0, 10.0, 11.0]);
    assert!(file.tensors().bias(TensorName::Layer(1, LayerTensor::AttnOut)).is_err());
}

#[test]
fn experts_are_cut_from_their_stack() {
    let mut writer = tiny_llama(10);
    let keys = std::mem::take(&mut writer.keys);
    for (key, value) in keys {
        writer.set(&key.replace("llama.", "qwen3moe."), value);
    }
    writer.set("general.architecture", Meta::Str("qwen3moe".into()));
    for (key, value) in
        [("expert_count", 3), ("expert_used_count", 2), ("expert_feed_forward_length", 2)]
    {
        writer.set(&format!("qwen3moe.{key}"), Meta::U32(value));
    }
    let values: Vec<f32> = (0..3 * 2 * 8).map(|i| i as f32).collect();
    writer.floats("blk.0.ffn_gate_exps.weight", &[3, 2, 8], &values);
    writer.floats("blk.0.ffn_up_exps.weight", &[2, 2, 8], &values[..32]);
    let file = open(&writer);
    let expert = |tensor, index| file.tensors().expert(0, tensor, index);
    let second = expert(LayerTensor::ExpertGate, 1).unwrap();
    assert_eq!((second.rows, second.cols), (2, 8));
    assert_eq!(second.bytes[..4], 16f32.to_le_bytes());
    assert!(expert(LayerTensor::ExpertGate, 3).is_err());
    let message = expert(LayerTensor::ExpertUp, 0).unwrap_err().to_string();
    assert!(message.contains("has shape [2, 2, 8], expected [3, 2, 8]"), "{message}");
    let message = expert(LayerTensor::ExpertDown, 0).unwrap_err().to_string();
    assert!(message.contains("tensor `blk.0.ffn_down_exps.weight` is missing"), "{message}");
}

#[test]
fn vectors_of_any_type_become_floats() {
    let mut writer = tiny_llama(10);
    let norm = writer.tensors.iter_mut().find(|tensor| tensor.name == "output_norm.weight");
    let norm = norm.unwrap();
    norm.kind = 1;
    // f16: 1, -2, largest, smallest normal, smallest subnormal, 0, -0, 1/3 rounded.
    let halves = [0x3c00u16, 0xc000, 0x7bff, 0x0400, 0x0001, 0, 0x8000, 0x3555];
    norm.bytes = halves.iter().flat_map(|half| half.to_le_bytes()).collect();
    let norm = open(&writer).tensors().norm(TensorName::OutputNorm).unwrap();
    let expected = [1.0, -2.0, 65504.0, 6.103_515_6e-5, 5.960_464_5e-8, 0.0, -0.0, 0.333_251_95];
    assert_eq!(norm, expected);
}
