//! Contracts of the truncation diagnosis over arbitrary text.

mod truncation;
