//! Forgetting: entries older than a time, a few at a time, so that recording goes on meanwhile.

use crate::recording::Command;
use crate::sqlite::connect::BUSY_TIMEOUT;
use crate::{Ledger, LedgerError};
use rusqlite::{Connection, TransactionBehavior};
use std::sync::mpsc;
use std::time::Duration;

/// Entries removed in one transaction: some milliseconds of work.
const STEP_ROWS: i64 = 500;
/// Free pages given back to the system after each.
const STEP_PAGES: i64 = 512;

/// Called once, with the number of entries removed or what went wrong.
pub type Pruned = Box<dyn FnOnce(Result<u64, LedgerError>) + Send>;

/// One call under way.
pub struct Pruning {
    before_ms: u64,
    removed: u64,
    done: Pruned,
}

impl Ledger {
    /// Removes every entry that arrived before `before_ms`, and says how many. What is removed is
    /// overwritten in the file, and the space given back. Waits until it is done, a few seconds
    /// for a million entries; recording goes on meanwhile.
    ///
    /// Budgets are sums over entries: keep those of the longest window that has one.
    ///
    /// # Errors
    /// What the file says; what was removed by then stays removed.
    pub fn prune(&self, before_ms: u64) -> Result<u64, LedgerError> {
        let (sender, receiver) = mpsc::channel();
        let done = Box::new(move |result| drop(sender.send(result)));
        self.prune_in_background(before_ms, done);
        receiver.recv().unwrap_or(Err(LedgerError::Closed))
    }

    /// As [`Ledger::prune`], without waiting: `done` is called on the ledger's own thread. When the
    /// last handle goes before the end, the rest stays.
    pub fn prune_in_background(&self, before_ms: u64, done: Pruned) {
        let command = Command::Prune(Pruning { before_ms, removed: 0, done });
        if let Err(Command::Prune(pruning)) = self.shared.recorder.try_send(command) {
            pruning.end(Err(LedgerError::Closed));
        }
    }
}

impl Pruning {
    /// Removes some entries. Whether there may be more.
    pub fn step(&mut self, connection: &mut Connection) -> rusqlite::Result<bool> {
        let before = i64::try_from(self.before_ms).unwrap_or(i64::MAX);
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let removed = transaction
            .prepare_cached(
                "DELETE FROM entries WHERE number IN \
                 (SELECT number FROM entries WHERE time_ms < ?1 ORDER BY time_ms LIMIT ?2)",
            )?
            .execute((before, STEP_ROWS))?;
        transaction.commit()?;
        self.removed += removed as u64;
        give_back_pages(connection)?;
        let is_more = removed as i64 == STEP_ROWS;
        if !is_more && self.removed > 0 {
            empty_log(connection)?;
        }
        Ok(is_more)
    }

    /// Tells how it ended.
    pub fn end(self, result: Result<(), LedgerError>) {
        (self.done)(result.map(|()| self.removed));
    }
}

/// Writes the log into the file and empties it: until then both still hold what was removed. Waits
/// for nobody, since answers wait for this thread; what a reader keeps in the log is overwritten
/// once a later commit fills it.
fn empty_log(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(Duration::ZERO)?;
    let emptied = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
    connection.busy_timeout(BUSY_TIMEOUT)?;
    emptied
}

/// Gives free pages back: the statement has a row per page, and each step of it frees one.
fn give_back_pages(connection: &Connection) -> rusqlite::Result<()> {
    let mut statement = connection.prepare(&format!("PRAGMA incremental_vacuum({STEP_PAGES})"))?;
    let mut rows = statement.query([])?;
    while rows.next()?.is_some() {}
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Durability;
    use crate::sqlite::Source;
    use std::sync::atomic::{AtomicU32, Ordering};

    /// How often a connection with [`count_wait`] had to wait.
    static WAITS: AtomicU32 = AtomicU32::new(0);

    fn count_wait(_tries: i32) -> bool {
        WAITS.fetch_add(1, Ordering::AcqRel);
        false
    }

    #[test]
    fn no_reader_is_waited_for() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("ledger.db");
        let (source, mut writer) = Source::file(&path, Durability::Process).expect("a new file");
        let add = "INSERT INTO entries (request_id, time_ms, model, route, stream, status, \
                   prompt_tokens, cached_tokens, thinking_tokens, answer_tokens, choices, \
                   cost_nano, currency) VALUES (?1, 1, '', '', 0, 'done', 0, 0, 0, 0, 1, 0, '')";
        writer.execute(add, ["a"]).expect("an entry");
        let reader = source.connect().expect("a connection");
        reader.execute_batch("BEGIN").expect("begun");
        let count = |connection: &Connection| -> i64 {
            let sql = "SELECT count(*) FROM entries";
            connection.query_row(sql, [], |row| row.get(0)).expect("a count")
        };
        assert_eq!(count(&reader), 1);
        for removed in [1, 0] {
            writer.busy_handler(Some(count_wait)).expect("set");
            let mut pruning = Pruning { before_ms: 2, removed: 0, done: Box::new(drop) };
            assert!(matches!(pruning.step(&mut writer), Ok(false)));
            assert_eq!((pruning.removed, WAITS.load(Ordering::Acquire)), (removed, 0));
        }
        assert_eq!((count(&reader), count(&writer)), (1, 0), "the reader still reads");
        reader.execute_batch("COMMIT").expect("ended");
        writer.execute(add, ["b"]).expect("one more");
        let mut log_bytes_after = |before_ms: u64| {
            let mut pruning = Pruning { before_ms, removed: 0, done: Box::new(drop) };
            assert!(matches!(pruning.step(&mut writer), Ok(false)));
            std::fs::metadata(folder.path().join("ledger.db-wal")).expect("a log").len()
        };
        assert!(log_bytes_after(1) > 0, "nothing was removed: the log is left alone");
        assert_eq!(log_bytes_after(2), 0, "nobody was in the way");
        let wait_ms = |row: &rusqlite::Row<'_>| row.get::<_, i64>(0);
        let wait_ms = writer.query_row("PRAGMA busy_timeout", [], wait_ms).expect("a number");
        assert_eq!(u128::try_from(wait_ms), Ok(BUSY_TIMEOUT.as_millis()), "commits still wait");
    }
}
