//! Digests of large weight files, remembered between runs so that they are read once.
//!
//! A digest counts while path, size and time of change are what they were; `jeton verify` never
//! asks here. The file is a cache: missing, unreadable or of another format it is as good as empty,
//! and nothing fails because it cannot be written. It lies in the user's cache folder
//! (`$XDG_CACHE_HOME/jeton` or `~/.cache/jeton`).

use model::ModelFile;
use serde_json::{Map, Value, json};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// Smaller models are digested again each time: that takes a tenth of a second.
const REMEMBERED_BYTES_MIN: u64 = 64 << 20;

/// A file that was changed so recently could change again within the resolution of its time.
const SETTLED_AFTER: Duration = Duration::from_secs(10);

/// Models that are remembered; beyond it the memory starts over.
const MODELS_MAX: usize = 256;

/// Largest cache file that is read.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// Sees to it that the digest of `model` is known, if possible without reading its weights.
pub fn recall_or_remember(model: &ModelFile) {
    let Some(cache) = cache_file() else { return };
    if let Some(state) = state_of(model) {
        recall_or_remember_in(&cache, model, &state);
    }
}

fn recall_or_remember_in(cache: &Path, model: &ModelFile, state: &Value) {
    let name = model.name();
    let mut known = read(cache);
    let entry = known.get(&name).filter(|entry| entry["files"] == *state);
    let is_digest = |text: &&str| text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit());
    if let Some(digest) = entry.and_then(|entry| entry["sha256"].as_str()).filter(is_digest) {
        model.assume_digest(digest);
        return;
    }
    if known.len() >= MODELS_MAX {
        known.clear();
    }
    known.insert(name, json!({"files": state, "sha256": model.digest()}));
    write(cache, &known);
}

/// What the weight files look like from outside; none when they are small, in memory or fresh.
fn state_of(model: &ModelFile) -> Option<Value> {
    let mut bytes = 0;
    let mut files = Vec::new();
    for path in model.weight_paths() {
        let path = path.canonicalize().ok()?;
        let metadata = path.metadata().ok()?;
        let modified = metadata.modified().ok()?;
        if SystemTime::now().duration_since(modified).ok()? < SETTLED_AFTER {
            return None;
        }
        let modified = modified.duration_since(SystemTime::UNIX_EPOCH).ok()?;
        bytes += metadata.len();
        files.push(json!([path.to_str()?, metadata.len(), modified.as_nanos().to_string()]));
    }
    (bytes >= REMEMBERED_BYTES_MIN).then_some(Value::Array(files))
}

fn cache_file() -> Option<PathBuf> {
    let folder = match std::env::var_os("XDG_CACHE_HOME").filter(|folder| !folder.is_empty()) {
        Some(folder) => PathBuf::from(folder),
        None => std::env::home_dir()?.join(".cache"),
    };
    folder.is_absolute().then(|| folder.join("jeton").join("digests.json"))
}

fn read(cache: &Path) -> Map<String, Value> {
    let small = cache.metadata().is_ok_and(|metadata| metadata.len() <= FILE_BYTES_MAX);
    let text = if small { std::fs::read(cache).unwrap_or_default() } else { Vec::new() };
    serde_json::from_slice(&text).unwrap_or_default()
}

/// Writes beside the file and renames, so that a reader never sees half of it.
fn write(cache: &Path, known: &Map<String, Value>) {
    let Some(folder) = cache.parent() else { return };
    let beside = folder.join(format!("digests.{}.new", std::process::id()));
    let text = serde_json::to_vec(known).unwrap_or_default();
    let written = std::fs::create_dir_all(folder).and_then(|()| std::fs::write(&beside, text));
    if written.and_then(|()| std::fs::rename(&beside, cache)).is_err() {
        let _ = std::fs::remove_file(&beside);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn model() -> ModelFile {
        let bytes = include_bytes!("../../../../models/jeton-tiny.gguf");
        ModelFile::from_static(bytes).expect("the model inside")
    }

    #[test]
    fn a_digest_is_read_once_and_again_after_a_change() {
        let folder = tempfile::tempdir().expect("a folder");
        let cache = folder.path().join("jeton").join("digests.json");
        let truth = model().digest().to_owned();
        let (before, after) = (json!([["w", 1, "5"]]), json!([["w", 1, "6"]]));
        recall_or_remember_in(&cache, &model(), &before);
        assert!(read(&cache).contains_key("embedded model"));

        // A wrong digest in the cache shows who was asked.
        let mut known = read(&cache);
        let remembered = "0".repeat(64);
        known["embedded model"]["sha256"] = Value::from(remembered.as_str());
        write(&cache, &known);
        let same = model();
        recall_or_remember_in(&cache, &same, &before);
        assert_eq!(same.digest(), remembered);
        let changed = model();
        recall_or_remember_in(&cache, &changed, &after);
        assert_eq!(changed.digest(), truth);
    }

    #[test]
    fn a_broken_cache_is_an_empty_one() {
        let folder = tempfile::tempdir().expect("a folder");
        let cache = folder.path().join("digests.json");
        for broken in ["", "[1]", "{\"embedded model\": 3}", "{\"a\""] {
            std::fs::write(&cache, broken).expect("written");
            let model = model();
            recall_or_remember_in(&cache, &model, &json!([]));
            assert_eq!(model.digest().len(), 64, "{broken}");
        }
        assert!(state_of(&model()).is_none(), "a model in memory has no files");
    }
}
