//! Quantized files held to llama.cpp: for each weight type a one-layer model of random blocks, made
//! here bit by bit, and the logits that llama.cpp computed from the same file.
//!
//! `golden_llama_cpp.json` is made by `make_golden.py` beside it, from the files that this test
//! writes when `JETON_WRITE_QUANTIZED` names a folder. The digest of each file is checked, so
//! golden values cannot belong to other weights.

use super::gguf_writer::{F32, GgufWriter, Meta};
use super::runner::{WHOLE, logits_of};
use kernels::quant::dequantize_row;
use kernels::{WeightType, quant};
use model::{Bytes, LoadOptions, LoadedModel, ModelFile, Precision};
use serde_json::Value;

const HIDDEN: usize = 256;
const VOCAB: usize = 64;
const HEAD_DIM: usize = 64;
const PROMPT: [u32; 12] = [3, 41, 7, 7, 60, 22, 15, 33, 0, 58, 9, 27];

/// Each type with its number in the format.
const TYPES: [(WeightType, u32); 16] = [
    (WeightType::F32, 0),
    (WeightType::F16, 1),
    (WeightType::Q4_0, 2),
    (WeightType::Q4_1, 3),
    (WeightType::Q5_0, 6),
    (WeightType::Q5_1, 7),
    (WeightType::Q8_0, 8),
    (WeightType::Q2_K, 10),
    (WeightType::Q3_K, 11),
    (WeightType::Q4_K, 12),
    (WeightType::Q5_K, 13),
    (WeightType::Q6_K, 14),
    (WeightType::IQ4_NL, 20),
    (WeightType::IQ4_XS, 23),
    (WeightType::BF16, 30),
    (WeightType::MXFP4, 39),
];

#[test]
fn every_weight_type_gives_the_logits_of_llama_cpp() {
    let golden: Value = serde_json::from_str(include_str!("../data/golden_llama_cpp.json"))
        .expect("the golden file is JSON");
    for (kind, number) in TYPES {
        let bytes = model_of(kind, number);
        let file = ModelFile::from_gguf(Bytes::from_vec(bytes), kind.name()).expect("it opens");
        let entry = &golden["files"][kind.name()];
        assert_eq!(entry["sha256"], file.digest(), "{kind}: golden values of another file");
        let expected: Vec<Vec<f32>> =
            serde_json::from_value(entry["logits"].clone()).expect("rows of numbers");
        let spread = spread(&expected);
        for (precision, allowed) in [(Precision::Auto, 0.015), (Precision::F32, 0.03)] {
            let options = LoadOptions { threads: 2, precision, ..LoadOptions::default() };
            let mut model = LoadedModel::load(&file, &options).expect("it loads");
            let given = logits_of(&mut model, &PROMPT, WHOLE);
            let difference = root_mean_square(&given, &expected) / spread;
            eprintln!("{kind} {precision:?}: {difference:.5} of the spread");
            // llama.cpp rounds activation scales to f16 and sums in another order; F32 does not
            // quantize activations at all. A wrong nibble or scale differs by a whole spread.
            assert!(difference < allowed, "{kind} {precision:?}: {difference} of the spread");
        }
    }
}

#[test]
fn the_files_are_written_on_request() {
    let Some(folder) = std::env::var_os("JETON_WRITE_QUANTIZED") else { return };
    for (kind, number) in TYPES {
        let path = std::path::Path::new(&folder).join(format!("{kind}.gguf"));
        std::fs::write(path, model_of(kind, number)).expect("the folder is writable");
    }
}

/// Standard deviation of all logits.
fn spread(rows: &[Vec<f32>]) -> f32 {
    let all: Vec<f32> = rows.concat();
    let mean = all.iter().sum::<f32>() / all.len() as f32;
    (all.iter().map(|value| (value - mean).powi(2)).sum::<f32>() / all.len() as f32).sqrt()
}

fn root_mean_square(given: &[Vec<f32>], expected: &[Vec<f32>]) -> f32 {
    let (given, expected) = (given.concat(), expected.concat());
    assert_eq!(given.len(), expected.len());
    let squares = given.iter().zip(&expected).map(|(a, b)| (a - b).powi(2));
    (squares.sum::<f32>() / given.len() as f32).sqrt()
}

/// A llama of one layer whose matrices are random blocks of `kind`.
fn model_of(kind: WeightType, number: u32) -> Vec<u8> {
    let mut writer = GgufWriter::new("llama");
    for (key, value) in [
        ("context_length", 64),
        ("embedding_length", HIDDEN),
        ("block_count", 1),
        ("feed_forward_length", HIDDEN),
        ("attention.head_count", HIDDEN / HEAD_DIM),
        ("attention.head_count_kv", 2),
        ("rope.dimension_count", HEAD_DIM),
        ("vocab_size", VOCAB),
    ] {
        writer.set(&format!("llama.{key}"), Meta::U32(value as u32));
    }
    writer.set("llama.attention.layer_norm_rms_epsilon", Meta::F32(1e-5));
    writer.set("tokenizer.ggml.model", Meta::Str("no_vocab".into()));
    let mut random = Random(0x5eed ^ u64::from(number));
    let vocab_matrix = |random: &mut Random, scale: f32| -> Vec<f32> {
        (0..VOCAB * HIDDEN).map(|_| (random.unit() - 0.5) * scale).collect()
    };
    let embedding = vocab_matrix(&mut random, 2.0);
    writer.floats("token_embd.weight", &[VOCAB, HIDDEN], &embedding);
    let output = vocab_matrix(&mut random, 0.2);
    writer.floats("output.weight", &[VOCAB, HIDDEN], &output);
    for name in ["output_norm", "blk.0.attn_norm", "blk.0.ffn_norm"] {
        let norm: Vec<f32> = (0..HIDDEN).map(|_| 0.5 + random.unit()).collect();
        writer.floats(&format!("{name}.weight"), &[HIDDEN], &norm);
    }
    for (name, rows) in [
        ("attn_q", HIDDEN),
        ("attn_k", 2 * HEAD_DIM),
        ("attn_v", 2 * HEAD_DIM),
        ("attn_output", HIDDEN),
        ("ffn_gate", HIDDEN),
        ("ffn_up", HIDDEN),
        ("ffn_down", HIDDEN),
    ] {
        let bytes = matrix(kind, rows * HIDDEN, &mut random);
        let stored = if kind == WeightType::F32 { F32 } else { number };
        writer.tensor(&format!("blk.0.{name}.weight"), &[rows, HIDDEN], stored, bytes);
    }
    writer.bytes()
}

/// Random blocks of `kind` whose values have a standard deviation near 1/16.
fn matrix(kind: WeightType, values: usize, random: &mut Random) -> Vec<u8> {
    let blocks = values / kind.block_values();
    let mut bytes: Vec<u8> = (0..blocks * kind.block_bytes()).map(|_| random.byte()).collect();
    match kind {
        WeightType::F32 => write_all(&mut bytes, 4, |out| {
            out.copy_from_slice(&((random.unit() - 0.5) * 0.2).to_le_bytes());
        }),
        WeightType::F16 => write_all(&mut bytes, 2, |out| {
            let value = quant::half::f32_to_f16((random.unit() - 0.5) * 0.2);
            out.copy_from_slice(&value.to_le_bytes());
        }),
        WeightType::BF16 => write_all(&mut bytes, 2, |out| {
            let value = quant::half::f32_to_bf16((random.unit() - 0.5) * 0.2);
            out.copy_from_slice(&value.to_le_bytes());
        }),
        WeightType::MXFP4 => {
            // A shared exponent: 2^(byte - 127), near 1/64.
            write_all(&mut bytes, kind.block_bytes(), |out| out[0] = 120 + out[0] % 3);
        }
        _ => set_scales(kind, &mut bytes, random),
    }
    bytes
}

fn write_all(bytes: &mut [u8], size: usize, mut write: impl FnMut(&mut [u8])) {
    bytes.chunks_exact_mut(size).for_each(&mut write);
}

/// Gives each block an f16 scale (and minimum) that makes its values as large as weights are.
fn set_scales(kind: WeightType, bytes: &mut [u8], random: &mut Random) {
    let (scale_at, min_at) = match kind {
        WeightType::Q2_K => (80, Some(82)),
        WeightType::Q3_K => (108, None),
        WeightType::Q6_K => (208, None),
        WeightType::Q4_1 | WeightType::Q5_1 | WeightType::Q4_K | WeightType::Q5_K => (0, Some(2)),
        _ => (0, None),
    };
    let put = |block: &mut [u8], at: usize, value: f32| {
        block[at..at + 2].copy_from_slice(&quant::half::f32_to_f16(value).to_le_bytes());
    };
    let mut values = vec![0.0; kind.block_values()];
    for block in bytes.chunks_exact_mut(kind.block_bytes()) {
        put(block, scale_at, 1.0);
        min_at.into_iter().for_each(|at| put(block, at, 0.0));
        dequantize_row(kind, block, &mut values);
        let square = values.iter().map(|value| value * value).sum::<f32>() / values.len() as f32;
        let scale = (0.5 + random.unit()) / 16.0 / square.sqrt().max(1.0);
        put(block, scale_at, scale);
        // Codes with a minimum are all positive: a minimum of their mean centres them.
        let mean = values.iter().sum::<f32>() / values.len() as f32;
        match kind {
            WeightType::Q4_1 | WeightType::Q5_1 => put(block, 2, -mean * scale),
            WeightType::Q2_K => put(block, 82, scale * 1.5),
            WeightType::Q4_K => put(block, 2, scale * 7.5),
            WeightType::Q5_K => put(block, 2, scale * 15.5),
            _ => {}
        }
    }
}

/// SplitMix64: small, fixed, the same everywhere.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn byte(&mut self) -> u8 {
        (self.next() >> 56) as u8
    }

    /// In [0, 1).
    fn unit(&mut self) -> f32 {
        (self.next() >> 40) as f32 / (1u64 << 24) as f32
    }
}
