//! Models of the conformance folder: logits and continuations that independent programs computed.

use crate::runner::{WHOLE, greedy, logits_cut_in_all_ways, logits_of, max_error};
use crate::{conformance_dir, load};
use model::{Forward, LoadOptions, LoadedModel, Precision};
use safetensors::SafeTensors;
use serde_json::Value;
use std::path::{Path, PathBuf};

const ERROR_MAX: f32 = 1e-4;
/// How far quantized activations may move a logit of these models.
const AUTO_ERROR_MAX: f32 = 0.1;

fn json(path: &Path) -> Value {
    let text = std::fs::read(path).expect("the file is in the conformance folder");
    serde_json::from_slice(&text).expect("the file is JSON")
}

fn ids(value: &Value) -> Vec<u32> {
    let ids = value.as_array().expect("a list of ids").iter();
    ids.map(|id| id.as_u64().expect("an id") as u32).collect()
}

fn number(value: &Value) -> usize {
    value.as_u64().expect("a number") as usize
}

fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value[key].as_array().map_or(&[], Vec::as_slice)
}

fn model_dir(name: &str) -> Option<PathBuf> {
    conformance_dir().map(|dir| dir.join("models").join(name))
}

fn open(path: &Path, precision: Precision) -> LoadedModel {
    load(path, &LoadOptions { precision, threads: 2, ..Default::default() })
}

/// Logits of all positions, greedy continuations, and padded batches (here: rows computed
/// together) of the safetensors checkpoint.
fn check_checkpoint(name: &str) {
    let Some(dir) = model_dir(name) else { return };
    let expected = json(&dir.join("expected.json"));
    let bytes = std::fs::read(dir.join("expected_logits.safetensors")).expect("logits are there");
    let tensors = SafeTensors::deserialize(&bytes).expect("is a safetensors file");
    let mut model = open(&dir, Precision::F32);
    let prompts: Vec<Vec<u32>> =
        list(&expected, "prompts").iter().map(|p| ids(&p["ids"])).collect();
    assert!(!prompts.is_empty());

    let mut worst = 0.0f32;
    for (prompt, entry) in prompts.iter().zip(list(&expected, "prompts")) {
        let view = tensors.tensor(entry["logits"].as_str().expect("a key")).expect("is there");
        let flat: Vec<f32> = view
            .data()
            .chunks_exact(4)
            .map(|w| f32::from_le_bytes([w[0], w[1], w[2], w[3]]))
            .collect();
        let rows: Vec<Vec<f32>> =
            flat.chunks_exact(model.vocab_size()).map(<[f32]>::to_vec).collect();
        let logits = logits_cut_in_all_ways(&mut model, prompt);
        worst = worst.max(max_error(&logits, &rows));
    }
    eprintln!("{name}: logits within {worst:.1e}");
    assert!(worst < ERROR_MAX, "{name}: off by {worst}");

    for key in ["greedy", "greedy_ignoring_end"] {
        for entry in list(&expected, key) {
            let prompt = prompts[number(&entry["prompt"])].clone();
            let new_ids = ids(&entry["new_ids"]);
            assert_eq!(greedy(&mut model, &[prompt], new_ids.len())[0], new_ids, "{name} {key}");
        }
    }
    check_batch(name, &mut model, &prompts, &expected["batch_left_padded"]);
}

/// Transformers pads to compute prompts together; here their rows just share the step.
fn check_batch(name: &str, model: &mut LoadedModel, prompts: &[Vec<u32>], expected: &Value) {
    let Some(order) = expected["prompts"].as_array() else { return };
    let order = order.iter().map(number);
    let prompts: Vec<Vec<u32>> = order.map(|index| prompts[index].clone()).collect();
    let count = number(&expected["max_new_tokens"]);
    let together = greedy(model, &prompts, count);
    for ((together, prompt), new_ids) in
        together.iter().zip(&prompts).zip(list(expected, "new_ids"))
    {
        let new_ids = ids(new_ids);
        assert_eq!(together[..new_ids.len()], new_ids, "{name}: batch");
        assert_eq!(
            greedy(model, std::slice::from_ref(prompt), count)[0],
            *together,
            "{name}: alone"
        );
    }
}

/// Last logits and continuations of each GGUF file, in f32 and in each type's own arithmetic.
fn check_gguf_files(name: &str) {
    let Some(dir) = model_dir(name) else { return };
    let expected = json(&dir.join("expected_gguf.json"));
    let prompts = match expected["prompts"].is_array() {
        true => expected.clone(),
        false => json(&dir.join("expected.json")),
    };
    for (kind, file) in expected["files"].as_object().expect("files") {
        let path = match kind.ends_with(".gguf") {
            true => dir.join(kind),
            false => dir.join(format!("model-{kind}.gguf")),
        };
        for precision in [Precision::F32, Precision::Auto] {
            let mut model = open(&path, precision);
            for entry in list(file, "prompts") {
                let prompt = &list(&prompts, "prompts")[number(&entry["prompt"])];
                check_gguf_entry(
                    &format!("{name} {kind} {precision:?}"),
                    &mut model,
                    &ids(&prompt["ids"]),
                    entry,
                    precision,
                );
            }
        }
    }
}

fn check_gguf_entry(
    what: &str,
    model: &mut LoadedModel,
    prompt: &[u32],
    expected: &Value,
    precision: Precision,
) {
    let last: Vec<f32> = list(expected, "last_logits")
        .iter()
        .map(|logit| logit.as_f64().expect("a number") as f32)
        .collect();
    let logits = logits_cut_in_all_ways(model, prompt);
    let error = max_error(&logits[logits.len() - 1..], &[last]);
    eprintln!("{what}: last logits within {error:.1e}");
    let allowed = if precision == Precision::F32 { ERROR_MAX } else { AUTO_ERROR_MAX };
    assert!(error < allowed, "{what}: off by {error}");
    let margin = expected["min_margin"].as_f64().expect("a number") as f32;
    if margin > 2.0 * error {
        let new_ids = ids(&expected["greedy_16"]);
        assert_eq!(greedy(model, &[prompt.to_vec()], new_ids.len())[0], new_ids, "{what}");
    }
}

macro_rules! models {
    ($($checkpoint:ident $files:ident: $name:literal;)+) => {$(
        #[test]
        fn $checkpoint() {
            check_checkpoint($name);
        }

        #[test]
        fn $files() {
            check_gguf_files($name);
        }
    )+};
}

models! {
    llama_gqa llama_gqa_gguf: "llama-gqa";
    llama_rope3 llama_rope3_gguf: "llama-rope3";
    qwen2 qwen2_gguf: "qwen2";
    qwen3 qwen3_gguf: "qwen3";
    gpt2 gpt2_gguf: "gpt2";
}

#[test]
fn llama_with_k_quants() {
    check_gguf_files("llama-kquant");
}

#[test]
fn stories260k() {
    check_checkpoint("stories260k");
}

/// The GGUF files of this model have no expectations of their own. Their story, fed to them word by
/// word, must hold for the precise ones; quantized ones must agree with their own exact weights.
#[test]
fn stories260k_gguf_files() {
    let Some(dir) = model_dir("stories260k") else { return };
    let expected = json(&dir.join("expected.json"));
    let entry = &list(&expected, "greedy")[0];
    let prompt = &list(&expected, "prompts")[number(&entry["prompt"])];
    let tokens = [ids(&prompt["ids"]), ids(&entry["new_ids"])].concat();
    let checkpoint = logits_of(&mut open(&dir, Precision::F32), &tokens, WHOLE);
    for (kind, weights_move, activations_move) in
        [("f32", 1e-4, 1e-4), ("f16", 0.05, 0.05), ("q8_0", 0.5, 0.5), ("q4_0", f32::MAX, 1.5)]
    {
        let path = dir.join(format!("stories260k-{kind}.gguf"));
        let exact = logits_of(&mut open(&path, Precision::F32), &tokens, WHOLE);
        let auto = logits_of(&mut open(&path, Precision::Auto), &tokens, WHOLE);
        let errors = (max_error(&exact, &checkpoint), max_error(&auto, &exact));
        eprintln!("stories260k {kind}: weights {:.1e}, activations {:.1e}", errors.0, errors.1);
        assert!(errors.0 < weights_move, "{kind}: weights off by {}", errors.0);
        assert!(errors.1 < activations_move, "{kind}: activations off by {}", errors.1);
    }
}
