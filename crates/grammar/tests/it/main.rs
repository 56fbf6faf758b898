//! Contracts of `grammar`, against other people's data and against brute force.

mod closing;
mod conformance;
mod hostile;
mod support;
