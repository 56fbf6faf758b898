//! The tokens of DRY's sequence breakers.
//!
//! A breaker is a text, and a text may lie anywhere across tokens. As llama.cpp does, each token of
//! the vocabulary is asked: one that contains the text is a breaker by itself; one whose end begins
//! the text is the head of a breaker, and its tail is the rest of the text in tokens. A token
//! is asked as if it stood alone: where vocabularies put a blank before a text, without that blank.

use super::texts::Vocabulary;
use crate::TokenId;
use std::collections::HashMap;
use std::sync::Arc;

/// Most breakers of a request.
pub const DRY_BREAKERS_MAX: usize = 64;
/// Most bytes of a breaker: llama.cpp's.
pub const DRY_BREAKER_BYTES_MAX: usize = 40;
/// Tokens of a tail beyond this are left out: llama.cpp's bound.
const TAIL_TOKENS_MAX: usize = 20;

/// Heads of breakers with the tails that complete them. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct DryBreakers {
    tails_by_head: Arc<HashMap<TokenId, Vec<Vec<TokenId>>>>,
}

impl DryBreakers {
    /// Breakers that are known in tokens: the first is the head.
    pub fn from_tokens(breakers: &[&[TokenId]]) -> Self {
        let mut tails_by_head: HashMap<TokenId, Vec<Vec<TokenId>>> = HashMap::new();
        for (head, tail) in breakers.iter().filter_map(|breaker| breaker.split_first()) {
            tails_by_head.entry(*head).or_default().push(tail.to_vec());
        }
        Self { tails_by_head: Arc::new(tails_by_head) }
    }

    /// Looks texts up in a vocabulary; none may be empty.
    pub(super) fn from_texts(texts: &[String], vocabulary: &dyn Vocabulary) -> Self {
        let mut tails_by_head: HashMap<TokenId, Vec<Vec<TokenId>>> = HashMap::new();
        let blanks_dropped = vocabulary.leading_blanks_dropped();
        let size = if texts.is_empty() { 0 } else { vocabulary.size() };
        for id in 0..size as TokenId {
            let piece = standing_alone(vocabulary.piece(id), blanks_dropped);
            for text in texts.iter().map(String::as_bytes) {
                if piece.contains(&text[0]) {
                    add_tails(id, piece, text, vocabulary, &mut tails_by_head);
                }
            }
        }
        Self { tails_by_head: Arc::new(tails_by_head) }
    }

    /// The tails of the breakers that begin with this token.
    pub fn tails(&self, head: TokenId) -> impl Iterator<Item = &[TokenId]> + '_ {
        self.tails_by_head.get(&head).into_iter().flatten().map(Vec::as_slice)
    }

    /// Whether the token is a breaker by itself.
    pub fn is_breaker(&self, id: TokenId) -> bool {
        self.tails(id).any(<[TokenId]>::is_empty)
    }
}

/// Adds what a token is to a text of which its piece holds the first byte.
fn add_tails(
    id: TokenId,
    piece: &[u8],
    text: &[u8],
    vocabulary: &dyn Vocabulary,
    tails_by_head: &mut HashMap<TokenId, Vec<Vec<TokenId>>>,
) {
    if piece.windows(text.len()).any(|window| window == text) {
        tails_by_head.entry(id).or_default().push(Vec::new());
        return;
    }
    // The text does not fit into the piece, so what remains of it is never empty.
    for start in (0..piece.len()).filter(|&start| text.starts_with(&piece[start..])) {
        let rest = String::from_utf8_lossy(&text[piece.len() - start..]);
        let mut tail = vocabulary.encode(&rest);
        tail.truncate(TAIL_TOKENS_MAX);
        let tails = tails_by_head.entry(id).or_default();
        if !tails.contains(&tail) {
            tails.push(tail);
        }
    }
}

fn standing_alone(piece: &[u8], blanks_dropped: usize) -> &[u8] {
    let blanks = piece.iter().take(blanks_dropped).take_while(|&&byte| byte == b' ').count();
    &piece[blanks..]
}
