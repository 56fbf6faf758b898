//! The ledger as others hold it.

use crate::recording::{self, Command, Done, Recorder, Slot};
use crate::sqlite::{Pool, Source};
use crate::{Entry, Keys, LedgerError, Location};
use rusqlite::Connection;
use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, mpsc};

/// What a recorded entry survives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// The end of the process at any moment (`kill -9`, a crash). When the machine loses power, the
    /// last entries may be lost, and the file is whole. SQLite's `synchronous = NORMAL`.
    #[default]
    Process,
    /// Loss of power too: every commit waits for the disk. SQLite's `synchronous = FULL`.
    Power,
}

/// How a ledger is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// What a recorded entry survives.
    pub durability: Durability,
    /// Whether [`Entry::text`] is stored; off means that no text reaches the file.
    pub keep_text: bool,
    /// How many entries may wait to be recorded or have a place reserved, at least 1.
    pub waiting_max: usize,
}

impl Default for Options {
    fn default() -> Self {
        Options { durability: Durability::Process, keep_text: false, waiting_max: 16_384 }
    }
}

/// The ledger. Clones are handles of the same one; when the last of them and of its [`Slot`]s goes,
/// everything that waits is recorded first.
#[derive(Clone, Debug)]
pub struct Ledger {
    pub(crate) shared: Arc<Shared>,
}

/// What all handles share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) recorder: Recorder,
    pub(crate) pool: Pool,
    /// Looks keys up; apart from the pool, so that neither a question nor a change holds one up.
    pub(crate) key_connection: Mutex<Connection>,
    pub(crate) pepper: [u8; 32],
    /// When the use of each key was last passed on: one entry per key that is in use.
    keys_used: Mutex<HashMap<String, u64>>,
    keep_text: bool,
}

impl Ledger {
    /// Opens the file at `path`, or makes it, with the default options.
    ///
    /// # Errors
    /// As [`Ledger::open_with`].
    pub fn open(path: impl AsRef<Path>) -> Result<Ledger, LedgerError> {
        let location = Location::Sqlite(path.as_ref().to_path_buf());
        Ledger::open_with(&location, &Options::default())
    }

    /// Opens a ledger, or makes it.
    ///
    /// # Errors
    /// Named with the file: it cannot be opened, is something else ([`LedgerError::Foreign`]), is
    /// damaged, or was written by a newer program ([`LedgerError::Newer`]). None is changed then.
    pub fn open_with(location: &Location, options: &Options) -> Result<Ledger, LedgerError> {
        let (source, connection) = Source::file(location.path(), options.durability)?;
        Ledger::start(source, connection, options)
    }

    /// A ledger that is gone with its last handle.
    ///
    /// # Errors
    /// When the thread that records cannot be started.
    pub fn in_memory() -> Result<Ledger, LedgerError> {
        let (source, connection) = Source::memory()?;
        Ledger::start(source, connection, &Options::default())
    }

    fn start(
        source: Source,
        connection: Connection,
        options: &Options,
    ) -> Result<Ledger, LedgerError> {
        let key_connection = source.connect()?;
        let pepper = key_connection
            .query_row("SELECT bytes FROM pepper", [], |row| row.get(0))
            .map_err(|error| source.failed(&error))?;
        let recorder = Recorder::start(source.clone(), connection, options.waiting_max.max(1))?;
        let shared = Shared {
            recorder,
            pool: Pool::new(source),
            key_connection: Mutex::new(key_connection),
            pepper,
            keys_used: Mutex::default(),
            keep_text: options.keep_text,
        };
        Ok(Ledger { shared: Arc::new(shared) })
    }

    /// Takes a place for one entry, before the work that it will account for begins. An entry that
    /// has a place is never turned away for fullness, so refusing work here, at the door, is how
    /// the ledger holds back those who are faster than its disk. Never blocks.
    ///
    /// # Errors
    /// [`LedgerError::Full`] when [`Options::waiting_max`] places are taken.
    pub fn reserve(&self) -> Result<Slot, LedgerError> {
        Ok(Slot::new(Arc::clone(&self.shared), self.shared.recorder.place()?))
    }

    /// Records an entry and calls `done` once: after the commit, or with what kept it from being
    /// recorded. Never blocks. `done` runs on the ledger's own thread (on the caller's when the
    /// entry is refused at once) and has to be quick.
    ///
    /// Recording an id again changes nothing and succeeds: the first entry stands.
    pub fn record(&self, entry: Entry, done: Done) {
        match self.reserve() {
            Ok(slot) => slot.record(entry, done),
            Err(error) => done(Err(error)),
        }
    }

    /// Waits until everything that was handed to [`Ledger::record`] before is committed or refused.
    ///
    /// # Errors
    /// [`LedgerError::Closed`] when the thread that records is gone.
    pub fn flush(&self) -> Result<(), LedgerError> {
        let (sender, receiver) = mpsc::channel();
        self.shared.recorder.send(Command::Flush(sender))?;
        receiver.recv().map_err(|_| LedgerError::Closed)
    }

    /// How many entries wait or have a place reserved.
    pub fn waiting(&self) -> usize {
        self.shared.recorder.waiting()
    }

    /// The keys.
    pub fn keys(&self) -> Keys<'_> {
        Keys::new(&self.shared)
    }
}

impl Shared {
    /// Sends an entry to the thread that records.
    pub(crate) fn record(&self, entry: Entry, place: recording::Place, done: Done) {
        match entry.checked(self.keep_text) {
            Ok(entry) => self.recorder.record(entry, place, done),
            Err(error) => done(Err(error)),
        }
    }

    /// Does `work` on the connection for keys.
    pub(crate) fn with_keys<R>(
        &self,
        work: impl FnOnce(&mut Connection) -> rusqlite::Result<R>,
    ) -> Result<R, LedgerError> {
        let mut connection = self.key_connection.lock().unwrap_or_else(PoisonError::into_inner);
        work(&mut connection).map_err(|error| self.pool.source().failed(&error))
    }

    /// Whether the use of a key at `time_ms` has not been passed on yet.
    pub(crate) fn is_first_use(&self, id: &str, time_ms: u64) -> bool {
        let mut used = self.keys_used.lock().unwrap_or_else(PoisonError::into_inner);
        match used.get_mut(id) {
            Some(last_ms) if *last_ms >= time_ms => false,
            Some(last_ms) => {
                *last_ms = time_ms;
                true
            }
            None => used.insert(id.to_owned(), time_ms).is_none(),
        }
    }
}
