//! The list of tokens and the way back from text to id.
//!
//! Token texts lie one behind the other in a single text, and the index holds ids only: together
//! a few megabytes for 128 000 tokens, which stay in the processor's cache while hundreds of
//! thousands of merges are looked up. (One allocation for each token took twice as long.)

use ahash::RandomState;
use hashbrown::HashTable;

use crate::limits::{TOKEN_BYTES_MAX, VOCAB_BYTES_MAX, VOCAB_TOKENS_MAX};
use crate::{TokenId, VocabError};

/// What a token is for; the numbers are those of `tokenizer.ggml.token_type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TokenKind {
    /// An ordinary piece of text.
    Normal,
    /// What unknown text becomes.
    Unknown,
    /// Structure, never text: begin, end, roles.
    Control,
    /// Added by the model's makers and always matched whole.
    UserDefined,
    /// In the list, but never produced.
    Unused,
    /// One byte, written `<0x0A>`.
    Byte,
    /// An id without a token.
    Hole,
}

impl TokenKind {
    /// Control and unknown tokens: user text may not produce them and readers usually skip them.
    pub(crate) fn is_special(self) -> bool {
        matches!(self, Self::Control | Self::Unknown)
    }
}

/// Tokens by id, and ids by text.
pub(crate) struct Vocab {
    texts: Texts,
    kinds: Vec<TokenKind>,
    ids_by_text: HashTable<TokenId>,
    hasher: RandomState,
}

impl Vocab {
    /// Takes the tokens in the order of their ids. Where a text occurs twice the lower id is found.
    pub(crate) fn new<S: AsRef<str>>(
        texts: &[S],
        kinds: Vec<TokenKind>,
    ) -> Result<Self, VocabError> {
        assert_eq!(texts.len(), kinds.len(), "callers give one kind for each text");
        let texts = Texts::new(texts)?;
        let hasher = RandomState::new();
        let mut ids_by_text = HashTable::with_capacity(kinds.len());
        for (id, kind) in (0..).zip(&kinds) {
            if *kind == TokenKind::Hole {
                continue;
            }
            let text = texts.get(id);
            let known = |other: &TokenId| texts.get(*other) == text;
            let hash_of = |other: &TokenId| hasher.hash_one(texts.get(*other));
            ids_by_text.entry(hasher.hash_one(text), known, hash_of).or_insert(id);
        }
        Ok(Self { texts, kinds, ids_by_text, hasher })
    }

    /// Number of ids, holes included.
    pub(crate) fn len(&self) -> usize {
        self.kinds.len()
    }

    /// The id of a token by its exact text.
    pub(crate) fn id(&self, text: &str) -> Option<TokenId> {
        let hash = self.hasher.hash_one(text);
        self.ids_by_text.find(hash, |id| self.texts.get(*id) == text).copied()
    }

    /// Like [`Vocab::id`], for tokens that plain text may become.
    pub(crate) fn plain_id(&self, text: &str) -> Option<TokenId> {
        self.id(text).filter(|id| !self.kinds[*id as usize].is_special())
    }

    /// The text of a token; empty for a hole.
    pub(crate) fn text(&self, id: TokenId) -> Option<&str> {
        ((id as usize) < self.len()).then(|| self.texts.get(id))
    }

    /// What a token is for.
    pub(crate) fn kind(&self, id: TokenId) -> Option<TokenKind> {
        self.kinds.get(id as usize).copied()
    }

    /// Ids of the byte tokens `<0x00>` to `<0xFF>`.
    pub(crate) fn byte_ids(&self) -> Box<[Option<TokenId>; 256]> {
        let mut ids = Box::new([None; 256]);
        for (byte, id) in ids.iter_mut().enumerate() {
            *id = self.id(&format!("<0x{byte:02X}>"));
        }
        ids
    }
}

/// The texts of all tokens in one piece of memory.
struct Texts {
    joined: String,
    /// Text `i` lies at `ends[i - 1]..ends[i]`.
    ends: Vec<u32>,
}

impl Texts {
    fn new<S: AsRef<str>>(texts: &[S]) -> Result<Self, VocabError> {
        check_size("the number of tokens", texts.len(), VOCAB_TOKENS_MAX)?;
        if texts.is_empty() {
            return Err(VocabError::Missing("the list of tokens"));
        }
        for text in texts {
            check_size("the length of a token in bytes", text.as_ref().len(), TOKEN_BYTES_MAX)?;
        }
        let total = texts.iter().map(|text| text.as_ref().len()).sum();
        check_size("the length of all tokens in bytes", total, VOCAB_BYTES_MAX)?;
        let mut joined = String::with_capacity(total);
        let mut ends = Vec::with_capacity(texts.len());
        for text in texts {
            joined.push_str(text.as_ref());
            ends.push(joined.len() as u32);
        }
        Ok(Self { joined, ends })
    }

    /// The text of an id below the length.
    fn get(&self, id: TokenId) -> &str {
        let index = id as usize;
        let start = if index == 0 { 0 } else { self.ends[index - 1] };
        &self.joined[start as usize..self.ends[index] as usize]
    }
}

/// The byte a byte token stands for: `<0x0A>` is 10.
pub(crate) fn byte_token_value(text: &str) -> Option<u8> {
    let digits = text.strip_prefix("<0x")?.strip_suffix('>')?;
    let all_hex = digits.len() == 2 && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    all_hex.then(|| u8::from_str_radix(digits, 16).ok()).flatten()
}

/// Refuses a size beyond its bound.
pub(crate) fn check_size(what: &'static str, given: usize, max: usize) -> Result<(), VocabError> {
    if given > max {
        return Err(VocabError::TooLarge { what, given: given as u64, max: max as u64 });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_found_and_the_lower_of_two_ids_wins() {
        let texts = ["a", "b", "a", "<s>", ""];
        let mut kinds = vec![TokenKind::Normal; 5];
        kinds[3] = TokenKind::Control;
        kinds[4] = TokenKind::Hole;
        let vocab = Vocab::new(&texts, kinds).unwrap();
        assert_eq!(vocab.id("a"), Some(0));
        assert_eq!(vocab.id("<s>"), Some(3));
        assert_eq!(vocab.plain_id("<s>"), None);
        assert_eq!((vocab.id(""), vocab.id("c")), (None, None));
        assert_eq!(vocab.text(4), Some(""));
        assert_eq!(vocab.text(5), None);
    }

    #[test]
    fn byte_tokens_are_two_hex_digits() {
        assert_eq!(byte_token_value("<0x0A>"), Some(10));
        assert_eq!(byte_token_value("<0xff>"), Some(255));
        for text in ["<0x0>", "<0x+1>", "<0x0AA>", "0x0A", "<0xGG>"] {
            assert_eq!(byte_token_value(text), None, "{text}");
        }
    }

    #[test]
    fn an_empty_list_is_refused() {
        assert!(matches!(Vocab::new::<&str>(&[], vec![]), Err(VocabError::Missing(_))));
    }
}
