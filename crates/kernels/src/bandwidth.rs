//! How fast this machine reads memory: the speed of light for decoding, which reads all weights
//! once per token.

use crate::isa::{Kernels, per_isa};
use crate::threads::ThreadPool;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

/// Measured read bandwidth, all threads together.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ReadBandwidth {
    /// The fastest pass, bytes per second.
    pub best_bytes_per_second: f64,
    /// The middle pass, bytes per second.
    pub median_bytes_per_second: f64,
}

/// Reads a buffer of `bytes` (rounded down to whole words, at least one per thread) `passes` times,
/// each thread its part.
///
/// A buffer several times the size of the last cache measures memory: 512 MiB does. Best of
/// several passes is what the machine can do; the median tells whether others use it too.
///
/// # Panics
/// When `passes` is 0.
pub fn read_bandwidth(
    kernels: &Kernels,
    pool: &ThreadPool,
    bytes: usize,
    passes: usize,
) -> ReadBandwidth {
    assert!(passes > 0, "at least one pass");
    let share_words = (bytes / size_of::<u64>() / pool.threads()).max(1);
    // Not zero: pages of zeros that were never written are all the same page.
    let words = vec![1u64; share_words * pool.threads()];
    let total = AtomicU64::new(0);
    let mut rates: Vec<f64> = (0..passes)
        .map(|_| {
            let start = Instant::now();
            pool.run(&|thread| {
                let share = &words[thread * share_words..][..share_words];
                let mut sum = 0;
                let out = &mut sum;
                per_isa!(kernels, sum_body, (share: &[u64], out: &mut u64));
                total.fetch_add(sum, Ordering::Relaxed);
            });
            let seconds = start.elapsed().as_secs_f64().max(1e-9);
            size_of_val(&words[..]) as f64 / seconds
        })
        .collect();
    // Looking at the sum also keeps the compiler from leaving the reading out.
    assert_eq!(total.into_inner(), (words.len() * passes) as u64, "every word was read");
    rates.sort_unstable_by(f64::total_cmp);
    ReadBandwidth {
        best_bytes_per_second: rates[passes - 1],
        median_bytes_per_second: rates[passes / 2],
    }
}

/// Eight cache lines at a time, so that many reads are under way.
#[inline(always)]
fn sum_body(words: &[u64], out: &mut u64) {
    let mut sums = [0u64; 64];
    let (chunks, rest) = words.as_chunks::<64>();
    for chunk in chunks {
        for (sum, word) in sums.iter_mut().zip(chunk) {
            *sum = sum.wrapping_add(*word);
        }
    }
    *out = sums.iter().chain(rest).fold(0, |sum, word| sum.wrapping_add(*word));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_is_read_by_any_number_of_threads() {
        for threads in [1, 3] {
            let pool = ThreadPool::new(threads);
            for bytes in [0, 8, 1000, 1 << 20] {
                let rate = read_bandwidth(&Kernels::detect(), &pool, bytes, 3);
                assert!(rate.median_bytes_per_second > 0.0);
                assert!(rate.best_bytes_per_second >= rate.median_bytes_per_second);
            }
        }
    }
}
