//! Connections for those who read, so that a long question holds up nobody.

use super::Source;
use crate::LedgerError;
use rusqlite::Connection;
use std::sync::{Condvar, Mutex, PoisonError};

/// Most connections at a time; who comes later waits for one.
const CONNECTIONS_MAX: usize = 8;

/// Connections that are opened when needed and kept.
#[derive(Debug)]
pub struct Pool {
    source: Source,
    state: Mutex<State>,
    returned: Condvar,
}

#[derive(Debug, Default)]
struct State {
    idle: Vec<Connection>,
    lent: usize,
}

impl Pool {
    /// A pool without connections.
    pub fn new(source: Source) -> Pool {
        Pool { source, state: Mutex::default(), returned: Condvar::new() }
    }

    /// What the connections go to.
    pub fn source(&self) -> &Source {
        &self.source
    }

    /// Does `work` on a connection of its own. Waits while all are lent.
    ///
    /// # Errors
    /// When no connection can be opened, or `work` failed.
    pub fn with<R>(
        &self,
        work: impl FnOnce(&mut Connection) -> rusqlite::Result<R>,
    ) -> Result<R, LedgerError> {
        let mut lent = self.lend()?;
        work(lent.connection()).map_err(|error| self.source.failed(&error))
    }

    fn lend(&self) -> Result<Lent<'_>, LedgerError> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        while state.lent == CONNECTIONS_MAX {
            state = self.returned.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.lent += 1;
        let idle = state.idle.pop();
        drop(state);
        let mut lent = Lent { pool: self, connection: idle };
        if lent.connection.is_none() {
            // Opening may wait for another process: nobody else waits with it.
            lent.connection = Some(self.source.connect()?);
        }
        Ok(lent)
    }
}

/// A connection that comes back, whatever happens while it is out.
struct Lent<'a> {
    pool: &'a Pool,
    connection: Option<Connection>,
}

impl Lent<'_> {
    fn connection(&mut self) -> &mut Connection {
        self.connection.as_mut().expect("`lend` gives none without, and only dropping takes it")
    }
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        let mut state = self.pool.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.lent -= 1;
        // One with an open transaction would show its reader an old state for ever.
        state.idle.extend(self.connection.take().filter(Connection::is_autocommit));
        self.pool.returned.notify_one();
    }
}
