//! The server over real sockets.

mod client;
mod openai;
mod own_routes;
mod plain_paths;
mod service;
