//! Matrix products: against f64, and the same bits on every instruction set, for any number of
//! threads and any batch.

use crate::numbers::{Noise, awkward_rows, bits};
use kernels::quant::dequantize_row;
use kernels::quant::half::{f32_to_bf16, f32_to_f16};
use kernels::{Arithmetic, Input, Kernels, ThreadPool, Weight, WeightType, matmul, matmul_many};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// A matrix of random codes with scales of ordinary size.
fn random_weight(kind: WeightType, rows: usize, cols: usize, seed: u64) -> Vec<u8> {
    let mut noise = Noise(seed);
    if kind.block_values() == 1 {
        let values = noise.row(rows * cols, 1.0);
        return match kind {
            WeightType::F32 => values.iter().flat_map(|value| value.to_le_bytes()).collect(),
            WeightType::F16 => values.iter().flat_map(|&v| f32_to_f16(v).to_le_bytes()).collect(),
            _ => values.iter().flat_map(|&v| f32_to_bf16(v).to_le_bytes()).collect(),
        };
    }
    let mut bytes = noise.bytes(rows * cols / kind.block_values() * kind.block_bytes());
    for block in bytes.chunks_exact_mut(kind.block_bytes()) {
        // Where the f16 scales of a block are.
        let offsets: &[usize] = match kind {
            WeightType::Q4_1 | WeightType::Q5_1 | WeightType::Q4_K | WeightType::Q5_K => &[0, 2],
            WeightType::Q2_K => &[80, 82],
            WeightType::Q3_K => &[108],
            WeightType::Q6_K => &[208],
            WeightType::MXFP4 => &[],
            _ => &[0],
        };
        for &offset in offsets {
            let scale = f32_to_f16(noise.unit() * 0.1).to_le_bytes();
            block[offset..offset + 2].copy_from_slice(&scale);
        }
        if kind == WeightType::MXFP4 {
            block[0] = 120 + (noise.bits() % 8) as u8;
        }
    }
    bytes
}

/// The arithmetics that a type can be multiplied in.
fn arithmetics(kind: WeightType) -> Vec<Arithmetic> {
    let mut all = vec![Arithmetic::Float];
    if kind.native_arithmetic() != Arithmetic::Float {
        all.push(kind.native_arithmetic());
    }
    all
}

fn product(
    kernels: &Kernels,
    pool: &ThreadPool,
    weight: &Weight<'_>,
    arithmetic: Arithmetic,
    x: &[f32],
) -> Vec<f32> {
    let rows = x.len() / weight.cols();
    let mut input = Input::new();
    input.set(x, rows, weight.cols());
    let mut out = vec![f32::NAN; rows * weight.rows()];
    matmul(kernels, pool, weight, arithmetic, &mut input, &mut out);
    out
}

#[test]
fn same_bits_on_every_set_for_any_threads_and_rows() {
    let (weight_rows, cols) = (37, 512);
    let pools = [1, 2, 3].map(ThreadPool::new);
    for kind in WeightType::ALL {
        let bytes = random_weight(kind, weight_rows, cols, 3);
        let weight = Weight::new(kind, weight_rows, cols, &bytes).expect("the shape fits");
        let x = Noise(4).row(9 * cols, 3.0);
        for arithmetic in arithmetics(kind) {
            let alone: Vec<f32> = x
                .chunks_exact(cols)
                .flat_map(|row| product(&Kernels::scalar(), &pools[0], &weight, arithmetic, row))
                .collect();
            for kernels in Kernels::all_available() {
                for pool in &pools {
                    for rows in 1..=9 {
                        let out = product(&kernels, pool, &weight, arithmetic, &x[..rows * cols]);
                        assert_eq!(
                            bits(&out),
                            bits(&alone[..rows * weight_rows]),
                            "{kind} {arithmetic:?} {kernels:?} {rows} rows"
                        );
                    }
                }
            }
        }
    }
}

#[test]
fn same_bits_for_awkward_inputs_and_float_tails() {
    let pool = ThreadPool::new(1);
    for kind in WeightType::ALL {
        let lengths: Vec<usize> = match kind.block_values() {
            1 => (0..=67).collect(),
            block => vec![block, 3 * block],
        };
        for cols in lengths {
            let bytes = random_weight(kind, 5, cols, cols as u64);
            let weight = Weight::new(kind, 5, cols, &bytes).expect("the shape fits");
            for row in awkward_rows(cols, 8).into_iter().filter(|row| !row.is_empty()) {
                for arithmetic in arithmetics(kind) {
                    let expected = product(&Kernels::scalar(), &pool, &weight, arithmetic, &row);
                    for kernels in Kernels::all_available() {
                        let out = product(&kernels, &pool, &weight, arithmetic, &row);
                        assert_eq!(
                            bits(&out),
                            bits(&expected),
                            "{kind} {arithmetic:?} {kernels:?} {cols} columns, {row:?}"
                        );
                    }
                }
            }
        }
    }
}

#[test]
fn products_are_close_to_f64() {
    let (weight_rows, cols) = (20, 1024);
    let pool = ThreadPool::new(2);
    for kind in WeightType::ALL {
        let bytes = random_weight(kind, weight_rows, cols, 11);
        let weight = Weight::new(kind, weight_rows, cols, &bytes).expect("the shape fits");
        let x = Noise(12).row(2 * cols, 1.0);
        for arithmetic in arithmetics(kind) {
            let out = product(&Kernels::detect(), &pool, &weight, arithmetic, &x);
            for (x, out) in x.chunks_exact(cols).zip(out.chunks_exact(weight_rows)) {
                for (row, &out) in out.iter().enumerate() {
                    let mut values = vec![0.0; cols];
                    dequantize_row(kind, weight.row(row), &mut values);
                    let terms: Vec<f64> =
                        values.iter().zip(x).map(|(&w, &x)| f64::from(w) * f64::from(x)).collect();
                    let exact: f64 = terms.iter().sum();
                    let magnitude = terms.iter().map(|term| term * term).sum::<f64>().sqrt();
                    // Rounding to 127 steps puts a relative error of about 1/127 on each term,
                    // and these add up like the terms' root of squares.
                    let tolerance = match arithmetic {
                        Arithmetic::Float => 1e-5,
                        _ => 0.05,
                    };
                    let off = (f64::from(out) - exact).abs();
                    assert!(off <= tolerance * magnitude, "{kind} {arithmetic:?}: {out} {exact}");
                }
            }
        }
    }
}

#[test]
fn a_group_of_products_equals_its_members() {
    let (pool, kernels, cols) = (ThreadPool::new(2), Kernels::detect(), 256);
    let kinds = [WeightType::Q4_K, WeightType::Q8_0, WeightType::F16];
    let bytes = kinds.map(|kind| random_weight(kind, 40, cols, 21));
    let weights: Vec<Weight<'_>> = kinds
        .iter()
        .zip(&bytes)
        .map(|(&kind, bytes)| Weight::new(kind, 40, cols, bytes).expect("the shape fits"))
        .collect();
    let x = Noise(22).row(3 * cols, 1.0);
    let mut outs = vec![vec![0.0; 3 * 40]; 3];
    let mut input = Input::new();
    input.set(&x, 3, cols);
    let mut products: Vec<_> = weights
        .iter()
        .zip(&mut outs)
        .map(|(weight, out)| (*weight, weight.kind().native_arithmetic(), &mut out[..]))
        .collect();
    matmul_many(&kernels, &pool, &mut input, &mut products);
    for (weight, out) in weights.iter().zip(&outs) {
        let arithmetic = weight.kind().native_arithmetic();
        assert_eq!(bits(out), bits(&product(&kernels, &pool, weight, arithmetic, &x)));
    }
}

/// Each kernel reads the form of the input that its weight type is made for, so no other may pass.
#[test]
fn a_type_is_multiplied_in_its_own_arithmetic_or_in_floats_only() {
    let pool = ThreadPool::new(1);
    for kind in WeightType::ALL {
        let bytes = random_weight(kind, 3, 256, 5);
        let weight = Weight::new(kind, 3, 256, &bytes).expect("the shape fits");
        for arithmetic in [Arithmetic::Float, Arithmetic::Block32, Arithmetic::Block256] {
            for kernels in Kernels::all_available() {
                let result = catch_unwind(AssertUnwindSafe(|| {
                    product(&kernels, &pool, &weight, arithmetic, &[1.0; 512])
                }));
                let is_made_for_it = arithmetics(kind).contains(&arithmetic);
                assert_eq!(result.is_ok(), is_made_for_it, "{kind} {arithmetic:?} {kernels:?}");
            }
        }
    }
}

/// Rows without columns take no memory, so there can be any number of them.
#[test]
#[should_panic(expected = "output must be input rows x weight rows")]
fn an_output_whose_size_no_number_holds_is_refused() {
    let weight = Weight::new(WeightType::F32, 1 << 32, 0, &[]).expect("nothing fits into nothing");
    let mut input = Input::new();
    input.set(&[], 1 << 32, 0);
    let (kernels, pool) = (Kernels::detect(), ThreadPool::new(1));
    matmul(&kernels, &pool, &weight, Arithmetic::Float, &mut input, &mut []);
}

#[test]
#[should_panic(expected = "input must be rows x cols")]
fn an_input_whose_size_no_number_holds_is_refused() {
    Input::new().set(&[], 1 << 59, 32);
}
