//! Why a model could not be loaded: always the file, the place in it, and what is allowed.

use std::path::PathBuf;

/// A model file or folder that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The operating system refused to open, read or map a file.
    #[error("cannot read `{}`: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The path is neither a GGUF file nor a model folder.
    #[error("`{}` is no model: {message}", path.display())]
    NotAModel {
        /// The path that was asked for.
        path: PathBuf,
        /// What was looked for and not found.
        message: String,
    },
    /// The bytes of a file break the rules of its format.
    #[error("`{file}` is malformed at byte {offset}: {message}")]
    Malformed {
        /// The file's name.
        file: String,
        /// Byte offset of the first byte that cannot be accepted.
        offset: u64,
        /// The rule that was broken.
        message: String,
    },
    /// A key of the metadata or of a JSON file is missing or has a value that is not allowed.
    #[error("`{file}`: key `{key}` {message}")]
    Key {
        /// The file's name.
        file: String,
        /// The key as it is spelled in the file; a dot separates nested JSON keys.
        key: String,
        /// What was found and what is allowed.
        message: String,
    },
    /// The architecture is not one that this crate computes.
    #[error("`{file}`: architecture `{name}` is not supported; supported: {supported}")]
    Architecture {
        /// The file's name.
        file: String,
        /// The architecture that the file names.
        name: String,
        /// The names that are understood, separated by commas.
        supported: String,
    },
    /// A tensor that the architecture needs is not in the file.
    #[error("`{file}`: tensor `{tensor}` is missing")]
    MissingTensor {
        /// The file's name.
        file: String,
        /// The name under which it was looked for; alternatives are separated by " or ".
        tensor: String,
    },
    /// A tensor's shape does not agree with the configuration.
    #[error("`{file}`: tensor `{tensor}` has shape {found:?}, expected {expected:?}")]
    Shape {
        /// The file's name.
        file: String,
        /// The tensor's name in the file.
        tensor: String,
        /// The shape in the file, outermost dimension first: (rows, cols).
        found: Vec<usize>,
        /// The shape that follows from the configuration, outermost dimension first.
        expected: Vec<usize>,
    },
    /// A tensor that is needed is stored in a way that cannot be computed with.
    #[error(
        "`{file}`: tensor `{tensor}` is {found}, which is not supported; supported: {supported}"
    )]
    TensorType {
        /// The file's name.
        file: String,
        /// The tensor's name in the file.
        tensor: String,
        /// The type's name.
        found: String,
        /// The types that are allowed here, separated by commas.
        supported: String,
    },
}

impl LoadError {
    /// A [`LoadError::Key`] error.
    pub fn key(file: &str, key: &str, message: impl Into<String>) -> Self {
        LoadError::Key { file: file.into(), key: key.into(), message: message.into() }
    }

    /// A [`LoadError::Malformed`] error.
    pub fn malformed(file: &str, offset: u64, message: impl Into<String>) -> Self {
        LoadError::Malformed { file: file.into(), offset, message: message.into() }
    }
}
