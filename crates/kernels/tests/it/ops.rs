//! Operations on rows: against plain f64, and the same bits on every instruction set.

use crate::numbers::{Noise, assert_close, awkward_rows, bits};
use kernels::Kernels;
use kernels::ops::activation::{Activation, activate, exp_in_place, gate, soft_cap, tanh_in_place};
use kernels::ops::elementwise::{add, add_bias, scale};
use kernels::ops::norm::{
    layer_norm, layer_norm_in_place, rms_norm, rms_norm_in_place, rms_norm_plus_one,
};
use kernels::ops::rope::{Rope, RopeLayout, RopeTable, inverse_frequencies};
use kernels::ops::softmax::softmax;

/// Something done to a row in place, with a second row of the same length at hand.
type Op = fn(&Kernels, &mut [f32], &[f32]);

const OPS: [(&str, Op); 14] = [
    ("exp", |k, x, _| exp_in_place(k, x)),
    ("tanh", |k, x, _| tanh_in_place(k, x)),
    ("softmax", |k, x, _| softmax(k, x)),
    ("silu", |k, x, _| activate(k, Activation::Silu, x)),
    ("gelu_tanh", |k, x, _| activate(k, Activation::GeluTanh, x)),
    ("gelu_erf", |k, x, _| activate(k, Activation::GeluErf, x)),
    ("gate", |k, x, y| gate(k, Activation::Silu, x, y)),
    ("soft_cap", |k, x, _| soft_cap(k, x, 30.0)),
    ("add", add),
    ("scale", |k, x, _| scale(k, x, 0.3)),
    ("add_bias", add_bias),
    ("rms_norm", |k, x, y| rms_norm_in_place(k, x, y, 1e-6)),
    ("layer_norm", |k, x, y| layer_norm_in_place(k, x, y, Some(y), 1e-5)),
    ("rope", rotate),
];

/// Rotates what is even of a row as one head.
fn rotate(kernels: &Kernels, x: &mut [f32], _: &[f32]) {
    let dims = x.len() / 2 * 2;
    for layout in [RopeLayout::Half, RopeLayout::Interleaved] {
        let rope = Rope::new(layout, inverse_frequencies(1e4, dims, None), 1.0);
        let mut table = RopeTable::new();
        rope.fill([77], &mut table);
        rope.apply(kernels, &table, x, x.len());
    }
}

#[test]
fn every_instruction_set_gives_the_same_bits() {
    for len in 0..=67 {
        let second = Noise(len as u64).row(len, 1.5);
        for row in awkward_rows(len, 1000 + len as u64) {
            for (name, op) in OPS {
                let mut expected = row.clone();
                op(&Kernels::scalar(), &mut expected, &second);
                for kernels in Kernels::all_available() {
                    // One number into a buffer, so that no load is aligned.
                    let mut shifted = vec![0.0; len + 1];
                    shifted[1..].copy_from_slice(&row);
                    op(&kernels, &mut shifted[1..], &second);
                    assert_eq!(bits(&shifted[1..]), bits(&expected), "{name} {kernels:?} {row:?}");
                }
            }
        }
    }
}

#[test]
fn a_row_does_not_depend_on_its_neighbours() {
    let (dim, kernels) = (53, Kernels::detect());
    let rows = Noise(5).row(7 * dim, 3.0);
    let weight = Noise(6).row(dim, 1.0);
    let mut together = vec![0.0; rows.len()];
    rms_norm(&kernels, &rows, &weight, 1e-6, &mut together);
    for (row, expected) in rows.chunks_exact(dim).zip(together.chunks_exact(dim)) {
        let mut alone = vec![0.0; dim];
        rms_norm(&kernels, row, &weight, 1e-6, &mut alone);
        assert_eq!(bits(&alone), bits(expected));
    }
}

/// Applies `op` to all of -20..20 and compares with `exact` in f64.
fn check_function(op: Op, exact: impl Fn(f64) -> f64, relative: f64, absolute: f64) {
    let mut x: Vec<f32> = (-20_000..=20_000).map(|i| i as f32 / 1000.0).collect();
    let exact: Vec<f64> = x.iter().map(|&x| exact(f64::from(x))).collect();
    op(&Kernels::detect(), &mut x, &[]);
    assert_close(&x, &exact, relative, absolute);
}

#[test]
fn functions_are_close_to_f64() {
    check_function(|k, x, _| exp_in_place(k, x), f64::exp, 1.4e-7, 0.0);
    check_function(|k, x, _| tanh_in_place(k, x), f64::tanh, 2.4e-7, 0.0);
    let silu = |x: f64| x / (1.0 + (-x).exp());
    check_function(|k, x, _| activate(k, Activation::Silu, x), silu, 3e-7, 0.0);
    let gelu_tanh = |x: f64| {
        x / (1.0 + (-2.0 * (2.0 / std::f64::consts::PI).sqrt() * (x + 0.044715 * x * x * x)).exp())
    };
    // The relative error grows with the exponent, of which e^ takes the absolute error.
    check_function(|k, x, _| activate(k, Activation::GeluTanh, x), gelu_tanh, 2e-6, 1e-9);
    check_function(|k, x, _| soft_cap(k, x, 5.0), |x| 5.0 * (x / 5.0).tanh(), 4e-7, 0.0);
}

#[test]
fn gelu_erf_is_the_normal_integral() {
    // x, x * Phi(x), from tables of the normal distribution.
    let known = [
        (0.0f32, 0.0),
        (0.5, 0.5 * 0.691_462_461_274_013),
        (1.0, 0.841_344_746_068_543),
        (2.0, 2.0 * 0.977_249_868_051_821),
        (-1.0, -0.158_655_253_931_457),
        (-3.0, -3.0 * 0.001_349_898_031_630),
        (8.0, 8.0),
    ];
    let mut x = known.map(|(x, _)| x);
    activate(&Kernels::detect(), Activation::GeluErf, &mut x);
    assert_close(&x, &known.map(|(_, y)| y), 2e-7, 3e-7);
}

#[test]
fn norms_are_close_to_f64() {
    let kernels = Kernels::detect();
    for dim in [1, 16, 53, 576, 2048] {
        let x = Noise(dim as u64).row(3 * dim, 4.0);
        let weight = Noise(1).row(dim, 2.0);
        let bias = Noise(2).row(dim, 1.0);
        let (mut rms, mut plus_one, mut layer, mut plain) =
            (vec![0.0; 3 * dim], vec![0.0; 3 * dim], vec![0.0; 3 * dim], vec![0.0; 3 * dim]);
        rms_norm(&kernels, &x, &weight, 1e-5, &mut rms);
        rms_norm_plus_one(&kernels, &x, &weight, 1e-5, &mut plus_one);
        layer_norm(&kernels, &x, &weight, Some(&bias), 1e-5, &mut layer);
        layer_norm(&kernels, &x, &weight, None, 1e-5, &mut plain);
        for (index, row) in x.chunks_exact(dim).enumerate() {
            let row: Vec<f64> = row.iter().map(|&x| f64::from(x)).collect();
            let mean_of =
                |f: &dyn Fn(f64) -> f64| row.iter().map(|&x| f(x)).sum::<f64>() / dim as f64;
            let root = (mean_of(&|x| x * x) + 1e-5).sqrt();
            let mean = mean_of(&|x| x);
            let deviation = (mean_of(&|x| (x - mean) * (x - mean)) + 1e-5).sqrt();
            let exact = |f: &dyn Fn(f64, f64, f64) -> f64| -> Vec<f64> {
                let parameters = weight.iter().zip(&bias);
                let parameters = parameters.map(|(&w, &b)| (f64::from(w), f64::from(b)));
                row.iter().zip(parameters).map(|(&x, (w, b))| f(x, w, b)).collect()
            };
            let at = index * dim..(index + 1) * dim;
            assert_close(&rms[at.clone()], &exact(&|x, w, _| x / root * w), 1e-6, 1e-7);
            assert_close(
                &plus_one[at.clone()],
                &exact(&|x, w, _| x / root * (1.0 + w)),
                1e-6,
                1e-7,
            );
            let normed = exact(&|x, w, b| (x - mean) / deviation * w + b);
            assert_close(&layer[at.clone()], &normed, 2e-6, 2e-5);
            assert_close(&plain[at], &exact(&|x, w, _| (x - mean) / deviation * w), 2e-6, 2e-5);
        }
    }
}

#[test]
fn softmax_is_close_to_f64_and_sums_to_one() {
    for len in [1, 2, 15, 16, 17, 1000] {
        let x = Noise(len as u64).row(len, 20.0);
        let largest = x.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let exp: Vec<f64> = x.iter().map(|&x| (f64::from(x) - f64::from(largest)).exp()).collect();
        let sum: f64 = exp.iter().sum();
        let exact: Vec<f64> = exp.iter().map(|exp| exp / sum).collect();
        let mut probs = x;
        softmax(&Kernels::detect(), &mut probs);
        assert_close(&probs, &exact, 3e-6, 0.0);
        assert!((probs.iter().sum::<f32>() - 1.0).abs() < 1e-5);
    }
}

#[test]
fn rope_turns_pairs_by_their_angle() {
    let (head_dim, dims) = (10, 8);
    let divisors = [1.0, 1.0, 2.0, 8.0];
    let frequencies = inverse_frequencies(500.0, dims, Some(&divisors));
    for (i, &frequency) in frequencies.iter().enumerate() {
        let exact = 500f64.powf(-2.0 * i as f64 / dims as f64) / f64::from(divisors[i]);
        assert_close(&[frequency], &[exact], 2e-7, 0.0);
    }
    let positions = [0, 3, 4000];
    let x = Noise(9).row(positions.len() * 2 * head_dim, 1.0);
    for layout in [RopeLayout::Half, RopeLayout::Interleaved] {
        let rope = Rope::new(layout, frequencies.clone(), 1.5);
        assert_eq!(rope.rotary_dims(), dims);
        let mut table = RopeTable::new();
        rope.fill(positions, &mut table);
        assert_eq!(table.rows(), 3);
        let mut turned = x.clone();
        rope.apply(&Kernels::detect(), &table, &mut turned, head_dim);
        for (index, &position) in positions.iter().enumerate() {
            for head in [2 * index, 2 * index + 1] {
                let (before, after) = (&x[head * head_dim..], &turned[head * head_dim..]);
                for (i, &frequency) in frequencies.iter().enumerate() {
                    let (a, b) = match layout {
                        RopeLayout::Half => (i, i + 4),
                        RopeLayout::Interleaved => (2 * i, 2 * i + 1),
                    };
                    let angle = f64::from(position as f32 * frequency);
                    let (sin, cos) = angle.sin_cos();
                    let (x, y) = (f64::from(before[a]), f64::from(before[b]));
                    let exact = [1.5 * (x * cos - y * sin), 1.5 * (y * cos + x * sin)];
                    assert_close(&[after[a], after[b]], &exact, 1e-6, 1e-6);
                }
                assert_eq!(after[dims..head_dim], before[dims..head_dim]);
            }
        }
    }
}
