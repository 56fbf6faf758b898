//! What can go wrong, each with the thing it happened to.

use std::path::PathBuf;

/// Why the ledger could not do what was asked. Cloned to every caller of one transaction.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LedgerError {
    /// The location names a database that is not spoken yet, or none at all.
    #[error("ledger location `{location}`: {reason}; allowed are sqlite:PATH and PATH")]
    Location {
        /// What was given, without a password that may have been in it.
        location: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The file or its folder cannot be opened or made.
    #[error("ledger {path}: cannot be opened: {reason}", path = path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// What the system said.
        reason: String,
    },
    /// The file is something else.
    #[error("ledger {path}: {reason}; it was left as it is", path = path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
        /// What it is.
        reason: String,
    },
    /// The file was a ledger, and is damaged.
    #[error("ledger {path}: damaged: {reason}; restore it from a copy", path = path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What was found.
        reason: String,
    },
    /// The file was written by a newer program.
    #[error(
        "ledger {path}: has schema version {found}, this program knows up to {known}; \
         use the newer program", path = path.display()
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: i64,
        /// The newest version known here.
        known: i64,
    },
    /// Another process held the file for too long.
    #[error("ledger {path}: busy: another process holds it", path = path.display())]
    Busy {
        /// The file.
        path: PathBuf,
    },
    /// Reading or writing failed.
    #[error("ledger {path}: {reason}", path = path.display())]
    Storage {
        /// The file.
        path: PathBuf,
        /// What failed.
        reason: String,
    },
    /// As many entries wait as may wait. Nothing was recorded.
    #[error("the ledger is behind: {waiting_max} entries wait to be recorded")]
    Full {
        /// How many may wait.
        waiting_max: usize,
    },
    /// The ledger was closed. Nothing was recorded.
    #[error("the ledger is closed")]
    Closed,
    /// An entry says something that would make accounts wrong.
    #[error("entry `{request_id}`: `{field}` must be {allowed}")]
    Refused {
        /// The entry.
        request_id: String,
        /// The field.
        field: &'static str,
        /// What is allowed.
        allowed: String,
    },
    /// A part of a new key is not allowed.
    #[error("key {field} `{value}`: must be {allowed}")]
    KeyField {
        /// `name`, `plan`, `overrides` or a time.
        field: &'static str,
        /// What was given, shortened and without control characters.
        value: String,
        /// What is allowed.
        allowed: String,
    },
    /// Another key that is not revoked has this name.
    #[error("key name `{name}`: taken by the key {id}; revoke that one or choose another name")]
    NameTaken {
        /// The name.
        name: String,
        /// The key that has it.
        id: String,
    },
    /// No key has this id or name.
    #[error("no key has the id or name `{name}`")]
    NoSuchKey {
        /// What was looked for, shortened and without control characters.
        name: String,
    },
    /// A question asks for more than is answered at once.
    #[error("`{field}`: must be {allowed}")]
    Question {
        /// The part of the question.
        field: &'static str,
        /// What is allowed.
        allowed: String,
    },
    /// The reader of an export could not be written to.
    #[error("the export cannot be written: {reason}")]
    Export {
        /// What the system said.
        reason: String,
        /// Whether nobody reads it any more.
        reader_is_gone: bool,
    },
}
