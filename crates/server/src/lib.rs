//! `server` speaks: HTTP, JSON, OpenAI's words, server-sent events, keys, metrics, and the
//! playground's files.
//!
//! Reading order: [`start`] (what a program calls), [`routes`] (which path does what), [`site`]
//! (what every route shares), [`guard`] (what a request passes before its route), `listen` (how
//! bytes become requests, and what a connection may cost).
//!
//! Architecture invariant: types of the wire never leave this room. Whatever a client sends is
//! bounded before it is kept: bytes, values, connections and time (`limits`). A client that does
//! not read its answer loses it and stops nobody.
#![forbid(unsafe_code)]

pub mod error;
pub mod guard;
pub mod json_body;
pub mod limits;
pub mod loading;
pub mod metrics;
pub mod openai;
pub mod openapi;
pub mod routes;
pub mod service;
pub mod site;
pub mod sse;
pub mod whole_answer;

mod attend;
mod listen;
mod open_requests;
mod start;

pub use attend::{AttendError, Stopped, attend, read_settings};
pub use error::ApiError;
pub use json_body::JsonBody;
pub use limits::DoorLimits;
pub use site::{Phase, Site};
pub use start::{Running, Setup, StartError, start};
