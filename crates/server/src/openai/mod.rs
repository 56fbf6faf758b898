//! OpenAI's words: what requests say, what answers say. Pure; nothing else of the program knows
//! these shapes.

pub mod asking;
pub mod fields;
pub mod from_wire;
pub mod json;
pub mod limits;
pub mod template_fit;
pub mod to_wire;
pub mod tools;
