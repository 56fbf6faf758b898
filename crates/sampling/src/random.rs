//! Random numbers by counter: a pure function of (seed, choice index, step), with no state.
//!
//! Philox4x32-10 (Salmon, Moraes, Dror, Shaw: "Parallel random numbers: as easy as 1, 2, 3",
//! SC 2011), held to the known-answer vectors published with it in Random123. Because there is no
//! state to advance, a step draws the same number whatever happened around it: other sequences in
//! the batch, a preemption, a rejected draft, a resumed run.

/// What a random number is for; different purposes of one step never share a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// The one draw that picks the token.
    Draw,
    /// A chance taken by a stage (whether it acts in this step).
    Stage,
}

/// A number in [0, 1), a multiple of 2^-53.
///
/// Key: the seed. Counter: step (two words), choice index, purpose.
pub fn uniform(seed: u64, choice_index: u32, step: u64, purpose: Purpose) -> f64 {
    let purpose_word = match purpose {
        Purpose::Draw => 0,
        Purpose::Stage => 1,
    };
    let counter = [step as u32, (step >> 32) as u32, choice_index, purpose_word];
    let words = philox4x32_10(counter, [seed as u32, (seed >> 32) as u32]);
    let bits = u64::from(words[1]) << 32 | u64::from(words[0]);
    (bits >> 11) as f64 * (1.0 / 9_007_199_254_740_992.0)
}

const MULTIPLIERS: [u64; 2] = [0xD251_1F53, 0xCD9E_8D57];
/// The key grows by these after each round (golden ratio and sqrt 3 - 1, as fractions of 2^32).
const WEYL: [u32; 2] = [0x9E37_79B9, 0xBB67_AE85];

/// Ten Philox rounds over a counter of four words with a key of two.
pub fn philox4x32_10(mut counter: [u32; 4], mut key: [u32; 2]) -> [u32; 4] {
    for _ in 0..10 {
        let first = MULTIPLIERS[0] * u64::from(counter[0]);
        let second = MULTIPLIERS[1] * u64::from(counter[2]);
        counter = [
            (second >> 32) as u32 ^ counter[1] ^ key[0],
            second as u32,
            (first >> 32) as u32 ^ counter[3] ^ key[1],
            first as u32,
        ];
        key = [key[0].wrapping_add(WEYL[0]), key[1].wrapping_add(WEYL[1])];
    }
    counter
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The three vectors for `philox4x32 10` in Random123's kat_vectors file.
    #[test]
    fn known_answers() {
        let cases = [
            ([0; 4], [0; 2], [0x6627_E8D5, 0xE169_C58D, 0xBC57_AC4C, 0x9B00_DBD8]),
            ([u32::MAX; 4], [u32::MAX; 2], [0x408F_276D, 0x41C8_3B0E, 0xA20B_C7C6, 0x6D54_51FD]),
            (
                [0x243F_6A88, 0x85A3_08D3, 0x1319_8A2E, 0x0370_7344],
                [0xA409_3822, 0x299F_31D0],
                [0xD16C_FE09, 0x94FD_CCEB, 0x5001_E420, 0x2412_6EA1],
            ),
        ];
        for (counter, key, expected) in cases {
            assert_eq!(philox4x32_10(counter, key), expected);
        }
    }

    /// These numbers are part of the contract: changing them changes every seeded text.
    #[test]
    fn uniform_is_pinned() {
        let zero = (0xE169_C58D_u64 << 32 | 0x6627_E8D5) >> 11;
        assert_eq!(uniform(0, 0, 0, Purpose::Draw), zero as f64 / 2f64.powi(53));
        let draws = [
            uniform(42, 0, 0, Purpose::Draw),
            uniform(42, 0, 1, Purpose::Draw),
            uniform(42, 1, 0, Purpose::Draw),
            uniform(42, 0, 0, Purpose::Stage),
            uniform(42, 0, 1 << 32, Purpose::Draw),
            uniform(42 << 32, 0, 0, Purpose::Draw),
        ];
        for (index, draw) in draws.iter().enumerate() {
            assert!((0.0..1.0).contains(draw));
            assert!(!draws[..index].contains(draw), "draws {draws:?} repeat");
        }
    }

    #[test]
    fn draws_are_evenly_spread() {
        let mut buckets = [0u32; 10];
        for step in 0..100_000 {
            buckets[(uniform(7, 0, step, Purpose::Draw) * 10.0) as usize] += 1;
        }
        assert!(buckets.iter().all(|&count| (9_600..10_400).contains(&count)), "{buckets:?}");
    }
}
