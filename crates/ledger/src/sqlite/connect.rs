//! Opening connections: what is checked before a file is touched, and how each is set up.

use super::schema;
use crate::{Durability, LedgerError};
use rusqlite::{Connection, ErrorCode, OpenFlags};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// How long a connection waits for another process that writes.
pub const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// What a reader that was slow may leave of the write-ahead log on disk.
const LOG_BYTES_MAX: i64 = 64 << 20;
/// Prepared statements kept per connection.
const STATEMENTS_MAX: usize = 64;

/// Where connections go.
#[derive(Clone, Debug)]
pub struct Source {
    /// What messages call it, and the file unless it is in memory.
    path: PathBuf,
    /// The name of a database in memory, shared by the connections of this process.
    memory: Option<String>,
    durability: Durability,
}

impl Source {
    /// A file, made with its folders when it is not there (folders for the owner alone, 0700, the
    /// file too, 0600), and brought to the newest schema.
    ///
    /// # Errors
    /// When it cannot be opened, is something else, is damaged, or was written by a newer program.
    pub fn file(path: &Path, durability: Durability) -> Result<(Source, Connection), LedgerError> {
        let fail = |error: std::io::Error| LedgerError::Open {
            path: path.to_path_buf(),
            reason: error.to_string(),
        };
        // SQLite reads "file:..." and ":memory:" as something else; an absolute path is a path.
        let path = std::path::absolute(path).map_err(fail)?;
        make_private(&path).map_err(fail)?;
        let source = Source { path, memory: None, durability };
        let connection = source.prepared()?;
        Ok((source, connection))
    }

    /// A database in memory, gone with its last connection.
    ///
    /// # Errors
    /// When there is no memory.
    pub fn memory() -> Result<(Source, Connection), LedgerError> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let name = format!("/ledger-{}", COUNT.fetch_add(1, Ordering::Relaxed));
        let source = Source {
            path: PathBuf::from(":memory:"),
            memory: Some(name),
            durability: Durability::Process,
        };
        let connection = source.prepared()?;
        Ok((source, connection))
    }

    /// One more connection.
    ///
    /// # Errors
    /// When the file cannot be opened any more.
    pub fn connect(&self) -> Result<Connection, LedgerError> {
        patiently(|| {
            let connection = self.open()?;
            self.set_up(&connection).map_err(|error| self.failed(&error))?;
            Ok(connection)
        })
    }

    fn prepared(&self) -> Result<Connection, LedgerError> {
        patiently(|| self.prepare())
    }

    /// The first connection: looks at the file before anything is written into it.
    fn prepare(&self) -> Result<Connection, LedgerError> {
        let mut connection = self.open()?;
        schema::recognize(&connection, &self.path).map_err(|error| self.opening(error))?;
        self.set_up(&connection).map_err(|error| self.failed(&error))?;
        schema::migrate(&mut connection, &self.path).map_err(|error| self.opening(error))?;
        Ok(connection)
    }

    fn open(&self) -> Result<Connection, LedgerError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
            | OpenFlags::SQLITE_OPEN_CREATE
            | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let opened = match &self.memory {
            Some(name) => Connection::open_with_flags(
                format!("file:{name}?vfs=memdb"),
                flags | OpenFlags::SQLITE_OPEN_URI,
            ),
            None => Connection::open_with_flags(&self.path, flags),
        };
        let connection = opened.map_err(|error| LedgerError::Open {
            path: self.path.clone(),
            reason: plain(&error),
        })?;
        connection.busy_timeout(BUSY_TIMEOUT).map_err(|error| self.failed(&error))?;
        Ok(connection)
    }

    fn set_up(&self, connection: &Connection) -> rusqlite::Result<()> {
        connection.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
        // What is pruned is overwritten, so that it is gone; space is given back in steps.
        connection.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
        connection.pragma_update(None, "secure_delete", "ON")?;
        if self.memory.is_none() {
            connection.pragma_update(None, "journal_mode", "WAL")?;
            connection.pragma_update(None, "journal_size_limit", LOG_BYTES_MAX)?;
        }
        let synchronous = match self.durability {
            Durability::Process => "NORMAL",
            Durability::Power => "FULL",
        };
        connection.pragma_update(None, "synchronous", synchronous)
    }

    /// What the ledger says about an error of the database.
    pub fn failed(&self, error: &rusqlite::Error) -> LedgerError {
        failed(&self.path, error)
    }

    /// The system gave no thread, memory or file for it.
    pub fn unusable(&self, error: &std::io::Error) -> LedgerError {
        LedgerError::Open { path: self.path.clone(), reason: error.to_string() }
    }

    fn opening(&self, error: schema::Problem) -> LedgerError {
        match error {
            schema::Problem::Ledger(error) => error,
            schema::Problem::Database(error) => self.failed(&error),
        }
    }
}

/// Tries again while the file is busy, for as long as a statement would wait: turning on the
/// write-ahead log, which two that open a new file at once both do, does not wait by itself.
fn patiently<R>(open: impl Fn() -> Result<R, LedgerError>) -> Result<R, LedgerError> {
    let started = Instant::now();
    loop {
        match open() {
            Err(LedgerError::Busy { .. }) if started.elapsed() < BUSY_TIMEOUT => {
                std::thread::sleep(Duration::from_millis(10));
            }
            result => return result,
        }
    }
}

/// What the ledger says about an error of the database at `path`.
pub fn failed(path: &Path, error: &rusqlite::Error) -> LedgerError {
    let path = path.to_path_buf();
    let reason = plain(error);
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseCorrupt) => LedgerError::Damaged { path, reason },
        Some(ErrorCode::NotADatabase) => {
            LedgerError::Foreign { path, reason: "this is no SQLite file".to_owned() }
        }
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => LedgerError::Busy { path },
        Some(ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => {
            LedgerError::Open { path, reason }
        }
        _ => LedgerError::Storage { path, reason },
    }
}

/// The sentence of an error, without the statement that caused it.
fn plain(error: &rusqlite::Error) -> String {
    match error {
        rusqlite::Error::SqliteFailure(_, Some(message)) => message.clone(),
        other => other.to_string(),
    }
}

/// Makes the file with its folders, readable for the owner alone. What is there stays as it is; the
/// files that SQLite puts beside it take over its permissions.
fn make_private(path: &Path) -> std::io::Result<()> {
    let mut folders = std::fs::DirBuilder::new();
    let mut file = std::fs::OpenOptions::new();
    folders.recursive(true);
    file.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
        folders.mode(0o700);
        file.mode(0o600);
    }
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        folders.create(folder)?;
    }
    match file.open(path) {
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
        Ok(_) => Ok(()),
    }
}
