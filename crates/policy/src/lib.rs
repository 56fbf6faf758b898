//! Governs: what a limit did to an answer, and which limit would have been enough.
//!
//! Pure: text and numbers in, plain data out; no I/O, no clock, no model.
#![forbid(unsafe_code)]

pub mod quote;
pub mod truncation;
