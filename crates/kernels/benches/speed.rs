//! Speed of the room's parts on this machine: `cargo bench -p kernels`.

use kernels::ThreadPool;
use std::time::Instant;

fn main() {
    for threads in [1, 2] {
        println!("pool of {threads}: {:.2} us per dispatch", dispatch_us(threads));
    }
}

/// Best mean time of a turn with nothing to do, warm.
fn dispatch_us(threads: usize) -> f64 {
    let pool = ThreadPool::new(threads);
    best(20, || {
        let start = Instant::now();
        for _ in 0..1000 {
            pool.run(&|share| _ = std::hint::black_box(share));
        }
        start.elapsed().as_secs_f64() * 1e3
    })
}

/// The smallest of `passes` measurements.
fn best(passes: usize, measure: impl Fn() -> f64) -> f64 {
    (0..passes).map(|_| measure()).fold(f64::INFINITY, f64::min)
}
