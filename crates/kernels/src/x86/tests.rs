//! Every set of this machine against the plain reference: the same bits, for all weight types.

use crate::{Arithmetic, Input, Kernels, ThreadPool, Weight, WeightType, matmul};
use proptest::prelude::*;

/// A small counter-based generator: reproducible bytes without a dependency.
struct Bytes(u64);

impl Bytes {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Between -1 and 1.
    fn float(&mut self) -> f32 {
        (self.next() >> 40) as f32 / (1u64 << 23) as f32 - 1.0
    }

    /// A finite f16 of any sign and size, subnormals included.
    fn half(&mut self) -> [u8; 2] {
        let bits = self.next() as u16;
        (if bits >> 10 & 31 == 31 { bits & !(1 << 14) } else { bits }).to_le_bytes()
    }
}

/// Where a block has f16 scales.
fn scale_offsets(kind: WeightType) -> &'static [usize] {
    match kind {
        WeightType::Q8_0 | WeightType::Q4_0 | WeightType::Q5_0 => &[0],
        WeightType::IQ4_NL | WeightType::IQ4_XS => &[0],
        WeightType::Q4_1 | WeightType::Q5_1 | WeightType::Q4_K | WeightType::Q5_K => &[0, 2],
        WeightType::Q2_K => &[80, 82],
        WeightType::Q3_K => &[108],
        WeightType::Q6_K => &[208],
        WeightType::F32 | WeightType::F16 | WeightType::BF16 | WeightType::MXFP4 => &[],
    }
}

/// Random bytes of which every scale is finite, so that no NaN hides a difference.
fn random_weights(kind: WeightType, rows: usize, cols: usize, bytes: &mut Bytes) -> Vec<u8> {
    let count = rows * cols;
    match kind {
        WeightType::F32 => (0..count).flat_map(|_| bytes.float().to_le_bytes()).collect(),
        WeightType::F16 => (0..count).flat_map(|_| bytes.half()).collect(),
        WeightType::BF16 => (0..count)
            .flat_map(|_| ((bytes.float().to_bits() >> 16) as u16).to_le_bytes())
            .collect(),
        _ => {
            let blocks = count / kind.block_values();
            let mut packed: Vec<u8> =
                (0..blocks * kind.block_bytes()).map(|_| bytes.next() as u8).collect();
            for block in packed.chunks_exact_mut(kind.block_bytes()) {
                for &offset in scale_offsets(kind) {
                    block[offset..offset + 2].copy_from_slice(&bytes.half());
                }
                if kind == WeightType::MXFP4 {
                    // Around 1, and now and then subnormal.
                    block[0] = if bytes.next().is_multiple_of(8) {
                        block[0] % 4
                    } else {
                        110 + block[0] % 40
                    };
                }
            }
            packed
        }
    }
}

/// Multiplies with every set and asserts that all give the bits of the first, the reference.
fn assert_same_bits(weight: &Weight<'_>, arithmetic: Arithmetic, values: &[f32], rows: usize) {
    let mut expected: Option<Vec<u32>> = None;
    for kernels in Kernels::all_available() {
        let mut input = Input::new();
        input.set(values, rows, weight.cols());
        let mut out = vec![f32::NAN; rows * weight.rows()];
        matmul(&kernels, &ThreadPool::new(1), weight, arithmetic, &mut input, &mut out);
        let bits: Vec<u32> = out.iter().map(|value| value.to_bits()).collect();
        match &expected {
            None => expected = Some(bits),
            Some(expected) => {
                let differing = (0..bits.len()).find(|&i| bits[i] != expected[i]);
                assert!(
                    differing.is_none(),
                    "{} {} {arithmetic:?}, {} x {} weights, {rows} rows: output {} is {} not {}",
                    kernels.isa().name(),
                    weight.kind(),
                    weight.rows(),
                    weight.cols(),
                    differing.expect("checked above"),
                    out[differing.expect("checked above")],
                    f32::from_bits(expected[differing.expect("checked above")]),
                );
            }
        }
    }
}

fn check(kind: WeightType, arithmetic: Arithmetic, shape: (usize, usize, usize), seed: u64) {
    let (rows, weight_rows, cols) = shape;
    let mut bytes = Bytes(seed);
    let packed = random_weights(kind, weight_rows, cols, &mut bytes);
    let weight = Weight::new(kind, weight_rows, cols, &packed).expect("whole blocks");
    let values: Vec<f32> = (0..rows * cols).map(|_| bytes.float() * bytes.float()).collect();
    assert_same_bits(&weight, arithmetic, &values, rows);
}

/// Columns near `wanted` that the type can have.
fn fitting_cols(kind: WeightType, wanted: usize) -> usize {
    wanted.next_multiple_of(kind.block_values())
}

#[test]
fn the_sets_under_test_are_those_of_the_machine() {
    let names: Vec<&str> = Kernels::all_available().iter().map(|set| set.isa().name()).collect();
    assert_eq!(names[0], "scalar", "the first set is the reference");
    assert_eq!(names.contains(&"avx2"), std::arch::is_x86_feature_detected!("avx2"));
    assert_eq!(names.contains(&"avx512"), std::arch::is_x86_feature_detected!("avx512vnni"));
}

#[test]
fn every_batch_size_and_ragged_tiles() {
    for kind in WeightType::ALL {
        for rows in 1..=20 {
            let weight_rows = [1, 16, 37, 15, 66][rows % 5];
            let cols = fitting_cols(kind, [1, 33, 300, 530][rows % 4]);
            check(kind, kind.native_arithmetic(), (rows, weight_rows, cols), rows as u64);
            check(kind, Arithmetic::Float, (rows, weight_rows, cols), rows as u64);
        }
    }
}

#[test]
fn several_panels_and_strips() {
    for kind in WeightType::ALL {
        for rows in [2, 5, 13] {
            let cols = fitting_cols(kind, 2400);
            check(kind, kind.native_arithmetic(), (rows, 100, cols), 7);
            check(kind, Arithmetic::Float, (rows, 70, cols), 8);
        }
    }
}

#[test]
fn extreme_codes_give_exact_sums() {
    for kind in WeightType::ALL.into_iter().filter(|kind| kind.block_values() > 1) {
        for fill in [0x00, 0x80, 0xff, 0x7f] {
            let (rows, cols) = (9, 512);
            let count = 17 * cols / kind.block_values();
            let mut packed = vec![fill; count * kind.block_bytes()];
            for block in packed.chunks_exact_mut(kind.block_bytes()) {
                for &offset in scale_offsets(kind) {
                    block[offset..offset + 2].copy_from_slice(&[0x00, 0x3c]);
                }
            }
            let weight = Weight::new(kind, 17, cols, &packed).expect("whole blocks");
            for sign in [1.0, -1.0] {
                let values = vec![sign; rows * cols];
                assert_same_bits(&weight, kind.native_arithmetic(), &values, rows);
            }
        }
    }
}

#[test]
fn no_columns_give_zeros() {
    for kind in WeightType::ALL {
        check(kind, kind.native_arithmetic(), (3, 20, 0), 1);
        check(kind, kind.native_arithmetic(), (7, 20, 0), 1);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn same_bits_for_any_shape(
        kind in prop::sample::select(&WeightType::ALL[..]),
        is_float: bool,
        rows in 1usize..12,
        weight_rows in 1usize..70,
        cols in 1usize..1100,
        seed: u64,
    ) {
        let arithmetic = if is_float { Arithmetic::Float } else { kind.native_arithmetic() };
        check(kind, arithmetic, (rows, weight_rows, fitting_cols(kind, cols)), seed);
    }
}
