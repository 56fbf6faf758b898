//! The automaton that finds closings agrees with the parser that makes masks: what the mask allows
//! can be followed, and every closing is taken.

use crate::support::{PIECES, byte_vocabulary, compile, mask};
use grammar::GrammarSource;
use proptest::prelude::*;

/// Grammars where lexemes overlap, repeat, recurse, are skipped or end at once.
const GRAMMARS: &[&str] = &[
    "start: stmt+\nstmt: \"if\" ID \"then\" stmt | ID \"=\" NUM \";\"\nID: /[a-z]+/\n\
     NUM: /[0-9]+/\n%ignore /[ ]+/",
    "start: expr\nexpr: expr \"+\" term | term\nterm: \"(\" expr \")\" | NUM\nNUM: /[0-9]{1,3}/",
    "start: \"a\" start \"b\" | \"c\"",
    "start: list\nlist: \"[\" [item (\",\" item)*] \"]\"\nitem: list | WORD\nWORD: /\"[a-z]*\"/",
    "start: A B?\nA: /a+/\nB: /b{2,4}/",
    "start: (\"true\" | \"truth\" | T) \"!\"\nT: /t[a-z]*/",
    "start: X \"end\"\nX: /[^e]*/",
    "start: opt opt opt \"x\"\nopt: \"y\"?",
    "start: UTF+\nUTF: /[à-ÿ€]/",
];

fn cases(count: u32) -> ProptestConfig {
    ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(count) }
}

proptest! {
    #![proptest_config(cases(100))]

    #[test]
    fn walks_can_be_followed_and_closed(
        index in 0..GRAMMARS.len(),
        picks in prop::collection::vec(any::<u16>(), 0..25),
    ) {
        let vocabulary = byte_vocabulary(PIECES);
        let source = GrammarSource::Lark(GRAMMARS[index].to_string());
        let grammar = match compile(&vocabulary, &source) {
            Ok(grammar) => grammar,
            Err(error) => panic!("{}: {error}", GRAMMARS[index]),
        };
        let mut matcher = grammar.matcher();
        let mut prefix = Vec::new();
        for pick in picks {
            let allowed = mask(&mut matcher, vocabulary.size());
            if allowed.is_empty() {
                prop_assert!(matcher.is_finished());
                break;
            }
            let token = allowed[usize::from(pick) % allowed.len()];
            prop_assert!(matcher.accept(token).is_ok(), "{token} after {prefix:?}");
            prefix.push(token);
        }
        let closing = matcher.closing(usize::MAX).unwrap();
        prop_assert!(closing.is_some(), "no closing after {prefix:?}");
        for token in closing.unwrap_or_default() {
            prop_assert!(mask(&mut matcher, vocabulary.size()).contains(&token), "{prefix:?}");
            matcher.accept(token).unwrap();
        }
        prop_assert!(matcher.is_accepting());
    }
}
