//! Tests of the room as a whole: files on disk in, numbers out.

mod conformance;
mod conformance_files;
mod folders;
mod gguf_broken;
mod gguf_metadata;
mod gguf_writer;
mod hostile;
mod invariance;
mod quantized;
mod runner;
mod tensors;
mod tiny;

use model::{LoadOptions, LoadedModel, ModelFile};
use std::path::{Path, PathBuf};

/// The folder that `JETON_CONFORMANCE` names, if it is set.
fn conformance_dir() -> Option<PathBuf> {
    let dir = std::env::var_os("JETON_CONFORMANCE").map(PathBuf::from);
    if dir.is_none() {
        eprintln!("skipped: JETON_CONFORMANCE is not set");
    }
    dir
}

/// Opens and loads a model that must be good.
fn load(path: &Path, options: &LoadOptions) -> LoadedModel {
    let file = ModelFile::open(path).unwrap_or_else(|error| panic!("{error}"));
    LoadedModel::load(&file, options).unwrap_or_else(|error| panic!("{error}"))
}
