//! Rotary position embedding (arXiv:2104.09864): how fast each pair of a head's numbers turns.
//!
//! Pair i of a query or key at position p is turned by p * frequency(i). The frequencies are those
//! of the model's paper, rounded to f32 as the reference implementations keep them.

use crate::config::{ModelConfig, Rope, RopeLayout, RopeScaling};
use kernels::ops::rope::{Rope as Rotation, RopeLayout as PairLayout, inverse_frequencies};
use std::f64::consts::PI;

/// The rotations of a model: that of most layers, then that of windowed layers where it differs.
pub(crate) fn rotations(config: &ModelConfig, context_tokens: usize) -> Vec<Rotation> {
    let layout = match config.rope_layout {
        RopeLayout::Interleaved => PairLayout::Interleaved,
        RopeLayout::Half => PairLayout::Half,
    };
    let ropes = config.rope.iter().chain(&config.rope_windowed);
    ropes
        .map(|rope| {
            let frequencies = frequencies(rope, context_tokens);
            Rotation::new(layout, frequencies, magnitude(&rope.scaling))
        })
        .collect()
}

/// Radians per position of each pair, for sequences of up to `context_tokens`.
///
/// LongRoPE has one list of divisors for contexts up to the original one and another for longer
/// ones. Transformers picks by the length that a sequence has at the moment, so that all keys
/// written earlier are off once it grows past the border. Here the window that the model was
/// opened with decides, once: logits then depend on the tokens alone.
fn frequencies(rope: &Rope, context_tokens: usize) -> Vec<f32> {
    let divisors = match &rope.scaling {
        RopeScaling::LongRope { short, long, original_context_tokens, .. } => {
            Some(if context_tokens > *original_context_tokens { long } else { short })
        }
        RopeScaling::Factors(divisors) => Some(divisors),
        _ => None,
    };
    let mut frequencies = inverse_frequencies(rope.base, rope.dims, divisors.map(Vec::as_slice));
    for (pair, frequency) in frequencies.iter_mut().enumerate() {
        match &rope.scaling {
            RopeScaling::Linear { factor } => *frequency /= factor,
            RopeScaling::Llama3 { .. } => *frequency = llama3(*frequency, &rope.scaling),
            RopeScaling::Yarn { .. } => *frequency *= yarn(pair, rope),
            _ => {}
        }
    }
    frequencies
}

/// What cosines and sines are multiplied by.
fn magnitude(scaling: &RopeScaling) -> f32 {
    match scaling {
        RopeScaling::Yarn { attention_factor, .. }
        | RopeScaling::LongRope { attention_factor, .. } => *attention_factor,
        _ => 1.0,
    }
}

/// Llama 3.1's change of a frequency: waves longer than the original context are stretched by
/// `factor`, short ones kept, with a linear blend between (Meta's reference implementation).
fn llama3(frequency: f32, scaling: &RopeScaling) -> f32 {
    let &RopeScaling::Llama3 {
        factor,
        low_freq_factor: low,
        high_freq_factor: high,
        original_context_tokens,
    } = scaling
    else {
        return frequency;
    };
    let [low, high] = [low, high].map(f64::from);
    let waves = original_context_tokens as f64 * f64::from(frequency) / (2.0 * PI);
    if waves > high {
        frequency
    } else if waves < low {
        frequency / factor
    } else {
        let kept = ((waves - low) / (high - low)) as f32;
        (1.0 - kept) * frequency / factor + kept * frequency
    }
}

/// What YaRN (arXiv:2309.00071) multiplies the frequency of `pair` by: 1 for pairs that turn more
/// than `beta_fast` times within the original context, 1 / factor below `beta_slow` turns.
fn yarn(pair: usize, rope: &Rope) -> f32 {
    let &RopeScaling::Yarn { factor, original_context_tokens, beta_fast, beta_slow, .. } =
        &rope.scaling
    else {
        return 1.0;
    };
    let dims = rope.dims as f64;
    let pair_of_turns = |turns: f32| {
        let wave = original_context_tokens as f64 / (f64::from(turns) * 2.0 * PI);
        dims * wave.ln() / (2.0 * f64::from(rope.base).ln())
    };
    let first = pair_of_turns(beta_fast).floor().max(0.0);
    let last = pair_of_turns(beta_slow).ceil().min(dims - 1.0);
    let stretched = ((pair as f64 - first) / (last - first).max(0.001)).clamp(0.0, 1.0);
    (stretched / f64::from(factor) + (1.0 - stretched)) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(scaling: RopeScaling, context_tokens: usize, expected: [f32; 4]) {
        let rope = Rope { base: 10000.0, dims: 8, scaling };
        let got = frequencies(&rope, context_tokens);
        assert_eq!(got.len(), 4);
        for (got, expected) in got.into_iter().zip(expected) {
            assert!((got / expected - 1.0).abs() < 3e-7, "{got} {expected} {rope:?}");
        }
    }

    #[test]
    fn plain_linear_and_listed_frequencies() {
        check(RopeScaling::None, 0, [1.0, 0.1, 0.01, 0.001]);
        check(RopeScaling::Linear { factor: 2.0 }, 0, [0.5, 0.05, 0.005, 0.0005]);
        let factors = RopeScaling::Factors(vec![1.0, 2.0, 4.0, 8.0]);
        check(factors, 0, [1.0, 0.05, 0.0025, 0.000125]);
    }

    #[test]
    fn llama3_keeps_fast_pairs_and_stretches_slow_ones() {
        let scaling = RopeScaling::Llama3 {
            factor: 8.0,
            low_freq_factor: 1.0,
            high_freq_factor: 4.0,
            original_context_tokens: 128,
        };
        // Waves within 128 tokens: 20.4 (kept), 2.04 (blend), 0.2 and 0.02 (divided by 8).
        let kept = (128.0 * 0.1 / (2.0 * PI) - 1.0) / 3.0;
        let blend = ((1.0 - kept) / 8.0 + kept) * 0.1;
        check(scaling, 0, [1.0, blend as f32, 0.00125, 0.000125]);
    }

    #[test]
    fn longrope_is_chosen_by_the_window_of_the_model() {
        let scaling = RopeScaling::LongRope {
            short: vec![1.0; 4],
            long: vec![2.0; 4],
            original_context_tokens: 100,
            attention_factor: 1.25,
        };
        assert_eq!(magnitude(&scaling), 1.25);
        check(scaling.clone(), 100, [1.0, 0.1, 0.01, 0.001]);
        check(scaling, 101, [0.5, 0.05, 0.005, 0.0005]);
    }

    #[test]
    fn yarn_keeps_fast_pairs_and_stretches_slow_ones() {
        let scaling = RopeScaling::Yarn {
            factor: 4.0,
            original_context_tokens: 64,
            beta_fast: 4.0,
            beta_slow: 1.0,
            attention_factor: 1.1,
        };
        assert_eq!(magnitude(&scaling), 1.1);
        // 4 turns in 64 tokens: pair 0.41, floor 0; one turn: pair 1.008, ceiling 2.
        let half = 0.1 * (0.5 / 4.0 + 0.5);
        check(scaling, 0, [1.0, half as f32, 0.0025, 0.00025]);
    }
}
