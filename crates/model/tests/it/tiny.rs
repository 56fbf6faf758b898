//! Every family against the logits that Transformers gives for tiny random models, which
//! `make_tiny_models.py` made and which lie beside it.

use crate::load;
use crate::runner::{greedy, logits_cut_in_all_ways, max_error};
use model::{LoadOptions, Precision};
use safetensors::SafeTensors;
use std::path::{Path, PathBuf};

const ERROR_MAX: f32 = 1e-4;

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)
}

/// What Transformers computed: prompt, logits of each position, greedy continuation.
struct Expected {
    prompt: Vec<u32>,
    logits: Vec<Vec<f32>>,
    greedy: Vec<u32>,
}

fn expected(name: &str, suffix: &str) -> Expected {
    let bytes = std::fs::read(folder(name).join("expected.safetensors")).expect("is in the repo");
    let tensors = SafeTensors::deserialize(&bytes).expect("is a safetensors file");
    let words = |key: &str| -> Vec<[u8; 4]> {
        let view = tensors.tensor(&format!("{key}{suffix}")).expect("is in the file");
        view.data().chunks_exact(4).map(|w| [w[0], w[1], w[2], w[3]]).collect()
    };
    let ids = |key: &str| -> Vec<u32> { words(key).into_iter().map(u32::from_le_bytes).collect() };
    let prompt = ids("prompt");
    let flat: Vec<f32> = words("logits").into_iter().map(f32::from_le_bytes).collect();
    let logits = flat.chunks_exact(flat.len() / prompt.len()).map(<[f32]>::to_vec).collect();
    Expected { prompt, logits, greedy: ids("greedy") }
}

/// Checks `file` of the folder `name` (the folder itself when empty) in f32.
fn check(name: &str, file: &str, suffix: &str, context_tokens: Option<usize>) {
    let expected = expected(name, suffix);
    let options =
        LoadOptions { precision: Precision::F32, context_tokens, threads: 2, ..Default::default() };
    let mut model = load(&folder(name).join(file), &options);
    let logits = logits_cut_in_all_ways(&mut model, &expected.prompt);
    let error = max_error(&logits, &expected.logits);
    eprintln!("{name}/{file}{suffix}: logits within {error:.1e}");
    assert!(error < ERROR_MAX, "{name}/{file}{suffix}: off by {error}");
    let continued = greedy(&mut model, &[expected.prompt], expected.greedy.len());
    assert_eq!(continued[0], expected.greedy, "{name}/{file}{suffix}");
}

macro_rules! families {
    ($($test:ident: $name:literal, [$($file:literal),+];)+) => {$(
        #[test]
        fn $test() {
            $(check($name, $file, "", None);)+
        }
    )+};
}

families! {
    llama: "llama", [""];
    llama_with_biases_and_linear_rope: "llama-biases-linear", [""];
    llama3_rope_at_positions_of_all_bands: "llama3-rope", ["", "model.gguf"];
    mistral_looks_back_on_a_window: "mistral", [""];
    qwen2: "qwen2", [""];
    qwen2_with_a_window_in_later_layers: "qwen2-window", [""];
    qwen3_in_the_newer_config_layout: "qwen3", [""];
    qwen3_with_yarn: "qwen3-yarn", [""];
    qwen3_moe: "qwen3-moe", ["", "model.gguf"];
    qwen3_moe_with_dense_layers_and_plain_probs: "qwen3-moe-mixed", [""];
    gpt2: "gpt2", [""];
    gemma2: "gemma2", ["", "model.gguf"];
    gemma3: "gemma3", ["", "model.gguf"];
    phi3_with_a_window: "phi3-window", [""];
}

/// Transformers takes the short factors for sequences up to the original context (32 tokens here).
#[test]
fn phi3_with_short_factors() {
    for file in ["", "model.gguf"] {
        check("phi3", file, "", Some(32));
    }
}

#[test]
fn phi3_with_long_factors() {
    for file in ["", "model.gguf"] {
        check("phi3", file, "_long", None);
    }
}
