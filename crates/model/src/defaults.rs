//! What a model's files recommend for generation, and the chat template they carry.

use std::path::Path;

use serde_json::Value;

use crate::error::LoadError;
use crate::files::folder;
use crate::files::gguf::Metadata;
use crate::forward::TokenId;

/// Recommended parameters; `None` where the files are silent. Numbers are passed on as they are
/// (finite, but with no other range check): whoever samples knows the ranges.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GenerationDefaults {
    /// Draw instead of taking the most likely token.
    pub do_sample: Option<bool>,
    /// Divides the logits.
    pub temperature: Option<f32>,
    /// Candidates kept.
    pub top_k: Option<u32>,
    /// Probability mass kept.
    pub top_p: Option<f32>,
    /// Least probability kept, relative to the best.
    pub min_p: Option<f32>,
    /// Divides logits of tokens that appeared.
    pub repetition_penalty: Option<f32>,
    /// Limit of new tokens.
    pub max_new_tokens: Option<u32>,
    /// Ids that end a text, without repetition, the main one first.
    pub eos_token_ids: Vec<TokenId>,
    /// Begins a text.
    pub bos_token_id: Option<TokenId>,
    /// Fills short rows of a batch.
    pub pad_token_id: Option<TokenId>,
}

impl GenerationDefaults {
    /// From GGUF metadata: `general.sampling.*` and the tokenizer's ids (end of text, of turn and
    /// of message all end a text).
    ///
    /// # Errors
    /// When a value has the wrong type.
    pub(crate) fn from_metadata(metadata: &Metadata) -> Result<Self, LoadError> {
        let float = |key: &str| metadata.f32(&format!("general.sampling.{key}"));
        let mut eos_token_ids = Vec::new();
        for key in ["eos", "eot", "eom"] {
            let id = metadata.u32(&format!("tokenizer.ggml.{key}_token_id"))?;
            eos_token_ids.extend(id.filter(|id| !eos_token_ids.contains(id)));
        }
        Ok(GenerationDefaults {
            do_sample: None,
            temperature: float("temp")?,
            top_k: metadata.u32("general.sampling.top_k")?,
            top_p: float("top_p")?,
            min_p: float("min_p")?,
            repetition_penalty: float("penalty_repeat")?,
            max_new_tokens: None,
            eos_token_ids,
            bos_token_id: metadata.u32("tokenizer.ggml.bos_token_id")?,
            pad_token_id: metadata.u32("tokenizer.ggml.padding_token_id")?,
        })
    }

    /// From a folder's `generation_config.json`; ids that are not there come from `config.json`.
    ///
    /// # Errors
    /// When a file cannot be read or a value has the wrong type.
    pub(crate) fn from_folder(folder: &Path) -> Result<Self, LoadError> {
        let mut defaults = GenerationDefaults::default();
        for name in ["generation_config.json", "config.json"] {
            let path = folder.join(name);
            let Some(json) = folder::read_json(&path)? else { continue };
            let file = path.display().to_string();
            let object = Object { file: &file, json: &json };
            if name == "generation_config.json" {
                object.read_parameters(&mut defaults)?;
            }
            object.read_ids(&mut defaults)?;
            if let Some(json) = json.get("text_config") {
                Object { file: &file, json }.read_ids(&mut defaults)?;
            }
        }
        Ok(defaults)
    }
}

struct Object<'a> {
    file: &'a str,
    json: &'a Value,
}

impl Object<'_> {
    fn read_parameters(&self, defaults: &mut GenerationDefaults) -> Result<(), LoadError> {
        defaults.do_sample = self.get("do_sample", "a boolean", Value::as_bool)?;
        defaults.temperature = self.float("temperature")?;
        defaults.top_k = self.id("top_k")?;
        defaults.top_p = self.float("top_p")?;
        defaults.min_p = self.float("min_p")?;
        defaults.repetition_penalty = self.float("repetition_penalty")?;
        defaults.max_new_tokens = self.id("max_new_tokens")?;
        Ok(())
    }

    /// Fills in ids that are not known yet.
    fn read_ids(&self, defaults: &mut GenerationDefaults) -> Result<(), LoadError> {
        if defaults.eos_token_ids.is_empty() {
            let expected = "a token id or a list of them";
            let ids = self.get("eos_token_id", expected, |value| match value {
                Value::Array(ids) => ids.iter().map(as_u32).collect(),
                id => Some(vec![as_u32(id)?]),
            })?;
            for id in ids.unwrap_or_default() {
                if !defaults.eos_token_ids.contains(&id) {
                    defaults.eos_token_ids.push(id);
                }
            }
        }
        defaults.bos_token_id = defaults.bos_token_id.or(self.id("bos_token_id")?);
        defaults.pad_token_id = defaults.pad_token_id.or(self.id("pad_token_id")?);
        Ok(())
    }

    fn float(&self, key: &str) -> Result<Option<f32>, LoadError> {
        self.get(key, "a number", |value| {
            value.as_f64().map(|number| number as f32).filter(|number| number.is_finite())
        })
    }

    fn id(&self, key: &str) -> Result<Option<u32>, LoadError> {
        self.get(key, "an integer from 0 to 4294967295", as_u32)
    }

    fn get<T>(
        &self,
        key: &str,
        expected: &str,
        pick: impl Fn(&Value) -> Option<T>,
    ) -> Result<Option<T>, LoadError> {
        match self.json.get(key) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => pick(value)
                .map(Some)
                .ok_or_else(|| LoadError::key(self.file, key, format!("is not {expected}"))),
        }
    }
}

fn as_u32(value: &Value) -> Option<u32> {
    value.as_u64().and_then(|number| u32::try_from(number).ok())
}

/// The chat template of a folder, from `chat_template.jinja` or `tokenizer_config.json`.
pub(crate) fn folder_chat_template(folder: &Path) -> Result<Option<String>, LoadError> {
    let path = folder.join("chat_template.jinja");
    if let Some(bytes) = folder::read_optional(&path)? {
        let text = String::from_utf8(bytes).map_err(|error| {
            let offset = error.utf8_error().valid_up_to() as u64;
            LoadError::malformed(&path.display().to_string(), offset, "the text is not UTF-8")
        })?;
        return Ok(Some(text));
    }
    let path = folder.join("tokenizer_config.json");
    let Some(json) = folder::read_json(&path)? else { return Ok(None) };
    let key = "chat_template";
    let refuse = |message| LoadError::key(&path.display().to_string(), key, message);
    match json.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(Value::Array(named)) => {
            let by_name = |name| named.iter().find(|entry| entry.get("name") == Some(name));
            let entry = by_name(&Value::from("default")).or(named.first());
            let text = entry.and_then(|entry| entry.get("template")).and_then(Value::as_str);
            let text = text.ok_or_else(|| refuse("is a list without a `template` text"))?;
            Ok(Some(text.to_owned()))
        }
        Some(_) => Err(refuse("is neither a text nor a list of named texts")),
    }
}
