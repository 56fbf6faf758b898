//! From a path to a model that can be used: its files, tokenizer, chat template, recommendations.

use crate::computing::Computing;
use crate::error::OpenError;
use crate::gguf_vocab;
use kernels::Kernels;
use model::{
    Bytes, GenerationDefaults, Gguf, KvElement, LoadOptions, LoadedModel, ModelFile, Precision,
    TokenId,
};
use sampling::params::ParamValue;
use serde_json::{Map, Value};
use std::path::Path;
use std::sync::{Arc, OnceLock};
use text::thinking::ThinkingFormat;
use text::{ChatTemplate, Tokenizer};

/// The model that ships inside the program: `models/README.md` says what it can do.
static EMBEDDED: &[u8] = include_bytes!("../../../models/jeton-tiny.gguf");

/// A model whose files have been opened; its weights are not touched yet.
pub struct OpenModel {
    /// Configuration, tensors, metadata.
    pub file: ModelFile,
    /// Between text and ids.
    pub tokenizer: Arc<Tokenizer>,
    /// The model's own chat template, if it has one.
    pub template: Option<ChatTemplate>,
    /// What its files recommend.
    pub defaults: GenerationDefaults,
    /// Ids that end an answer.
    pub eos_ids: Vec<TokenId>,
    /// `bos_token` and its like, as templates read them.
    pub special_tokens: Map<String, Value>,
    /// Found when it is first asked for, since the template is tried out for it.
    thinking: OnceLock<Option<Arc<ThinkingFormat>>>,
}

/// What a model is computed with. Changes the speed and no token.
#[derive(Clone, Debug, Default)]
pub struct Effort {
    /// Threads; none for as many as there are cores.
    pub threads: Option<usize>,
    /// Instructions; none for the best that the machine has.
    pub kernels: Option<Kernels>,
}

impl OpenModel {
    /// Opens the model at `path`, or the one inside the program.
    ///
    /// # Errors
    /// When a file is missing, malformed or not supported.
    pub fn open(path: Option<&Path>) -> Result<OpenModel, OpenError> {
        let file = match path {
            Some(path) => ModelFile::open(path)?,
            None => ModelFile::from_static(EMBEDDED)?,
        };
        let tokenizer = match file.metadata() {
            Some(metadata) => Tokenizer::from_vocab(gguf_vocab::read(metadata)?)
                .map_err(|error| OpenError::part(file.name(), error))?,
            None => folder_tokenizer(&file)?,
        };
        let template =
            file.chat_template()?.map(|source| ChatTemplate::new(&source)).transpose().map_err(
                |error| OpenError::part(format!("{}: chat template", file.name()), error),
            )?;
        let defaults = file.generation_defaults()?;
        let eos_ids = eos_ids(&file, &defaults, &tokenizer);
        let special_tokens = special_tokens(&file, &tokenizer)?;
        let tokenizer = Arc::new(tokenizer);
        let thinking = OnceLock::new();
        Ok(OpenModel { file, tokenizer, template, defaults, eos_ids, special_tokens, thinking })
    }

    /// The name to show: what the file calls itself, else its path.
    pub fn name(&self) -> String {
        let own = self.file.metadata().and_then(|metadata| metadata.str("general.name").ok()?);
        own.map_or_else(|| self.file.name(), str::to_owned)
    }

    /// How the model marks its thoughts; none where it marks none.
    pub fn thinking(&self) -> Option<&Arc<ThinkingFormat>> {
        let find = || ThinkingFormat::find(self.template.as_ref(), &self.tokenizer).map(Arc::new);
        self.thinking.get_or_init(find).as_ref()
    }

    /// Brings the weights into reach, to be computed in this way.
    ///
    /// # Errors
    /// When a tensor is missing or has the wrong shape, or the window is larger than the model's.
    pub fn load(&self, computing: &Computing, effort: &Effort) -> Result<LoadedModel, OpenError> {
        let own = self.file.config().context_tokens_max;
        if let Some(asked) = computing.context_tokens.filter(|&asked| asked > own) {
            return Err(OpenError::Context { own, asked });
        }
        Ok(LoadedModel::load(&self.file, &load_options(computing, effort))?)
    }

    /// The recommendations as values of the parameter table.
    pub fn recommended(&self) -> Vec<(&'static str, ParamValue)> {
        let defaults = &self.defaults;
        let float = |value: Option<f32>| value.map(|value| ParamValue::Float(short(value)));
        let count = |value: Option<u32>| value.map(|value| ParamValue::Int(i128::from(value)));
        [
            ("do_sample", defaults.do_sample.map(ParamValue::Bool)),
            ("temperature", float(defaults.temperature)),
            ("top_k", count(defaults.top_k)),
            ("top_p", float(defaults.top_p)),
            ("min_p", float(defaults.min_p)),
            ("repetition_penalty", float(defaults.repetition_penalty)),
            ("max_tokens", count(defaults.max_new_tokens)),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)))
        .collect()
    }
}

/// The decimal that a file's author wrote, not the binary neighbour of it.
fn short(value: f32) -> f64 {
    value.to_string().parse().unwrap_or_else(|_| f64::from(value))
}

/// Opens only a tokenizer: of a model, of a GGUF file without weights, or a `tokenizer.json`.
///
/// # Errors
/// When a file is missing, malformed or not supported.
pub fn open_tokenizer(path: Option<&Path>) -> Result<Tokenizer, OpenError> {
    let Some(path) = path.filter(|path| path.is_file()) else {
        return match path {
            Some(folder) if folder.is_dir() && !folder.join("config.json").exists() => {
                bare_folder_tokenizer(folder)
            }
            _ => {
                let model = OpenModel::open(path)?;
                Arc::into_inner(model.tokenizer)
                    .ok_or_else(|| OpenError::part("tokenizer", "it is in use"))
            }
        };
    };
    let in_file =
        |error: &dyn std::fmt::Display| OpenError::part(path.display().to_string(), error);
    let bytes = Bytes::map_file(path).map_err(|error| in_file(&error))?;
    if bytes.starts_with(b"GGUF") {
        let gguf = Gguf::read(&bytes, &path.display().to_string())?;
        let vocab = gguf_vocab::read(&gguf.metadata)?;
        return Tokenizer::from_vocab(vocab).map_err(|error| in_file(&error));
    }
    Tokenizer::from_json(&bytes, None).map_err(|error| in_file(&error))
}

/// A folder that holds a tokenizer and no model.
fn bare_folder_tokenizer(folder: &Path) -> Result<Tokenizer, OpenError> {
    let path = folder.join("tokenizer.json");
    let in_file =
        |error: &dyn std::fmt::Display| OpenError::part(path.display().to_string(), error);
    let bytes = Bytes::map_file(&path).map_err(|error| in_file(&error))?;
    let config = std::fs::read(folder.join("tokenizer_config.json")).ok();
    let config: Option<Value> = config.and_then(|bytes| serde_json::from_slice(&bytes).ok());
    Tokenizer::from_json(&bytes, config.as_ref()).map_err(|error| in_file(&error))
}

fn folder_tokenizer(file: &ModelFile) -> Result<Tokenizer, OpenError> {
    let json = file
        .hf_bytes("tokenizer.json")?
        .ok_or_else(|| OpenError::part(file.name(), "the folder has no `tokenizer.json`"))?;
    let config = file.hf_json("tokenizer_config.json")?;
    Tokenizer::from_json(&json, config.as_ref())
        .map_err(|error| OpenError::part(format!("{}/tokenizer.json", file.name()), error))
}

/// A folder says exactly which ids end a text. A GGUF file names one or two, and chat models end
/// their turns with others as well, which the tokenizer knows by their text.
fn eos_ids(file: &ModelFile, defaults: &GenerationDefaults, tokenizer: &Tokenizer) -> Vec<TokenId> {
    let mut ids = defaults.eos_token_ids.clone();
    if file.metadata().is_some() || ids.is_empty() {
        for &id in tokenizer.end_ids() {
            if !ids.contains(&id) {
                ids.push(id);
            }
        }
    }
    ids.retain(|&id| (id as usize) < file.config().vocab_size);
    ids
}

/// The texts of special tokens under the names that templates use.
fn special_tokens(
    file: &ModelFile,
    tokenizer: &Tokenizer,
) -> Result<Map<String, Value>, OpenError> {
    let mut tokens = Map::new();
    let ids = tokenizer.special_ids();
    let named = [
        ("bos_token", ids.bos),
        ("eos_token", ids.eos),
        ("unk_token", ids.unk),
        ("pad_token", ids.pad),
    ];
    for (name, id) in named {
        if let Some(text) = id.and_then(|id| tokenizer.token_text(id)) {
            tokens.insert(name.to_owned(), Value::from(text));
        }
    }
    let config = file.hf_json("tokenizer_config.json")?;
    for (name, value) in config.as_ref().and_then(Value::as_object).into_iter().flatten() {
        let text = value.as_str().or_else(|| value.get("content")?.as_str());
        if let (true, Some(text)) = (name.ends_with("_token"), text) {
            tokens.insert(name.clone(), Value::from(text));
        }
    }
    Ok(tokens)
}

fn load_options(computing: &Computing, effort: &Effort) -> LoadOptions {
    let mut options = LoadOptions::default();
    if let Some(threads) = effort.threads {
        options.threads = threads;
    }
    if let Some(kernels) = effort.kernels {
        options.kernels = kernels;
    }
    if computing.precision == "f32" {
        options.precision = Precision::F32;
    }
    options.kv_element = match computing.kv {
        "f16" => Some(KvElement::F16),
        "f32" => Some(KvElement::F32),
        _ => None,
    };
    options.context_tokens = computing.context_tokens;
    options
}
