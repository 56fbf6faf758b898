//! The tokens of a model as grammars see them: byte strings in a trie.

use crate::error::GrammarError;
use llguidance::ParserFactory;
use llguidance::earley::SlicedBiasComputer;
use llguidance::toktrie::{
    INVALID_TOKEN, InferenceCapabilities, TokEnv, TokRxInfo, TokTrie, TokenId, TokenizerEnv,
};
use std::sync::Arc;
use text::Tokenizer;

/// Tokens longer than this stay out of the trie, whose nodes count at most 1024 ancestors.
const TOKEN_BYTES_MAX: usize = 1000;

/// A model's vocabulary, made once per model and shared by all its grammars.
///
/// Special tokens are no text, so no grammar ever allows one; what ends a text is allowed by the
/// caller where [`Matcher::is_accepting`](crate::Matcher::is_accepting) says so.
pub struct GrammarVocabulary {
    pub(crate) factory: ParserFactory,
    /// Whether each byte that UTF-8 uses has a token of its own, so that no closing has more
    /// tokens than bytes.
    pub(crate) spells_every_byte: bool,
}

struct Environment(TokTrie);

impl TokenizerEnv for Environment {
    fn tok_trie(&self) -> &TokTrie {
        &self.0
    }

    fn tokenize_bytes(&self, bytes: &[u8]) -> Vec<TokenId> {
        self.0.greedy_tokenize(bytes)
    }

    // Any way to spell an allowed text is allowed: the model chooses, and no text is forced.
    fn tokenize_is_canonical(&self) -> bool {
        false
    }
}

impl GrammarVocabulary {
    /// Reads the pieces of a tokenizer. Costs some tens of milliseconds for 100 thousand tokens.
    pub fn new(tokenizer: &Tokenizer) -> Result<Self, GrammarError> {
        let pieces = (0..tokenizer.vocab_size() as TokenId).map(|id| {
            let piece = tokenizer.piece_bytes(id).unwrap_or_default();
            let is_text = !tokenizer.is_special(id) && !tokenizer.end_ids().contains(&id);
            if is_text { piece.to_vec() } else { Vec::new() }
        });
        Self::from_pieces(pieces.collect())
    }

    /// A vocabulary of these byte strings, by id; an empty one is never allowed.
    pub fn from_pieces(mut pieces: Vec<Vec<u8>>) -> Result<Self, GrammarError> {
        for piece in &mut pieces {
            if piece.len() > TOKEN_BYTES_MAX {
                piece.clear();
            }
        }
        let vocab_size = pieces.len();
        let info = TokRxInfo::new(vocab_size as u32, INVALID_TOKEN);
        let made = std::panic::catch_unwind(|| {
            let trie = TokTrie::from(&info, &pieces);
            let used_by_utf8 = |byte: &u8| !matches!(byte, 0xC0 | 0xC1 | 0xF5..);
            let spells_every_byte = (0..=u8::MAX)
                .filter(used_by_utf8)
                .all(|byte| trie.token_id_at_bytes(&[byte]).is_some());
            let environment: TokEnv = Arc::new(Environment(trie));
            let slices = SlicedBiasComputer::general_slices();
            let caps = InferenceCapabilities::default();
            let mut factory = ParserFactory::new(&environment, caps, &slices)?;
            factory.quiet();
            Ok::<_, Box<dyn std::error::Error + Send + Sync>>((factory, spells_every_byte))
        });
        match made {
            Ok(Ok((factory, spells_every_byte))) => Ok(Self { factory, spells_every_byte }),
            _ => Err(GrammarError::Unspeakable { vocab_size }),
        }
    }

    /// Number of ids.
    pub fn size(&self) -> usize {
        self.trie().vocab_size()
    }

    pub(crate) fn trie(&self) -> &TokTrie {
        self.factory.tok_env().tok_trie()
    }
}

impl std::fmt::Debug for GrammarVocabulary {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("GrammarVocabulary").field("size", &self.size()).finish_non_exhaustive()
    }
}
