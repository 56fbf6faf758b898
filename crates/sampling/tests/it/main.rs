//! What `sampling` promises, checked from outside.
//!
//! `data/` holds reference numbers that this project computed itself (see `data/README.md`), so the
//! contract is proven on any machine. The full set of cases, and vectors that belong to others, are
//! read from the folder named by `JETON_CONFORMANCE`, if it is set.

mod any_request;
mod beam;
mod cases;
mod chapter;
mod foreign;
mod pipeline;
mod processed;
mod profiles;
mod properties;
mod short_ways;
mod stage_cases;
mod stage_properties;
mod stages;
mod stopping;
mod support;
