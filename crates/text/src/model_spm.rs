//! SentencePiece's pair merging: the pair that forms the token with the best score joins first.
//!
//! Used for GGUF vocabularies of kind `llama`, which carry scores and no merges. The text comes
//! with blanks already written as `▁`. Source of the rule: Kudo and Richardson, "SentencePiece"
//! (2018), and its BPE model, in which equal scores join from the left.

use crate::merge::Merger;
use crate::vocab::{TokenKind, Vocab};
use crate::{TokenId, VocabError};

/// Scores of one vocabulary.
pub(crate) struct Spm {
    /// Rank of each token: 0 for the best score; equal scores share a rank.
    ranks: Vec<u32>,
    byte_ids: Box<[Option<TokenId>; 256]>,
    unk: Option<TokenId>,
}

impl Spm {
    /// `scores` has one entry for each token.
    pub(crate) fn new(
        vocab: &Vocab,
        scores: &[f32],
        unk: Option<TokenId>,
    ) -> Result<Self, VocabError> {
        if scores.len() != vocab.len() {
            let (what, given, tokens) = ("the list of scores", scores.len(), vocab.len());
            return Err(VocabError::LengthMismatch { what, given, tokens });
        }
        if let Some(id) = scores.iter().position(|score| score.is_nan()) {
            let reason = format!("the score of token {id} is not a number");
            return Err(VocabError::Invalid { what: "the list of scores", reason });
        }
        let mut by_score: Vec<TokenId> = (0..vocab.len() as TokenId).collect();
        let score = |id: &TokenId| scores[*id as usize];
        by_score.sort_by(|a, b| score(b).total_cmp(&score(a)));
        let mut ranks = vec![0; vocab.len()];
        let mut rank = 0;
        for (place, id) in by_score.iter().enumerate() {
            if place > 0 && score(id) != score(&by_score[place - 1]) {
                rank = place as u32;
            }
            ranks[*id as usize] = rank;
        }
        Ok(Self { ranks, byte_ids: vocab.byte_ids(), unk })
    }

    /// Appends the ids of a text.
    pub(crate) fn encode_text(
        &self,
        vocab: &Vocab,
        text: &str,
        merger: &mut Merger,
        out: &mut Vec<TokenId>,
    ) {
        // Byte and control tokens are written by their meaning, never matched by their text.
        let find = |start: usize, end: usize| {
            let id = vocab.plain_id(&text[start..end])?;
            (vocab.kind(id) != Some(TokenKind::Byte)).then_some(id)
        };
        merger.clear();
        for (start, character) in text.char_indices() {
            let end = start + character.len_utf8();
            merger.push(start, end, find(start, end));
        }
        merger.join_all(|left, right| {
            let id = find(left.start(), right.end())?;
            Some((self.ranks[id as usize], id))
        });
        for symbol in merger.joined() {
            match symbol.id {
                Some(id) => out.push(id),
                None => self.push_bytes(&text.as_bytes()[symbol.start()..symbol.end()], out),
            }
        }
    }

    /// Byte tokens for a character outside the vocabulary, the unknown token where one is missing.
    fn push_bytes(&self, bytes: &[u8], out: &mut Vec<TokenId>) {
        let ids: Option<Vec<_>> =
            bytes.iter().map(|byte| self.byte_ids[usize::from(*byte)]).collect();
        match ids {
            Some(ids) => out.extend(ids),
            None => out.extend(self.unk),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_score_joins_first_and_unknown_text_becomes_bytes() {
        let texts = ["<unk>", "<0xC3>", "<0xA9>", "a", "b", "c", "ab", "bc", "abc"];
        let mut kinds = vec![TokenKind::Normal; texts.len()];
        kinds[0] = TokenKind::Unknown;
        (kinds[1], kinds[2]) = (TokenKind::Byte, TokenKind::Byte);
        let vocab = Vocab::new(&texts, kinds).unwrap();
        let scores = [0.0, 0.0, 0.0, -5.0, -6.0, -7.0, -2.0, -1.0, -9.0];
        let spm = Spm::new(&vocab, &scores, Some(0)).unwrap();
        let encode = |text: &str| {
            let mut out = Vec::new();
            spm.encode_text(&vocab, text, &mut Merger::default(), &mut out);
            out
        };
        assert_eq!(encode("abc"), [8]);
        assert_eq!(encode("bcb"), [7, 4]);
        assert_eq!(encode("aé"), [3, 1, 2]);
        assert_eq!(encode("è<0xA9>"), [0, 0, 0, 0, 0, 0, 0]);
    }

    #[test]
    fn scores_must_fit_the_tokens() {
        let vocab = Vocab::new(&["a"], vec![TokenKind::Normal]).unwrap();
        assert!(matches!(Spm::new(&vocab, &[], None), Err(VocabError::LengthMismatch { .. })));
        assert!(matches!(Spm::new(&vocab, &[f32::NAN], None), Err(VocabError::Invalid { .. })));
    }
}
