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
const DECODE_RUNS: usize = 5;
const PREFILL_RUNS: usize = 4;

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
    println!(
        "type     threads  decode GB/s  (plain read)  prefill GMAC/s 2048x2048  8192x2048  2048x8192"
    );
    for kind in WeightType::ALL {
        if wanted != "all" && !wanted.split(',').any(|name| name == kind.name()) {
            continue;
        }
        for threads in [1, 2] {
            let pool = ThreadPool::new(threads);
            let (decode, read) = decode_gb_per_s(&kernels, &pool, kind, &bytes);
            print!("{:8} {threads}        {decode:11.1}  {read:12.1}", kind.name());
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

/// Weight bytes per second of one-row products, and of reading them, alternating; the best of each.
fn decode_gb_per_s(
    kernels: &Kernels,
    pool: &ThreadPool,
    kind: WeightType,
    bytes: &[u8],
) -> (f64, f64) {
    let cols = 2048;
    let row_bytes = cols / kind.block_values() * kind.block_bytes();
    let matrix_bytes = 8192 * row_bytes;
    let matrices: Vec<Weight<'_>> = bytes
        .chunks_exact(matrix_bytes)
        .map(|bytes| Weight::new(kind, 8192, cols, bytes).expect("whole rows"))
        .collect();
    let used = &bytes[..matrices.len() * matrix_bytes];
    let mut input = Input::new();
    let values: Vec<f32> = (0..cols).map(|i| (i as f32 * 0.37).sin()).collect();
    let mut out = vec![0.0; 8192];
    let (mut decode, mut read) = (f64::MAX, f64::MAX);
    for _ in 0..DECODE_RUNS {
        let start = Instant::now();
        for weight in &matrices {
            input.set(&values, 1, cols);
            matmul(kernels, pool, weight, kind.native_arithmetic(), &mut input, &mut out);
        }
        decode = decode.min(start.elapsed().as_secs_f64());
        let start = Instant::now();
        pool.run(&|thread| {
            let share = used.len() / pool.threads();
            black_box(plain_read(&used[thread * share..][..share]));
        });
        read = read.min(start.elapsed().as_secs_f64());
    }
    (used.len() as f64 / decode / 1e9, used.len() as f64 / read / 1e9)
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
