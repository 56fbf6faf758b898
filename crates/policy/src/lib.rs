//! Governs: whose wish counts, what it costs, what a limit did to an answer, and which limit would
//! have been enough.
//!
//! A request is decided in two steps: [`before_prompt`] needs no token count (may this key use
//! this model, does the model think, which parameters are filled in or locked), [`limits`] needs
//! one. What was decided is told step by step, so that a response can say who set each value.
//!
//! Pure: text and numbers in, plain data out; no I/O, no clock, no threads, no model.
#![forbid(unsafe_code)]

mod before;
pub mod budget;
mod class;
pub mod config;
mod decision;
mod limits;
pub mod price;
pub mod quote;
mod refusal;
mod rules;
mod thinking;
pub mod truncation;
mod wish;

pub use before::{Early, Setting, before_prompt, fixed, may_see};
pub use class::{CLASSES, Class, Classified, classify};
pub use decision::{Decision, SetBy, Step};
pub use limits::{OfferedBound, Plan, View, limits, offered};
pub use refusal::Refusal;
pub use wish::{Facts, Hints, KeyName, Who, Wish};
