//! From text to settings: read, held against the table, put into types, held against each other.

use super::KeyPlan;
use super::check::Checked;
use super::cross;
use super::problem::{At, ConfigError, Problem};
use super::shape::Shape;
use super::table::{PLAN, ROOT};
use super::types::Config;
use super::yaml::{self, Key, Node, Value as Yaml};
use serde_json::{Map, Value};

/// A commented configuration that uses most keys: `examples/jeton.yaml`.
pub const EXAMPLE: &str = include_str!("../../../../examples/jeton.yaml");

impl Config {
    /// Reads a configuration; `file` is its name in messages.
    ///
    /// # Errors
    /// Everything that is wrong, each with line, column and key, unless the text is no YAML or
    /// exceeds a bound ([`FILE_BYTES_MAX`](super::FILE_BYTES_MAX) and the like): then that.
    pub fn from_yaml(text: &str, file: &str) -> Result<Config, ConfigError> {
        let mut checked = Checked::default();
        let root = yaml::read(text, &mut checked.problems);
        let root = root.map_err(|problem| ConfigError::new(file, vec![problem]))?;
        let value = root.and_then(|root| checked.value(&root, &Shape::Section(&ROOT), ""));
        let value = value.unwrap_or_else(|| Value::Object(Map::new()));
        let config = match serde_json::from_value::<Config>(value) {
            Ok(config) => {
                cross::check(&config, &mut checked);
                config
            }
            // Only what was told already can be wrong here, or the table is.
            Err(error) => {
                if checked.problems.is_empty() {
                    checked.problems.push(Problem::new(At::START, "", error.to_string()));
                }
                Config::default()
            }
        };
        match checked.problems.is_empty() {
            true => Ok(config),
            false => Err(ConfigError::new(file, checked.problems)),
        }
    }
}

/// A key's own settings, checked as those of a plan are.
pub(super) fn key_plan(overrides: &Value) -> Result<KeyPlan, String> {
    let mut checked = Checked::default();
    let value = checked.value(&node(overrides), &Shape::Section(&PLAN), "");
    let tell = |problem: &Problem| match problem.path.as_str() {
        "" => problem.message.clone(),
        path => format!("{path}: {}", problem.message),
    };
    if !checked.problems.is_empty() {
        return Err(checked.problems.iter().map(tell).collect::<Vec<_>>().join("\n"));
    }
    let value = value.unwrap_or_else(|| Value::Object(Map::new()));
    let plan: KeyPlan = serde_json::from_value(value).map_err(|error| error.to_string())?;
    cross::check_limits(&plan.limits, "limits", &mut checked);
    match checked.problems.first() {
        Some(problem) => Err(tell(problem)),
        None => Ok(plan),
    }
}

/// JSON as a tree without places.
fn node(value: &Value) -> Node {
    let at = At::START;
    let scalar = |text: String, is_plain| Yaml::Scalar { text, is_plain };
    let value = match value {
        Value::Null => scalar(String::new(), true),
        Value::String(text) => scalar(text.clone(), false),
        Value::Array(items) => Yaml::List(items.iter().map(node).collect()),
        Value::Object(entries) => {
            let key = |name: &String| Key { at, name: name.clone() };
            Yaml::Map(entries.iter().map(|(name, value)| (key(name), node(value))).collect())
        }
        other => scalar(other.to_string(), true),
    };
    Node { at, value }
}
