//! From a GGUF file's metadata to the plain vocabulary that `text` builds a tokenizer from.

use crate::error::OpenError;
use model::{LoadError, Metadata};
use text::VocabSource;

/// The vocabulary under `tokenizer.ggml.*`; its texts stay where they lie in the file.
///
/// # Errors
/// When a key is missing or of the wrong type.
pub fn read(metadata: &Metadata) -> Result<VocabSource<&str>, OpenError> {
    let key = |name: &str| format!("tokenizer.ggml.{name}");
    let id = |name: &str| metadata.u32(&key(name));
    let model = metadata.str(&key("model"))?.ok_or_else(|| {
        OpenError::part("vocabulary", "the file has no tokenizer (`tokenizer.ggml.model`)")
    })?;
    Ok(VocabSource {
        model: model.to_owned(),
        pre: metadata.str(&key("pre"))?.map(str::to_owned),
        tokens: strings(metadata, &key("tokens"))?,
        token_types: integers(metadata, &key("token_type"))?,
        scores: metadata.f32s(&key("scores"))?.unwrap_or_default(),
        merges: strings(metadata, &key("merges"))?,
        bos_id: id("bos_token_id")?,
        eos_id: id("eos_token_id")?,
        unk_id: id("unknown_token_id")?,
        pad_id: id("padding_token_id")?,
        eot_id: id("eot_token_id")?,
        eom_id: id("eom_token_id")?,
        add_bos: metadata.bool(&key("add_bos_token"))?,
        add_eos: metadata.bool(&key("add_eos_token"))?,
        add_space_prefix: metadata.bool(&key("add_space_prefix"))?,
        remove_extra_whitespaces: metadata.bool(&key("remove_extra_whitespaces"))?,
        precompiled_charsmap: bytes(metadata, &key("precompiled_charsmap"))?,
    })
}

fn strings<'m>(metadata: &'m Metadata, key: &str) -> Result<Vec<&'m str>, LoadError> {
    let Some(strings) = metadata.strings(key)? else { return Ok(Vec::new()) };
    strings.collect()
}

/// Token types are 1 to 6; what does not fit an i32 is no known type and stays one.
fn integers(metadata: &Metadata, key: &str) -> Result<Vec<i32>, LoadError> {
    let values = metadata.u32s(key)?.unwrap_or_default();
    Ok(values.into_iter().map(|value| i32::try_from(value).unwrap_or(i32::MAX)).collect())
}

fn bytes(metadata: &Metadata, key: &str) -> Result<Vec<u8>, LoadError> {
    let values = metadata.u32s(key)?.unwrap_or_default();
    Ok(values.into_iter().map(|value| value as u8).collect())
}
