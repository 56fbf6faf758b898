//! What is wrong gets one clear message and exit code 2.

use super::jeton;
use std::path::PathBuf;

/// A file with these bytes, gone when dropped.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str, bytes: &[u8]) -> Self {
        let path = std::env::temp_dir().join(format!("jeton-{}-{name}", std::process::id()));
        std::fs::write(&path, bytes).expect("a temporary file");
        Scratch(path)
    }

    fn path(&self) -> &str {
        self.0.to_str().expect("a plain path")
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        std::fs::remove_file(&self.0).expect("it was written");
    }
}

#[track_caller]
fn refused(words: &[&str], says: &[&str]) {
    let run = jeton(words);
    assert_eq!(run.code, 2, "{words:?}: {}", run.err);
    for word in says {
        assert!(run.err.contains(word), "no {word:?} in {}", run.err);
    }
    assert!(!run.err.contains("panicked"), "{}", run.err);
}

#[test]
fn parameters_out_of_range_are_named() {
    refused(&["generate", "x", "--top-p", "1.5"], &["`top_p`", "1.5"]);
    refused(&["generate", "x", "--temperature", "nan"], &["`temperature`"]);
    refused(&["generate", "x", "--max-tokens", "0"], &["`max_tokens`", "[1,"]);
    refused(&["generate", "x", "--samplers", "min_q"], &["min_q", "min_p"]);
    refused(&["generate", "x", "--stop", ""], &["`stop[0]`"]);
    refused(&["generate", "x", "--logit-bias", "99999999=1"], &["`logit_bias`"]);
    refused(&["generate", "x", "--threads", "0"], &["--threads"]);
    refused(&["chat", "--top-p", "7"], &["`top_p`"]);
}

#[test]
fn an_empty_prompt_and_one_beyond_the_window_are_refused() {
    refused(&["generate", "", "--raw"], &["prompt", "at least one token"]);
    let long = "many words ".repeat(2000);
    refused(&["generate", &long], &["context window"]);
    refused(&["generate", "hi", "--max-tokens", "100000"], &["context window", "100000"]);
}

#[test]
fn files_that_are_no_models_are_named() {
    refused(&["inspect", "/no/such/file.gguf"], &["/no/such/file.gguf"]);
    let text = Scratch::new("text.gguf", b"hello, I am no model");
    refused(&["generate", "x", "--model", text.path()], &[text.path(), "GGUF"]);
    let cut = Scratch::new("cut.gguf", b"GGUF\x03\x00\x00\x00\xff\xff\xff\xff\xff\xff\xff\x7f");
    refused(&["inspect", cut.path()], &[cut.path()]);
    refused(&["tokenize", "x", "--model", cut.path()], &[cut.path()]);
    let folder = std::env::temp_dir();
    let folder = folder.to_str().expect("a plain path");
    refused(&["inspect", folder], &["config.json"]);
}

#[test]
fn a_model_that_was_cut_short_is_refused_at_every_size() {
    let whole = include_bytes!("../../../../models/jeton-tiny.gguf");
    for size in [10, 100, 5_000, 60_000, whole.len() / 2, whole.len() - 1] {
        let cut = Scratch::new(&format!("cut-{size}.gguf"), &whole[..size]);
        refused(&["generate", "x", "--model", cut.path()], &[cut.path()]);
    }
}

#[test]
fn an_unknown_command_or_flag_shows_the_usage() {
    refused(&["generat", "x"], &["generat"]);
    refused(&["generate", "x", "--temprature", "1"], &["--temprature"]);
    refused(&[], &["Usage"]);
}
