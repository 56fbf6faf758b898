//! Files of a model folder, by plain name and with limits.

use std::path::{Component, Path};

use serde_json::Value;

use super::mapped::Bytes;
use crate::error::LoadError;

/// Bytes of a JSON file; the largest known `tokenizer.json` has 35 million.
const JSON_BYTES_MAX: u64 = 256 << 20;

/// Whether `name` is the name of a file, not a path to one.
pub(crate) fn is_plain_name(name: &str) -> bool {
    let mut parts = Path::new(name).components();
    // Backslashes are separators on some systems only; names with them are refused on all.
    let single = matches!((parts.next(), parts.next()), (Some(Component::Normal(_)), None));
    single && !name.contains(['/', '\\', '\0'])
}

/// Maps the file at `path`.
///
/// # Errors
/// [`LoadError::Io`] when it cannot be read.
pub(crate) fn map(path: &Path) -> Result<Bytes, LoadError> {
    let io_error = |source| LoadError::Io { path: path.into(), source };
    if !std::fs::metadata(path).map_err(io_error)?.is_file() {
        return Err(io_error(not_a_file()));
    }
    Bytes::map_file(path).map_err(io_error)
}

/// The contents of the file at `path`; `None` when there is no such file.
///
/// # Errors
/// [`LoadError::Io`] when it cannot be read, [`LoadError::Malformed`] when it is too large.
pub(crate) fn read_optional(path: &Path) -> Result<Option<Vec<u8>>, LoadError> {
    let io_error = |source| LoadError::Io { path: path.into(), source };
    match std::fs::metadata(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(io_error(error)),
        Ok(metadata) if !metadata.is_file() => return Err(io_error(not_a_file())),
        Ok(metadata) if metadata.len() > JSON_BYTES_MAX => {
            let message =
                format!("the file has {} bytes, allowed: up to {JSON_BYTES_MAX}", metadata.len());
            return Err(LoadError::malformed(&path.display().to_string(), JSON_BYTES_MAX, message));
        }
        Ok(_) => {}
    }
    std::fs::read(path).map(Some).map_err(io_error)
}

/// A pipe or a device could be read for ever.
pub(crate) fn not_a_file() -> std::io::Error {
    std::io::Error::new(std::io::ErrorKind::InvalidInput, "it is not a regular file")
}

/// The JSON file at `path`; `None` when there is no such file.
///
/// # Errors
/// As [`read_optional`], and [`LoadError::Malformed`] when it is not JSON.
pub(crate) fn read_json(path: &Path) -> Result<Option<Value>, LoadError> {
    let Some(bytes) = read_optional(path)? else { return Ok(None) };
    parse_json(&bytes, &path.display().to_string()).map(Some)
}

fn parse_json(bytes: &[u8], file: &str) -> Result<Value, LoadError> {
    serde_json::from_slice(bytes).map_err(|error| {
        // The parser counts lines and columns from 1.
        let line_start: usize = bytes
            .split_inclusive(|&byte| byte == b'\n')
            .take(error.line().saturating_sub(1))
            .map(<[u8]>::len)
            .sum();
        let offset = line_start + error.column().saturating_sub(1);
        LoadError::malformed(file, offset as u64, error.to_string())
    })
}
