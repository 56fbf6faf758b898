//! The server over real sockets.

mod client;
mod openai;
mod plain_paths;
mod service;
