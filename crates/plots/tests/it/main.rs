//! The pictures as their readers get them: well formed, the same every time, never breaking out.
#![forbid(unsafe_code)]

mod pictures;
mod xml;
