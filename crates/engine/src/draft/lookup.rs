//! Drafts without a model: what followed the last few tokens when they stood there before.
//!
//! Saxena, "Prompt lookup decoding" (2023): text that quotes its prompt, code and lists repeat runs
//! of tokens. The longest run of 4, 3 or 2 tokens at the end of the text that occurred earlier is
//! found, and what followed it, the last time, is the draft.
//!
//! The index is a table of places by the hash of a run; the newest place wins, and a place counts
//! only if the run really stands there. So it costs three writes per token and has a fixed bound.

use model::TokenId;
use std::ops::RangeInclusive;

/// Lengths of the runs that are looked for.
const RUN_TOKENS: RangeInclusive<usize> = 2..=4;

/// Slots of the smallest table.
const SLOTS_MIN: usize = 256;

/// Slots of the largest table: 256 KiB per sequence. Beyond about 20 thousand tokens older places
/// are overwritten by newer ones.
const SLOTS_MAX: usize = 1 << 16;

/// Where the runs of one growing text are.
#[derive(Debug, Default)]
pub(crate) struct LookupIndex {
    /// For the hash of a run, the index of the token after it; 0 where none is known.
    slots: Vec<u32>,
    /// Tokens that are in the table as followers of runs, counted from the first.
    indexed_count: usize,
}

impl LookupIndex {
    /// The tokens that may follow `tokens`, at most `count_max`; often none.
    ///
    /// `tokens` must begin with what it began with at the last call.
    pub fn draft(&mut self, tokens: &[TokenId], count_max: usize) -> Vec<TokenId> {
        self.catch_up(tokens);
        let Some(follower) = self.follower(tokens) else { return Vec::new() };
        // Where the text repeats itself without a gap, the draft goes on into itself.
        let mut draft: Vec<TokenId> = Vec::with_capacity(count_max);
        for place in follower..follower + count_max {
            let token = match tokens.get(place) {
                Some(&token) => token,
                None => draft[place - tokens.len()],
            };
            draft.push(token);
        }
        draft
    }

    /// The index of the token that followed the longest known run at the end of `tokens`.
    fn follower(&self, tokens: &[TokenId]) -> Option<usize> {
        RUN_TOKENS.rev().filter(|&count| count < tokens.len()).find_map(|count| {
            let run = &tokens[tokens.len() - count..];
            let follower = self.slots[self.slot(run)] as usize;
            (follower >= count && tokens[follower - count..follower] == *run).then_some(follower)
        })
    }

    fn catch_up(&mut self, tokens: &[TokenId]) {
        let wanted = (tokens.len() * RUN_TOKENS.count()).next_power_of_two();
        let wanted = wanted.clamp(SLOTS_MIN, SLOTS_MAX);
        if wanted > self.slots.len() {
            // Doubling makes this one write per token and run length on average.
            self.slots = vec![0; wanted];
            self.indexed_count = 0;
        }
        for follower in self.indexed_count..tokens.len() {
            for count in RUN_TOKENS.filter(|&count| count <= follower) {
                let slot = self.slot(&tokens[follower - count..follower]);
                self.slots[slot] = u32::try_from(follower).expect("a context has 32-bit positions");
            }
        }
        self.indexed_count = tokens.len();
    }

    /// FNV-1a over the run, 32 bits at a time. Only finds: runs are compared.
    fn slot(&self, run: &[TokenId]) -> usize {
        let hash = run.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, &token| {
            let hash = (hash ^ u64::from(token)).wrapping_mul(0x0000_0100_0000_01b3);
            hash ^ (hash >> 29)
        });
        hash as usize & (self.slots.len() - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn draft(tokens: &[TokenId], count_max: usize) -> Vec<TokenId> {
        LookupIndex::default().draft(tokens, count_max)
    }

    #[test]
    fn what_followed_last_time_is_the_draft() {
        assert_eq!(draft(&[1, 2, 3, 4, 9, 1, 2], 3), [3, 4, 9]);
        assert_eq!(draft(&[1, 2, 3, 9, 1, 2, 4, 9, 1, 2], 1), [4], "the newer place");
        assert_eq!(draft(&[7, 1, 2, 5, 8, 1, 2, 6, 7, 1, 2], 1), [5], "the longer run");
        for nothing_again in [&[1, 2, 3, 4, 5][..], &[1], &[]] {
            assert!(draft(nothing_again, 3).is_empty());
        }
    }

    #[test]
    fn a_period_goes_on_as_long_as_wanted() {
        assert_eq!(draft(&[1, 2, 3, 1, 2, 3, 1, 2], 7), [3, 1, 2, 3, 1, 2, 3]);
        assert_eq!(draft(&[5, 5, 5], 4), [5, 5, 5, 5]);
    }

    #[test]
    fn the_table_has_a_bound_and_keeps_what_is_new() {
        let mut index = LookupIndex::default();
        let mut tokens: Vec<TokenId> = (0..100_000).collect();
        tokens.extend(99_990..99_995);
        assert_eq!(index.draft(&tokens, 3), [99_995, 99_996, 99_997]);
        assert_eq!(index.slots.len(), SLOTS_MAX);
    }

    proptest! {
        /// A text that grows bit by bit over few tokens, so that it repeats itself a lot.
        #[test]
        fn a_draft_is_what_followed_the_newest_place_of_a_run(
            tokens in prop::collection::vec(0u32..4, 0..200),
            cuts in prop::collection::vec(1usize..20, 1..40),
        ) {
            let mut index = LookupIndex::default();
            let mut end = 0;
            for cut in cuts {
                end = (end + cut).min(tokens.len());
                let text = &tokens[..end];
                let draft = index.draft(text, 3);
                prop_assert_eq!(draft.is_empty(), index.follower(text).is_none());
                let Some(place) = index.follower(text) else { continue };
                let newest = |count: usize| {
                    (count..end).rev().find(|&at| text[at - count..at] == text[end - count..])
                };
                let mut counts = RUN_TOKENS.filter(|&count| count < end);
                prop_assert!(counts.any(|count| newest(count) == Some(place)));
                prop_assert_eq!((draft.len(), draft[0]), (3, text[place]));
            }
        }
    }
}
