//! The server over real sockets.

mod client;
mod guarding;
mod limits;
mod openai;
mod own_routes;
mod plain_paths;
mod service;
mod stalled;
mod stopping;
