//! Byte-pair encoding: characters join by the rank of their pair in a list of merges.
//!
//! Works on the text the pre-tokenizer produced, one word at a time: GPT-2's byte alphabet for
//! byte-level vocabularies, text with `▁` for blanks where SentencePiece was converted to merges.

use ahash::AHashMap;

use crate::limits::MERGES_MAX;
use crate::merge::Merger;
use crate::vocab::{Vocab, check_size};
use crate::{TokenId, VocabError};

/// Rules of one vocabulary.
pub(crate) struct Bpe {
    /// (left id, right id) -> (rank, id of the joined token).
    merges: AHashMap<(TokenId, TokenId), (u32, TokenId)>,
    options: BpeOptions,
    /// Ids of `<0x00>` to `<0xFF>`, for characters outside the vocabulary.
    byte_ids: Option<Box<[Option<TokenId>; 256]>>,
}

/// What differs between byte-pair vocabularies.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct BpeOptions {
    /// A word that is itself a token becomes that token, whatever the merges say (Llama 3).
    pub ignore_merges: bool,
    /// Unknown characters become byte tokens.
    pub byte_fallback: bool,
    /// Unknown characters become this token.
    pub unk: Option<TokenId>,
    /// A run of unknown characters becomes one unknown token.
    pub fuse_unk: bool,
}

impl Bpe {
    /// `merges` yields the two halves of each rule, the most important first.
    pub(crate) fn new<'m>(
        vocab: &Vocab,
        merges: impl ExactSizeIterator<Item = (&'m str, &'m str)>,
        options: BpeOptions,
    ) -> Result<Self, VocabError> {
        check_size("the number of merges", merges.len(), MERGES_MAX)?;
        let mut by_pair = AHashMap::with_capacity(merges.len());
        let mut joined_text = String::new();
        for (index, (left, right)) in merges.enumerate() {
            joined_text.clear();
            joined_text.push_str(left);
            joined_text.push_str(right);
            let find = |text: &str| {
                vocab.id(text).ok_or_else(|| VocabError::BadMerge {
                    index,
                    merge: format!("{left} {right}"),
                    reason: format!("{text:?} is not in the vocabulary"),
                })
            };
            let pair = (find(left)?, find(right)?);
            by_pair.entry(pair).or_insert((index as u32, find(&joined_text)?));
        }
        let byte_ids = options.byte_fallback.then(|| vocab.byte_ids());
        Ok(Self { merges: by_pair, options, byte_ids })
    }

    /// Appends the ids of one word.
    pub(crate) fn encode_word(
        &self,
        vocab: &Vocab,
        word: &str,
        merger: &mut Merger,
        out: &mut Vec<TokenId>,
    ) {
        if self.options.ignore_merges
            && let Some(id) = vocab.plain_id(word)
        {
            out.push(id);
            return;
        }
        merger.clear();
        self.push_symbols(vocab, word, merger);
        merger.join_all(|left, right| {
            let pair = (left.id?, right.id?);
            self.merges.get(&pair).copied()
        });
        out.extend(merger.joined().filter_map(|symbol| symbol.id));
    }

    /// One symbol for each character; an unknown one becomes bytes, or the unknown token, or is
    /// dropped where the vocabulary has neither (as the reference does).
    fn push_symbols(&self, vocab: &Vocab, word: &str, merger: &mut Merger) {
        let mut last_was_unk = false;
        for (start, character) in word.char_indices() {
            let end = start + character.len_utf8();
            let known = vocab.plain_id(&word[start..end]);
            if known.is_some() {
                merger.push(start, end, known);
                last_was_unk = false;
            } else if let Some(ids) = self.byte_ids_of(&word.as_bytes()[start..end]) {
                for (offset, id) in ids.into_iter().enumerate() {
                    merger.push(start + offset, start + offset + 1, Some(id));
                }
                last_was_unk = false;
            } else if let Some(unk) = self.options.unk {
                if !(last_was_unk && self.options.fuse_unk) {
                    merger.push(start, end, Some(unk));
                }
                last_was_unk = true;
            }
        }
    }

    /// Byte tokens for one character, if the vocabulary has all of them.
    fn byte_ids_of(&self, bytes: &[u8]) -> Option<Vec<TokenId>> {
        let byte_ids = self.byte_ids.as_ref()?;
        bytes.iter().map(|byte| byte_ids[usize::from(*byte)]).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vocab::TokenKind;

    fn vocab() -> Vocab {
        let texts = ["<unk>", "a", "b", "ab", "abab", "ba"];
        let mut kinds = vec![TokenKind::Normal; texts.len()];
        kinds[0] = TokenKind::Unknown;
        Vocab::new(&texts, kinds).unwrap()
    }

    fn encode(word: &str, options: BpeOptions) -> Vec<TokenId> {
        let vocab = vocab();
        let bpe = Bpe::new(&vocab, [("a", "b"), ("b", "a")].into_iter(), options).unwrap();
        let mut out = Vec::new();
        bpe.encode_word(&vocab, word, &mut Merger::default(), &mut out);
        out
    }

    #[test]
    fn merges_join_in_their_order() {
        assert_eq!(encode("abab", BpeOptions::default()), [3, 3]);
        assert_eq!(encode("bab", BpeOptions::default()), [2, 3]);
        let ignore_merges = BpeOptions { ignore_merges: true, ..Default::default() };
        assert_eq!(encode("abab", ignore_merges), [4]);
    }

    #[test]
    fn unknown_characters_follow_the_options() {
        assert_eq!(encode("aéèb", BpeOptions::default()), [3]);
        let unk = BpeOptions { unk: Some(0), ..Default::default() };
        assert_eq!(encode("aéèb", unk), [1, 0, 0, 2]);
        assert_eq!(encode("aéèb", BpeOptions { fuse_unk: true, ..unk }), [1, 0, 2]);
    }

    #[test]
    fn a_merge_of_unknown_tokens_is_refused() {
        let result = Bpe::new(&vocab(), [("a", "x")].into_iter(), BpeOptions::default());
        assert!(matches!(result, Err(VocabError::BadMerge { index: 0, .. })));
    }
}
