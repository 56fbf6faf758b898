//! Tensors of a Hugging Face folder: one safetensors file, or several.

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use kernels::WeightType;
use safetensors::{Dtype, SafeTensors};
use serde_json::Value;

use super::folder;
use super::mapped::Bytes;
use super::view::{StoredTensor, StoredType};
use crate::error::LoadError;

const SINGLE: &str = "model.safetensors";
const INDEX: &str = "model.safetensors.index.json";

/// The tensors of a folder and the mapped files they lie in, in the order of file names.
#[derive(Clone, Debug, Default)]
pub struct Shards {
    /// The tensors by name.
    pub tensors: HashMap<String, StoredTensor>,
    /// The files, by path and contents.
    pub files: Vec<(PathBuf, Bytes)>,
}

impl Shards {
    /// Opens `model.safetensors`, or the files that `model.safetensors.index.json` names, or else
    /// every `.safetensors` file of `folder`.
    ///
    /// # Errors
    /// When there is none, one is malformed or missing, or two of them hold the same tensor.
    pub fn open(folder: &Path) -> Result<Self, LoadError> {
        let mut shards = Shards::default();
        for name in shard_names(folder)? {
            let path = folder.join(name);
            let bytes = folder::map(&path)?;
            for (name, tensor) in read(&bytes, &path.display().to_string())? {
                if let Some(twin) = shards.tensors.insert(name, tensor) {
                    let message = format!("holds tensor `{}` that `{}` has", twin.name, twin.file);
                    return Err(LoadError::NotAModel { path, message });
                }
            }
            shards.files.push((path, bytes));
        }
        Ok(shards)
    }
}

fn shard_names(folder: &Path) -> Result<Vec<String>, LoadError> {
    if folder.join(SINGLE).is_file() {
        return Ok(vec![SINGLE.into()]);
    }
    if let Some(index) = folder::read_json(&folder.join(INDEX))? {
        return indexed_names(&index, &folder.join(INDEX).display().to_string());
    }
    let io_error = |source| LoadError::Io { path: folder.into(), source };
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(io_error)? {
        let name = entry.map_err(io_error)?.file_name();
        names.extend(name.to_str().filter(|name| name.ends_with(".safetensors")).map(String::from));
    }
    names.sort();
    if names.is_empty() {
        let message = format!("the folder has neither `{SINGLE}` nor any `.safetensors` file");
        return Err(LoadError::NotAModel { path: folder.into(), message });
    }
    Ok(names)
}

/// The files that an index names. A name that is a path could lead out of the folder: refused.
fn indexed_names(index: &Value, file: &str) -> Result<Vec<String>, LoadError> {
    let key = "weight_map";
    let map = index.get(key).and_then(Value::as_object);
    let map = map.ok_or_else(|| LoadError::key(file, key, "is missing or no object"))?;
    let mut names = BTreeSet::new();
    for (tensor, name) in map {
        let key = format!("{key}.{tensor}");
        let name = name.as_str().filter(|name| folder::is_plain_name(name));
        let name = name.ok_or_else(|| {
            LoadError::key(file, &key, "is not the plain name of a file in the same folder")
        })?;
        names.insert(name.to_owned());
    }
    if names.is_empty() {
        return Err(LoadError::key(file, key, "names no file"));
    }
    Ok(names.into_iter().collect())
}

/// Reads the header of one safetensors file; `file` names it in errors.
///
/// # Errors
/// [`LoadError::Malformed`] when the format's rules are broken.
pub fn read(bytes: &Bytes, file: &str) -> Result<HashMap<String, StoredTensor>, LoadError> {
    let malformed = |error| LoadError::malformed(file, 0, format!("{error}"));
    let (header_bytes, header) = SafeTensors::read_metadata(bytes).map_err(malformed)?;
    // Eight bytes of length precede the header.
    let data_offset = 8 + header_bytes;
    let mut tensors = HashMap::new();
    for (name, info) in header.tensors() {
        let (start, end) = info.data_offsets;
        let range = data_offset + start..data_offset + end;
        let bytes = bytes.slice(range).ok_or_else(|| {
            let message = format!("tensor `{name}` reaches beyond the end of the file");
            LoadError::malformed(file, (data_offset + start) as u64, message)
        })?;
        let kind = stored_type(info.dtype, &info.shape);
        let shape = info.shape.clone();
        let tensor = StoredTensor { name: name.clone(), file: file.into(), kind, shape, bytes };
        tensors.insert(name, tensor);
    }
    Ok(tensors)
}

/// Buffers of other types (masks, positions) lie in some files; they matter only when needed.
fn stored_type(dtype: Dtype, shape: &[usize]) -> StoredType {
    if shape.is_empty() || shape.len() > 4 || shape.contains(&0) {
        return StoredType::Other(format!("{dtype:?} of shape {shape:?}"));
    }
    match dtype {
        Dtype::F32 => StoredType::Weight(WeightType::F32),
        Dtype::F16 => StoredType::Weight(WeightType::F16),
        Dtype::BF16 => StoredType::Weight(WeightType::BF16),
        other => StoredType::Other(format!("{other:?}")),
    }
}
