//! The service on the model inside the program, and on a scripted one where time matters: what it
//! answers, charges and writes down.

mod accounts;
mod answers;
mod endings;
mod governed_thinking;
mod world;
