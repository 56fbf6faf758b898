//! Whatever the text: no panic, closings that close, suggestions that grow, linear time.

use policy::truncation::json::{Scanner, Status};
use policy::truncation::{Context, Open, diagnose};
use proptest::prelude::*;
use serde_json::{Value, json};

/// Text of the signs that the diagnosis looks at.
fn tricky_text() -> impl Strategy<Value = String> {
    let sign = prop::sample::select(vec![
        "```", "~~~", "`", "\n", "\n\n", " ", "- ", "1. ", "2) ", "| ", "|", "# ", "(", ")", "\"",
        "{", "}", "[", "]", ":", ",", ".", "。", "？", "“", "”", "<think>", "</think>", "Dr.",
        "3.14", "five", "wörter", "\u{FFFD}", "\\", "\\u", "d83d", "true", "null", "-", "e", "0",
        "🎉", "\t",
    ]);
    prop::collection::vec(sign, 0..60).prop_map(|signs| signs.concat())
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        (-1e9..1e9).prop_map(|number: f64| json!(number)),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec((".{0,5}", inner), 0..5)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

fn check(text: &str) {
    let context = Context { completion_tokens: 7, ..Context::default() };
    let Some(found) = diagnose(text, &context) else { return };
    assert!(!found.open.is_empty());
    assert!(found.suggestion.at_least > 7);
    assert!(found.suggestion.max_tokens >= found.suggestion.at_least);
    assert!(!found.explanation.contains('\n') && found.explanation.len() < 300);
    if let [Open::Json { closing, .. }] = found.open.as_slice() {
        let start = text.rfind("</think>").map_or(0, |at| at + "</think>".len());
        let whole = text[start..].to_owned() + closing;
        // Prose may stand before it; the document begins on a line of its own.
        let parses = whole.char_indices().filter(|&(_, letter)| "{[".contains(letter));
        let mut starts = parses.map(|(at, _)| &whole[at..]);
        assert!(starts.any(|part| serde_json::from_str::<Value>(part).is_ok()), "{whole:?}");
    }
}

proptest! {
    #[test]
    fn arbitrary_text_has_a_sound_diagnosis(text in any::<String>()) {
        check(&text);
    }

    #[test]
    fn tricky_text_has_a_sound_diagnosis(text in tricky_text()) {
        check(&text);
    }

    #[test]
    fn every_prefix_of_a_document_is_closed_by_its_closing(
        value in any_json(),
        pretty in any::<bool>(),
        share in 0.0..1.0,
    ) {
        let value = if value.is_array() || value.is_object() { value } else { json!([value]) };
        let text = match pretty {
            true => serde_json::to_string_pretty(&value).expect("it is a value"),
            false => value.to_string(),
        };
        let mut cut = 1 + (share * (text.len() - 1) as f64) as usize;
        while !text.is_char_boundary(cut) {
            cut += 1;
        }
        let mut scanner = Scanner::default();
        prop_assert_ne!(scanner.feed(&text[..cut]), Status::Broken);
        let whole = text[..cut].to_owned() + &scanner.closing();
        prop_assert!(serde_json::from_str::<Value>(&whole).is_ok(), "{}", whole);
        // Bytes fed in two parts come to the same.
        let mut whole_scanner = Scanner::default();
        whole_scanner.feed(&whole);
        prop_assert_eq!(whole_scanner.status(), Status::Complete);
    }

    #[test]
    fn the_scanner_takes_what_another_parser_takes(
        text in r#"[\[\]{}":,0-9eE.+\-tfnulrase\\ ]{0,20}"#,
    ) {
        let text = format!("[{text}");
        let mut scanner = Scanner::default();
        let complete = scanner.feed(&text) == Status::Complete;
        prop_assert_eq!(complete, is_json_but_for_number_range(&text), "{}", text);
    }
}

/// The other parser also refuses numbers that no 64-bit float holds.
fn is_json_but_for_number_range(text: &str) -> bool {
    match serde_json::from_str::<Value>(text) {
        Ok(_) => true,
        Err(error) => error.to_string().contains("number out of range"),
    }
}

/// Long texts of one repeated sign take no longer per byte than short ones; a quadratic walk over
/// these would take hours.
#[test]
fn long_texts_are_walked_once() {
    for sign in [
        "[", "{\"a\":", "(", "`", "```\n", "- a\n", "1. b\n\n", "| a\n", "\"", "<think>", ".",
        "{\n",
    ] {
        let text = sign.repeat((1 << 19) / sign.len());
        diagnose(&text, &Context::default());
    }
}
