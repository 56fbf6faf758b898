//! Model files: bytes to named tensors, checked before anything is believed.

pub mod gguf;
pub mod mapped;
pub mod names;
mod source_names;
pub mod tensors;
pub mod view;
