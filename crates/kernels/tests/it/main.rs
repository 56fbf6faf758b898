//! Conformance of the room: against published layouts, across instruction sets, over threads.

mod attention;
mod dequantize;
mod numbers;
mod ops;
mod products;
