//! The ledger as those who hold it see it: through its public face and as files on a disk.

mod crash;
mod files;
mod keys;
mod reading;
mod recording;
mod sums;

use ledger::{Entry, Ledger, LedgerError};
use std::path::PathBuf;
use std::sync::mpsc;

/// A folder that goes away, and a ledger's path in it.
fn scratch() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("ledger.db");
    (folder, path)
}

/// The smallest entry with this id.
fn entry(request_id: &str) -> Entry {
    Entry {
        request_id: request_id.to_owned(),
        model: "m".to_owned(),
        route: "/v1/chat/completions".to_owned(),
        ..Entry::default()
    }
}

/// Records and waits for what is told.
fn recorded(ledger: &Ledger, entry: Entry) -> Result<(), LedgerError> {
    let (sender, receiver) = mpsc::channel();
    ledger.record(entry, Box::new(move |result| sender.send(result).expect("it is awaited")));
    receiver.recv().expect("told once")
}

/// What `query` finds in the file, by SQLite itself.
fn asked<T: rusqlite::types::FromSql>(path: &std::path::Path, query: &str) -> T {
    let connection = rusqlite::Connection::open(path).expect("the file");
    connection.query_row(query, [], |row| row.get(0)).expect(query)
}
