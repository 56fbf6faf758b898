//! Conformance of the room: against published layouts, across instruction sets, over threads.

mod dequantize;
