//! A shape that a stranger asks for: refused, or followed and closed, in bounded time and memory.
//! The first byte says what the rest is.
#![no_main]

use grammar::{Grammar, GrammarSource, GrammarVocabulary, Limits};
use libfuzzer_sys::fuzz_target;
use sampling::mask::TokenMask;
use std::sync::{Arc, LazyLock};

static VOCABULARY: LazyLock<Arc<GrammarVocabulary>> = LazyLock::new(|| {
    let bytes = (0..=u8::MAX).map(|byte| vec![byte]);
    let pieces = ["\":", "\",", "\"}", "{\"", "[]", "true"].map(|piece| piece.as_bytes().to_vec());
    Arc::new(GrammarVocabulary::from_pieces(bytes.chain(pieces).collect()).expect("pieces"))
});

fuzz_target!(|data: (u8, &str)| {
    let (kind, text) = data;
    let source = match kind % 4 {
        0 => match serde_json::from_str(text) {
            Ok(schema) => GrammarSource::JsonSchema(schema),
            Err(_) => return,
        },
        1 => GrammarSource::Regex(text.to_string()),
        2 => GrammarSource::Lark(text.to_string()),
        _ => GrammarSource::Choice(text.split('|').map(str::to_string).collect()),
    };
    let Ok(grammar) = Grammar::compile(&VOCABULARY, &source, &Limits::default()) else { return };
    let mut matcher = grammar.matcher();
    let mut mask = TokenMask::none(VOCABULARY.size());
    // A few tokens of the fuzzer's choice, then the closing.
    for byte in text.bytes().take(8) {
        let Ok(()) = matcher.mask(&mut mask) else { return };
        let allowed: Vec<u32> = mask.iter().collect();
        let Some(&token) = allowed.get(usize::from(byte) % allowed.len().max(1)) else { break };
        if matcher.accept(token).is_err() {
            return;
        }
    }
    let Ok(Some(closing)) = matcher.closing(1000) else { return };
    for token in closing {
        matcher.accept(token).expect("a closing fits");
    }
    assert!(matcher.is_accepting(), "a closing completes the document");
});
