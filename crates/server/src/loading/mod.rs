//! From files to models that are served: opened, held against the memory there is, and started.

mod memory;

pub use memory::{
    KV_TOKENS_MIN, Need, RESERVE_BYTES, TooLarge, TooSmall, available_bytes, check_asked, gib,
    share,
};

use crate::service::{KV_BYTES_DEFAULT, ServeAs, ServeError, ServedModel, id_of};
use answers::computing::Computing;
use answers::open_model::OpenModel;
use engine::limits::KV_BLOCKS_MAX;
use engine::{DraftModel, Engine, EngineConfig, Speculation};
use model::memory::Usage;
use model::{Forward, LoadedModel};
use std::path::PathBuf;
use std::sync::Arc;

/// A model that is to be served.
#[derive(Clone, Debug, Default)]
pub struct ToServe {
    /// Its file or folder; none for the model inside the program.
    pub path: Option<PathBuf>,
    /// A smaller model that guesses ahead.
    pub draft: Option<PathBuf>,
    /// The key-value memory asked for, in bytes; none for what is useful and fits.
    pub kv_bytes: Option<u64>,
    /// How. The key-value memory in it does not count.
    pub serve_as: ServeAs,
}

/// Why models cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum LoadingError {
    /// One of them.
    #[error("{}", named(name, error))]
    Model {
        /// Its path, or what it is called.
        name: String,
        /// Why not.
        error: Box<ServeError>,
    },
    /// Two would have the same name.
    #[error("two models have the id `{id}`; give one of them another: `--model ID=PATH`")]
    SameId {
        /// The name.
        id: String,
    },
    /// One of them was given too little key-value memory.
    #[error(transparent)]
    TooSmall(#[from] TooSmall),
    /// All of them together.
    #[error(transparent)]
    TooLarge(#[from] TooLarge),
}

/// The error with the model's name before it, unless it says that itself.
fn named(name: &str, error: &ServeError) -> String {
    let error = error.to_string();
    if error.contains(name) { error } else { format!("{name}: {error}") }
}

/// What is told of a model that was loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loaded {
    /// Its id.
    pub id: String,
    /// The window, in tokens.
    pub context_tokens: usize,
    /// What it needs.
    pub need: Need,
    /// The key-value memory that it has, in bytes.
    pub kv_bytes: u64,
    /// The same, in tokens.
    pub kv_tokens: u64,
}

/// Opens and starts all models, or none; `tell` hears of each.
///
/// # Errors
/// When one cannot be opened, two have the same name, one is given too little memory for an answer,
/// or they do not fit into memory.
pub fn load(
    to_serve: Vec<ToServe>,
    available_bytes: Option<u64>,
    mut tell: impl FnMut(&Loaded),
) -> Result<Vec<Arc<ServedModel>>, LoadingError> {
    let opened = to_serve.into_iter().map(Opened::open).collect::<Result<Vec<_>, _>>()?;
    let needs: Vec<Need> = opened.iter().map(Opened::need).collect();
    for (index, need) in needs.iter().enumerate() {
        if needs[..index].iter().any(|other| other.id == need.id) {
            return Err(LoadingError::SameId { id: need.id.clone() });
        }
    }
    check_asked(&needs)?;
    let shares = share(&needs, available_bytes)?;
    let mut models = Vec::new();
    for ((opened, need), kv_bytes) in opened.into_iter().zip(needs).zip(shares) {
        let block_bytes = need.position_bytes.max(1).saturating_mul(opened.block_tokens());
        let blocks = usize::try_from(kv_bytes / block_bytes).unwrap_or(KV_BLOCKS_MAX);
        let blocks = blocks.clamp(1, KV_BLOCKS_MAX);
        let told = Loaded {
            id: need.id.clone(),
            context_tokens: opened.loaded.context_tokens_max(),
            kv_bytes: (blocks as u64).saturating_mul(block_bytes),
            kv_tokens: (blocks as u64).saturating_mul(opened.block_tokens()),
            need,
        };
        models.push(Arc::new(opened.start(blocks)?));
        tell(&told);
    }
    Ok(models)
}

/// A model whose weights are in reach.
struct Opened {
    id: String,
    name: String,
    model: OpenModel,
    loaded: LoadedModel,
    draft: Option<(OpenModel, LoadedModel)>,
    kv_bytes: Option<u64>,
    serve_as: ServeAs,
}

impl Opened {
    fn open(to_serve: ToServe) -> Result<Opened, LoadingError> {
        let ToServe { path, draft, kv_bytes, serve_as } = to_serve;
        let inside = || "the model inside the program".to_owned();
        let name = path.as_ref().map_or_else(inside, |path| path.display().to_string());
        let failed = |name: &str, error: ServeError| LoadingError::Model {
            name: name.to_owned(),
            error: Box::new(error),
        };
        let (model, loaded) = open(path.as_deref(), &serve_as.computing, &serve_as)
            .map_err(|error| failed(&name, error))?;
        let draft = match draft {
            None => None,
            Some(path) => {
                let window = loaded.context_tokens_max();
                let computing =
                    Computing { context_tokens: Some(window), ..serve_as.computing.clone() };
                let opened = open_draft(&path, computing, &serve_as);
                Some(opened.map_err(|error| failed(&path.display().to_string(), error))?)
            }
        };
        let id = serve_as.id.clone().unwrap_or_else(|| id_of(&model.name()));
        Ok(Opened { id, name, model, loaded, draft, kv_bytes, serve_as })
    }

    fn block_tokens(&self) -> u64 {
        self.serve_as.engine.kv_block_tokens as u64
    }

    fn need(&self) -> Need {
        let config = &self.serve_as.engine;
        let parts = [Some((&self.model, &self.loaded)), self.draft.as_ref().map(|(m, l)| (m, l))];
        let (mut weights_bytes, mut workspace_bytes, mut position_bytes) = (0, 0, 0);
        for (model, loaded) in parts.into_iter().flatten() {
            let shape = loaded.kv_shape();
            let usage = Usage {
                sequence_count: config.sequences_max,
                context_tokens: loaded.context_tokens_max(),
                step_tokens: config.step_tokens_max,
                threads: loaded.threads(),
                kv_element: shape.element,
            };
            let need = model.file.config().memory_need(model.file.tensor_bytes(), &usage);
            weights_bytes += need.weights_bytes;
            workspace_bytes += need.workspace_bytes.saturating_add(need.logits_bytes);
            position_bytes += shape.position_bytes() as u64;
        }
        // Every sequence at its longest, in whole blocks, needs no more than this.
        let longest = self.loaded.context_tokens_max() + config.kv_block_tokens;
        let useful = (longest as u64)
            .saturating_mul(config.sequences_max as u64)
            .saturating_mul(position_bytes);
        Need {
            id: self.id.clone(),
            weights_bytes,
            workspace_bytes,
            position_bytes,
            kv_wanted_bytes: useful.min(KV_BYTES_DEFAULT as u64),
            kv_asked_bytes: self.kv_bytes,
        }
    }

    fn start(self, kv_blocks_max: usize) -> Result<ServedModel, LoadingError> {
        let Opened { id, name, model, loaded, draft, serve_as, .. } = self;
        let eos_ids = Some(model.eos_ids.clone());
        let config = EngineConfig { eos_ids, kv_blocks_max, ..serve_as.engine };
        let speculation = if draft.is_some() { Speculation::Model } else { serve_as.speculation };
        let started = || -> Result<ServedModel, ServeError> {
            let mut engine = Engine::new(Box::new(loaded), model.tokenizer.clone(), config)?;
            if let Some((draft, loaded)) = draft {
                let name = draft.file.name();
                let loaded: Box<dyn Forward> = Box::new(loaded);
                let draft = DraftModel { name, model: loaded, tokenizer: draft.tokenizer };
                engine = engine.with_draft(&model.file.name(), draft)?;
            }
            Ok(ServedModel::with_engine(id, model, serve_as.computing, speculation, engine)?)
        };
        started().map_err(|error| LoadingError::Model { name, error: Box::new(error) })
    }
}

fn open(
    path: Option<&std::path::Path>,
    computing: &Computing,
    serve_as: &ServeAs,
) -> Result<(OpenModel, LoadedModel), ServeError> {
    let model = OpenModel::open(path)?;
    let loaded = model.load(computing, &serve_as.effort)?;
    Ok((model, loaded))
}

/// A draft model, with the window of the model that it guesses for or its own, if that is smaller.
fn open_draft(
    path: &std::path::Path,
    computing: Computing,
    serve_as: &ServeAs,
) -> Result<(OpenModel, LoadedModel), ServeError> {
    let model = OpenModel::open(Some(path))?;
    let window = model.file.config().context_tokens_max;
    let context_tokens = computing.context_tokens.map(|tokens| tokens.min(window));
    let computing = Computing { context_tokens, ..computing };
    let loaded = model.load(&computing, &serve_as.effort)?;
    Ok((model, loaded))
}
