//! Forgetting: entries older than a time, a few at a time, so that recording goes on meanwhile.

use crate::recording::Command;
use crate::{Ledger, LedgerError};
use rusqlite::{Connection, TransactionBehavior};
use std::sync::mpsc;

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
        if !is_more {
            // The log still holds what was removed. A reader may be in its way: then it is
            // overwritten later, as it always is.
            connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
        }
        Ok(is_more)
    }

    /// Tells how it ended.
    pub fn end(self, result: Result<(), LedgerError>) {
        (self.done)(result.map(|()| self.removed));
    }
}

/// Gives free pages back: the statement has a row per page, and each step of it frees one.
fn give_back_pages(connection: &Connection) -> rusqlite::Result<()> {
    let mut statement = connection.prepare(&format!("PRAGMA incremental_vacuum({STEP_PAGES})"))?;
    let mut rows = statement.query([])?;
    while rows.next()?.is_some() {}
    Ok(())
}
