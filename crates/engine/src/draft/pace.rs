//! How much to draft for one sequence: more while drafts are right, nothing for a while after they
//! were wrong.
//!
//! A refused draft costs rows that nobody needed, an accepted one saves a forward pass. There is no
//! clock in this room, so the length follows what was accepted and nothing else. It never changes
//! the tokens.

/// Length of the first draft, in tokens.
const FIRST_TOKENS: usize = 4;

/// Wrong drafts in a row after which drafting pauses.
const MISSES_MAX: u32 = 2;

/// Longest pause, in steps: then a single token is tried again.
const PAUSE_STEPS_MAX: usize = 64;

/// The draft length of one sequence, as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pace {
    length_max: usize,
    length: usize,
    /// Drafts in a row of which nothing was accepted.
    miss_count: u32,
    /// Steps until the next draft.
    pause_steps: usize,
}

impl Pace {
    /// A sequence of which nothing is known yet; its drafts have at most `length_max` tokens.
    pub fn new(length_max: usize) -> Self {
        Pace { length_max, length: FIRST_TOKENS.min(length_max), miss_count: 0, pause_steps: 0 }
    }

    /// How many tokens to draft in this step, at most; called once per step.
    pub fn next_length(&mut self) -> usize {
        if self.pause_steps > 0 {
            self.pause_steps -= 1;
            return 0;
        }
        self.length
    }

    /// Learns that `accepted` of `offered` tokens were right; `offered` is at least 1.
    pub fn learn(&mut self, offered: usize, accepted: usize) {
        if accepted == offered {
            self.length = (2 * self.length.max(offered)).min(self.length_max);
        } else {
            self.length = (accepted + 1).max(self.length / 2).min(self.length_max);
        }
        self.miss_count = if accepted == 0 { self.miss_count.saturating_add(1) } else { 0 };
        if self.miss_count >= MISSES_MAX {
            self.pause_steps = (1 << self.miss_count.min(16)).min(PAUSE_STEPS_MAX);
        }
    }

    /// Drafts nothing for the longest time: there is no memory for it.
    pub fn pause(&mut self) {
        self.pause_steps = PAUSE_STEPS_MAX;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn right_drafts_grow_to_the_maximum() {
        let mut pace = Pace::new(10);
        let lengths: Vec<usize> = (0..4)
            .map(|_| {
                let length = pace.next_length();
                pace.learn(length, length);
                length
            })
            .collect();
        assert_eq!(lengths, [4, 8, 10, 10]);
    }

    #[test]
    fn a_refused_end_shortens_and_a_short_offer_does_not() {
        let mut pace = Pace::new(16);
        pace.learn(4, 4);
        pace.learn(2, 2);
        assert_eq!(pace.next_length(), 16, "the text ended there, and what was offered was right");
        pace.learn(16, 2);
        assert_eq!(pace.next_length(), 8);
        pace.learn(8, 5);
        assert_eq!(pace.next_length(), 6);
    }

    #[test]
    fn wrong_drafts_become_rare_and_a_right_one_brings_them_back() {
        let mut pace = Pace::new(16);
        let mut drafted = 0;
        for _ in 0..1000 {
            let length = pace.next_length();
            drafted += length;
            if length > 0 {
                pace.learn(length, 0);
            }
        }
        assert!((15..30).contains(&drafted), "{drafted} tokens for nothing in 1000 steps");
        let length = std::iter::repeat_with(|| pace.next_length()).find(|&length| length > 0);
        assert_eq!(length, Some(1));
        pace.learn(1, 1);
        assert_eq!(pace.next_length(), 2);
    }

    #[test]
    fn a_maximum_of_zero_drafts_nothing() {
        assert_eq!(Pace::new(0).next_length(), 0);
    }
}
