//! The tokenizer, as far as parameters with texts in them ask for it.

use model::TokenId;
use sampling::params::Vocabulary;
use text::{EncodeOptions, Tokenizer};

/// A tokenizer that looks up the texts of a request.
#[derive(Debug, Clone, Copy)]
pub struct TokenizerVocabulary<'a>(pub &'a Tokenizer);

impl Vocabulary for TokenizerVocabulary<'_> {
    fn encode(&self, text: &str) -> Vec<TokenId> {
        // No text of a parameter is too long; one that the vocabulary cannot spell has no tokens.
        self.0.encode(text, EncodeOptions::default()).unwrap_or_default()
    }

    fn piece(&self, id: TokenId) -> &[u8] {
        self.0.piece_bytes(id).unwrap_or_default()
    }

    fn leading_blanks_dropped(&self) -> usize {
        self.0.leading_blanks_dropped()
    }

    fn size(&self) -> usize {
        self.0.vocab_size()
    }
}
