//! A model that is served: its files, its engine, and the grammars that were compiled for it.

use super::fingerprint;
use super::grammars::Grammars;
use answers::computing::Computing;
use answers::open_model::{Effort, OpenModel};
use answers::{OpenError, RequestError};
use engine::{Engine, EngineConfig, EngineHandle, Speculation};
use grammar::{Grammar, GrammarSource};
use model::Forward;
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

/// Key-value memory of an engine in bytes, where nobody says otherwise. It is taken only as
/// sequences grow.
pub const KV_BYTES_DEFAULT: usize = 8 << 30;

/// A model that is served.
pub struct ServedModel {
    id: String,
    opened_at: SystemTime,
    model: OpenModel,
    computing: Computing,
    speculation: Speculation,
    engine: EngineHandle,
    grammars: Grammars,
    longest_piece_bytes: usize,
    fingerprint: String,
}

/// How a model is to be served.
#[derive(Clone, Debug)]
pub struct ServeAs {
    /// Its id in requests; none for one made from its name.
    pub id: Option<String>,
    /// How it is computed, as far as tokens depend on it.
    pub computing: Computing,
    /// How fast it is computed.
    pub effort: Effort,
    /// Most key-value memory in bytes.
    pub kv_bytes_max: usize,
    /// Bounds of its engine; the key-value memory and the ending ids are set here.
    pub engine: EngineConfig,
    /// Where guesses at next tokens come from.
    pub speculation: Speculation,
}

/// As the model's files say, as fast as the machine can.
impl Default for ServeAs {
    fn default() -> Self {
        ServeAs {
            id: None,
            computing: Computing::default(),
            effort: Effort::default(),
            kv_bytes_max: KV_BYTES_DEFAULT,
            engine: EngineConfig::default(),
            speculation: Speculation::Off,
        }
    }
}

/// Why a model cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// It cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// An engine cannot be made for it.
    #[error(transparent)]
    Engine(#[from] engine::ConfigError),
    /// The engine's thread cannot be started.
    #[error("the engine's thread cannot be started: {0}")]
    Thread(#[from] std::io::Error),
}

impl ServedModel {
    /// Opens the model at `path`, or the one inside the program, and starts its engine.
    ///
    /// # Errors
    /// When a file is missing, malformed or not supported, or the bounds do not go with it.
    pub fn open(path: Option<&Path>, serve_as: ServeAs) -> Result<ServedModel, ServeError> {
        let model = OpenModel::open(path)?;
        let loaded = model.load(&serve_as.computing, &serve_as.effort)?;
        let config = EngineConfig { eos_ids: Some(model.eos_ids.clone()), ..serve_as.engine };
        let shape = loaded.kv_shape();
        // Every sequence at its longest needs no more than this.
        let tokens_max = loaded.context_tokens_max().saturating_mul(config.sequences_max);
        let whole_blocks = tokens_max.saturating_add(config.kv_block_tokens * config.sequences_max);
        let needed_bytes = whole_blocks.saturating_mul(shape.position_bytes());
        let config = config.with_kv_bytes(shape, needed_bytes.min(serve_as.kv_bytes_max));
        let engine = Engine::new(Box::new(loaded), model.tokenizer.clone(), config)?;
        let id = serve_as.id.unwrap_or_else(|| id_of(&model.name()));
        Ok(ServedModel::with_engine(id, model, serve_as.computing, serve_as.speculation, engine)?)
    }

    /// A model that is open already, with its engine.
    ///
    /// # Errors
    /// When the engine's thread cannot be started.
    pub fn with_engine(
        id: String,
        model: OpenModel,
        computing: Computing,
        speculation: Speculation,
        engine: Engine,
    ) -> std::io::Result<ServedModel> {
        let tokenizer = &model.tokenizer;
        let pieces = (0..tokenizer.vocab_size() as u32).filter_map(|id| {
            let bytes = tokenizer.piece_bytes(id).map_or(0, <[u8]>::len);
            Some(bytes.max(tokenizer.token_text(id)?.len()))
        });
        Ok(ServedModel {
            longest_piece_bytes: pieces.max().unwrap_or(0),
            fingerprint: fingerprint::of(&model, &computing),
            id,
            opened_at: SystemTime::now(),
            grammars: Grammars::default(),
            engine: EngineHandle::start(engine)?,
            model,
            computing,
            speculation,
        })
    }

    /// Its id in requests and in `/v1/models`.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// When it was opened.
    pub fn opened_at(&self) -> SystemTime {
        self.opened_at
    }

    /// Its files, tokenizer and template.
    pub fn model(&self) -> &OpenModel {
        &self.model
    }

    /// How it is computed.
    pub fn computing(&self) -> &Computing {
        &self.computing
    }

    /// `system_fingerprint`: names the file and how it is computed.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// Where guesses at next tokens come from.
    pub fn speculation(&self) -> Speculation {
        self.speculation
    }

    /// Its engine.
    pub fn engine(&self) -> &EngineHandle {
        &self.engine
    }

    /// Bytes of the longest text that one token stands for.
    pub fn longest_piece_bytes(&self) -> usize {
        self.longest_piece_bytes
    }

    /// The grammar of a source, made for its tokens. Compiling takes a while: not for a thread that
    /// others wait for.
    ///
    /// # Errors
    /// When the source is refused.
    pub fn grammar(&self, source: &GrammarSource) -> Result<Arc<Grammar>, RequestError> {
        self.grammars.compile(&self.model.tokenizer, source)
    }
}

impl std::fmt::Debug for ServedModel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ServedModel").field("id", &self.id).finish_non_exhaustive()
    }
}

/// An id that can be typed: the last part of the name, in lower case, other signs as hyphens.
pub(crate) fn id_of(name: &str) -> String {
    let last = name.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    let last = last.strip_suffix(".gguf").unwrap_or(last);
    let keep = |c: char| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '-' };
    let id: String = last.chars().map(keep).collect::<String>().to_lowercase();
    let id = id.trim_matches('-').to_owned();
    if id.is_empty() { "model".to_owned() } else { id }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_can_be_typed() {
        for (name, id) in [
            ("Jeton tiny", "jeton-tiny"),
            ("/models/Qwen3-0.6B-Q8_0.gguf", "qwen3-0.6b-q8_0"),
            ("org/Model (v2)/", "model--v2"),
            ("///", "model"),
        ] {
            assert_eq!(id_of(name), id);
        }
    }
}
