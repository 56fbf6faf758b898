//! Broken GGUF files: every one is an error that names the place, none a panic.

use model::{Bytes, LoadError, ModelFile};

use crate::gguf_writer::{GgufWriter, Meta, tiny_llama};

fn open(bytes: Vec<u8>) -> Result<ModelFile, LoadError> {
    ModelFile::from_gguf(Bytes::from_vec(bytes), "tiny.gguf")
}

#[track_caller]
fn refused(writer: &GgufWriter, expected: &str) {
    refused_bytes(writer.bytes(), expected);
}

#[track_caller]
fn refused_bytes(bytes: Vec<u8>, expected: &str) {
    let message = open(bytes).expect_err("the file is broken").to_string();
    assert!(message.contains("tiny.gguf"), "{message}");
    assert!(message.contains(expected), "{message}");
}

#[test]
fn the_tiny_model_opens() {
    for version in [2, 3] {
        let mut writer = tiny_llama(10);
        writer.version = version;
        let file = open(writer.bytes()).unwrap();
        assert_eq!(file.config().vocab_size, 10);
        assert!(file.config().tied_output);
    }
}

#[test]
fn cut_anywhere_is_an_error() {
    let writer = tiny_llama(10);
    let (header, all) = (writer.header().len(), writer.bytes());
    for len in 0..header {
        assert!(open(all[..len].to_vec()).is_err(), "header cut after {len} bytes");
    }
    // Tensors are multiples of the alignment, so the last byte of the file belongs to one.
    for len in (header..all.len()).step_by(32).chain([all.len() - 1]) {
        assert!(open(all[..len].to_vec()).is_err(), "data cut after {len} bytes");
    }
    assert!(open(all).is_ok());
}

#[test]
fn magic_and_version() {
    let mut bytes = tiny_llama(10).bytes();
    bytes[0] = b'g';
    refused_bytes(bytes, "at byte 0: a GGUF file begins with the letters `GGUF`");
    let mut writer = tiny_llama(10);
    writer.version = 3u32.swap_bytes();
    refused(&writer, "at byte 4: big-endian");
    writer.version = 1;
    refused(&writer, "version 1 is not supported; supported: 2, 3");
    writer.version = 4;
    refused(&writer, "version 4");
}

#[test]
fn absurd_counts_are_refused_before_anything_is_allocated() {
    for (offset, what) in [(8, "tensor count"), (16, "key count")] {
        for count in [u64::MAX, 1 << 40, 1 << 20] {
            let mut bytes = tiny_llama(10).bytes();
            bytes[offset..offset + 8].copy_from_slice(&count.to_le_bytes());
            refused_bytes(bytes, &format!("at byte {offset}: {what} is {count}"));
        }
    }
    for element in [0u32, 4, 8, 9, 10] {
        for count in [u64::MAX, u64::MAX / 8, 1 << 33] {
            let mut value = element.to_le_bytes().to_vec();
            value.extend(count.to_le_bytes());
            let mut writer = tiny_llama(10);
            writer.set("a.b", Meta::Raw(9, value));
            refused(&writer, "array length is");
        }
    }
    let mut writer = tiny_llama(10);
    writer.set("a.b", Meta::Raw(8, u64::MAX.to_le_bytes().to_vec()));
    refused(&writer, "string needs 18446744073709551615 bytes");
}

#[test]
fn nested_arrays_are_read_up_to_a_depth() {
    let nested = |depth: usize| {
        let mut value = Vec::new();
        for _ in 1..depth {
            value.extend(9u32.to_le_bytes());
            value.extend(1u64.to_le_bytes());
        }
        value.extend(4u32.to_le_bytes());
        value.extend(0u64.to_le_bytes());
        let mut writer = tiny_llama(10);
        writer.set("a.b", Meta::Raw(9, value));
        writer
    };
    assert!(open(nested(4).bytes()).is_ok());
    refused(&nested(5), "arrays are nested more than 4 deep");
    refused(&nested(500), "arrays are nested more than 4 deep");
}

#[test]
fn names_and_types() {
    let mut writer = tiny_llama(10);
    writer.keys.push(("llama.block_count".into(), Meta::U32(2)));
    refused(&writer, "key `llama.block_count` appears twice");

    let mut writer = tiny_llama(10);
    let twin = writer.tensors[0].clone();
    writer.tensors.push(twin);
    refused(&writer, "tensor `token_embd.weight` is described twice");

    let mut writer = tiny_llama(10);
    writer.tensors[3].name = "x".repeat(257);
    refused(&writer, "tensor name has 257 bytes, allowed: up to 256");
    writer.tensors[3].name.clear();
    refused(&writer, "tensor's name is empty");

    let mut writer = tiny_llama(10);
    writer.set("a.b", Meta::Raw(13, vec![]));
    refused(&writer, "value type 13 does not exist, allowed: 0 to 12");
    writer.set("a.b", Meta::Raw(8, [8, 0, 0, 0, 0, 0, 0, 0, 255, 255, 0, 0, 0, 0, 0, 0].into()));
    assert!(open(writer.bytes()).unwrap().metadata().unwrap().str("a.b").is_err());
}

#[test]
fn shapes_and_places_of_tensors() {
    let mut writer = tiny_llama(10);
    writer.tensors[0].shape = vec![];
    refused(&writer, "tensor `token_embd.weight` has 0 dimensions, allowed: 1 to 4");
    writer.tensors[0].shape = vec![1; 5];
    refused(&writer, "has 5 dimensions");
    writer.tensors[0].shape = vec![10, 0];
    refused(&writer, "impossible dimension 0");
    writer.tensors[0].shape = vec![usize::MAX / 2, 8];
    refused(&writer, "impossible dimension");
    writer.tensors[0].shape = vec![1 << 59, 8];
    refused(&writer, "reaches beyond the file's");
    writer.tensors[0].shape = vec![1000, 8];
    refused(&writer, "reaches beyond the file's");

    let mut writer = tiny_llama(10);
    writer.tensors[0].kind = 8;
    refused(&writer, "rows of 8 values, Q8_0 needs a multiple of 32");

    let mut writer = tiny_llama(10);
    // The description of the first tensor ends with its offset, which is 0.
    let name = b"token_embd.weight";
    let mut bytes = writer.bytes();
    let at = bytes.windows(name.len()).position(|window| window == name).unwrap();
    let offset = at + name.len() + 4 + 16 + 4;
    bytes[offset] = 16;
    refused_bytes(bytes.clone(), "has offset 16, no multiple of 32");
    bytes[offset..offset + 8].copy_from_slice(&(u64::MAX - 31).to_le_bytes());
    refused_bytes(bytes, "reaches beyond the file's");

    for alignment in [0, 3, 48, 1 << 21] {
        writer.set("general.alignment", Meta::U32(alignment));
        refused(&writer, "key `general.alignment`");
    }
    writer.alignment = 64;
    writer.set("general.alignment", Meta::U32(64));
    assert!(open(writer.bytes()).is_ok());
}

#[test]
fn types_that_are_not_computed_with_are_named_when_they_are_needed() {
    let mut writer = tiny_llama(10);
    writer.tensor("unused", &[256], 16, vec![0; 66]);
    assert!(open(writer.bytes()).is_ok());
    writer.tensors[3].kind = 16;
    let file = open(writer.bytes()).unwrap();
    let name = model::TensorName::Layer(0, model::LayerTensor::AttnQ);
    let message = file.tensors().matrix(name).unwrap_err().to_string();
    assert!(message.contains("tensor `blk.0.attn_q.weight` is IQ2_XXS, which is not supported"));
    assert!(message.contains("supported: F32, F16, BF16, Q8_0"), "{message}");
}

#[test]
fn a_part_of_a_split_model_is_refused() {
    let mut writer = tiny_llama(10);
    writer.set("split.count", Meta::Raw(2, vec![1, 0]));
    assert!(open(writer.bytes()).is_ok());
    writer.set("split.count", Meta::Raw(2, vec![3, 0]));
    refused(&writer, "key `split.count` says this is one of 3 parts; merge them");
}

#[test]
fn missing_and_misshapen_tensors_are_named() {
    let name = model::TensorName::Layer(1, model::LayerTensor::FfnDown);
    let mut writer = tiny_llama(10);
    let at = writer.tensors.iter().position(|tensor| tensor.name == "blk.1.ffn_down.weight");
    writer.tensors[at.unwrap()].shape = vec![16, 8];
    let message = open(writer.bytes()).unwrap().tensors().matrix(name).unwrap_err().to_string();
    let expected = "tensor `blk.1.ffn_down.weight` has shape [16, 8], expected [8, 16]";
    assert!(message.contains(expected), "{message}");
    writer.tensors.remove(at.unwrap());
    let message = open(writer.bytes()).unwrap().tensors().matrix(name).unwrap_err().to_string();
    assert!(message.contains("tensor `blk.1.ffn_down.weight` is missing"), "{message}");
}
