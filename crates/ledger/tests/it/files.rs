//! Files that are there already: other programs', damaged ones, newer ones, other processes'.

use super::{asked, entry, recorded, scratch};
use ledger::{Ledger, LedgerError};
use rusqlite::Connection;
use std::path::Path;

#[track_caller]
fn refused(path: &Path) -> LedgerError {
    let before = std::fs::read(path).expect("the file");
    let error = Ledger::open(path).expect_err("refused");
    assert!(error.to_string().contains(&path.display().to_string()), "{error}");
    assert_eq!(std::fs::read(path).expect("the file"), before, "left as it is");
    error
}

#[test]
fn what_is_no_ledger_is_left_alone() {
    let (folder, path) = scratch();
    std::fs::write(&path, "dear diary, ".repeat(1000)).expect("written");
    assert!(matches!(refused(&path), LedgerError::Foreign { .. }));

    let other = folder.path().join("other.db");
    let connection = Connection::open(&other).expect("a file");
    connection.execute_batch("CREATE TABLE songs (name TEXT);").expect("a table");
    drop(connection);
    assert!(matches!(refused(&other), LedgerError::Foreign { .. }));
    assert!(matches!(Ledger::open(folder.path()), Err(LedgerError::Open { .. })));
}

#[test]
fn a_newer_ledger_is_refused_by_name() {
    let (_folder, path) = scratch();
    drop(Ledger::open(&path).expect("a new file"));
    let connection = Connection::open(&path).expect("the file");
    connection.pragma_update(None, "user_version", 99).expect("set");
    connection.pragma_update(None, "journal_mode", "DELETE").expect("set");
    drop(connection);
    let error = refused(&path);
    assert!(matches!(error, LedgerError::Newer { found: 99, .. }), "{error}");
}

#[test]
fn a_damaged_ledger_is_an_error_with_its_name() {
    let (_folder, path) = scratch();
    let ledger = Ledger::open(&path).expect("a new file");
    for index in 0..200 {
        recorded(&ledger, entry(&format!("request-{index}"))).expect("recorded");
    }
    drop(ledger);
    let whole = std::fs::read(&path).expect("the file");
    for (start, end) in [(100, 4096), (0, 100), (4096, whole.len())] {
        let mut bytes = whole.clone();
        bytes[start..end].fill(0xA5);
        std::fs::write(&path, bytes).expect("written");
        let outcome = Ledger::open(&path).and_then(|ledger| recorded(&ledger, entry("one more")));
        let error = outcome.expect_err("it is damaged");
        assert!(error.to_string().contains("ledger.db"), "{error}");
        let is_typed = matches!(error, LedgerError::Damaged { .. } | LedgerError::Foreign { .. });
        assert!(is_typed, "{start}..{end}: {error}");
    }
}

#[test]
fn several_may_make_the_same_file_at_once() {
    for _ in 0..10 {
        let (_folder, path) = scratch();
        let openers: Vec<_> = (0..4)
            .map(|_| {
                let path = path.clone();
                std::thread::spawn(move || Ledger::open(path).map(drop))
            })
            .collect();
        for opener in openers {
            opener.join().expect("no panic").expect("all of them open the new file");
        }
        assert_eq!(asked::<i64>(&path, "PRAGMA user_version"), 3);
        assert_eq!(asked::<i64>(&path, "SELECT count(*) FROM pepper"), 1);
    }
}

#[cfg(unix)]
#[test]
fn file_and_folder_are_for_their_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let (folder, _) = scratch();
    let path = folder.path().join("new/deeper/ledger.db");
    let ledger = Ledger::open(&path).expect("folders are made");
    recorded(&ledger, entry("a")).expect("recorded");
    let mode = |path: &Path| path.metadata().expect("is there").permissions().mode() & 0o777;
    assert_eq!(mode(&folder.path().join("new/deeper")), 0o700);
    for name in ["ledger.db", "ledger.db-wal", "ledger.db-shm"] {
        assert_eq!(mode(&path.with_file_name(name)), 0o600, "{name}");
    }
}

#[test]
fn names_that_sqlite_reads_otherwise_are_paths_here() {
    let (folder, _) = scratch();
    for name in [":memory:", "file:a?mode=memory", "a b%20ü.db"] {
        let path = folder.path().join(name);
        drop(Ledger::open(&path).expect("a file"));
        assert!(path.is_file(), "{name}");
    }
}
