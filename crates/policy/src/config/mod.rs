//! Settings from `jeton.yaml`.
//!
//! [`table::ROOT`](ROOT) describes every key once; `yaml` reads text into a tree that knows places,
//! `check` holds the tree against the table, `cross` what is in it against each other.

mod check;
mod cross;
mod parameters;
mod plans;
mod problem;
mod read;
mod schema;
mod server;
pub mod shape;
mod table;
mod types;
mod yaml;

#[cfg(test)]
mod tests;

pub use parameters::Parameters;
pub use plans::{KeyPlan, Reserve, UtcOffset};
pub use problem::{At, ConfigError, Problem};
pub use read::EXAMPLE;
pub use server::{LedgerDurability, LedgerSettings, Server};
pub use table::{KV_GB, ROOT};
pub use types::{
    Config, Effort, Limits, Locked, Model, Over, Range, Rule, Scenario, Switch, Thinking,
    ThinkingBudget, ThinkingMode, TokenLimits, When, WhenSet,
};
pub use yaml::{DEPTH_MAX, FILE_BYTES_MAX, KEYS_MAX, NODES_MAX};

/// Names of the routes that generate, as rules, `routes` and [`Who::route`](crate::Who) have them.
pub const ROUTES: &[&str] = &["chat_completions", "completions", "generate", "chat"];
