//! Every tokenizer case of the conformance folder.

use std::path::Path;

use serde_json::Value;
use text::{EncodeOptions, Tokenizer};

use crate::data;

fn load(folder: &Path, vocab: &str) -> Tokenizer {
    let bytes = std::fs::read(folder.join(vocab)).unwrap();
    if vocab.ends_with(".gguf") {
        Tokenizer::from_vocab(data::vocab_source(&bytes)).unwrap()
    } else {
        Tokenizer::from_json(&bytes, None).unwrap()
    }
}

fn ids(value: &Value) -> Vec<u32> {
    value.as_array().unwrap().iter().map(|id| id.as_u64().unwrap() as u32).collect()
}

/// What a case asks for, and how many of them were asked.
#[derive(Default, Debug)]
struct Counts {
    encoded: usize,
    specials_as_text: usize,
    with_special: usize,
    decoded: usize,
    streamed: usize,
}

fn check_case(tokenizer: &Tokenizer, case: &Value, gguf: bool, spm: bool, counts: &mut Counts) {
    let text = case["text"].as_str().unwrap();
    let encode = |add_special, parse_special| {
        tokenizer.encode(text, EncodeOptions { add_special, parse_special }).unwrap()
    };
    let expected = ids(&case["ids"]);
    let given = encode(false, !spm);
    let without_nfc = case.get("ids_without_nfc").filter(|_| gguf).map(ids);
    assert!(given == expected || Some(&given) == without_nfc.as_ref(), "{text:?}: {given:?}");
    counts.encoded += 1;
    if let Some(plain) = case.get("ids_specials_as_text") {
        assert_eq!(encode(false, false), ids(plain), "{text:?} with specials as text");
        counts.specials_as_text += 1;
    }
    if let Some(with_special) = case.get("ids_with_special") {
        assert_eq!(encode(true, true), ids(with_special), "{text:?} with special tokens");
        counts.with_special += 1;
    }
    let decoded = case["decoded"].as_str().unwrap();
    assert_eq!(tokenizer.decode(&expected, false).unwrap(), decoded, "{text:?} decoded");
    let skipped = case.get("decoded_skip_special").map_or(decoded, |text| text.as_str().unwrap());
    assert_eq!(tokenizer.decode(&expected, true).unwrap(), skipped, "{text:?} without specials");
    counts.decoded += 2;
    for (skip_special, whole) in [(false, decoded), (true, skipped)] {
        let mut detokenizer = tokenizer.detokenizer(skip_special);
        let mut streamed = String::new();
        for id in &expected {
            streamed += &detokenizer.push(*id).unwrap();
        }
        streamed += &detokenizer.flush();
        assert_eq!(streamed, whole, "{text:?} streamed");
        counts.streamed += 1;
    }
}

fn check_file(name: &str) {
    let Some(folder) = data::conformance() else { return };
    let folder = folder.join("tokenizer");
    let file = data::json(&folder.join("cases").join(format!("{name}.json")));
    let vocab = file["vocab"].as_str().unwrap();
    let tokenizer = load(&folder, vocab);
    let mut counts = Counts::default();
    for case in file["cases"].as_array().unwrap() {
        check_case(&tokenizer, case, vocab.ends_with(".gguf"), name == "llama-spm", &mut counts);
    }
    eprintln!("{name}: {counts:?}");
    assert!(counts.encoded >= 200);
    let pair = folder.join(format!("{vocab}.inp"));
    if pair.exists() {
        check_pair(&tokenizer, &pair);
    }
}

/// The upstream pairs: texts, and one line of ids for each.
fn check_pair(tokenizer: &Tokenizer, inputs: &Path) {
    let texts = std::fs::read_to_string(inputs).unwrap();
    let lines = std::fs::read_to_string(inputs.with_extension("out")).unwrap();
    let mut texts: Vec<&str> = texts.split("\n__ggml_vocab_test__\n").collect();
    if texts.last() == Some(&"") {
        texts.pop();
    }
    let lines: Vec<&str> = lines.lines().collect();
    assert_eq!((texts.len(), lines.len()), (46, 46));
    for (text, line) in texts.into_iter().zip(lines) {
        let expected: Vec<u32> = line.split_whitespace().map(|id| id.parse().unwrap()).collect();
        let given = tokenizer.encode(text, EncodeOptions::default()).unwrap();
        assert_eq!(given, expected, "{text:?}");
    }
}

#[test]
fn deepseek_coder() {
    check_file("deepseek-coder");
}

#[test]
fn gpt_2() {
    check_file("gpt-2");
}

#[test]
fn hf_llama2() {
    check_file("hf-llama2");
}

#[test]
fn hf_phi_2() {
    check_file("hf-phi-2");
}

#[test]
fn llama_bpe() {
    check_file("llama-bpe");
}

#[test]
fn llama_spm() {
    check_file("llama-spm");
}

#[test]
fn mpt() {
    check_file("mpt");
}

#[test]
fn starcoder() {
    check_file("starcoder");
}
