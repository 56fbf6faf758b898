//! Small vocabularies, and reading the conformance files.

use grammar::{Grammar, GrammarError, GrammarSource, GrammarVocabulary, Limits, Matcher};
use sampling::mask::TokenMask;
use std::sync::Arc;
use text::TokenId;

/// Every byte as a token of its own, with the byte as id, and further pieces after them.
pub fn byte_vocabulary(pieces: &[&str]) -> Arc<GrammarVocabulary> {
    let bytes = (0..=u8::MAX).map(|byte| vec![byte]);
    let more = pieces.iter().map(|piece| piece.as_bytes().to_vec());
    Arc::new(GrammarVocabulary::from_pieces(bytes.chain(more).collect()).expect("a vocabulary"))
}

/// Pieces that real vocabularies have and that save tokens in JSON.
pub const PIECES: &[&str] = &[
    "\"}", "{\"", "\":", "\": ", "\",", ",\"", ", \"", "[]", "{}", "\":\"", "\"\"", "null", "true",
    "false", "a\"", "},", "]}", "}}", "name", " \"", "  ", "\n  ", "}]", "0,", "a\",\"",
];

pub fn compile(
    vocabulary: &Arc<GrammarVocabulary>,
    source: &GrammarSource,
) -> Result<Grammar, GrammarError> {
    Grammar::compile(vocabulary, source, &Limits::default())
}

pub fn schema(
    vocabulary: &Arc<GrammarVocabulary>,
    schema: serde_json::Value,
) -> Result<Grammar, GrammarError> {
    compile(vocabulary, &GrammarSource::JsonSchema(schema))
}

/// The tokens that may come next.
pub fn mask(matcher: &mut Matcher, vocab_size: usize) -> Vec<TokenId> {
    let mut mask = TokenMask::none(vocab_size);
    matcher.mask(&mut mask).expect("a mask");
    mask.iter().collect()
}

/// Whether the grammar takes a text, given byte by byte in a byte vocabulary.
pub fn takes(grammar: &Grammar, text: &[u8]) -> bool {
    let mut matcher = grammar.matcher();
    for &byte in text {
        if !mask(&mut matcher, 256).contains(&TokenId::from(byte)) {
            return false;
        }
        matcher.accept(TokenId::from(byte)).expect("the mask allowed it");
    }
    matcher.is_accepting()
}

/// A file of the conformance folder, or none (said on stderr) if that is not set.
pub fn conformance_file(name: &str) -> Option<serde_json::Value> {
    let Some(folder) = std::env::var_os("JETON_CONFORMANCE") else {
        eprintln!("skipped: JETON_CONFORMANCE is not set");
        return None;
    };
    let path = std::path::PathBuf::from(folder).join(name);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path:?}: {error}"));
    Some(serde_json::from_str(&text).unwrap_or_else(|error| panic!("{path:?}: {error}")))
}
