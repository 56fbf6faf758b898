//! Remembers: the account of every request, and the keys that requests came with.
//!
//! One embedded SQLite file. What is recorded is committed by a thread of its own, everything that
//! waits in one transaction, and `done` is called after that commit and never before: what was
//! reported as recorded is in the file exactly once, whenever the process is killed.
//!
//! Nothing of SQL leaves this room, so that another database can come behind the same words. No
//! async here: [`Ledger::record`] never blocks; everything else waits for a file for as long as
//! each function says. Times come from the caller, in milliseconds since 1970-01-01 UTC.
#![forbid(unsafe_code)]

mod entry;
mod error;
mod keys;
mod location;
mod pruning;
mod questions;
mod recording;
mod seals;
mod sqlite;
mod store;
mod utc;

pub use entry::{Entry, LABEL_BYTES_MAX, Quoted, Spread, Status, TEXT_BYTES_MAX, TIME_MS_MAX};
pub use error::LedgerError;
pub use keys::{Found, KeyRecord, Keys, NAME_CHARS_MAX, NewKey, OVERRIDES_BYTES_MAX, Revoked};
pub use location::{Location, default_path};
pub use pruning::Pruned;
pub use questions::{
    Cost, Filter, Format, GroupBy, HistoryRow, LimitUse, Percentiles, QuoteOutcome, ROWS_MAX,
    Spent, Usage, UsageRow,
};
pub use recording::{Done, Slot};
pub use store::{Durability, Ledger, Options};
pub use utc::{utc_day, utc_time};
