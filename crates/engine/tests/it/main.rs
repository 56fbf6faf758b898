//! The engine from outside: every behaviour through every path, on a model without weights, and
//! real models where the reference cases are.

mod admission;
mod beams;
mod cancels;
mod choices;
mod endings;
mod handle;
mod memory;
mod paths;
mod real_beams;
mod real_model;
mod same_tokens;
mod sampled;
mod simulation;
mod speculation;
mod status;
mod stops;
mod structured;
mod thinking;
mod views;
mod world;
