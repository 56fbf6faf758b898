//! Every model of the conformance data opens, with the configuration it was made with.

use std::path::{Path, PathBuf};

use model::{
    Bytes, Family, Gguf, LayerTensor, ModelConfig, ModelFile, RopeLayout, RopeScaling, TensorName,
};

use crate::conformance_dir;

/// The folder itself, if it is a checkpoint, and every GGUF file in it.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut found: Vec<_> =
        entries.filter(|path| path.extension().is_some_and(|ext| ext == "gguf")).collect();
    found.sort();
    if folder.join("config.json").is_file() {
        found.push(folder.into());
    }
    found
}

fn open(path: &Path) -> ModelFile {
    ModelFile::open(path).unwrap_or_else(|error| panic!("{error}"))
}

/// Asks for every tensor that the family computes with; shapes are checked on the way.
fn fetch_all(file: &ModelFile) {
    let (config, tensors) = (file.config(), file.tensors());
    let matrix =
        |name| tensors.matrix(name).unwrap_or_else(|error| panic!("{error}")).weight().rows();
    let norm = |name| tensors.norm(name).unwrap_or_else(|error| panic!("{error}")).len();
    assert_eq!(matrix(TensorName::TokenEmbedding), config.vocab_size);
    assert_eq!(matrix(TensorName::Output), config.vocab_size);
    assert_eq!(norm(TensorName::OutputNorm), config.hidden_dim);
    let is_gpt2 = config.family == Family::Gpt2;
    if is_gpt2 {
        assert_eq!(matrix(TensorName::PositionEmbedding), config.context_tokens_max);
    }
    for layer in 0..config.layer_count {
        let at = |tensor| TensorName::Layer(layer, tensor);
        let q_dim = config.head_count * config.head_dim;
        let kv_dim = config.kv_head_count * config.head_dim;
        assert_eq!(matrix(at(LayerTensor::AttnQ)), q_dim);
        assert_eq!(matrix(at(LayerTensor::AttnK)), kv_dim);
        assert_eq!(matrix(at(LayerTensor::AttnV)), kv_dim);
        assert_eq!(matrix(at(LayerTensor::AttnOut)), config.hidden_dim);
        assert_eq!(norm(at(LayerTensor::AttnNorm)), config.hidden_dim);
        assert_eq!(norm(at(LayerTensor::FfnNorm)), config.hidden_dim);
        assert_eq!(matrix(at(LayerTensor::FfnUp)), config.ffn_dim);
        assert_eq!(matrix(at(LayerTensor::FfnDown)), config.hidden_dim);
        assert_eq!(tensors.has(at(LayerTensor::FfnGate)), !is_gpt2);
        for bias in [LayerTensor::AttnQ, LayerTensor::AttnK, LayerTensor::AttnV] {
            let bias = tensors.bias(at(bias)).unwrap();
            assert_eq!(bias.is_some(), config.qkv_bias);
        }
        if config.qk_norm {
            assert_eq!(norm(at(LayerTensor::QNorm)), config.head_dim);
            assert_eq!(norm(at(LayerTensor::KNorm)), config.head_dim);
        }
    }
}

/// [layers, hidden, ffn, heads, kv heads, head_dim, context] of each model.
const SHAPES: [(&str, Family, [usize; 7]); 7] = [
    ("gpt2", Family::Gpt2, [2, 64, 144, 4, 4, 16, 256]),
    ("llama-gqa", Family::Llama, [2, 64, 144, 4, 2, 16, 512]),
    ("llama-kquant", Family::Llama, [1, 256, 256, 4, 2, 64, 512]),
    ("llama-rope3", Family::Llama, [2, 64, 144, 4, 1, 16, 512]),
    ("qwen2", Family::Qwen2, [2, 64, 144, 4, 2, 16, 512]),
    ("qwen3", Family::Qwen3, [2, 64, 144, 4, 2, 24, 512]),
    ("stories260k", Family::Llama, [5, 64, 172, 8, 4, 8, 512]),
];

fn shape(config: &ModelConfig) -> [usize; 7] {
    [
        config.layer_count,
        config.hidden_dim,
        config.ffn_dim,
        config.head_count,
        config.kv_head_count,
        config.head_dim,
        config.context_tokens_max,
    ]
}

#[test]
fn every_model_opens_with_its_configuration() {
    let Some(folder) = conformance_dir() else { return };
    for (name, family, expected) in SHAPES {
        for path in sources(&folder.join("models").join(name)) {
            let file = open(&path);
            let config = file.config();
            assert_eq!(config.family, family, "{path:?}");
            assert_eq!(shape(config), expected, "{path:?}");
            assert_eq!(config.vocab_size, 512);
            assert_eq!(config.attention_scale, 1.0 / (config.head_dim as f32).sqrt());
            let eps = if matches!(name, "qwen2" | "qwen3") { 1e-6 } else { 1e-5 };
            assert_eq!(config.norm_eps, eps, "{path:?}");
            let interleaved = file.metadata().is_some() && family == Family::Llama;
            assert_eq!(config.rope_layout == RopeLayout::Interleaved, interleaved);
            assert_eq!(config.window, None);
            assert_eq!(config.experts, None);
            fetch_all(&file);
        }
    }
}

#[test]
fn gguf_and_folder_describe_the_same_model() {
    let Some(folder) = conformance_dir() else { return };
    for (name, ..) in SHAPES {
        let sources = sources(&folder.join("models").join(name));
        let configs = sources.iter().map(|path| open(path).config().clone());
        // What may differ: how the file orders q and k, how it stores scaling, whether a GGUF
        // repeats the tied embedding as output.
        let comparable = configs.map(|mut config| {
            config.rope_layout = RopeLayout::Half;
            config.tied_output = false;
            if let Some(rope) = &mut config.rope {
                rope.scaling = RopeScaling::None;
            }
            config
        });
        let comparable: Vec<_> = comparable.collect();
        assert!(comparable.windows(2).all(|pair| pair[0] == pair[1]), "{comparable:#?}");
    }
}

/// f32 GGUF and folder hold the same numbers once names, transposition and fusion are settled;
/// only llama's q and k rows are reordered.
#[test]
fn gguf_and_folder_hold_the_same_numbers() {
    let Some(folder) = conformance_dir() else { return };
    for name in ["gpt2", "qwen2", "qwen3", "llama-gqa"] {
        let folder = folder.join("models").join(name);
        let (ours, theirs) = (open(&folder.join("model-f32.gguf")), open(&folder));
        for layer in 0..ours.config().layer_count {
            for tensor in [
                LayerTensor::AttnQ,
                LayerTensor::AttnK,
                LayerTensor::AttnV,
                LayerTensor::AttnOut,
                LayerTensor::FfnUp,
                LayerTensor::FfnDown,
            ] {
                let at = TensorName::Layer(layer, tensor);
                let rows = |file: &ModelFile| {
                    let view = file.tensors().matrix(at).unwrap();
                    let row_bytes = view.bytes.len() / view.rows;
                    let mut rows: Vec<_> =
                        view.bytes.chunks(row_bytes).map(<[u8]>::to_vec).collect();
                    if name == "llama-gqa" {
                        rows.sort();
                    }
                    rows
                };
                assert_eq!(rows(&ours), rows(&theirs), "{name} {at:?}");
                let bias = |file: &ModelFile| file.tensors().bias(at).unwrap();
                assert_eq!(bias(&ours), bias(&theirs), "{name} {at:?}");
            }
        }
    }
}

#[test]
fn llama_3_scaling_is_read_from_both_kinds_of_file() {
    let Some(folder) = conformance_dir() else { return };
    let folder = folder.join("models/llama-rope3");
    let expected = RopeScaling::Llama3 {
        factor: 8.0,
        low_freq_factor: 1.0,
        high_freq_factor: 4.0,
        original_context_tokens: 64,
    };
    let rope = open(&folder).config().rope.clone().unwrap();
    assert_eq!((rope.base, rope.dims, rope.scaling), (500_000.0, 16, expected));
    let rope = open(&folder.join("model-q5_1.gguf")).config().rope.clone().unwrap();
    let RopeScaling::Factors(factors) = rope.scaling else { panic!("{rope:?}") };
    assert_eq!((factors.len(), factors[0], factors[7]), (8, 1.0, 8.0));
}

#[test]
fn generation_defaults_and_template_are_read_from_both_kinds_of_file() {
    let Some(folder) = conformance_dir() else { return };
    let folder = folder.join("models/llama-gqa");
    for path in [folder.clone(), folder.join("model-q4_0.gguf")] {
        let file = open(&path);
        let defaults = file.generation_defaults().unwrap();
        assert_eq!(defaults.eos_token_ids, [0, 4]);
        assert_eq!((defaults.bos_token_id, defaults.pad_token_id), (Some(2), Some(1)));
        assert_eq!(defaults.temperature, None);
        let template = file.chat_template().unwrap().unwrap();
        assert!(template.starts_with("{% for message in messages %}"), "{template}");
    }
    assert!(open(&folder).hf_json("tokenizer_config.json").unwrap().is_some());
    assert!(open(&folder).hf_json("no_such.json").unwrap().is_none());
    assert!(open(&folder).hf_json("../qwen2/config.json").is_err());
}

#[test]
fn sizes_and_types_are_told() {
    let Some(folder) = conformance_dir() else { return };
    let file = open(&folder.join("models/llama-kquant/model.gguf"));
    let mix = file.quantization_mix();
    let names: Vec<_> = mix.iter().map(|share| share.name.as_str()).collect();
    assert!(names.contains(&"Q4_K") && names.contains(&"Q6_K"), "{names:?}");
    assert_eq!(mix.iter().map(|share| share.bytes).sum::<u64>(), file.tensor_bytes());
    assert!(file.tensor_bytes() < file.file_bytes());
    assert_eq!(file.digest().len(), 64);
}

#[test]
fn vocabularies_without_tensors_are_read() {
    let Some(folder) = conformance_dir() else { return };
    let mut vocab_count = 0;
    for part in ["llamacpp", "built"] {
        for path in sources(&folder.join("tokenizer").join(part)) {
            let bytes = Bytes::map_file(&path).unwrap();
            let gguf = Gguf::read(&bytes, "vocab.gguf").unwrap_or_else(|error| panic!("{error}"));
            assert!(gguf.tensors.is_empty());
            let tokens = gguf.metadata.strings("tokenizer.ggml.tokens").unwrap().unwrap();
            let types = gguf.metadata.u32s("tokenizer.ggml.token_type").unwrap().unwrap();
            assert_eq!(tokens.len(), types.len(), "{path:?}");
            assert!(tokens.len() > 10_000, "{path:?}");
            assert!(tokens.into_iter().all(|token| token.is_ok()), "{path:?}");
            vocab_count += 1;
        }
    }
    assert_eq!(vocab_count, 6);
}
