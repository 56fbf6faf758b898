//! The thread that records: everything that waits goes into one transaction.
//!
//! While one commit is under way the next entries gather, so that a slow disk makes transactions
//! larger and not the queue longer.

use crate::pruning::Pruning;
use crate::sqlite::{Source, columns};
use crate::store::Shared;
use crate::{Entry, LedgerError};
use rusqlite::{Connection, TransactionBehavior};
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, Sender, TryRecvError};
use std::thread::JoinHandle;

/// Most commands in one transaction.
const BATCH_MAX: usize = 4096;
/// How often a transaction is tried again while another process holds the file; each try waits for
/// the busy timeout of five seconds.
const BUSY_TRIES_MAX: usize = 12;

/// Called once: after the commit, or with what kept the entry from being recorded.
pub type Done = Box<dyn FnOnce(Result<(), LedgerError>) + Send>;

/// What the thread is asked to do.
pub enum Command {
    /// Store an entry and tell.
    Record(Box<Entry>, Place, Done),
    /// Remember that a key was used.
    KeyUsed { id: String, time_ms: u64 },
    /// Tell when everything before is done.
    Flush(Sender<()>),
    /// Remove old entries, bit by bit.
    Prune(Pruning),
}

/// A place in the queue, given back when dropped.
pub struct Place(Arc<AtomicUsize>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

/// A place reserved for one entry ([`crate::Ledger::reserve`]); given back when dropped unused.
pub struct Slot {
    shared: Arc<Shared>,
    place: Place,
}

impl Slot {
    pub(crate) fn new(shared: Arc<Shared>, place: Place) -> Slot {
        Slot { shared, place }
    }

    /// As [`crate::Ledger::record`], without being refused for fullness.
    pub fn record(self, entry: Entry, done: Done) {
        self.shared.record(entry, self.place, done);
    }
}

/// The way to the thread.
#[derive(Debug)]
pub struct Recorder {
    /// Taken to end the thread.
    sender: Option<Sender<Command>>,
    thread: Option<JoinHandle<()>>,
    waiting: Arc<AtomicUsize>,
    waiting_max: usize,
}

impl Recorder {
    /// Starts the thread.
    ///
    /// # Errors
    /// When the system starts no thread.
    pub fn start(
        source: Source,
        connection: Connection,
        waiting_max: usize,
    ) -> Result<Recorder, LedgerError> {
        let (sender, commands) = mpsc::channel();
        let writer =
            Writer { source: source.clone(), connection, commands, pruning: VecDeque::new() };
        let thread = std::thread::Builder::new()
            .name("ledger".to_owned())
            .spawn(move || writer.run())
            .map_err(|error| source.unusable(&error))?;
        let waiting = Arc::new(AtomicUsize::new(0));
        Ok(Recorder { sender: Some(sender), thread: Some(thread), waiting, waiting_max })
    }

    /// Takes a place in the queue.
    ///
    /// # Errors
    /// [`LedgerError::Full`] when all are taken.
    pub fn place(&self) -> Result<Place, LedgerError> {
        let waiting_max = self.waiting_max;
        self.waiting
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |waiting| {
                (waiting < waiting_max).then_some(waiting + 1)
            })
            .map(|_| Place(Arc::clone(&self.waiting)))
            .map_err(|_| LedgerError::Full { waiting_max })
    }

    /// How many places are taken.
    pub fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Acquire)
    }

    /// Hands an entry over.
    pub fn record(&self, entry: Entry, place: Place, done: Done) {
        let command = Command::Record(Box::new(entry), place, done);
        if let Err(Command::Record(_, _, done)) = self.try_send(command) {
            done(Err(LedgerError::Closed));
        }
    }

    /// Hands a command over that has nobody to tell.
    ///
    /// # Errors
    /// [`LedgerError::Closed`] when the thread is gone.
    pub fn send(&self, command: Command) -> Result<(), LedgerError> {
        self.try_send(command).map_err(|_| LedgerError::Closed)
    }

    /// Hands a command over, or gives it back when the thread is gone.
    pub fn try_send(&self, command: Command) -> Result<(), Command> {
        match &self.sender {
            Some(sender) => sender.send(command).map_err(|error| error.0),
            None => Err(command),
        }
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.sender = None;
        // The last handle may be dropped by a `done`, on the thread itself: it ends by itself then.
        let ends_itself =
            |thread: &JoinHandle<()>| thread.thread().id() == std::thread::current().id();
        if let Some(thread) = self.thread.take().filter(|thread| !ends_itself(thread)) {
            // It catches what its callers' functions throw, and has nothing to say.
            drop(thread.join());
        }
    }
}

struct Writer {
    source: Source,
    connection: Connection,
    commands: Receiver<Command>,
    pruning: VecDeque<Pruning>,
}

impl Writer {
    /// Until nobody can send any more and everything sent is recorded.
    fn run(mut self) {
        loop {
            let first = match self.pruning.is_empty() {
                true => self.commands.recv().map_err(|_| TryRecvError::Disconnected),
                false => self.commands.try_recv(),
            };
            match first {
                Ok(first) => {
                    let rest = self.commands.try_iter().take(BATCH_MAX - 1);
                    let batch = std::iter::once(first).chain(rest).collect();
                    self.settle(batch);
                }
                Err(TryRecvError::Empty) => {}
                Err(TryRecvError::Disconnected) => break,
            }
            self.prune();
        }
        self.pruning.drain(..).for_each(|pruning| tell(|| pruning.end(Err(LedgerError::Closed))));
    }

    /// One step of the oldest pruning, if there is one.
    fn prune(&mut self) {
        let Some(pruning) = self.pruning.front_mut() else { return };
        let result = match pruning.step(&mut self.connection) {
            Ok(true) => return,
            Ok(false) => Ok(()),
            Err(error) => Err(self.source.failed(&error)),
        };
        if let Some(pruning) = self.pruning.pop_front() {
            tell(|| pruning.end(result));
        }
    }

    fn settle(&mut self, batch: Vec<Command>) {
        let committed = self.commit_patiently(&batch);
        for command in batch {
            match command {
                Command::Record(_, place, done) => {
                    // A place is free before its owner hears of it.
                    drop(place);
                    let result = committed.clone();
                    tell(|| done(result));
                }
                Command::Flush(waiting) => drop(waiting.send(())),
                Command::Prune(pruning) => self.pruning.push_back(pruning),
                Command::KeyUsed { .. } => {}
            }
        }
    }

    fn commit_patiently(&mut self, batch: &[Command]) -> Result<(), LedgerError> {
        let writes_nothing =
            |command: &Command| matches!(command, Command::Flush(_) | Command::Prune(_));
        if batch.iter().all(writes_nothing) {
            return Ok(());
        }
        let mut tries = 1;
        loop {
            match self.commit(batch).map_err(|error| self.source.failed(&error)) {
                Err(LedgerError::Busy { .. }) if tries < BUSY_TRIES_MAX => tries += 1,
                result => return result,
            }
        }
    }

    /// One transaction: all of it or nothing.
    fn commit(&mut self, batch: &[Command]) -> rusqlite::Result<()> {
        let transaction =
            self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        for command in batch {
            match command {
                Command::Record(entry, ..) => columns::insert(&transaction, entry)?,
                Command::KeyUsed { id, time_ms } => {
                    let sql = "UPDATE keys SET last_used_ms = max(ifnull(last_used_ms, 0), ?2) \
                               WHERE id = ?1";
                    let time_ms = i64::try_from(*time_ms).unwrap_or(i64::MAX);
                    transaction.prepare_cached(sql)?.execute((id, time_ms))?;
                }
                Command::Flush(_) | Command::Prune(_) => {}
            }
        }
        transaction.commit()
    }
}

/// Calls a caller's function. What panics in it is the caller's, and ends no accounting.
fn tell(call: impl FnOnce()) {
    drop(catch_unwind(AssertUnwindSafe(call)));
}
