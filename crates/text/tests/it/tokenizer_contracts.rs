//! What holds for every tokenizer and every input.

use std::sync::OnceLock;

use proptest::prelude::*;
use serde_json::json;
use text::{EncodeOptions, Tokenizer, VocabSource};

use crate::own_vocabularies as own;

fn all() -> &'static [(&'static str, Tokenizer)] {
    static ALL: OnceLock<Vec<(&'static str, Tokenizer)>> = OnceLock::new();
    ALL.get_or_init(own::all)
}

const PLAIN: EncodeOptions = EncodeOptions { add_special: false, parse_special: false };
const PARSE: EncodeOptions = EncodeOptions { add_special: false, parse_special: true };

/// Pushes ids one by one; no push may hold back more than an unfinished character.
fn stream(tokenizer: &Tokenizer, ids: &[u32], skip_special: bool) -> String {
    let mut detokenizer = tokenizer.detokenizer(skip_special);
    let mut text = String::new();
    for id in ids {
        text += &detokenizer.push(*id).unwrap();
        assert!(detokenizer.pending_bytes() <= 3);
    }
    text + &detokenizer.flush()
}

/// Texts with many special tokens, blanks and rare characters in them.
fn any_text() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        any::<String>(),
        "[ \t\r\n]{0,5}",
        "[a-zA-Z0-9' ]{0,12}",
        Just("<|start|>".to_owned()),
        Just("<|end|>".to_owned()),
        Just("<think>".to_owned()),
        Just("<0x0A>▁".to_owned()),
        Just("🦙令牌é".to_owned()),
    ];
    prop::collection::vec(part, 0..6).prop_map(|parts| parts.concat())
}

proptest! {
    #[test]
    fn encoding_never_fails_and_stays_in_the_vocabulary(text in any_text(), parse: bool) {
        for (name, tokenizer) in all() {
            let options = EncodeOptions { add_special: true, parse_special: parse };
            let ids = tokenizer.encode(&text, options).unwrap();
            prop_assert!(ids.iter().all(|id| (*id as usize) < tokenizer.vocab_size()), "{}", name);
        }
    }

    #[test]
    fn text_survives_encoding_where_every_byte_has_a_token(text in any_text(), parse: bool) {
        let options = if parse { PARSE } else { PLAIN };
        for (name, tokenizer) in all() {
            // SentencePiece writes blanks as this character, so it cannot tell the two apart.
            let blank = if name.starts_with("sentencepiece") { " " } else { "▁" };
            let text = text.replace('▁', blank);
            let lossless = name.starts_with("byte_level")
                || (!parse && name.starts_with("sentencepiece"));
            if lossless {
                let ids = tokenizer.encode(&text, options).unwrap();
                prop_assert_eq!(&tokenizer.decode(&ids, false).unwrap(), &text, "{}", name);
            }
        }
    }

    #[test]
    fn plain_text_never_becomes_a_special_token(text in any_text()) {
        for (name, tokenizer) in all() {
            let ids = tokenizer.encode(&text, PLAIN).unwrap();
            let unk = tokenizer.unk();
            let special = ids.iter().find(|id| tokenizer.is_special(**id) && Some(**id) != unk);
            prop_assert_eq!(special, None, "{}", name);
        }
    }

    #[test]
    fn streaming_gives_what_decoding_gives(
        numbers in prop::collection::vec(any::<u32>(), 0..40),
        skip: bool,
    ) {
        for (name, tokenizer) in all() {
            let size = tokenizer.vocab_size() as u32;
            let ids: Vec<u32> = numbers.iter().map(|number| number % size).collect();
            let decoded = tokenizer.decode(&ids, skip).unwrap();
            prop_assert_eq!(&stream(tokenizer, &ids, skip), &decoded, "{}", name);
        }
    }

    #[test]
    fn pieces_joined_are_the_text_of_byte_level_ids(
        numbers in prop::collection::vec(any::<u32>(), 0..40),
    ) {
        let tokenizer = &all()[0].1;
        let ids: Vec<u32> = numbers.iter().map(|n| n % tokenizer.vocab_size() as u32).collect();
        let bytes: Vec<u8> =
            ids.iter().flat_map(|id| tokenizer.piece_bytes(*id).unwrap().to_vec()).collect();
        prop_assert_eq!(tokenizer.decode(&ids, false).unwrap(), String::from_utf8_lossy(&bytes));
    }
}

#[test]
fn a_character_comes_out_when_its_last_byte_does() {
    for (name, tokenizer) in all().iter().filter(|(name, _)| name.starts_with("byte_level")) {
        let ids = tokenizer.encode("☃", PLAIN).unwrap();
        assert!(ids.len() > 1, "{name}");
        let mut detokenizer = tokenizer.detokenizer(true);
        let pushes: Vec<String> = ids.iter().map(|id| detokenizer.push(*id).unwrap()).collect();
        assert!(pushes[..pushes.len() - 1].iter().all(String::is_empty), "{pushes:?}");
        assert_eq!(pushes.last().unwrap(), "☃");
        assert_eq!(detokenizer.flush(), "");
    }
}

#[test]
fn an_unfinished_character_is_replaced_at_the_end_or_as_soon_as_it_is_broken() {
    let tokenizer = own::byte_level();
    let ids = tokenizer.encode("☃", PLAIN).unwrap();
    let mut detokenizer = tokenizer.detokenizer(true);
    assert_eq!(detokenizer.push(ids[0]).unwrap(), "");
    let letter = tokenizer.encode("a", PLAIN).unwrap()[0];
    assert_eq!(detokenizer.push(letter).unwrap(), "\u{FFFD}a");
    assert_eq!(detokenizer.push(ids[0]).unwrap(), "");
    assert_eq!(detokenizer.flush(), "\u{FFFD}");
    assert_eq!(detokenizer.flush(), "");
}

#[test]
fn the_blank_at_the_beginning_is_kept_where_text_continues() {
    let tokenizer = Tokenizer::from_vocab(own::sentencepiece_source()).unwrap();
    let ids = tokenizer.encode("token", PLAIN).unwrap();
    assert_eq!(tokenizer.decode(&ids, true).unwrap(), "token");
    let mut continuing = tokenizer.detokenizer(true).continuing();
    let text: String = ids.iter().map(|id| continuing.push(*id).unwrap()).collect();
    assert_eq!(text, " token");
}

#[test]
fn an_empty_text_has_no_ids() {
    for (name, tokenizer) in all() {
        assert!(tokenizer.encode("", PARSE).unwrap().is_empty(), "{name}");
        assert_eq!(tokenizer.decode(&[], false).unwrap(), "", "{name}");
    }
}

#[test]
fn ids_outside_the_vocabulary_are_refused_and_change_nothing() {
    for (name, tokenizer) in all() {
        let outside = tokenizer.vocab_size() as u32;
        let error = tokenizer.decode(&[0, outside], false).unwrap_err();
        assert_eq!((error.id, error.vocab_size), (outside, tokenizer.vocab_size()), "{name}");
        assert!(
            tokenizer.piece_bytes(u32::MAX).is_err() && tokenizer.token_text(outside).is_none()
        );
        let mut detokenizer = tokenizer.detokenizer(false);
        assert!(detokenizer.push(outside).is_err());
        assert_eq!((detokenizer.pending_bytes(), detokenizer.flush()), (0, String::new()));
    }
}

#[test]
fn begin_and_end_tokens_follow_the_file() {
    let encode = |source: VocabSource| {
        let tokenizer = Tokenizer::from_vocab(source).unwrap();
        let ids = tokenizer.encode("a", EncodeOptions { add_special: true, ..PLAIN }).unwrap();
        (ids.first() == Some(&0), ids.last() == Some(&1), tokenizer.adds_bos())
    };
    let source = own::byte_level_source();
    assert_eq!(encode(source.clone()), (true, false, true));
    let both = VocabSource { add_eos: Some(true), ..source.clone() };
    assert_eq!(encode(both), (true, true, true));
    let neither = VocabSource { add_bos: None, ..source };
    assert_eq!(encode(neither), (false, false, false));
}

#[test]
fn special_ids_come_from_the_metadata_or_the_config() {
    let tokenizer = Tokenizer::from_vocab(own::byte_level_source()).unwrap();
    assert_eq!(
        (tokenizer.bos(), tokenizer.eos(), tokenizer.end_ids()),
        (Some(0), Some(1), &[1][..])
    );
    let config =
        json!({"bos_token": {"content": "<|start|>"}, "eos_token": "<|end|>", "pad_token": null});
    let json = include_bytes!("fixtures/byte_level.json");
    let tokenizer = Tokenizer::from_json(json, Some(&config)).unwrap();
    assert_eq!((tokenizer.bos(), tokenizer.eos(), tokenizer.pad()), (Some(0), Some(1), None));
    assert_eq!(tokenizer.token_to_id("<|end|>"), Some(1));
    assert!(tokenizer.is_special(1) && !tokenizer.is_special(70));
}

#[test]
fn a_space_prefix_can_be_switched_off() {
    let source = VocabSource { add_space_prefix: Some(false), ..own::sentencepiece_source() };
    let tokenizer = Tokenizer::from_vocab(source).unwrap();
    let ids = tokenizer.encode(" a", PLAIN).unwrap();
    assert_eq!(tokenizer.decode(&ids, true).unwrap(), " a");
    assert_ne!(ids, tokenizer.encode("a", PLAIN).unwrap());
}
