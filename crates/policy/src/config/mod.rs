//! Settings from `jeton.yaml`.

mod parameters;
mod plans;
mod server;
mod types;

pub use parameters::Parameters;
pub use plans::{KeyPlan, Reserve, UtcOffset};
pub use server::{LedgerSettings, Server};
pub use types::{
    Config, Effort, Limits, Locked, Model, Over, Range, Rule, Scenario, Switch, Thinking,
    ThinkingBudget, ThinkingMode, TokenLimits, When, WhenSet,
};

/// Names of the routes that generate, as rules, `routes` and [`Who::route`](crate::Who) have them.
pub const ROUTES: &[&str] = &["chat_completions", "completions", "generate", "chat"];
