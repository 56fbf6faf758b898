//! `sampling` chooses: logits of one step in, one token out, with the reasons on request.
//!
//! Suggested reading: [`pipeline`] (the order of things), [`stages::top_p`] (a typical stage),
//! [`selector`] (the draw), [`params`] (every knob, once), [`stop`] (when to end).
//!
//! Architecture invariant: no I/O, no thread, no clock, no global state and no dependency here.
//! Randomness is an argument: the draw of a step is a pure function of (seed, choice index, step),
//! so neither neighbours in a batch nor a restart can change a token. Transcendental functions are
//! our own (`exponential`), so that a machine's math library cannot change one either.
#![forbid(unsafe_code)]

pub mod beam;
pub mod candidates;
mod exponential;
mod head;
pub mod lint;
pub mod logprobs;
pub mod mask;
pub mod params;
pub mod pipeline;
pub mod profile;
pub mod random;
pub mod selector;
pub mod stages;
pub mod stop;
pub mod trace;

/// The number of a token in the vocabulary of the model in use.
pub type TokenId = u32;
