//! Attention: against f64, and the same bits whatever the blocks, the batch, the threads and the
//! instruction set.

use crate::numbers::{Noise, assert_close, bits};
use kernels::attention::{AttentionSegment, AttentionShape, KvBlocks, attention};
use kernels::quant::half::{f16_to_f32, narrow_f16};
use kernels::{Kernels, ThreadPool};
use proptest::prelude::*;

/// A sequence and its queries, one per position.
struct Case {
    shape: AttentionShape,
    positions: usize,
    /// (positions, head_count, head_dim)
    q: Vec<f32>,
    /// (positions, kv_head_count, head_dim)
    keys: Vec<f32>,
    /// (positions, kv_head_count, head_dim)
    values: Vec<f32>,
    /// Whether keys and values are stored as f16.
    half: bool,
}

impl Case {
    fn new(heads: (usize, usize, usize), positions: usize, half: bool) -> Case {
        let (head_count, kv_head_count, head_dim) = heads;
        let shape = AttentionShape {
            head_count,
            kv_head_count,
            head_dim,
            block_tokens: 16,
            scale: 1.0 / (head_dim as f32).sqrt(),
            causal: true,
            window: None,
            soft_cap: None,
        };
        let mut noise = Noise((head_count * 1000 + head_dim * 10 + positions) as u64);
        let q = noise.row(positions * head_count * head_dim, 3.0);
        let mut kv = || {
            let row = noise.row(positions * kv_head_count * head_dim, 2.0);
            let mut halves = vec![0; row.len()];
            narrow_f16(&Kernels::scalar(), &row, &mut halves);
            if half { halves.into_iter().map(f16_to_f32).collect() } else { row }
        };
        let (keys, values) = (kv(), kv());
        Case { shape, positions, q, keys, values, half }
    }

    /// Attention of rows `runs`, each run one segment of the same sequence, over blocks of
    /// `block_tokens`. What lies behind the last position is NaN.
    fn run(
        &self,
        kernels: &Kernels,
        pool: &ThreadPool,
        block_tokens: usize,
        runs: &[usize],
    ) -> Vec<f32> {
        let row = self.shape.kv_head_count * self.shape.head_dim;
        let padded = |numbers: &[f32]| {
            let mut numbers = numbers.to_vec();
            numbers.resize(self.positions.next_multiple_of(block_tokens) * row, f32::NAN);
            numbers
        };
        let (keys, values) = (padded(&self.keys), padded(&self.values));
        let halves = |numbers: &[f32]| {
            let mut halves = vec![0; numbers.len()];
            narrow_f16(kernels, numbers, &mut halves);
            halves
        };
        let (half_keys, half_values) = (halves(&keys), halves(&values));
        let blocks = |numbers, halves| -> KvBlocks<'_> {
            let (numbers, halves): (&Vec<f32>, &Vec<u16>) = (numbers, halves);
            match self.half {
                true => KvBlocks::F16(halves.chunks_exact(block_tokens * row).collect()),
                false => KvBlocks::F32(numbers.chunks_exact(block_tokens * row).collect()),
            }
        };
        let mut first = self.positions - runs.iter().sum::<usize>();
        let skipped = first;
        let segments: Vec<AttentionSegment<'_>> = runs
            .iter()
            .map(|&run| {
                first += run;
                AttentionSegment {
                    rows: first - run - skipped..first - skipped,
                    first_position: first - run,
                    keys: blocks(&keys, &half_keys),
                    values: blocks(&values, &half_values),
                }
            })
            .collect();
        let q = &self.q[skipped * self.shape.head_count * self.shape.head_dim..];
        let mut out = vec![f32::NAN; q.len()];
        let shape = AttentionShape { block_tokens, ..self.shape };
        attention(kernels, pool, &shape, &segments, q, &mut out);
        out
    }

    /// The same in f64, all rows in one segment.
    fn exact(&self) -> Vec<f64> {
        let AttentionShape { head_count, kv_head_count, head_dim, .. } = self.shape;
        let mut out = Vec::new();
        for position in 0..self.positions {
            for head in 0..head_count {
                let kv_head = head / (head_count / kv_head_count);
                let at = |numbers: &[f32], heads: usize, position: usize, head: usize, d: usize| {
                    f64::from(numbers[(position * heads + head) * head_dim + d])
                };
                let end = if self.shape.causal { position + 1 } else { self.positions };
                let start = self.shape.window.map_or(0, |w| (position + 1).saturating_sub(w));
                let weights: Vec<f64> = (start..end)
                    .map(|t| {
                        let dot: f64 = (0..head_dim)
                            .map(|d| {
                                at(&self.q, head_count, position, head, d)
                                    * at(&self.keys, kv_head_count, t, kv_head, d)
                            })
                            .sum();
                        let score = dot * f64::from(self.shape.scale);
                        let capped = |cap: f32| f64::from(cap) * (score / f64::from(cap)).tanh();
                        self.shape.soft_cap.map_or(score, capped).exp()
                    })
                    .collect();
                let sum: f64 = weights.iter().sum();
                out.extend((0..head_dim).map(|d| {
                    let value = |t: usize| at(&self.values, kv_head_count, t, kv_head, d);
                    (start..end).zip(&weights).map(|(t, w)| w * value(t)).sum::<f64>() / sum
                }));
            }
        }
        out
    }
}

/// Head shapes with every kind of group and of row length.
const HEADS: [(usize, usize, usize); 8] = [
    (1, 1, 16),
    (4, 4, 64),
    (4, 1, 20),
    (6, 2, 8),
    (9, 3, 64),
    (14, 2, 33),
    (20, 1, 24),
    (8, 2, 80),
];

/// Every case of shapes, element types and visibilities.
fn cases(positions: usize) -> Vec<Case> {
    let visibilities = [
        (true, None, None),
        (true, Some(1), None),
        (true, Some(7), Some(4.0)),
        (true, Some(21), None),
        (false, None, Some(2.0)),
        (false, Some(9), None),
    ];
    let mut cases = Vec::new();
    for (index, heads) in HEADS.into_iter().enumerate() {
        for (number, (causal, window, soft_cap)) in visibilities.into_iter().enumerate() {
            let mut case = Case::new(heads, positions, (index + number) % 2 == 0);
            case.shape = AttentionShape { causal, window, soft_cap, ..case.shape };
            cases.push(case);
        }
    }
    cases
}

#[test]
fn close_to_f64() {
    let pool = ThreadPool::new(2);
    for case in cases(50) {
        let out = case.run(&Kernels::detect(), &pool, 16, &[50]);
        assert_close(&out, &case.exact(), 1e-5, 1e-5);
    }
}

#[test]
fn same_bits_for_any_blocks_threads_and_instruction_set() {
    let pools = [1, 2, 3].map(ThreadPool::new);
    for case in cases(41) {
        let expected = bits(&case.run(&Kernels::scalar(), &pools[0], 64, &[41]));
        for kernels in Kernels::all_available() {
            for pool in &pools {
                for block_tokens in [1, 4, 16, 64] {
                    let out = case.run(&kernels, pool, block_tokens, &[41]);
                    assert_eq!(bits(&out), expected, "{kernels:?} {block_tokens} {:?}", case.shape);
                }
            }
        }
    }
}

#[test]
fn same_bits_for_any_cut_of_the_rows() {
    let pool = ThreadPool::new(2);
    // Rows of a segment that is not causal see each other, so cutting it is another computation.
    for case in cases(60).into_iter().filter(|case| case.shape.causal) {
        let expected = case.run(&Kernels::scalar(), &pool, 16, &[60]);
        let row = case.shape.head_count * case.shape.head_dim;
        for kernels in Kernels::all_available() {
            for runs in [&[1usize; 60][..], &[1], &[2, 1], &[17, 30, 13], &[0, 5, 0], &[7, 1, 40]] {
                let out = case.run(&kernels, &pool, 16, runs);
                let skipped = 60 - runs.iter().sum::<usize>();
                assert_eq!(bits(&out), bits(&expected[skipped * row..]), "{kernels:?} {runs:?}");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn same_bits_for_anything(
        (kv_head_count, group, head_dim) in (1usize..4, 1usize..18, 1usize..70),
        positions in 1usize..90,
        (block_tokens, threads) in (1usize..33, 1usize..4),
        first_run in 0usize..90,
        half: bool,
        window in prop::option::of(1usize..40),
        soft_cap in prop::option::of(1.0f32..60.0),
    ) {
        let mut case = Case::new((kv_head_count * group, kv_head_count, head_dim), positions, half);
        case.shape = AttentionShape { window, soft_cap, ..case.shape };
        let expected = case.run(&Kernels::scalar(), &ThreadPool::new(1), 32, &[positions]);
        let first_run = first_run.min(positions);
        let runs = [first_run, positions - first_run];
        let pool = ThreadPool::new(threads);
        for kernels in Kernels::all_available() {
            let out = case.run(&kernels, &pool, block_tokens, &runs);
            prop_assert_eq!(bits(&out), bits(&expected), "{:?}", kernels);
        }
    }
}

#[test]
fn not_a_number_and_infinity_pass_through() {
    let pool = ThreadPool::new(1);
    let mut case = Case::new((2, 1, 16), 40, false);
    case.keys[3 * 16] = f32::INFINITY;
    case.values[7 * 16 + 1] = f32::NAN;
    case.values[30 * 16 + 2] = f32::NEG_INFINITY;
    let expected = bits(&case.run(&Kernels::scalar(), &pool, 16, &[40]));
    for kernels in Kernels::all_available() {
        assert_eq!(bits(&case.run(&kernels, &pool, 16, &[40])), expected);
        assert_eq!(bits(&case.run(&kernels, &pool, 16, &[1; 40])), expected);
    }
    // Before position 3 nothing of it is visible.
    let first: Vec<f32> = case.run(&Kernels::detect(), &pool, 16, &[40])[..3 * 32].to_vec();
    assert!(first.iter().all(|value| value.is_finite()));
}

#[test]
#[should_panic(expected = "a segment needs 3 blocks of 64 numbers")]
fn too_few_blocks_are_refused() {
    let shape = Case::new((1, 1, 4), 1, false).shape;
    let block = [0.0; 64];
    let segment = AttentionSegment {
        rows: 0..1,
        first_position: 32,
        keys: KvBlocks::F32(vec![&block; 2]),
        values: KvBlocks::F32(vec![&block; 3]),
    };
    attention(
        &Kernels::scalar(),
        &ThreadPool::new(1),
        &shape,
        &[segment],
        &[0.0; 4],
        &mut [0.0; 4],
    );
}

#[test]
#[should_panic(expected = "queries must be whole rows")]
fn heads_whose_size_no_number_holds_are_refused() {
    let case = Case::new((1, 1, 2), 32, false);
    let head_count = (1 << 63) + 1;
    let shape = AttentionShape { head_count, kv_head_count: head_count, ..case.shape };
    let mut out = vec![0.0; case.q.len()];
    attention(&Kernels::detect(), &ThreadPool::new(1), &shape, &[], &case.q, &mut out);
}
