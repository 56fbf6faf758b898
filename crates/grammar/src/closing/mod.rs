//! How a document is closed in the fewest tokens.
//!
//! The compiled grammar is followed a second time, byte by byte, by an automaton whose states can
//! be compared: two positions with the same future are the same state (`automaton`). On these
//! states the fewest bytes to the end are known without search (`distance`), which bounds the
//! tokens from above; the fewest tokens are found by a search (`shortest`).

mod automaton;
mod distance;
mod hashing;
mod rows;
mod shortest;

pub(crate) use automaton::{Automaton, State};
