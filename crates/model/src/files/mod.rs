//! Model files: bytes to named tensors, checked before anything is believed.

pub(crate) mod digest;
pub(crate) mod folder;
pub mod gguf;
pub mod mapped;
pub mod names;
pub mod safetensors;
pub(crate) mod source_names;
pub mod tensors;
pub mod view;
