//! Time to choose one token from 128,256 logits: `cargo bench -p sampling`.
//!
//! `bench/sampling_peer.py` times llama.cpp's chain on the same logits with the same parameters,
//! and `bench/sampling_side_by_side.py` runs both in turn. One pass over the logits (their largest
//! value) is the measure of what a choice can cost at least.

use divan::{Bencher, black_box};
use sampling::candidates::Candidates;
use sampling::params::{ParamValue, SamplingParams};
use sampling::pipeline::{Pipeline, SequenceStart};
use sampling::stages::StepContext;

const VOCABULARY: u64 = 128_256;
const ROWS: [&str; 2] = ["peaked", "flat"];

/// Counts allocations; a choice makes none once its buffers have grown.
#[global_allocator]
static ALLOCATOR: divan::AllocProfiler = divan::AllocProfiler::system();

fn main() {
    divan::main();
}

/// One pass over the logits in cache.
#[divan::bench(args = ROWS)]
fn one_pass(bencher: Bencher, name: &str) {
    let logits = row(name);
    bencher.bench(|| {
        let mut lanes = [f32::NEG_INFINITY; 16];
        for chunk in black_box(&logits).chunks_exact(16) {
            for (lane, &logit) in lanes.iter_mut().zip(chunk) {
                *lane = if logit > *lane { logit } else { *lane };
            }
        }
        lanes
    });
}

/// Penalties over 64 tokens, temperature, top-k 40, top-p 0.95, min-p 0.05, draw.
#[divan::bench(args = ROWS)]
fn everything(bencher: Bencher, name: &str) {
    let params = [
        ("repetition_penalty", 1.1),
        ("frequency_penalty", 0.5),
        ("presence_penalty", 0.2),
        ("temperature", 0.8),
        ("top_k", 40.0),
        ("top_p", 0.95),
        ("min_p", 0.05),
    ];
    choose(bencher, name, &params);
}

/// Temperature, top-p 0.95, draw.
#[divan::bench(args = ROWS)]
fn temperature_top_p(bencher: Bencher, name: &str) {
    choose(bencher, name, &[("temperature", 0.8), ("top_p", 0.95)]);
}

/// Temperature and draw: the whole vocabulary stays.
#[divan::bench(args = ROWS)]
fn temperature(bencher: Bencher, name: &str) {
    choose(bencher, name, &[("temperature", 0.8)]);
}

/// Typical-p 0.95 and draw.
#[divan::bench(args = ROWS)]
fn typical_p(bencher: Bencher, name: &str) {
    choose(bencher, name, &[("typical_p", 0.95)]);
}

/// The best token.
#[divan::bench(args = ROWS)]
fn greedy(bencher: Bencher, name: &str) {
    choose(bencher, name, &[("temperature", 0.0)]);
}

fn choose(bencher: Bencher, name: &str, values: &[(&str, f64)]) {
    let logits = row(name);
    let values = values.iter().map(|&(name, value)| (name, number(value)));
    let params = SamplingParams::from_values(values).expect("valid parameters");
    let generated: Vec<u32> = (0..64).map(|index| index * 31).collect();
    let start = SequenceStart { generated: &generated, seed: 7, ..SequenceStart::default() };
    let mut pipeline = Pipeline::new(&params, &start);
    let mut candidates = Candidates::new();
    let mut step = 0;
    bencher.bench_local(move || {
        step += 1;
        let step = StepContext { step, ..StepContext::new(&[], &generated) };
        pipeline.choose(&mut candidates, black_box(&logits), &step, None)
    });
}

fn number(value: f64) -> ParamValue {
    if value.fract() == 0.0 { ParamValue::Int(value as i128) } else { ParamValue::Float(value) }
}

/// Bell-shaped logits of standard deviation 2.5 or 0.25, and a few peaks; one fixed row each.
fn row(name: &str) -> Vec<f32> {
    let scale = if name == "peaked" { 2.5 } else { 0.25 };
    (0..VOCABULARY).map(|id| logit(id, scale)).collect()
}

/// The sum of four uniform numbers, hashed from the id (the finalizer of SplitMix64).
fn logit(id: u64, scale: f64) -> f32 {
    let mut state = (id + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    state = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    state = (state ^ (state >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    state ^= state >> 31;
    let total: u64 = (0..4).map(|part| (state >> (16 * part)) & 0xFFFF).sum();
    let bell = (total as f64 / 65_536.0 - 2.0) * 3f64.sqrt() * scale;
    (if id % 9973 == 5 { bell + 5.6 * scale } else { bell }) as f32
}
