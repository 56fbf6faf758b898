//! A closing is the shortest there is, and following it closes the document.

use crate::support::{PIECES, byte_vocabulary, mask, schema, takes};
use grammar::{Grammar, GrammarSource, Matcher};
use serde_json::{Value, json};
use text::TokenId;

/// Follows a closing and demands that it closes.
fn close(grammar: &Grammar, prefix: &[TokenId], closing: &[TokenId]) {
    let mut matcher = at(grammar, prefix);
    for &token in closing {
        assert!(mask(&mut matcher, 400).contains(&token), "the parser allows the closing");
        matcher.accept(token).expect("the closing fits");
    }
    assert!(matcher.is_accepting(), "the document is complete");
}

fn at(grammar: &Grammar, prefix: &[TokenId]) -> Matcher {
    let mut matcher = grammar.matcher();
    prefix.iter().for_each(|&token| matcher.accept(token).expect("the prefix fits"));
    matcher
}

/// Whether some text of at most `tokens_max` tokens completes the document, by trying all.
fn closes_within(grammar: &Grammar, prefix: &mut Vec<TokenId>, tokens_max: usize) -> bool {
    let mut matcher = at(grammar, prefix);
    if matcher.is_accepting() {
        return true;
    }
    if tokens_max == 0 {
        return false;
    }
    let mut seen_plain = false;
    for token in mask(&mut matcher, 400) {
        // Letters that no keyword uses are all alike.
        let plain = (66..=90).contains(&token) || (127..256).contains(&token);
        if plain && std::mem::replace(&mut seen_plain, true) {
            continue;
        }
        prefix.push(token);
        let closes = closes_within(grammar, prefix, tokens_max - 1);
        prefix.pop();
        if closes {
            return true;
        }
    }
    false
}

#[test]
fn the_first_closing_is_the_shortest_by_brute_force() {
    let vocabulary = byte_vocabulary(PIECES);
    let schemas = [
        json!({"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}),
        json!({"type": "array", "items": {"type": "boolean"}, "minItems": 2}),
        json!({"type": "array"}),
        json!({"enum": ["long text", 12, null]}),
        json!({"anyOf": [
            {"type": "object", "required": ["name"]}, {"type": "array", "minItems": 3}
        ]}),
        json!({}),
    ];
    for schema_value in schemas {
        let grammar = schema(&vocabulary, schema_value.clone()).expect("a good schema");
        let closing = grammar.matcher().closing(50).unwrap().expect("it can be closed");
        close(&grammar, &[], &closing);
        assert_eq!(grammar.document_tokens_min(), closing.len());
        if closing.len() <= 3 {
            let shorter = closes_within(&grammar, &mut Vec::new(), closing.len() - 1);
            assert!(!shorter, "{schema_value}: {} tokens are not the fewest", closing.len());
        }
    }
}

#[test]
fn a_closing_from_the_middle_continues_what_is_there() {
    let vocabulary = byte_vocabulary(PIECES);
    let wish = json!({
        "type": "object",
        "properties": {
            "name": {"type": "string", "minLength": 3}, "n": {"type": "integer", "minimum": 10},
            "list": {"type": "array", "items": {"type": "object", "required": ["k"]}}
        },
        "required": ["name", "n", "list"],
    });
    let grammar = schema(&vocabulary, wish).expect("a good schema");
    let text = br#"{ "name": "xy\n","n": 123 ,"list": [ {"k":{"deep":[1,2,"#;
    let mut prefix = Vec::new();
    for &byte in text {
        let closing = at(&grammar, &prefix).closing(100).unwrap().expect("it can be closed");
        close(&grammar, &prefix, &closing);
        prefix.push(TokenId::from(byte));
    }
    let closing = at(&grammar, &prefix).closing(100).unwrap().expect("it can be closed");
    // `0` or the like, then `]}` and `}]`, then `}`.
    assert_eq!(closing.len(), 4);
}

#[test]
fn a_regex_and_a_choice_are_closed_too() {
    let vocabulary = byte_vocabulary(PIECES);
    let grammar = crate::support::compile(&vocabulary, &GrammarSource::Regex("(ab)+c{2,9}".into()));
    let grammar = grammar.expect("a good regex");
    assert_eq!(grammar.matcher().closing(9).unwrap().unwrap(), [97, 98, 99, 99]);
    assert_eq!(grammar.matcher().closing(3).unwrap(), None);
    assert!(takes(&grammar, b"ababcccc") && !takes(&grammar, b"abc") && !takes(&grammar, b"b"));
    let choices = ["maybe not".to_string(), "no".to_string(), "not".to_string()];
    let grammar = crate::support::compile(&vocabulary, &GrammarSource::Choice(choices.to_vec()));
    let grammar = grammar.expect("good choices");
    assert_eq!(grammar.document_tokens_min(), 2);
    let mut matcher = at(&grammar, &[110]);
    assert_eq!(mask(&mut matcher, 400), [111]);
    matcher.accept(111).unwrap();
    assert!(matcher.is_accepting() && !matcher.is_finished());
    matcher.accept(116).unwrap();
    assert!(matcher.is_finished());
}

#[test]
fn the_bound_by_bytes_holds_at_every_step() {
    let vocabulary = byte_vocabulary(PIECES);
    let wish: Value =
        json!({"type": "object", "properties": {"a": {}, "b": {}}, "required": ["b"]});
    let grammar = schema(&vocabulary, wish).expect("a good schema");
    let text = br#"{"a":[{"x":"y"},[[2.5e"#;
    let mut prefix = Vec::new();
    for &byte in text {
        let mut matcher = at(&grammar, &prefix);
        let token = TokenId::from(byte);
        prefix.push(token);
        let needed = at(&grammar, &prefix).closing(100).unwrap().expect("it closes").len();
        assert!(matcher.closes_after(token, needed).unwrap());
        assert!(!matcher.closes_after(token, needed - 1).unwrap());
        assert!(matcher.closes_after(token, 1000).unwrap());
    }
}
