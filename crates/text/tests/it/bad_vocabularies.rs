//! Broken vocabularies are refused by name; none of them panics.

use proptest::prelude::*;
use serde_json::{Value, json};
use text::{Tokenizer, VocabError, VocabSource};

use crate::own_vocabularies as own;

fn from_json(value: &Value) -> Result<Tokenizer, VocabError> {
    Tokenizer::from_json(value.to_string().as_bytes(), None)
}

fn small() -> Value {
    json!({
        "added_tokens": [{"id": 3, "content": "<s>", "special": true}],
        "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true},
        "decoder": {"type": "ByteLevel"},
        "model": {"type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2}, "merges": ["a b"]}
    })
}

/// Changes one place of the small file and returns why it is refused.
fn refusal(pointer: &str, key: &str, value: Value) -> VocabError {
    let mut file = small();
    file.pointer_mut(pointer).unwrap()[key] = value;
    match from_json(&file) {
        Err(error) => error,
        Ok(_) => panic!("{pointer}/{key} was accepted"),
    }
}

#[test]
fn the_small_file_is_sound() {
    assert_eq!(from_json(&small()).unwrap().vocab_size(), 4);
}

#[test]
fn broken_json_files_are_refused_by_name() {
    for bytes in [&b""[..], b"{", b"[]", b"null", b"{\"model\": 3}", b"\xff\xfe"] {
        assert!(matches!(Tokenizer::from_json(bytes, None), Err(VocabError::Json(_))));
    }
    assert!(matches!(refusal("", "model", json!({"type": "BPE"})), VocabError::Json(_)));
    let unknown_model = refusal("/model", "type", json!("Magic"));
    assert!(matches!(unknown_model, VocabError::Unsupported { .. }));
    assert!(matches!(refusal("/model", "merges", Value::Null), VocabError::Missing(_)));
    let merges = [json!(["a x"]), json!([["x", "a"]]), json!(["b a"])];
    for merges in merges {
        assert!(matches!(refusal("/model", "merges", merges), VocabError::BadMerge { .. }));
    }
    for merges in
        [json!(["a"]), json!(["a b c"]), json!([["a"]]), json!([["a", "b", "c"]]), json!([3])]
    {
        assert!(matches!(refusal("/model", "merges", merges), VocabError::Json(_)));
    }
    let vocab = json!({"a": 0, "b": 0, "ab": 2});
    assert!(matches!(refusal("/model", "vocab", vocab), VocabError::Duplicate { .. }));
    let vocab = json!({"a": 0, "b": 4_000_000_000_u32, "ab": 2});
    assert!(matches!(refusal("/model", "vocab", vocab), VocabError::TooLarge { .. }));
    for vocab in [json!({"a": -1}), json!({"a": 5_000_000_000_u64}), json!({"a": 0.5}), json!("a")]
    {
        assert!(matches!(refusal("/model", "vocab", vocab), VocabError::Json(_)));
    }
    let unk = refusal("/model", "unk_token", json!("<unk>"));
    assert!(matches!(unk, VocabError::Invalid { what: "model.unk_token", .. }));
    let suffix = refusal("/model", "end_of_word_suffix", json!("</w>"));
    assert!(matches!(suffix, VocabError::Unsupported { .. }));
}

#[test]
fn broken_parts_are_refused_by_name() {
    let added = json!([{"id": 0, "content": "<s>"}]);
    assert!(matches!(refusal("", "added_tokens", added), VocabError::Duplicate { .. }));
    let added = json!([{"id": 7, "content": "a"}]);
    assert!(matches!(refusal("", "added_tokens", added), VocabError::Duplicate { .. }));
    let decoder = refusal("", "decoder", json!({"type": "WordPiece"}));
    assert!(matches!(decoder, VocabError::Unsupported { what: "decoder", .. }));
    let pattern = json!({"Regex": "("});
    let regex =
        json!({"type": "Split", "pattern": pattern, "behavior": "Isolated", "invert": false});
    assert!(matches!(refusal("", "pre_tokenizer", regex), VocabError::Invalid { .. }));
    let unknown = refusal("", "normalizer", json!({"type": "Magic"}));
    assert!(matches!(unknown, VocabError::Invalid { what: "the normalizer", .. }));
    let charsmap = json!({"type": "Precompiled", "precompiled_charsmap": "////AAAA"});
    assert!(matches!(refusal("", "normalizer", charsmap), VocabError::Invalid { .. }));
    let outside = json!({"type": "RobertaProcessing", "sep": ["x", 99], "cls": ["y", 98],
        "trim_offsets": true, "add_prefix_space": true});
    assert!(matches!(refusal("", "post_processor", outside), VocabError::IdOutOfRange { .. }));
    let twice =
        json!({"type": "TemplateProcessing", "single": [], "pair": [], "special_tokens": {}});
    assert!(matches!(refusal("", "post_processor", twice), VocabError::Invalid { .. }));
    let mut nested = json!({"type": "NFC"});
    for _ in 0..60 {
        nested = json!({"type": "Sequence", "normalizers": [nested]});
    }
    assert!(matches!(refusal("", "normalizer", nested), VocabError::Invalid { .. }));
}

#[test]
fn ids_may_have_holes() {
    let mut file = small();
    file["model"]["vocab"]["c"] = json!(9);
    let tokenizer = from_json(&file).unwrap();
    assert_eq!(tokenizer.vocab_size(), 10);
    assert_eq!(tokenizer.decode(&[0, 5, 9], false).unwrap(), "ac");
}

#[test]
fn broken_metadata_is_refused_by_name() {
    let refusal = |change: fn(&mut VocabSource)| {
        let mut source = own::byte_level_source();
        change(&mut source);
        Tokenizer::from_vocab(source).unwrap_err()
    };
    let unknown = refusal(|source| source.model = "rwkv".into());
    assert!(unknown.to_string().contains("gpt2, llama, t5"), "{unknown}");
    let unknown = refusal(|source| source.pre = Some("mystery".into()));
    assert!(unknown.to_string().contains("llama-bpe"), "{unknown}");
    assert!(matches!(refusal(|source| source.tokens.clear()), VocabError::LengthMismatch { .. }));
    let empty = Tokenizer::from_vocab(VocabSource::<String>::default()).unwrap_err();
    assert!(matches!(empty, VocabError::Missing(_)));
    let types = refusal(|source| source.token_types.truncate(3));
    assert!(matches!(types, VocabError::LengthMismatch { .. }));
    let ids = refusal(|source| source.eos_id = Some(1_000_000));
    assert!(matches!(ids, VocabError::IdOutOfRange { what: "eos_token_id", .. }));
    for merge in ["ab", "", "zzz yyy"] {
        let mut source = own::byte_level_source();
        source.merges.push(merge.to_owned());
        let error = Tokenizer::from_vocab(source).unwrap_err();
        assert!(matches!(error, VocabError::BadMerge { .. }), "{merge:?}: {error}");
    }
    let mut scores = own::sentencepiece_source();
    scores.scores.pop();
    let error = Tokenizer::from_vocab(scores).unwrap_err();
    assert!(matches!(error, VocabError::LengthMismatch { .. }));
    let mut scores = own::unigram_source();
    scores.scores[5] = f32::INFINITY;
    assert!(matches!(Tokenizer::from_vocab(scores).unwrap_err(), VocabError::Invalid { .. }));
    let mut huge = own::byte_level_source();
    huge.tokens[40] = "x".repeat(1 << 20);
    assert!(matches!(Tokenizer::from_vocab(huge).unwrap_err(), VocabError::TooLarge { .. }));
}

#[test]
fn a_text_beyond_the_bound_is_refused() {
    let tokenizer = from_json(&small()).unwrap();
    let text = "a".repeat(text::limits::ENCODE_TEXT_BYTES_MAX + 1);
    let error = tokenizer.encode(&text, Default::default()).unwrap_err();
    assert!(matches!(error, text::EncodeError::TextTooLong { .. }));
}

/// A long run without any place to cut is encoded in reasonable time, whatever it is made of.
#[test]
fn long_runs_are_encoded() {
    for (name, tokenizer) in own::all() {
        for unit in ["a", " ", "\n", "🦙", "(", "ab", "1"] {
            let text = unit.repeat(20_000);
            let ids = tokenizer.encode(&text, Default::default()).unwrap();
            assert!(!ids.is_empty() || name.starts_with("unigram"), "{name} {unit:?}");
        }
    }
}

proptest! {
    #[test]
    fn a_changed_file_never_panics(
        which in 0_usize..3,
        place in any::<prop::sample::Index>(),
        with in prop::sample::select(vec![
            "", "0", "\"", "null", "[]", "{}", "99999", "-1", ",", "\\u0000", "▁",
        ]),
        cut in 0_usize..12,
    ) {
        let files = [
            include_str!("fixtures/byte_level.json"),
            include_str!("fixtures/blanks_as_marks.json"),
            include_str!("fixtures/unigram.json"),
        ];
        let mut bytes = files[which].as_bytes().to_vec();
        let start = place.index(bytes.len());
        let end = (start + cut).min(bytes.len());
        bytes.splice(start..end, with.bytes());
        if let Ok(tokenizer) = Tokenizer::from_json(&bytes, None) {
            let ids = tokenizer.encode("A token, zwei Größe 🦙 <|end|>", Default::default());
            if let Ok(ids) = ids {
                tokenizer.decode(&ids, false).unwrap();
            }
        }
    }
}
