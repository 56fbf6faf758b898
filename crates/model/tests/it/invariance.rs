//! The law of this room: a row's logits are the same bits, whatever it is computed with.

use crate::gguf_writer::{GgufWriter, Meta};
use crate::runner::{Feed, WHOLE, bits, logits_of, scattered_blocks};
use model::{
    Bytes, Forward, KvBlockId, KvPool, LoadOptions, LoadedModel, Logits, ModelFile, Precision,
    Segment, StepRows, WantedLogits,
};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use std::cell::RefCell;
use std::path::Path;

/// One model under 1, 2 and 3 threads.
struct Threads([LoadedModel; 3]);

impl Threads {
    fn load(file: &ModelFile, precision: Precision) -> Self {
        Threads([1, 2, 3].map(|threads| {
            let options = LoadOptions { threads, precision, ..Default::default() };
            LoadedModel::load(file, &options).expect("the model is good")
        }))
    }
}

fn tiny(name: &str) -> ModelFile {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name);
    ModelFile::open(&folder).expect("is in the repo")
}

/// One sequence and how it is cut: token ids, chunk lengths (used in a cycle).
type Plan = (Vec<u32>, Vec<usize>);

/// What happens in one case: sequences, positions per block, threads - 1, order of segments.
type Case = (Vec<Plan>, usize, usize, Vec<bool>);

fn cases(vocab_size: u32) -> impl Strategy<Value = Case> {
    let tokens = prop::collection::vec(0..vocab_size, 1..40);
    let chunks = prop::collection::vec(1..12usize, 1..5);
    let sequences = prop::collection::vec((tokens, chunks), 1..5);
    (sequences, 1..9usize, 0..3usize, prop::collection::vec(any::<bool>(), 1..6))
}

/// Runs all sequences of a case together, each step some chunk of each one that has tokens left,
/// and gives the logits of all positions of each sequence.
fn run_together(model: &mut dyn Forward, case: &Case) -> Vec<Vec<Vec<f32>>> {
    let (plans, block_tokens, _, reversed) = case;
    let per_sequence = 3 * 40usize.div_ceil(*block_tokens);
    let mut kv = KvPool::new(model.kv_shape(), *block_tokens, per_sequence * plans.len());
    let tables: Vec<Vec<KvBlockId>> = (0..plans.len())
        .map(|index| scattered_blocks((index * per_sequence) as u32, 40, *block_tokens))
        .collect();
    let mut computed = vec![0; plans.len()];
    let mut rows = vec![Vec::new(); plans.len()];
    let mut logits = Logits::new();
    for step in 0.. {
        let mut order: Vec<usize> =
            (0..plans.len()).filter(|&index| computed[index] < plans[index].0.len()).collect();
        if order.is_empty() {
            return rows;
        }
        if reversed[step % reversed.len()] {
            order.reverse();
        }
        let segments = order.iter().map(|&index| {
            let (tokens, chunks) = &plans[index];
            let rest = &tokens[computed[index]..];
            Segment {
                tokens: rest[..rest.len().min(chunks[step % chunks.len()])].to_vec(),
                first_position: computed[index],
                kv_blocks: tables[index].clone(),
                logits: WantedLogits::All,
            }
        });
        let step_rows = StepRows { segments: segments.collect() };
        model.forward(&step_rows, &mut kv, &mut logits);
        let mut next_row = 0;
        for (&index, segment) in order.iter().zip(&step_rows.segments) {
            computed[index] += segment.tokens.len();
            for _ in &segment.tokens {
                rows[index].push(logits.row(next_row).to_vec());
                next_row += 1;
            }
        }
    }
    unreachable!("every step computes something")
}

/// In random mixes every row equals the row of its sequence computed alone, at once, on one thread.
fn check(file: &ModelFile, precision: Precision) {
    let models = Threads::load(file, precision).0.map(RefCell::new);
    let vocab_size = file.config().vocab_size as u32;
    let config = Config { cases: 24, failure_persistence: None, ..Config::default() };
    let outcome = TestRunner::new(config).run(&cases(vocab_size), |case| {
        let together = run_together(&mut *models[case.2].borrow_mut(), &case);
        for ((tokens, _), rows) in case.0.iter().zip(together) {
            let alone = logits_of(&mut *models[0].borrow_mut(), tokens, WHOLE);
            prop_assert!(bits(&rows) == bits(&alone), "other bits for {tokens:?}");
        }
        Ok(())
    });
    outcome.unwrap_or_else(|error| panic!("{}: {error}", file.name()));
}

#[test]
fn f32_weights() {
    check(&tiny("llama"), Precision::Auto);
}

#[test]
fn f16_weights_and_f16_keys_and_values() {
    check(&tiny("llama-biases-linear"), Precision::Auto);
}

#[test]
fn experts() {
    check(&tiny("qwen3-moe"), Precision::Auto);
}

#[test]
fn windows_and_two_rotations() {
    check(&tiny("gemma3"), Precision::Auto);
}

#[test]
fn soft_caps() {
    check(&tiny("gemma2"), Precision::F32);
}

#[test]
fn q8_0_weights() {
    let file = quantized_llama(|_| Q8_0);
    check(&file, Precision::Auto);
    check(&file, Precision::F32);
}

#[test]
fn k_quant_weights() {
    let kind = |name: &str| match name {
        "token_embd" | "attn_v" | "ffn_down" => Q6_K,
        _ => Q4_K,
    };
    check(&quantized_llama(kind), Precision::Auto);
}

/// A quantized type: ggml's number, values and bytes per block, and where its f16 scales lie with
/// bits that make weights of about 1 / sqrt(256).
struct Kind {
    number: u32,
    values: usize,
    bytes: usize,
    scales: &'static [(usize, u16)],
}

const Q8_0: Kind = Kind { number: 8, values: 32, bytes: 34, scales: &[(0, 0x1000)] };
const Q4_K: Kind =
    Kind { number: 12, values: 256, bytes: 144, scales: &[(0, 0x0800), (2, 0x1400)] };
const Q6_K: Kind = Kind { number: 14, values: 256, bytes: 210, scales: &[(208, 0x0400)] };

/// A llama of width 256 with random codes, each matrix of the type that `kind_of` says.
fn quantized_llama(kind_of: impl Fn(&str) -> Kind) -> ModelFile {
    let (width, kv_dim, vocab_size) = (256, 128, 80);
    let mut writer = GgufWriter::new("llama");
    for (key, value) in [
        ("context_length", 64),
        ("embedding_length", width),
        ("block_count", 2),
        ("feed_forward_length", width),
        ("attention.head_count", 4),
        ("attention.head_count_kv", 2),
        ("vocab_size", vocab_size),
    ] {
        writer.set(&format!("llama.{key}"), Meta::U32(value as u32));
    }
    writer.set("llama.attention.layer_norm_rms_epsilon", Meta::F32(1e-5));
    let mut random = Random(1);
    let mut matrix = |writer: &mut GgufWriter, prefix: &str, name: &str, rows: usize| {
        let kind = kind_of(name);
        let bytes = random.blocks(&kind, rows * width / kind.values);
        let full_name = format!("{prefix}{name}.weight");
        writer.tensor(&full_name, &[rows, width], kind.number, bytes);
    };
    matrix(&mut writer, "", "token_embd", vocab_size);
    writer.floats("output_norm.weight", &[width], &[1.25; 256]);
    for layer in 0..2 {
        let prefix = format!("blk.{layer}.");
        for (name, rows) in [
            ("attn_q", width),
            ("attn_k", kv_dim),
            ("attn_v", kv_dim),
            ("attn_output", width),
            ("ffn_gate", width),
            ("ffn_up", width),
            ("ffn_down", width),
        ] {
            matrix(&mut writer, &prefix, name, rows);
        }
        for name in ["attn_norm", "ffn_norm"] {
            writer.floats(&format!("{prefix}{name}.weight"), &[width], &[0.75; 256]);
        }
    }
    let bytes = Bytes::from_vec(writer.bytes());
    ModelFile::from_gguf(bytes, "random.gguf").expect("the file is well made")
}

/// Marsaglia's xorshift.
struct Random(u64);

impl Random {
    fn byte(&mut self) -> u8 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 24) as u8
    }

    fn blocks(&mut self, kind: &Kind, count: usize) -> Vec<u8> {
        let mut bytes: Vec<u8> = (0..count * kind.bytes).map(|_| self.byte()).collect();
        for block in bytes.chunks_exact_mut(kind.bytes) {
            for &(offset, scale) in kind.scales {
                block[offset..offset + 2].copy_from_slice(&scale.to_le_bytes());
            }
        }
        bytes
    }
}

/// More rows than go through the layers together: the cut falls into a sequence.
#[test]
fn large_steps_are_cut_with_the_same_bits() {
    let mut model = Threads::load(&tiny("llama"), Precision::Auto).0;
    let model = &mut model[1];
    let sequences: Vec<Vec<u32>> =
        (0..4).map(|seed| (0..200).map(|index| (index * 7 + seed * 13) % 64).collect()).collect();
    let wanted = [WantedLogits::Last, WantedLogits::None, WantedLogits::All, WantedLogits::Last];
    let mut kv = KvPool::new(model.kv_shape(), 16, 4 * 3 * 13);
    let segments = sequences.iter().zip(wanted).enumerate().map(|(index, (tokens, logits))| {
        let kv_blocks = scattered_blocks(index as u32 * 39, 200, 16);
        Segment { tokens: tokens.clone(), first_position: 0, kv_blocks, logits }
    });
    let mut logits = Logits::new();
    model.forward(&StepRows { segments: segments.collect() }, &mut kv, &mut logits);
    assert_eq!(logits.rows(), 1 + 200 + 1);
    let rows: Vec<Vec<f32>> = (0..logits.rows()).map(|row| logits.row(row).to_vec()).collect();
    let alone = |model: &mut LoadedModel, index: usize| {
        bits(&logits_of(model, &sequences[index], Feed { chunk_tokens: 64, block_tokens: 8 }))
    };
    assert_eq!(bits(&rows[..1]), alone(model, 0)[199..]);
    assert_eq!(bits(&rows[1..201]), alone(model, 2));
    assert_eq!(bits(&rows[201..]), alone(model, 3)[199..]);
}

/// Two sequences share the blocks of their common beginning; one goes on in a copy.
#[test]
fn shared_and_copied_blocks_serve() {
    let mut model = Threads::load(&tiny("qwen2"), Precision::Auto).0;
    let model = &mut model[0];
    let mut kv = KvPool::new(model.kv_shape(), 4, 10);
    let mut logits = Logits::new();
    let mut step = |tokens: &[u32], first_position: usize, blocks: &[u32], kv: &mut KvPool| {
        let segment = Segment {
            tokens: tokens.to_vec(),
            first_position,
            kv_blocks: blocks.iter().map(|&block| KvBlockId(block)).collect(),
            logits: WantedLogits::Last,
        };
        model.forward(&StepRows { segments: vec![segment] }, kv, &mut logits);
        logits.row(0).to_vec()
    };
    step(&[1, 2, 3, 4, 5, 6], 0, &[7, 2], &mut kv);
    kv.copy_block(KvBlockId(2), KvBlockId(9));
    let one = step(&[10, 11], 6, &[7, 2], &mut kv);
    let other = step(&[20, 21], 6, &[7, 9], &mut kv);
    let alone = |model: &mut LoadedModel, tokens: &[u32]| {
        logits_of(model, tokens, WHOLE).pop().expect("a row for each token")
    };
    assert_eq!(one, alone(model, &[1, 2, 3, 4, 5, 6, 10, 11]));
    assert_eq!(other, alone(model, &[1, 2, 3, 4, 5, 6, 20, 21]));
}
