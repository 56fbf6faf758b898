//! Typed access to GGUF metadata, and the configuration that is read from it.

use model::{
    Activation, Bytes, Family, Gguf, LoadError, Metadata, ModelConfig, ModelFile, RopeLayout,
    RopeScaling,
};

use crate::gguf_writer::{GgufWriter, Meta, tiny_llama};

fn metadata(keys: &[(&str, Meta)]) -> Metadata {
    let mut writer = GgufWriter::new("llama");
    for (key, value) in keys {
        writer.set(key, value.clone());
    }
    Gguf::read(&Bytes::from_vec(writer.bytes()), "tiny.gguf").unwrap().metadata
}

#[track_caller]
fn message<T: std::fmt::Debug>(result: Result<T, LoadError>) -> String {
    result.expect_err("must be refused").to_string()
}

#[test]
fn integers_of_every_width() {
    let metadata = metadata(&[
        ("u8", Meta::U8(200)),
        ("i8", Meta::Raw(1, vec![0xff])),
        ("u16", Meta::Raw(2, vec![1, 2])),
        ("i16", Meta::Raw(3, vec![1, 2])),
        ("u32", Meta::U32(u32::MAX)),
        ("i32", Meta::I32(7)),
        ("u64", Meta::U64(9)),
        ("i64", Meta::Raw(11, (-5i64).to_le_bytes().to_vec())),
        ("large", Meta::U64(1 << 32)),
    ]);
    let u32 = |key| metadata.u32(key);
    assert_eq!(u32("u8").unwrap(), Some(200));
    assert_eq!((u32("u16").unwrap(), u32("i16").unwrap()), (Some(513), Some(513)));
    assert_eq!((u32("u32").unwrap(), u32("i32").unwrap()), (Some(u32::MAX), Some(7)));
    assert_eq!((u32("u64").unwrap(), u32("absent").unwrap()), (Some(9), None));
    let expected = "`tiny.gguf`: key `i8` is -1, expected an integer from 0 to 4294967295";
    assert_eq!(message(u32("i8")), expected);
    assert!(message(u32("i64")).contains("is -5, expected"));
    assert!(message(u32("large")).contains("is 4294967296, expected"));
    assert!(message(metadata.str("u8")).contains("key `u8` is 200, expected a string"));
}

#[test]
fn other_scalars() {
    let metadata = metadata(&[
        ("f32", Meta::F32(0.5)),
        ("f64", Meta::F64(0.25)),
        ("yes", Meta::Bool(true)),
        ("two", Meta::Raw(7, vec![2])),
        ("text", Meta::Str("grüß".into())),
    ]);
    assert_eq!(
        (metadata.f32("f32").unwrap(), metadata.f32("f64").unwrap()),
        (Some(0.5), Some(0.25))
    );
    assert_eq!(metadata.bool("yes").unwrap(), Some(true));
    assert_eq!(metadata.str("text").unwrap(), Some("grüß"));
    assert!(message(metadata.bool("two")).contains("is the byte 2, allowed for a boolean: 0, 1"));
    assert!(message(metadata.f32("text")).contains("is a string, expected a float"));
    assert!(message(metadata.u32("text")).contains("is a string, expected an integer"));
    let keys: Vec<_> = metadata.keys().collect();
    assert_eq!(keys, ["general.architecture", "f32", "f64", "yes", "two", "text"]);
}

#[test]
fn arrays() {
    let texts = vec!["a".to_owned(), String::new(), "ß".to_owned()];
    let metadata = metadata(&[
        ("texts", Meta::Strings(texts.clone())),
        ("floats", Meta::F32s(vec![1.0, -2.5])),
        ("numbers", Meta::I32s(vec![3, 0, 1])),
        ("negative", Meta::I32s(vec![3, -1])),
        ("flags", Meta::Bools(vec![true, false])),
        ("none", Meta::U32s(vec![])),
    ]);
    let strings = metadata.strings("texts").unwrap().unwrap();
    assert_eq!(strings.len(), 3);
    assert_eq!(strings.map(|text| text.unwrap().to_owned()).collect::<Vec<_>>(), texts);
    assert_eq!(metadata.f32s("floats").unwrap(), Some(vec![1.0, -2.5]));
    assert_eq!(metadata.u32s("numbers").unwrap(), Some(vec![3, 0, 1]));
    assert_eq!(metadata.u32s("flags").unwrap(), Some(vec![1, 0]));
    assert_eq!(metadata.u32s("none").unwrap(), Some(vec![]));
    assert_eq!(metadata.u32s("absent").unwrap(), None);
    let error = message(metadata.u32s("negative"));
    assert!(error.contains("key `negative[1]` is out of range"), "{error}");
    let error = message(metadata.f32s("numbers"));
    assert!(error.contains("is an array of 3 I32, expected an array of F32"), "{error}");
    let error = message(metadata.u32s("floats"));
    assert!(error.contains("is an array of 2 F32, expected an array of integers"), "{error}");
    assert!(
        message(metadata.strings("floats").map(|_| ())).contains("expected an array of String")
    );
}

#[test]
fn a_token_that_is_not_utf8_is_named_by_key_and_index() {
    let mut value = 8u32.to_le_bytes().to_vec();
    value.extend(2u64.to_le_bytes());
    for text in [&b"ok"[..], &[0xff, 0xfe]] {
        value.extend((text.len() as u64).to_le_bytes());
        value.extend(text);
    }
    let metadata = metadata(&[("tokens", Meta::Raw(9, value))]);
    let mut strings = metadata.strings("tokens").unwrap().unwrap();
    assert_eq!(strings.next().unwrap().unwrap(), "ok");
    let error = message(strings.next().unwrap());
    assert_eq!(error, "`tiny.gguf`: key `tokens[1]` is not valid UTF-8");
    assert!(strings.next().is_none());
}

fn config(writer: &GgufWriter) -> Result<ModelConfig, LoadError> {
    let file = ModelFile::from_gguf(Bytes::from_vec(writer.bytes()), "tiny.gguf")?;
    Ok(file.config().clone())
}

#[test]
fn plain_llama() {
    let config = config(&tiny_llama(10)).unwrap();
    assert_eq!(config.family, Family::Llama);
    assert_eq!((config.head_count, config.kv_head_count, config.head_dim), (2, 1, 4));
    assert_eq!(config.rope_layout, RopeLayout::Interleaved);
    let rope = config.rope.unwrap();
    assert_eq!((rope.base, rope.dims, rope.scaling), (10_000.0, 4, RopeScaling::None));
}

#[test]
fn numbers_out_of_range_are_refused_by_name() {
    for (key, value, expected) in [
        ("block_count", Meta::U32(0), "is 0, allowed: 1 to 1024"),
        ("block_count", Meta::U32(1025), "is 1025, allowed: 1 to 1024"),
        ("block_count", Meta::I32(-1), "is -1, expected an integer"),
        ("block_count", Meta::Str("2".into()), "is a string, expected an integer"),
        ("embedding_length", Meta::U64(u64::MAX), "is 18446744073709551615, expected"),
        ("attention.head_count", Meta::U32(3), "is 3, which does not divide the width 8"),
        ("attention.head_count", Meta::U32s(vec![2, 1]), "differs between layers"),
        ("attention.head_count_kv", Meta::U32(3), "is 3, which does not divide the 2 query"),
        ("attention.key_length", Meta::U32(5000), "is 5000, allowed: 1 to 4096"),
        ("attention.value_length", Meta::U32(5), "is 5, expected the key length 4"),
        ("attention.layer_norm_rms_epsilon", Meta::F32(f32::NAN), "is NaN, allowed: positive"),
        ("attention.layer_norm_rms_epsilon", Meta::F32(-1.0), "is -1, allowed: positive"),
        ("rope.dimension_count", Meta::U32(3), "gives 3 rotated numbers per head"),
        ("rope.dimension_count", Meta::U32(6), "even numbers from 2 to 4"),
        ("rope.freq_base", Meta::F32(f32::INFINITY), "is inf, allowed: positive"),
        ("rope.scaling.type", Meta::Str("mrope".into()), "is `mrope`, allowed: none, linear"),
        ("expert_count", Meta::U32(8), "`llama` is supported without experts"),
        ("context_length", Meta::U32(u32::MAX), "is 4294967295, allowed: 1 to 134217728"),
    ] {
        let mut writer = tiny_llama(10);
        writer.set(&format!("llama.{key}"), value);
        let error = message(config(&writer));
        assert!(error.contains(&format!("`tiny.gguf`: key `llama.{key}`")), "{error}");
        assert!(error.contains(expected), "{error}");
    }
    for key in ["block_count", "embedding_length", "attention.head_count", "context_length"] {
        let mut writer = tiny_llama(10);
        writer.unset(&format!("llama.{key}"));
        let error = message(config(&writer));
        assert!(error.contains(&format!("key `llama.{key}` is missing, needed: 1 to")), "{error}");
    }
    let mut writer = tiny_llama(10);
    writer.unset("general.architecture");
    assert!(message(config(&writer)).contains("key `general.architecture` is missing"));
    writer.set("general.architecture", Meta::Str("mamba".into()));
    let error = message(config(&writer));
    assert!(error.contains("architecture `mamba` is not supported; supported: llama, qwen2"));
}

#[test]
fn rope_scaling() {
    let scaling = |keys: &[(&str, Meta)]| {
        let mut writer = tiny_llama(10);
        for (key, value) in keys {
            writer.set(&format!("llama.rope.{key}"), value.clone());
        }
        config(&writer).unwrap().rope.unwrap().scaling
    };
    let factor = ("scaling.factor", Meta::F32(4.0));
    let kind = |kind: &str| ("scaling.type", Meta::Str(kind.into()));
    let unnamed = std::slice::from_ref(&factor);
    assert_eq!(scaling(unnamed), RopeScaling::Linear { factor: 4.0 });
    assert_eq!(scaling(&[kind("none"), factor.clone()]), RopeScaling::None);
    assert_eq!(scaling(&[("scaling.factor", Meta::F32(0.0))]), RopeScaling::None);
    assert_eq!(scaling(&[("scale_linear", Meta::F32(2.0))]), RopeScaling::Linear { factor: 2.0 });
    let original = ("scaling.original_context_length", Meta::U32(16));
    let yarn = scaling(&[kind("yarn"), factor, original]);
    let RopeScaling::Yarn { factor, original_context_tokens, attention_factor, .. } = yarn else {
        panic!("{yarn:?}")
    };
    assert_eq!((factor, original_context_tokens), (4.0, 16));
    assert!((attention_factor - 1.138_629_4).abs() < 1e-6);
}

#[test]
fn factors_stored_as_tensors_must_fit() {
    let mut writer = tiny_llama(10);
    writer.floats("rope_freqs.weight", &[2], &[1.0, 8.0]);
    let rope = config(&writer).unwrap().rope.unwrap();
    assert_eq!(rope.scaling, RopeScaling::Factors(vec![1.0, 8.0]));

    let mut writer = tiny_llama(10);
    writer.floats("rope_freqs.weight", &[3], &[1.0, 8.0, 8.0]);
    assert!(message(config(&writer)).contains("has shape [3], expected [2]"));

    let mut writer = tiny_llama(10);
    writer.floats("rope_freqs.weight", &[2], &[1.0, 0.0]);
    assert!(message(config(&writer)).contains("has 0 at index 1, allowed: positive"));
}

/// The keys of a two-layer model of any architecture, without layers' tensors.
fn bare(architecture: &str) -> GgufWriter {
    let mut writer = tiny_llama(10);
    writer.tensors.truncate(1);
    let keys = std::mem::take(&mut writer.keys);
    for (key, value) in keys {
        writer.set(&key.replace("llama.", &format!("{architecture}.")), value);
    }
    writer.set("general.architecture", Meta::Str(architecture.into()));
    writer
}

#[test]
fn gemma_windows_scales_and_caps() {
    let mut writer = bare("gemma3");
    writer.set("gemma3.attention.sliding_window", Meta::U32(16));
    writer.set("gemma3.block_count", Meta::U32(7));
    writer.set("gemma3.rope.scaling.factor", Meta::F32(8.0));
    let gemma3 = config(&writer).unwrap();
    let windowed: Vec<_> = (0..7).map(|layer| gemma3.window_tokens(layer)).collect();
    let mut expected = [Some(16); 7];
    expected[5] = None;
    assert_eq!(windowed, expected);
    assert_eq!(gemma3.layer_rope(5).unwrap().scaling, RopeScaling::Linear { factor: 8.0 });
    assert_eq!(gemma3.layer_rope(0).unwrap().scaling, RopeScaling::None);
    assert_eq!(gemma3.embedding_scale, 8f32.sqrt());
    assert_eq!((gemma3.activation, gemma3.qk_norm), (Activation::GeluTanh, true));
    writer.set("gemma3.attention.sliding_window_pattern", Meta::Bools(vec![true; 3]));
    assert!(message(config(&writer)).contains("has 3 entries, expected 7"));
    writer.set("gemma3.attention.sliding_window_pattern", Meta::Bools(vec![false; 7]));
    assert_eq!(config(&writer).unwrap().window_tokens(0), None);

    let mut writer = bare("gemma2");
    writer.set("gemma2.attn_logit_softcapping", Meta::F32(50.0));
    writer.set("gemma2.block_count", Meta::U32(46));
    let gemma2 = config(&writer).unwrap();
    assert_eq!((gemma2.attention_soft_cap, gemma2.logit_soft_cap), (Some(50.0), None));
    // 46 layers are the 27B model, which scales by width per head: 8 / 2.
    assert_eq!(gemma2.attention_scale, 0.5);
}

#[test]
fn experts() {
    let mut writer = bare("qwen3moe");
    for (key, value) in
        [("expert_count", 4), ("expert_used_count", 2), ("expert_feed_forward_length", 6)]
    {
        writer.set(&format!("qwen3moe.{key}"), Meta::U32(value));
    }
    writer.floats("blk.1.ffn_gate_inp.weight", &[4, 8], &[0.0; 32]);
    let experts = config(&writer).unwrap().experts.unwrap();
    assert_eq!((experts.expert_count, experts.experts_used, experts.ffn_dim), (4, 2, 6));
    assert_eq!((experts.normalize_probs, experts.layers), (true, vec![false, true]));
    writer.set("qwen3moe.expert_used_count", Meta::U32(5));
    let error = message(config(&writer));
    assert!(error.contains("key `qwen3moe.expert_used_count` is 5, allowed: up to the 4"));
}

#[test]
fn generation_defaults() {
    let mut writer = tiny_llama(10);
    writer.set("general.sampling.temp", Meta::F32(0.7));
    writer.set("general.sampling.top_k", Meta::I32(40));
    writer.set("tokenizer.ggml.eos_token_id", Meta::U32(2));
    writer.set("tokenizer.ggml.eot_token_id", Meta::U32(5));
    writer.set("tokenizer.ggml.eom_token_id", Meta::U32(2));
    writer.set("tokenizer.chat_template", Meta::Str("{{ x }}".into()));
    let open = |writer: &GgufWriter| {
        ModelFile::from_gguf(Bytes::from_vec(writer.bytes()), "tiny.gguf").unwrap()
    };
    let file = open(&writer);
    let defaults = file.generation_defaults().unwrap();
    assert_eq!((defaults.temperature, defaults.top_k), (Some(0.7), Some(40)));
    assert_eq!((defaults.eos_token_ids, defaults.bos_token_id), (vec![2, 5], None));
    assert_eq!(file.chat_template().unwrap().as_deref(), Some("{{ x }}"));
    writer.set("general.sampling.temp", Meta::Str("hot".into()));
    let error = message(open(&writer).generation_defaults());
    assert!(error.contains("key `general.sampling.temp` is a string, expected a float"));
}

#[test]
fn an_embedded_model_opens() {
    let bytes: &'static [u8] = tiny_llama(10).bytes().leak();
    let file = ModelFile::from_static(bytes).unwrap();
    assert_eq!(file.file_bytes(), bytes.len() as u64);
    assert_eq!(file.name(), "embedded model");
    assert_eq!(file.digest(), ModelFile::from_static(bytes).unwrap().digest());
    let mut other = bytes.to_vec();
    *other.last_mut().unwrap() ^= 1;
    let other = ModelFile::from_gguf(Bytes::from_vec(other), "other").unwrap();
    assert_ne!(file.digest(), other.digest());
}
