//! A model opened for use: its configuration, its tensors, and what else its files say.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use serde_json::Value;

use crate::config::{self, Family, ModelConfig};
use crate::defaults::GenerationDefaults;
use crate::error::LoadError;
use crate::files::gguf::{self, Gguf, Metadata};
use crate::files::mapped::Bytes;
use crate::files::safetensors::Shards;
use crate::files::source_names::Naming;
use crate::files::tensors::Tensors;
use crate::files::{digest, folder};

/// A GGUF file or a Hugging Face folder whose configuration has been read and checked.
///
/// Opening reads headers only; a tensor's bytes are read when it is first multiplied.
#[derive(Debug)]
pub struct ModelFile {
    source: Source,
    config: ModelConfig,
    tensors: Tensors,
    digest: OnceLock<String>,
}

#[derive(Debug)]
enum Source {
    Gguf { name: String, bytes: Bytes, metadata: Metadata },
    Folder { path: PathBuf, shards: Vec<(PathBuf, Bytes)> },
}

/// How many tensors a model stores in one type, and in how many bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TypeShare {
    /// The type's name (`Q4_K`, `F32`, `I64` ...).
    pub name: String,
    /// Tensors of the type.
    pub tensor_count: usize,
    /// Their bytes; 0 for GGUF types that are not computed with.
    pub bytes: u64,
}

impl ModelFile {
    /// Opens the GGUF file or the folder at `path`.
    ///
    /// # Errors
    /// [`LoadError`]; a path that is neither is [`LoadError::NotAModel`].
    pub fn open(path: &Path) -> Result<Self, LoadError> {
        let metadata = std::fs::metadata(path)
            .map_err(|source| LoadError::Io { path: path.into(), source })?;
        if metadata.is_dir() {
            return Self::open_folder(path);
        }
        let not_a_model =
            |message: &str| LoadError::NotAModel { path: path.into(), message: message.into() };
        if !metadata.is_file() {
            return Err(not_a_model("it is neither a file nor a folder"));
        }
        if path.extension().is_some_and(|extension| extension == "safetensors") {
            let message = "a safetensors file alone says nothing of its architecture; give the \
                           folder that holds it together with `config.json`";
            return Err(not_a_model(message));
        }
        let bytes = folder::map(path)?;
        if !bytes.starts_with(gguf::MAGIC) {
            return Err(not_a_model("the file does not begin with `GGUF`, and it is no folder"));
        }
        Self::from_gguf(bytes, &path.display().to_string())
    }

    /// Opens a GGUF file that is part of the program.
    ///
    /// # Errors
    /// As [`ModelFile::open`]; errors name the file "embedded model".
    pub fn from_static(bytes: &'static [u8]) -> Result<Self, LoadError> {
        Self::from_gguf(Bytes::from_static(bytes), "embedded model")
    }

    /// Opens a GGUF file that is in memory; `name` stands for its path in errors.
    ///
    /// # Errors
    /// As [`ModelFile::open`].
    pub fn from_gguf(bytes: Bytes, name: &str) -> Result<Self, LoadError> {
        let gguf = Gguf::read(&bytes, name)?;
        let key = "split.count";
        if let Some(parts @ 2..) = gguf.metadata.u32(key)? {
            let message = format!("says this is one of {parts} parts; merge them into one file");
            return Err(LoadError::key(name, key, message));
        }
        let config = config::gguf::read(&gguf, name)?;
        let tensors = Tensors::new(name.into(), Naming::Gguf, gguf.tensors, config.clone());
        let source = Source::Gguf { name: name.into(), bytes, metadata: gguf.metadata };
        Ok(ModelFile { source, config, tensors, digest: OnceLock::new() })
    }

    fn open_folder(path: &Path) -> Result<Self, LoadError> {
        let config_path = path.join("config.json");
        let json = folder::read_json(&config_path)?.ok_or_else(|| LoadError::NotAModel {
            path: path.into(),
            message: "the folder has no `config.json`".into(),
        })?;
        let config = config::hf::read(&json, &config_path.display().to_string())?;
        let Shards { tensors, files } = Shards::open(path)?;
        let has = |name: String| tensors.contains_key(&name);
        let naming = if config.family == Family::Gpt2 {
            let prefixes = ["transformer.", ""];
            let found = prefixes.into_iter().find(|prefix| has(format!("{prefix}wte.weight")));
            Naming::HuggingFaceGpt2 { prefix: found.unwrap_or("transformer.").into() }
        } else {
            // Language models inside of a model for images have longer prefixes, old and new.
            let prefixes = ["model.", "language_model.model.", "model.language_model.", ""];
            let found =
                prefixes.into_iter().find(|prefix| has(format!("{prefix}embed_tokens.weight")));
            Naming::HuggingFace { prefix: found.unwrap_or("model.").into() }
        };
        let name = path.display().to_string();
        let tensors = Tensors::new(name, naming, tensors, config.clone());
        let source = Source::Folder { path: path.into(), shards: files };
        Ok(ModelFile { source, config, tensors, digest: OnceLock::new() })
    }

    /// The path that was opened, or what stands for it in errors.
    pub fn name(&self) -> String {
        match &self.source {
            Source::Gguf { name, .. } => name.clone(),
            Source::Folder { path, .. } => path.display().to_string(),
        }
    }

    /// The model's shape and constants.
    pub fn config(&self) -> &ModelConfig {
        &self.config
    }

    /// The weights.
    pub fn tensors(&self) -> &Tensors {
        &self.tensors
    }

    /// The keys and values of a GGUF file; `None` for a folder.
    pub fn metadata(&self) -> Option<&Metadata> {
        match &self.source {
            Source::Gguf { metadata, .. } => Some(metadata),
            Source::Folder { .. } => None,
        }
    }

    /// The JSON file `name` of a folder (`tokenizer_config.json`, say); `None` when there is no
    /// such file, and for GGUF.
    ///
    /// # Errors
    /// When the file cannot be read or is not JSON, or `name` is a path.
    pub fn hf_json(&self, name: &str) -> Result<Option<Value>, LoadError> {
        match self.folder_path(name)? {
            Some(path) => folder::read_json(&path),
            None => Ok(None),
        }
    }

    /// The bytes of file `name` of a folder (`tokenizer.json`, say); `None` when there is no such
    /// file, and for GGUF.
    ///
    /// # Errors
    /// When the file cannot be read or `name` is a path.
    pub fn hf_bytes(&self, name: &str) -> Result<Option<Vec<u8>>, LoadError> {
        match self.folder_path(name)? {
            Some(path) => folder::read_optional(&path),
            None => Ok(None),
        }
    }

    fn folder_path(&self, name: &str) -> Result<Option<PathBuf>, LoadError> {
        let Source::Folder { path, .. } = &self.source else { return Ok(None) };
        if !folder::is_plain_name(name) {
            let message = format!("`{name}` is not the plain name of a file in it");
            return Err(LoadError::NotAModel { path: path.clone(), message });
        }
        Ok(Some(path.join(name)))
    }

    /// Bytes of all weight files together.
    pub fn file_bytes(&self) -> u64 {
        match &self.source {
            Source::Gguf { bytes, .. } => bytes.len() as u64,
            Source::Folder { shards, .. } => {
                shards.iter().map(|(_, bytes)| bytes.len() as u64).sum()
            }
        }
    }

    /// Bytes of all tensors together.
    pub fn tensor_bytes(&self) -> u64 {
        self.tensors.stored().map(|tensor| tensor.bytes.len() as u64).sum()
    }

    /// Numbers in all tensors together.
    pub fn parameter_count(&self) -> u64 {
        let values = |shape: &[usize]| shape.iter().map(|&dim| dim as u64).product::<u64>();
        self.tensors.stored().map(|tensor| values(&tensor.shape)).fold(0, u64::saturating_add)
    }

    /// Which types the tensors have, the type with most bytes first.
    pub fn quantization_mix(&self) -> Vec<TypeShare> {
        let mut by_name = BTreeMap::<&str, (usize, u64)>::new();
        for tensor in self.tensors.stored() {
            let share = by_name.entry(tensor.kind.name()).or_default();
            share.0 += 1;
            share.1 += tensor.bytes.len() as u64;
        }
        let mut mix: Vec<TypeShare> = by_name
            .into_iter()
            .map(|(name, (tensor_count, bytes))| TypeShare {
                name: name.into(),
                tensor_count,
                bytes,
            })
            .collect();
        mix.sort_by_key(|share| std::cmp::Reverse(share.bytes));
        mix
    }

    /// What the files recommend for generation, and the ids that end, begin and fill texts.
    ///
    /// # Errors
    /// When a value has the wrong type or cannot be meant.
    pub fn generation_defaults(&self) -> Result<GenerationDefaults, LoadError> {
        match &self.source {
            Source::Gguf { metadata, .. } => GenerationDefaults::from_metadata(metadata),
            Source::Folder { path, .. } => GenerationDefaults::from_folder(path),
        }
    }

    /// The chat template's text; `None` when the model has none. A folder's `chat_template.jinja`
    /// comes before its `tokenizer_config.json`; of several named ones `default` is taken.
    ///
    /// # Errors
    /// When a file cannot be read or the template is no text.
    pub fn chat_template(&self) -> Result<Option<String>, LoadError> {
        match &self.source {
            Source::Gguf { metadata, .. } => {
                Ok(metadata.str("tokenizer.chat_template")?.map(String::from))
            }
            Source::Folder { path, .. } => crate::defaults::folder_chat_template(path),
        }
    }

    /// A digest of what a folder says about the model's shape: the SHA-256 of its `config.json`.
    /// `None` for a GGUF file, whose own digest covers it.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn config_digest(&self) -> Result<Option<String>, LoadError> {
        Ok(self.hf_bytes("config.json")?.map(|bytes| digest::sha256_hex(&bytes)))
    }

    /// A digest of the file that holds the tokenizer, as `sha256sum` prints it: a folder's
    /// `tokenizer.json`, or the GGUF file itself.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn tokenizer_digest(&self) -> Result<String, LoadError> {
        let bytes = self.hf_bytes("tokenizer.json")?;
        Ok(bytes.map_or_else(|| self.digest().to_owned(), |bytes| digest::sha256_hex(&bytes)))
    }

    /// A digest of the weight files: hexadecimal SHA-256. Of a single file it is what `sha256sum`
    /// prints; of several it is the SHA-256 of the lines `sha256sum` prints for them (digest, two
    /// blanks, plain file name, newline), in the order of their names.
    ///
    /// Reads every byte the first time; remembered afterwards.
    pub fn digest(&self) -> &str {
        self.digest.get_or_init(|| match &self.source {
            Source::Gguf { bytes, .. } => digest::sha256_hex(bytes),
            Source::Folder { shards, .. } => digest::of_files(shards),
        })
    }

    /// The files that hold the weights. What stands for a model in memory is no path of a file.
    pub fn weight_paths(&self) -> Vec<&Path> {
        match &self.source {
            Source::Gguf { name, .. } => vec![Path::new(name)],
            Source::Folder { shards, .. } => {
                shards.iter().map(|(path, _)| path.as_path()).collect()
            }
        }
    }

    /// Takes a digest that the caller knows, in place of reading every byte. Without effect when
    /// the digest is known already.
    pub fn assume_digest(&self, digest: &str) {
        self.digest.get_or_init(|| digest.to_owned());
    }
}
