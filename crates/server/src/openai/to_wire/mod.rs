//! From answers to what is sent: pure. One path makes whole bodies and streams, so that the pieces
//! of a stream, put together, are the whole answer.

pub mod chat;
pub mod choice;
pub mod completion;
pub mod head;
pub mod ids;
mod logprobs;
mod released;
pub mod trace;
mod usage;
