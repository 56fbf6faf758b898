//! Hugging Face folders made in code: shards, indexes, templates, and broken ones.

use std::fs;
use std::path::Path;

use model::{LayerTensor, ModelFile, TensorName};
use safetensors::{Dtype, tensor::TensorView};
use serde_json::json;
use tempfile::TempDir;

/// A llama of one layer, 8 wide.
fn config() -> serde_json::Value {
    json!({
        "model_type": "llama", "hidden_size": 8, "intermediate_size": 16,
        "num_hidden_layers": 1, "num_attention_heads": 2, "num_key_value_heads": 1,
        "vocab_size": 10, "max_position_embeddings": 64, "tie_word_embeddings": true,
        "eos_token_id": [7, 8, 7], "bos_token_id": 6
    })
}

const TENSORS: [(&str, &[usize]); 11] = [
    ("model.embed_tokens.weight", &[10, 8]),
    ("model.norm.weight", &[8]),
    ("model.layers.0.input_layernorm.weight", &[8]),
    ("model.layers.0.self_attn.q_proj.weight", &[8, 8]),
    ("model.layers.0.self_attn.k_proj.weight", &[4, 8]),
    ("model.layers.0.self_attn.v_proj.weight", &[4, 8]),
    ("model.layers.0.self_attn.o_proj.weight", &[8, 8]),
    ("model.layers.0.post_attention_layernorm.weight", &[8]),
    ("model.layers.0.mlp.gate_proj.weight", &[16, 8]),
    ("model.layers.0.mlp.up_proj.weight", &[16, 8]),
    ("model.layers.0.mlp.down_proj.weight", &[8, 16]),
];

/// A safetensors file of F32 tensors counting 0, 1, 2 ...
fn safetensors(tensors: &[(&str, &[usize])]) -> Vec<u8> {
    let data: Vec<(&str, &[usize], Vec<u8>)> = tensors
        .iter()
        .map(|(name, shape)| {
            let count = shape.iter().product::<usize>();
            let bytes = (0..count).flat_map(|i| (i as f32).to_le_bytes()).collect();
            (*name, *shape, bytes)
        })
        .collect();
    let views = data.iter().map(|(name, shape, bytes)| {
        (*name, TensorView::new(Dtype::F32, shape.to_vec(), bytes).unwrap())
    });
    safetensors::serialize(views, None).unwrap()
}

fn folder(files: &[(&str, &[u8])]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("config.json"), config().to_string()).unwrap();
    for (name, bytes) in files {
        fs::write(folder.path().join(name), bytes).unwrap();
    }
    folder
}

#[track_caller]
fn refused(path: &Path, expected: &str) {
    let message = ModelFile::open(path).expect_err("must be refused").to_string();
    assert!(message.contains(expected), "{message}");
}

fn q_rows(file: &ModelFile) -> usize {
    file.tensors().matrix(TensorName::Layer(0, LayerTensor::AttnQ)).unwrap().rows
}

#[test]
fn one_file() {
    let folder = folder(&[("model.safetensors", &safetensors(&TENSORS))]);
    let file = ModelFile::open(folder.path()).unwrap();
    assert_eq!(q_rows(&file), 8);
    assert_eq!(
        file.parameter_count(),
        TENSORS.iter().map(|(_, s)| s.iter().product::<usize>() as u64).sum::<u64>()
    );
    assert_eq!(file.tensor_bytes(), 4 * file.parameter_count());
    assert!(file.metadata().is_none());
}

#[test]
fn shards_with_and_without_an_index() {
    let (first, second) = (safetensors(&TENSORS[..5]), safetensors(&TENSORS[5..]));
    let map: serde_json::Map<_, _> = TENSORS
        .iter()
        .enumerate()
        .map(|(i, (name, _))| {
            ((*name).into(), json!(if i < 5 { "a.safetensors" } else { "b.safetensors" }))
        })
        .collect();
    let index = json!({ "metadata": {}, "weight_map": map }).to_string();
    let name = "model.safetensors.index.json";
    let files: [(&str, &[u8]); 3] =
        [("a.safetensors", &first), ("b.safetensors", &second), (name, index.as_bytes())];
    let with_index = folder(&files);
    let without = folder(&files[..2]);
    let (with_index, without) =
        (ModelFile::open(with_index.path()).unwrap(), ModelFile::open(without.path()).unwrap());
    assert_eq!((q_rows(&with_index), q_rows(&without)), (8, 8));
    assert_eq!(with_index.digest(), without.digest());
    refused(folder(&files[1..]).path(), "a.safetensors");
}

#[test]
fn an_index_cannot_lead_out_of_the_folder() {
    for name in ["../a.safetensors", "/etc/passwd", "a/b.safetensors", "..", "", "a\\b", "."] {
        let index = json!({ "weight_map": { "x": name } }).to_string();
        let folder = folder(&[("model.safetensors.index.json", index.as_bytes())]);
        refused(folder.path(), "key `weight_map.x` is not the plain name of a file");
    }
    for (index, expected) in [
        ("{}", "key `weight_map` is missing or no object"),
        ("{\"weight_map\": {}}", "key `weight_map` names no file"),
        ("{\"weight_map\": {\"x\": 3}}", "key `weight_map.x` is not the plain name"),
        ("{\n  \"weight_map\": }", "is malformed at byte 18"),
    ] {
        let folder = folder(&[("model.safetensors.index.json", index.as_bytes())]);
        refused(folder.path(), expected);
    }
}

#[test]
fn what_is_no_model_is_told_apart() {
    let empty = tempfile::tempdir().unwrap();
    refused(empty.path(), "the folder has no `config.json`");
    refused(&empty.path().join("missing"), "cannot read");
    refused(folder(&[]).path(), "neither `model.safetensors` nor any `.safetensors` file");
    let files = folder(&[("notes.txt", b"hello"), ("x.safetensors", b"12345678"), ("empty", b"")]);
    refused(&files.path().join("notes.txt"), "does not begin with `GGUF`");
    refused(&files.path().join("empty"), "does not begin with `GGUF`");
    refused(&files.path().join("x.safetensors"), "give the folder");
    let twins = safetensors(&TENSORS[..1]);
    let files = folder(&[("a.safetensors", &twins), ("b.safetensors", &twins)]);
    refused(files.path(), "holds tensor `model.embed_tokens.weight` that");
    let broken = folder(&[("model.safetensors", &safetensors(&TENSORS))]);
    fs::write(broken.path().join("config.json"), "{\"model_type\": \"llama\"").unwrap();
    refused(broken.path(), "config.json` is malformed at byte");
}

#[test]
fn a_file_cut_anywhere_is_an_error() {
    let all = safetensors(&TENSORS[..3]);
    let folder = folder(&[]);
    let path = folder.path().join("model.safetensors");
    let header = 8 + u64::from_le_bytes(all[..8].try_into().unwrap()) as usize;
    for len in (0..header).chain((header..all.len()).step_by(16)) {
        fs::write(&path, &all[..len]).unwrap();
        refused(folder.path(), "model.safetensors");
    }
    fs::write(&path, &all).unwrap();
    assert!(ModelFile::open(folder.path()).is_ok());
}

#[test]
fn absurd_headers_are_refused() {
    let header = |text: &str| {
        let mut bytes = (text.len() as u64).to_le_bytes().to_vec();
        bytes.extend(text.as_bytes());
        bytes
    };
    let max = u64::MAX;
    for bytes in [
        u64::MAX.to_le_bytes().to_vec(),
        (1u64 << 40).to_le_bytes().to_vec(),
        header("not json"),
        header("{\"a\": {\"dtype\": \"F32\", \"shape\": [1], \"data_offsets\": [0, 4]}}"),
        header(&format!(
            "{{\"a\": {{\"dtype\": \"F32\", \"shape\": [{max}, {max}], \"data_offsets\": [0, 0]}}}}"
        )),
        header("{\"a\": {\"dtype\": \"F32\", \"shape\": [0], \"data_offsets\": [4, 0]}}"),
        header("{\"a\": {\"dtype\": \"Q9\", \"shape\": [0], \"data_offsets\": [0, 0]}}"),
    ] {
        refused(folder(&[("model.safetensors", &bytes)]).path(), "is malformed at byte");
    }
}

#[test]
fn tensors_of_other_types_matter_only_when_needed() {
    let mask = 0i64.to_le_bytes();
    let scalar = TensorView::new(Dtype::I64, vec![], &mask).unwrap();
    let vector = TensorView::new(Dtype::I64, vec![1], &mask).unwrap();
    let views = [
        ("model.layers.0.attn.masked_bias", scalar.clone()),
        ("model.norm.weight", vector),
        ("model.layers.0.input_layernorm.weight", scalar),
    ];
    let other = safetensors::serialize(views, None).unwrap();
    let folder = folder(&[("a.safetensors", &other)]);
    let file = ModelFile::open(folder.path()).unwrap();
    let message = file.tensors().norm(TensorName::OutputNorm).unwrap_err().to_string();
    assert!(message.contains("has shape [1], expected [8]"), "{message}");
    let scalar = TensorName::Layer(0, LayerTensor::AttnNorm);
    let message = file.tensors().norm(scalar).unwrap_err().to_string();
    assert!(message.contains("has shape [], expected [8]"), "{message}");
    let message = file.tensors().matrix(TensorName::Output).unwrap_err().to_string();
    assert!(message.contains("tensor `model.embed_tokens.weight` is missing"), "{message}");
}

#[test]
fn defaults_come_from_both_json_files() {
    let folder = folder(&[("model.safetensors", &safetensors(&TENSORS))]);
    let defaults = || ModelFile::open(folder.path()).unwrap().generation_defaults();
    let found = defaults().unwrap();
    assert_eq!((found.eos_token_ids, found.bos_token_id), (vec![7, 8], Some(6)));
    let path = folder.path().join("generation_config.json");
    let json = json!({
        "do_sample": true, "temperature": 0.6, "top_k": 20, "top_p": 1, "min_p": 0.0,
        "repetition_penalty": 1.05, "max_new_tokens": 2048, "eos_token_id": 5, "pad_token_id": 3
    });
    fs::write(&path, json.to_string()).unwrap();
    let found = defaults().unwrap();
    assert_eq!(
        (found.do_sample, found.temperature, found.top_k),
        (Some(true), Some(0.6), Some(20))
    );
    assert_eq!((found.top_p, found.min_p), (Some(1.0), Some(0.0)));
    assert_eq!((found.eos_token_ids, found.bos_token_id), (vec![5], Some(6)));
    assert_eq!((found.pad_token_id, found.max_new_tokens), (Some(3), Some(2048)));
    for (key, value) in [("temperature", json!("x")), ("eos_token_id", json!([1, -1]))] {
        fs::write(&path, json!({ key: value }).to_string()).unwrap();
        let message = defaults().unwrap_err().to_string();
        assert!(
            message.contains(&format!("generation_config.json`: key `{key}` is not")),
            "{message}"
        );
    }
}

#[test]
fn chat_templates_in_every_place() {
    let folder = folder(&[("model.safetensors", &safetensors(&TENSORS))]);
    let template = || ModelFile::open(folder.path()).unwrap().chat_template();
    assert_eq!(template().unwrap(), None);
    let path = folder.path().join("tokenizer_config.json");
    let write = |json: serde_json::Value| {
        fs::write(&path, json!({ "chat_template": json }).to_string()).unwrap();
    };
    write(json!("plain"));
    assert_eq!(template().unwrap().as_deref(), Some("plain"));
    let tools = json!({ "name": "tool_use", "template": "tools" });
    write(json!([tools, { "name": "default", "template": "usual" }]));
    assert_eq!(template().unwrap().as_deref(), Some("usual"));
    write(json!([tools]));
    assert_eq!(template().unwrap().as_deref(), Some("tools"));
    write(json!(3));
    assert!(template().unwrap_err().to_string().contains("key `chat_template` is neither"));
    write(json!([]));
    assert!(template().unwrap_err().to_string().contains("is a list without"));
    fs::write(folder.path().join("chat_template.jinja"), "own file").unwrap();
    assert_eq!(template().unwrap().as_deref(), Some("own file"));
}
