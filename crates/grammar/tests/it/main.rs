//! Contracts of `grammar`, against other people's data and against brute force.

mod agreement;
mod closing;
mod conformance;
mod hostile;
mod support;
