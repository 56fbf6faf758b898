//! Contracts of the truncation diagnosis over arbitrary text; refusals as clients know them.

mod refusals;
mod truncation;
