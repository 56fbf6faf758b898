//! How fast matrix products are on this machine, per weight type, beside what it could do.
//!
//! ```text
//! cargo run --release -p kernels --example matmul_speed -- [isa] [types, comma separated] [rows]
//! ```
//! `decode` multiplies one input row with weights far larger than the caches and is compared with
//! a plain read of as many bytes; `prefill` multiplies 512 input rows. Best of several runs.

use kernels::{Input, Kernels, ThreadPool, Weight, WeightType, matmul};
use std::hint::black_box;
use std::time::Instant;

/// Bytes of weights that a decode run walks through: far beyond any last-level cache.
const DECODE_BYTES: usize = 256 << 20;
const MATRIX_BYTES: usize = 16 << 20;
const DECODE_RUNS: usize = 6;
const PREFILL_RUNS: usize = 12;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let kernels = match arguments.first().map(String::as_str) {
        None | Some("best") => Kernels::detect(),
        Some(name) => Kernels::named(name).expect("an instruction set of this machine"),
    };
    let wanted = arguments.get(1).map_or("all", String::as_str);
    let rows = arguments.get(2).map_or(512, |rows| rows.parse().expect("a number of rows"));
    let bytes: Vec<u8> = random_bytes(DECODE_BYTES);
    println!("isa {}, prefill of {rows} rows", kernels.isa().name());
    println!("                      GB/s               GMAC/s of a prefill, weight rows x columns");
    println!("type     threads    decode  plain read  2048x2048  8192x2048  2048x8192");
    for kind in WeightType::ALL {
        if wanted != "all" && !wanted.split(',').any(|name| name == kind.name()) {
            continue;
        }
        for threads in [1, 2] {
            let pool = ThreadPool::new(threads);
            let (decode, read) = decode_gb_per_s(&kernels, &pool, kind, &bytes);
            print!("{:8} {threads:8}  {decode:8.1}  {read:10.1}", kind.name());
            for (weight_rows, cols) in [(2048, 2048), (8192, 2048), (2048, 8192)] {
                let shape = (rows, weight_rows, cols);
                print!("  {:9.1}", prefill_gmac_per_s(&kernels, &pool, kind, &bytes, shape));
            }
            println!();
        }
    }
}

/// Reproducible bytes; as f16 or bf16 scales they are finite or not, which costs the same time.
fn random_bytes(count: usize) -> Vec<u8> {
    let mut state = 1u64;
    (0..count / 8)
        .flat_map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            // Clears a bit of each byte, so that no f16 and no f32 is infinite or NaN.
            ((state >> 8 ^ state << 17) & 0xbfbf_bfbf_bfbf_bfbf).to_le_bytes()
        })
        .collect()
}

/// Weight bytes per second of one-row products, and of reading them, alternating: of a matrix at a
/// time (about a millisecond, less than a time slice of a busy machine) the fastest quarter.
fn decode_gb_per_s(
    kernels: &Kernels,
    pool: &ThreadPool,
    kind: WeightType,
    bytes: &[u8],
) -> (f64, f64) {
    let cols = 2048;
    let row_bytes = cols / kind.block_values() * kind.block_bytes();
    let weight_rows = (MATRIX_BYTES / row_bytes).next_multiple_of(32);
    let matrices: Vec<Weight<'_>> = bytes
        .chunks_exact(weight_rows * row_bytes)
        .map(|bytes| Weight::new(kind, weight_rows, cols, bytes).expect("whole rows"))
        .collect();
    let mut input = Input::new();
    let values: Vec<f32> = (0..cols).map(|i| (i as f32 * 0.37).sin()).collect();
    let mut out = vec![0.0; weight_rows];
    let (mut decode, mut read) = (Vec::new(), Vec::new());
    for _ in 0..DECODE_RUNS {
        for weight in &matrices {
            let start = Instant::now();
            input.set(&values, 1, cols);
            matmul(kernels, pool, weight, kind.native_arithmetic(), &mut input, &mut out);
            decode.push(start.elapsed().as_secs_f64());
        }
        for weight in &matrices {
            let start = Instant::now();
            pool.run(&|thread| {
                let share = weight.bytes().len() / pool.threads();
                black_box(plain_read(&weight.bytes()[thread * share..][..share]));
            });
            read.push(start.elapsed().as_secs_f64());
        }
    }
    let gb = (weight_rows * row_bytes) as f64 / 1e9;
    (gb / fast_quarter(decode), gb / fast_quarter(read))
}

/// The mean of the smallest quarter.
fn fast_quarter(mut seconds: Vec<f64>) -> f64 {
    seconds.sort_by(f64::total_cmp);
    let count = seconds.len().div_ceil(4);
    seconds[..count].iter().sum::<f64>() / count as f64
}

/// Reads all bytes, in eight sums, which compiles to wide loads.
fn plain_read(bytes: &[u8]) -> u64 {
    let mut sums = [0u64; 16];
    for chunk in bytes.chunks_exact(128) {
        for (sum, word) in sums.iter_mut().zip(chunk.chunks_exact(8)) {
            *sum = sum.wrapping_add(u64::from_ne_bytes(word.try_into().expect("eight bytes")));
        }
    }
    sums.iter().fold(0, |total, &sum| total.wrapping_add(sum))
}

/// 10^9 multiplications per second of a product of `(input rows, weight rows, columns)`.
fn prefill_gmac_per_s(
    kernels: &Kernels,
    pool: &ThreadPool,
    kind: WeightType,
    bytes: &[u8],
    (rows, weight_rows, cols): (usize, usize, usize),
) -> f64 {
    let row_bytes = cols / kind.block_values() * kind.block_bytes();
    let weight = Weight::new(kind, weight_rows, cols, &bytes[..weight_rows * row_bytes])
        .expect("whole rows");
    let values: Vec<f32> = (0..rows * cols).map(|i| (i as f32 * 0.37).sin()).collect();
    let mut input = Input::new();
    let mut out = vec![0.0; rows * weight_rows];
    let best = (0..PREFILL_RUNS)
        .map(|_| {
            let start = Instant::now();
            input.set(&values, rows, cols);
            matmul(kernels, pool, &weight, kind.native_arithmetic(), &mut input, &mut out);
            start.elapsed().as_secs_f64()
        })
        .fold(f64::MAX, f64::min);
    (rows * weight_rows * cols) as f64 / best / 1e9
}
