//! Which model a run was of, by digests.

use crate::open_model::OpenModel;
use model::LoadError;
use serde_json::{Value, json};

/// Names and SHA-256 digests of a model's files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// What it calls itself; not compared.
    pub name: String,
    /// Of the weight files.
    pub weights_sha256: String,
    /// Of a folder's `config.json`.
    pub config_sha256: Option<String>,
    /// Of the file that holds the tokenizer.
    pub tokenizer_sha256: String,
    /// Of the chat template, where the prompt was made with it.
    pub template_sha256: Option<String>,
}

impl Identity {
    /// The identity of `model`. Reads every byte of its files, the first time.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub fn of(model: &OpenModel, template_used: bool) -> Result<Identity, LoadError> {
        let template = if template_used { model.file.chat_template()? } else { None };
        Ok(Identity {
            name: model.name(),
            weights_sha256: model.file.digest().to_owned(),
            config_sha256: model.file.config_digest()?,
            tokenizer_sha256: model.file.tokenizer_digest()?,
            template_sha256: template.map(|source| model::sha256_hex(source.as_bytes())),
        })
    }

    /// The first digest in which `other` differs: its name, this one's, the other's.
    pub fn difference(&self, other: &Identity) -> Option<(&'static str, String, String)> {
        let word = |digest: &Option<String>| digest.clone().unwrap_or_else(|| "none".to_owned());
        let weights = (&self.weights_sha256, &other.weights_sha256);
        let tokenizer = (&self.tokenizer_sha256, &other.tokenizer_sha256);
        [
            ("weights_sha256", weights.0.clone(), weights.1.clone()),
            ("config_sha256", word(&self.config_sha256), word(&other.config_sha256)),
            ("tokenizer_sha256", tokenizer.0.clone(), tokenizer.1.clone()),
            ("template_sha256", word(&self.template_sha256), word(&other.template_sha256)),
        ]
        .into_iter()
        .find(|(_, mine, others)| mine != others)
    }

    /// As it is written.
    pub fn to_json(&self) -> Value {
        json!({
            "name": self.name,
            "weights_sha256": self.weights_sha256,
            "config_sha256": self.config_sha256,
            "tokenizer_sha256": self.tokenizer_sha256,
            "template_sha256": self.template_sha256,
        })
    }

    /// As it was written; none when a field is not what [`Identity::to_json`] writes.
    pub fn from_json(value: &Value) -> Option<Identity> {
        let text = |name: &str| value.get(name)?.as_str().map(str::to_owned);
        let optional = |name: &str| match value.get(name)? {
            Value::Null => Some(None),
            value => value.as_str().map(|text| Some(text.to_owned())),
        };
        Some(Identity {
            name: text("name")?,
            weights_sha256: text("weights_sha256")?,
            config_sha256: optional("config_sha256")?,
            tokenizer_sha256: text("tokenizer_sha256")?,
            template_sha256: optional("template_sha256")?,
        })
    }
}
