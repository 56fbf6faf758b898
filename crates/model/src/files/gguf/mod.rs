//! GGUF files, versions 2 and 3, little-endian.
//!
//! Layout (from the ggml project's `docs/gguf.md`): magic, version, tensor count, key count, the
//! keys with their values, the tensor descriptions, padding to `general.alignment`, tensor data.
//! Offsets of tensors count from the start of the data.
//!
//! Every count and length is compared with the bytes that are left before anything of that size
//! is allocated or walked, so reading costs time and memory linear in the header's real size.

mod cursor;
mod metadata;
mod tensor_types;
mod value;

use std::collections::HashMap;

use cursor::Cursor;
pub use metadata::{Metadata, Strings};
pub use value::{Value, ValueType};

use super::mapped::Bytes;
use super::view::{StoredTensor, StoredType};
use crate::error::LoadError;

/// The first four bytes of every GGUF file.
pub const MAGIC: &[u8; 4] = b"GGUF";

/// Keys in a file; real files have fewer than 100.
const KEYS_MAX: u64 = 1 << 16;
/// Tensors in a file; real files have at most a few thousand.
const TENSORS_MAX: u64 = 1 << 17;
/// Bytes of a tensor's name; ggml itself stops at 64.
const TENSOR_NAME_BYTES_MAX: u64 = 256;
/// Bytes that the description of a tensor takes at least: name length, a one-letter name, number
/// of dimensions, one dimension, type, offset.
const TENSOR_BYTES_MIN: u64 = 8 + 1 + 4 + 8 + 4 + 8;
/// Bytes that a key with its value takes at least: key length, a one-letter key, type, one byte.
const KEY_BYTES_MIN: u64 = 8 + 1 + 4 + 1;
const ALIGNMENT_DEFAULT: u32 = 32;
const ALIGNMENT_MAX: u32 = 1 << 20;

/// A GGUF file whose header has been read and whose tensors are known to lie inside of it.
#[derive(Clone, Debug)]
pub struct Gguf {
    /// 2 or 3.
    pub version: u32,
    /// The keys and values.
    pub metadata: Metadata,
    /// The tensors by name.
    pub tensors: HashMap<String, StoredTensor>,
    /// Where tensor data begins.
    pub data_offset: usize,
}

impl Gguf {
    /// Reads the header of `bytes`; `file` names them in errors.
    ///
    /// # Errors
    /// [`LoadError::Malformed`] with the offset of what cannot be accepted.
    pub fn read(bytes: &Bytes, file: &str) -> Result<Self, LoadError> {
        let mut cursor = Cursor::new(bytes, file);
        let version = read_version(&mut cursor)?;
        let tensor_count = cursor.count("tensor count", TENSORS_MAX, TENSOR_BYTES_MIN)?;
        let key_count = cursor.count("key count", KEYS_MAX, KEY_BYTES_MIN)?;
        let metadata = Metadata::read(&mut cursor, bytes, key_count)?;
        let alignment = alignment(&metadata, file)?;
        let mut described = Vec::new();
        for _ in 0..tensor_count {
            described.push(Description::read(&mut cursor)?);
        }
        let data_offset = cursor.offset().next_multiple_of(alignment);
        let mut tensors = HashMap::with_capacity(described.len());
        for description in described {
            let at = description.at;
            let tensor = description.locate(bytes, file, data_offset, alignment)?;
            if let Some(twin) = tensors.insert(tensor.name.clone(), tensor) {
                let message = format!("tensor `{}` is described twice", twin.name);
                return Err(LoadError::malformed(file, at, message));
            }
        }
        Ok(Gguf { version, metadata, tensors, data_offset })
    }
}

fn read_version(cursor: &mut Cursor<'_>) -> Result<u32, LoadError> {
    if cursor.take(4, "magic")? != MAGIC {
        return Err(cursor.refuse(0, "a GGUF file begins with the letters `GGUF`"));
    }
    let version = cursor.u32("version")?;
    match version {
        2 | 3 => Ok(version),
        // A big-endian file's version reads with its bytes swapped.
        _ if matches!(version.swap_bytes(), 1..=3) => {
            Err(cursor.refuse(4, "big-endian GGUF files are not supported; convert it"))
        }
        _ => {
            let message = format!("version {version} is not supported; supported: 2, 3");
            Err(cursor.refuse(4, message))
        }
    }
}

fn alignment(metadata: &Metadata, file: &str) -> Result<usize, LoadError> {
    let key = "general.alignment";
    let alignment = metadata.u32(key)?.unwrap_or(ALIGNMENT_DEFAULT);
    if !alignment.is_power_of_two() || alignment > ALIGNMENT_MAX {
        let message = format!("is {alignment}, allowed: powers of two up to {ALIGNMENT_MAX}");
        return Err(LoadError::key(file, key, message));
    }
    Ok(alignment as usize)
}

/// A tensor as described in the header, its data not yet found.
struct Description {
    /// Where the description begins.
    at: u64,
    name: String,
    /// Innermost dimension first, as stored.
    dims: Vec<usize>,
    kind: StoredType,
    /// Counted from the start of the data.
    offset: u64,
}

impl Description {
    fn read(cursor: &mut Cursor<'_>) -> Result<Self, LoadError> {
        let at = cursor.offset() as u64;
        let name = cursor.string("tensor name", TENSOR_NAME_BYTES_MAX)?.to_owned();
        if name.is_empty() {
            return Err(cursor.refuse(at, "a tensor's name is empty"));
        }
        let dim_count = cursor.u32("number of dimensions")?;
        if !(1..=4).contains(&dim_count) {
            let message = format!("tensor `{name}` has {dim_count} dimensions, allowed: 1 to 4");
            return Err(cursor.refuse(at, message));
        }
        let mut dims = Vec::new();
        let mut values: usize = 1;
        for _ in 0..dim_count {
            let dim = cursor.u64("dimension")?;
            let product = usize::try_from(dim).ok().and_then(|dim| values.checked_mul(dim));
            match product {
                Some(product) if dim > 0 && product <= isize::MAX as usize => values = product,
                _ => {
                    let message = format!("tensor `{name}` has an impossible dimension {dim}");
                    return Err(cursor.refuse(at, message));
                }
            }
            dims.push(dim as usize);
        }
        let kind = tensor_types::stored_type(cursor.u32("tensor type")?);
        let offset = cursor.u64("tensor offset")?;
        Ok(Description { at, name, dims, kind, offset })
    }

    /// Finds the tensor's bytes. Tensors may overlap: files use that to store one matrix once.
    fn locate(
        self,
        bytes: &Bytes,
        file: &str,
        data_offset: usize,
        alignment: usize,
    ) -> Result<StoredTensor, LoadError> {
        let refuse = |message: String| {
            LoadError::malformed(file, self.at, format!("tensor `{}` {message}", self.name))
        };
        let offset = self.offset;
        if !offset.is_multiple_of(alignment as u64) {
            return Err(refuse(format!("has offset {offset}, no multiple of {alignment}")));
        }
        let found = match &self.kind {
            // Nobody computes with it, so its extent is not needed.
            StoredType::Other(_) => Bytes::from_static(&[]),
            StoredType::Weight(kind) => {
                let cols = self.dims[0];
                if !cols.is_multiple_of(kind.block_values()) {
                    let multiple = kind.block_values();
                    return Err(refuse(format!(
                        "has rows of {cols} values, {kind} needs a multiple of {multiple}"
                    )));
                }
                let values: usize = self.dims.iter().product();
                let len = (values / kind.block_values()).checked_mul(kind.block_bytes());
                let start = usize::try_from(offset).ok().and_then(|o| o.checked_add(data_offset));
                let range = start.zip(len).and_then(|(s, len)| Some(s..s.checked_add(len)?));
                range.and_then(|range| bytes.slice(range)).ok_or_else(|| {
                    let (all, shape) = (bytes.len(), &self.dims);
                    refuse(format!(
                        "of {kind} {shape:?} at offset {offset} of the data (which begins at \
                         {data_offset}) reaches beyond the file's {all} bytes"
                    ))
                })?
            }
        };
        let shape = self.dims.iter().rev().copied().collect();
        let file = file.to_owned();
        Ok(StoredTensor { name: self.name, file, kind: self.kind, shape, bytes: found })
    }
}
