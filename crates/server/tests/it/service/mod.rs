//! The service on the model inside the program: what it answers, charges and writes down.

mod answers;
mod world;
