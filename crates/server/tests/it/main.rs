//! The server over real sockets.

mod client;
mod plain_paths;
mod service;
