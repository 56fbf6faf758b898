//! Three small tokenizers of our own (`fixtures/make.py`), so that the contract is proven wherever
//! the crate is built.

use serde_json::Value;
use text::{EncodeOptions, Tokenizer, VocabSource};

const BYTE_LEVEL: &str = include_str!("fixtures/byte_level.json");
const BLANKS_AS_MARKS: &str = include_str!("fixtures/blanks_as_marks.json");
const UNIGRAM: &str = include_str!("fixtures/unigram.json");

/// Byte-level pairs, from `tokenizer.json`.
pub fn byte_level() -> Tokenizer {
    Tokenizer::from_json(BYTE_LEVEL.as_bytes(), None).unwrap()
}

/// Pairs over text with `▁` for blanks, from `tokenizer.json`.
pub fn blanks_as_marks() -> Tokenizer {
    Tokenizer::from_json(BLANKS_AS_MARKS.as_bytes(), None).unwrap()
}

/// The likeliest segmentation, from `tokenizer.json`.
pub fn unigram() -> Tokenizer {
    Tokenizer::from_json(UNIGRAM.as_bytes(), None).unwrap()
}

/// The tokens of a `tokenizer.json` with pairs, in the order of their ids.
fn tokens(json: &Value) -> Vec<String> {
    let mut tokens: Vec<(u64, String)> = json["model"]["vocab"]
        .as_object()
        .unwrap()
        .iter()
        .map(|(text, id)| (id.as_u64().unwrap(), text.clone()))
        .collect();
    for added in json["added_tokens"].as_array().unwrap() {
        let id = added["id"].as_u64().unwrap();
        if tokens.iter().all(|(known, _)| *known != id) {
            tokens.push((id, added["content"].as_str().unwrap().to_owned()));
        }
    }
    tokens.sort();
    assert!(tokens.iter().enumerate().all(|(index, (id, _))| index as u64 == *id));
    tokens.into_iter().map(|(_, text)| text).collect()
}

/// The byte-level vocabulary as a GGUF file would hold it.
pub fn byte_level_source() -> VocabSource {
    let json: Value = serde_json::from_str(BYTE_LEVEL).unwrap();
    let tokens = tokens(&json);
    let kind = |text: &String| match text.as_str() {
        "<|start|>" | "<|end|>" => 3,
        "<think>" | "</think>" => 4,
        _ => 1,
    };
    let merge = |merge: &Value| {
        let half = |index: usize| merge[index].as_str().unwrap().to_owned();
        format!("{} {}", half(0), half(1))
    };
    VocabSource {
        model: "gpt2".into(),
        pre: Some("gpt-2".into()),
        token_types: tokens.iter().map(kind).collect(),
        tokens,
        merges: json["model"]["merges"].as_array().unwrap().iter().map(merge).collect(),
        bos_id: Some(0),
        eos_id: Some(1),
        add_bos: Some(true),
        ..Default::default()
    }
}

/// The vocabulary with `▁` as a GGUF file of kind `llama` would hold it: the earlier a token was
/// made, the better its score.
pub fn sentencepiece_source() -> VocabSource {
    let json: Value = serde_json::from_str(BLANKS_AS_MARKS).unwrap();
    let tokens = tokens(&json);
    let kind = |(id, text): (usize, &String)| match id {
        0 => 2,
        1 | 2 => 3,
        _ if text.starts_with("<0x") => 6,
        _ => 1,
    };
    VocabSource {
        model: "llama".into(),
        token_types: tokens.iter().enumerate().map(kind).collect(),
        scores: (0..tokens.len()).map(|id| -(id as f32)).collect(),
        tokens,
        bos_id: Some(1),
        eos_id: Some(2),
        unk_id: Some(0),
        ..Default::default()
    }
}

/// Every tokenizer of this file.
pub fn all() -> Vec<(&'static str, Tokenizer)> {
    vec![
        ("byte_level", byte_level()),
        ("blanks_as_marks", blanks_as_marks()),
        ("unigram", unigram()),
        ("byte_level_gguf", Tokenizer::from_vocab(byte_level_source()).unwrap()),
        ("sentencepiece_gguf", Tokenizer::from_vocab(sentencepiece_source()).unwrap()),
        ("unigram_gguf", Tokenizer::from_vocab(unigram_source()).unwrap()),
    ]
}

/// The Unigram vocabulary as a GGUF file of kind `t5` would hold it.
pub fn unigram_source() -> VocabSource {
    let json: Value = serde_json::from_str(UNIGRAM).unwrap();
    let pairs = json["model"]["vocab"].as_array().unwrap();
    VocabSource {
        model: "t5".into(),
        tokens: pairs.iter().map(|pair| pair[0].as_str().unwrap().to_owned()).collect(),
        scores: pairs.iter().map(|pair| pair[1].as_f64().unwrap() as f32).collect(),
        token_types: (0..pairs.len()).map(|id| [3, 3, 2].get(id).copied().unwrap_or(1)).collect(),
        bos_id: Some(0),
        eos_id: Some(1),
        unk_id: Some(2),
        ..Default::default()
    }
}

fn ids(case: &Value, key: &str) -> Vec<u32> {
    case[key].as_array().unwrap().iter().map(|id| id.as_u64().unwrap() as u32).collect()
}

fn check_vectors(tokenizer: &Tokenizer, vectors: &str) {
    let unigram = vectors == include_str!("fixtures/unigram.vectors.json");
    let cases: Vec<Value> = serde_json::from_str(vectors).unwrap();
    assert_eq!(cases.len(), 16);
    for case in cases {
        let text = case["text"].as_str().unwrap();
        let encode = |add_special, parse_special| {
            tokenizer.encode(text, EncodeOptions { add_special, parse_special }).unwrap()
        };
        assert_eq!(encode(false, true), ids(&case, "ids"), "{text:?}");
        // The reference's Unigram matches special tokens inside plain text; ours must not.
        if !(unigram && text.contains("<|")) {
            let as_text = ids(&case, "ids_specials_as_text");
            assert_eq!(encode(false, false), as_text, "{text:?} as text");
        }
        assert_eq!(encode(true, true), ids(&case, "ids_with_special"), "{text:?} with specials");
        let decode = |skip| tokenizer.decode(&ids(&case, "ids"), skip).unwrap();
        assert_eq!(decode(false), case["decoded"].as_str().unwrap(), "{text:?} decoded");
        assert_eq!(
            decode(true),
            case["decoded_skip_special"].as_str().unwrap(),
            "{text:?} skipped"
        );
    }
}

#[test]
fn byte_level_vectors() {
    check_vectors(&byte_level(), include_str!("fixtures/byte_level.vectors.json"));
}

#[test]
fn blanks_as_marks_vectors() {
    check_vectors(&blanks_as_marks(), include_str!("fixtures/blanks_as_marks.vectors.json"));
}

#[test]
fn unigram_vectors() {
    check_vectors(&unigram(), include_str!("fixtures/unigram.vectors.json"));
}

/// The same vocabulary by both ways gives the same ids.
#[test]
fn gguf_metadata_and_json_agree() {
    check_vectors(
        &Tokenizer::from_vocab(byte_level_source()).unwrap(),
        include_str!("fixtures/byte_level.vectors.json"),
    );
}
