//! `engine` schedules: it decides which rows the model computes next, and turns the logits that
//! come back into tokens, text and events.
//!
//! Reading order: [`api`] (what goes in and comes out), `step` (the four verbs), `scheduler` (the
//! plan), `kv_blocks` (who holds which memory), `generation` (one request's tokens and text),
//! [`handle`] (the thread).
//!
//! Architecture invariant: no async, no clock, no randomness, no file and no JSON here, and one
//! thread (with one beside it that makes grammar masks while the model computes). A caller that
//! does not read its events loses its request and never stops a step. Output depends on model,
//! prompt, parameters and seed, whatever else runs.
#![forbid(unsafe_code)]

pub mod api;
pub mod limits;
pub mod rejection;

mod engine;
mod speculate;
mod step;

mod branches;
mod fair_queue;
mod kv_blocks;
mod rows;
mod scheduler;
mod sequence;
mod sharing;

mod admission;
mod beams;
mod constraint;
mod generation;
pub mod memory;
mod output;
mod vocabulary;

pub mod choices;
pub mod draft;
pub mod views;

pub mod collect;
pub mod handle;
pub mod sink;
pub mod status;
pub mod thinking;

pub use admission::EngineInfo;
pub use api::{
    Event, Finished, GenerateRequest, Interruption, LimitOverflow, LimitSetBy, PromptLogprobs,
    RequestId, Started, StepReport, TextOptions, TokenEvent, Usage,
};
pub use beams::{BeamHypothesis, BeamTree};
pub use collect::Completion;
pub use constraint::GrammarReport;
pub use draft::{DraftModel, DraftOutcome, Speculation};
pub use engine::Engine;
pub use handle::{EngineHandle, Ticket};
pub use limits::EngineConfig;
pub use memory::MemoryNeed;
pub use rejection::{ConfigError, Rejection};
pub use sink::{Delivery, EventSink, EventStream, event_channel};
pub use status::{EngineStatus, FinishedCounts};
pub use vocabulary::TokenizerVocabulary;
