//! One file per command.

pub mod beam;
pub mod bench;
pub mod chat;
pub mod compare;
pub mod config;
pub mod generate;
pub mod inspect;
pub mod key;
pub mod lint;
pub mod logits;
pub mod sample;
pub mod serve;
pub mod template;
pub mod tokens;
pub mod trace;
pub mod usage;
pub mod verify;
