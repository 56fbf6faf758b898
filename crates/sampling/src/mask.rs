//! The set of tokens that a grammar allows at a step, and how it bounds the choice.
//!
//! A mask is no knob that `samplers` could move or drop: it goes before every stage, so that
//! penalties, cuts and the draw only ever see tokens that may stand here. In traces it is the
//! stage `grammar`. Without a mask nothing of this is run.

use crate::TokenId;
use crate::candidates::{Candidates, ChooseError};

/// The name under which traces show what the mask removed.
pub const STAGE_NAME: &str = "grammar";

const WORD_BITS: usize = u32::BITS as usize;

/// A set of token ids, as one bit for each id below a fixed size.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TokenMask {
    /// Id `i` is bit `i % 32` of word `i / 32`; bits from `size` on are 0.
    words: Vec<u32>,
    size: usize,
}

impl TokenMask {
    /// The empty set over the ids below `size`.
    pub fn none(size: usize) -> Self {
        Self { words: vec![0; size.div_ceil(WORD_BITS)], size }
    }

    /// The set of these ids; ids from `size` on are left out.
    pub fn from_ids(size: usize, ids: impl IntoIterator<Item = TokenId>) -> Self {
        let mut mask = Self::none(size);
        ids.into_iter().for_each(|id| mask.allow(id));
        mask
    }

    /// How many ids there are to allow or not: 0 to `size - 1`.
    pub fn size(&self) -> usize {
        self.size
    }

    /// Adds an id; one beyond the size is ignored.
    pub fn allow(&mut self, id: TokenId) {
        let id = id as usize;
        if id < self.size {
            self.words[id / WORD_BITS] |= 1 << (id % WORD_BITS);
        }
    }

    /// Takes an id out.
    pub fn forbid(&mut self, id: TokenId) {
        let id = id as usize;
        if id < self.size {
            self.words[id / WORD_BITS] &= !(1 << (id % WORD_BITS));
        }
    }

    /// Takes every id out.
    pub fn clear(&mut self) {
        self.words.fill(0);
    }

    /// Becomes the set whose bits are these words, id 0 the lowest bit of the first word. Words
    /// that are missing count as 0, bits beyond the size are ignored.
    pub fn copy_words(&mut self, words: &[u32]) {
        self.clear();
        let count = self.words.len().min(words.len());
        self.words[..count].copy_from_slice(&words[..count]);
        let used_bits = self.size % WORD_BITS;
        if let Some(last) = self.words.last_mut().filter(|_| used_bits > 0) {
            *last &= (1 << used_bits) - 1;
        }
    }

    /// Whether the id is in the set.
    pub fn contains(&self, id: TokenId) -> bool {
        let word = self.words.get(id as usize / WORD_BITS);
        word.is_some_and(|word| word >> (id as usize % WORD_BITS) & 1 == 1)
    }

    /// How many ids are in the set.
    pub fn count(&self) -> usize {
        self.words.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// Whether no id is in the set.
    pub fn is_empty(&self) -> bool {
        self.words.iter().all(|&word| word == 0)
    }

    /// The ids of the set, ascending.
    pub fn iter(&self) -> impl Iterator<Item = TokenId> + '_ {
        self.words.iter().enumerate().flat_map(|(index, &word)| {
            let rest = std::iter::successors(Some(word), |&rest| Some(rest & rest.wrapping_sub(1)));
            rest.take_while(|&rest| rest != 0)
                .map(move |rest| (index * WORD_BITS) as TokenId + rest.trailing_zeros())
        })
    }

    /// Removes the candidates that are not in the set.
    ///
    /// # Errors
    /// [`ChooseError::NothingAllowed`] when none is; the candidates are then as before.
    pub(crate) fn restrict(&self, candidates: &mut Candidates) -> Result<(), ChooseError> {
        if !candidates.ids().iter().any(|&id| self.contains(id)) {
            return Err(ChooseError::NothingAllowed { allowed_count: self.count() });
        }
        candidates.retain(|id, _| self.contains(id));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_allowed_forbidden_counted_and_listed() {
        let mut mask = TokenMask::from_ids(70, [69, 0, 31, 32, 70, 1000]);
        assert_eq!(mask.iter().collect::<Vec<_>>(), [0, 31, 32, 69]);
        assert_eq!((mask.count(), mask.is_empty()), (4, false));
        assert!(mask.contains(69) && !mask.contains(70) && !mask.contains(u32::MAX));
        mask.forbid(31);
        mask.forbid(1000);
        assert_eq!(mask.iter().collect::<Vec<_>>(), [0, 32, 69]);
        mask.clear();
        assert!(mask.is_empty());
        assert_eq!(TokenMask::none(0).iter().count(), 0);
    }

    #[test]
    fn copied_words_beyond_the_size_are_cut() {
        let mut mask = TokenMask::none(40);
        mask.copy_words(&[1, u32::MAX, u32::MAX]);
        assert_eq!(mask.iter().collect::<Vec<_>>(), [0, 32, 33, 34, 35, 36, 37, 38, 39]);
        mask.copy_words(&[2]);
        assert_eq!(mask.iter().collect::<Vec<_>>(), [1]);
        let mut even = TokenMask::none(64);
        even.copy_words(&[0, u32::MAX]);
        assert_eq!(even.count(), 32);
    }

    #[test]
    fn a_mask_that_leaves_nothing_is_an_error_and_changes_nothing() {
        let mut candidates = Candidates::new();
        candidates.load(&[1.0f32, f32::NEG_INFINITY, 2.0]).unwrap();
        let only_impossible = TokenMask::from_ids(3, [1]);
        let error = only_impossible.restrict(&mut candidates).unwrap_err();
        assert_eq!(error, ChooseError::NothingAllowed { allowed_count: 1 });
        assert_eq!(candidates.ids(), [0, 2]);
        TokenMask::from_ids(3, [0, 1]).restrict(&mut candidates).unwrap();
        assert_eq!((candidates.ids(), candidates.logits()), (&[0][..], &[1.0][..]));
    }
}
