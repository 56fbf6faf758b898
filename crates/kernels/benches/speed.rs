//! Speed of the room's parts on this machine: `cargo bench -p kernels`.

use kernels::attention::{AttentionSegment, AttentionShape, KvBlocks, attention};
use kernels::bandwidth::read_bandwidth;
use kernels::ops::activation::{Activation, activate, exp_in_place};
use kernels::ops::norm::rms_norm_in_place;
use kernels::{Arithmetic, Input, Kernels, ThreadPool};
use std::hint::black_box;
use std::time::Instant;

fn main() {
    for threads in [1, 2] {
        println!("pool of {threads}: {:.2} us per dispatch", dispatch_us(threads));
    }
    let threads = std::thread::available_parallelism().map_or(1, |count| count.get());
    let pool = ThreadPool::new(threads);
    for kernels in Kernels::all_available() {
        println!("{}:", kernels.isa().name());
        rows(&kernels);
        if kernels.isa() != Kernels::scalar().isa() {
            prefill_and_decode(&kernels, &pool);
        }
    }
    let rate = read_bandwidth(&Kernels::detect(), &pool, 512 << 20, 9);
    println!(
        "memory: {:.1} GB/s best, {:.1} GB/s median, {threads} threads",
        rate.best_bytes_per_second / 1e9,
        rate.median_bytes_per_second / 1e9
    );
}

/// Best mean time of a turn with nothing to do, warm.
fn dispatch_us(threads: usize) -> f64 {
    let pool = ThreadPool::new(threads);
    best(20, || {
        for _ in 0..1000 {
            pool.run(&|share| _ = black_box(share));
        }
    }) * 1e3
}

/// Operations on a row of 4096 numbers.
fn rows(kernels: &Kernels) {
    let row: Vec<f32> = (0..4096).map(|i| (i as f32 - 2048.0) / 500.0).collect();
    let weight = vec![1.0; 4096];
    let mut input = Input::new();
    let mut x = row.clone();
    let mut each = |name: &str, op: &mut dyn FnMut(&mut [f32])| {
        let seconds = best(50, || {
            x.copy_from_slice(&row);
            op(black_box(&mut x));
        });
        println!("  {name:<20} {:.3} ns per number", seconds * 1e9 / 4096.0);
    };
    each("copy", &mut |_| {});
    each("exp", &mut |x| exp_in_place(kernels, x));
    each("silu", &mut |x| activate(kernels, Activation::Silu, x));
    each("gelu_tanh", &mut |x| activate(kernels, Activation::GeluTanh, x));
    each("rms_norm", &mut |x| rms_norm_in_place(kernels, x, &weight, 1e-5));
    each("quantize to 32", &mut |x| {
        input.set(x, 1, 4096);
        input.prepare(kernels, Arithmetic::Block32);
    });
    each("quantize to 256", &mut |x| {
        input.set(x, 1, 4096);
        input.prepare(kernels, Arithmetic::Block256);
    });
}

/// Attention of 512 rows over themselves, and of one row over 4096 positions.
fn prefill_and_decode(kernels: &Kernels, pool: &ThreadPool) {
    for (heads, kv_heads, head_dim) in [(9, 3, 64), (32, 8, 128), (12, 12, 64), (4, 1, 256)] {
        for half in [false, true] {
            for (rows, first) in [(512, 0), (1, 4095)] {
                let seconds = attention_seconds(
                    (kernels, pool),
                    (heads, kv_heads, head_dim),
                    half,
                    (rows, first),
                );
                let scores: usize = (first + 1..=first + rows).sum::<usize>() * heads;
                let flops = (4 * scores * head_dim) as f64;
                let bytes = 4 / (1 + usize::from(half));
                let read = ((first + rows) * kv_heads * head_dim * 2 * bytes) as f64;
                println!(
                    "  attention {heads}/{kv_heads}x{head_dim} f{} {rows} rows at {first}: \
                     {:.0} us, {:.1} GFLOP/s, keys and values {:.1} GB/s",
                    8 * bytes,
                    seconds * 1e6,
                    flops / seconds / 1e9,
                    read / seconds / 1e9,
                );
            }
        }
    }
}

/// Best time of one call.
fn attention_seconds(
    (kernels, pool): (&Kernels, &ThreadPool),
    (head_count, kv_head_count, head_dim): (usize, usize, usize),
    half: bool,
    (rows, first_position): (usize, usize),
) -> f64 {
    let shape = AttentionShape {
        head_count,
        kv_head_count,
        head_dim,
        block_tokens: 16,
        scale: 0.125,
        causal: true,
        window: None,
        soft_cap: None,
    };
    let block = 16 * kv_head_count * head_dim;
    let blocks = (first_position + rows).div_ceil(16);
    let numbers = vec![0.01f32; block * blocks];
    let halves = vec![0x2000u16; block * blocks];
    let side = || match half {
        false => KvBlocks::F32(numbers.chunks_exact(block).collect()),
        true => KvBlocks::F16(halves.chunks_exact(block).collect()),
    };
    let q = vec![0.02; rows * head_count * head_dim];
    let mut out = vec![0.0; q.len()];
    let segments =
        [AttentionSegment { rows: 0..rows, first_position, keys: side(), values: side() }];
    best(20, || attention(kernels, pool, &shape, &segments, &q, &mut out))
}

/// The fastest of `passes` calls, in seconds.
fn best(passes: usize, mut call: impl FnMut()) -> f64 {
    (0..passes)
        .map(|_| {
            let start = Instant::now();
            call();
            start.elapsed().as_secs_f64()
        })
        .fold(f64::INFINITY, f64::min)
}
