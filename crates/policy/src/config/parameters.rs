//! Values of parameters by name, as a configuration holds them.

use super::check::below;
use super::problem::{At, Problem};
use super::yaml::{Key, Node, Value as Yaml};
use crate::decision::{canonical, from_json, to_json};
use sampling::params::{ParamValue, SamplingParams};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

/// Parameters with their values, in the order given, by the names given.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Parameters(pub Vec<(String, ParamValue)>);

impl Parameters {
    /// The value of a parameter, by its name in the table.
    pub fn get(&self, name: &str) -> Option<&ParamValue> {
        let mut entries = self.0.iter();
        entries.find(|(given, _)| canonical(given) == Some(name)).map(|(_, value)| value)
    }
}

impl Serialize for Parameters {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let entries = self.0.iter().map(|(name, value)| (name.clone(), to_json(value)));
        entries.collect::<Map<String, Value>>().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Parameters {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let entries = Map::<String, Value>::deserialize(deserializer)?;
        Ok(Parameters(entries.iter().map(|(k, v)| (k.clone(), from_json(v))).collect()))
    }
}

/// Checks parameters of a configuration by the table of parameters; gives those that are right.
pub(super) fn check_parameters(
    entries: &[(Key, Node)],
    path: &str,
    problems: &mut Vec<Problem>,
) -> Value {
    let before = problems.len();
    let mut right = Vec::new();
    for (key, node) in entries.iter().filter(|(_, node)| !node.is_null()) {
        let value = param_value(node);
        let refused = SamplingParams::from_values([(key.name.as_str(), value.clone())]).err();
        match refused {
            Some(error) => {
                problems.push(Problem::new(key.at, below(path, &key.name), error.message));
            }
            None => right.push((key, value)),
        }
    }
    let together = right.iter().map(|(key, value)| (key.name.as_str(), value.clone()));
    if let Some(error) =
        SamplingParams::from_values(together).err().filter(|_| before == problems.len())
    {
        let at = right.iter().find(|(key, _)| key.name == error.param).or(right.last());
        let at = at.map_or(At::START, |(key, _)| key.at);
        problems.push(Problem::new(at, below(path, &error.param), error.message));
    }
    let entries = right.iter().map(|(key, value)| (key.name.clone(), to_json(value)));
    Value::Object(entries.collect())
}

/// YAML's core schema: what stands without quotes may be a switch or a number.
fn param_value(node: &Node) -> ParamValue {
    match &node.value {
        _ if node.is_null() => ParamValue::Null,
        Yaml::Scalar { text, is_plain: false } => ParamValue::Str(text.clone()),
        Yaml::Scalar { text, is_plain: true } => plain_value(text),
        Yaml::List(items) => ParamValue::List(items.iter().map(param_value).collect()),
        Yaml::Map(entries) => ParamValue::Map(
            entries.iter().map(|(key, node)| (key.name.clone(), param_value(node))).collect(),
        ),
    }
}

fn plain_value(text: &str) -> ParamValue {
    let is_number = text.starts_with(|c: char| c.is_ascii_digit() || "+-.".contains(c))
        && text.chars().all(|c| c.is_ascii_digit() || "+-.eE".contains(c));
    match text {
        "true" | "True" | "TRUE" => ParamValue::Bool(true),
        "false" | "False" | "FALSE" => ParamValue::Bool(false),
        _ if !is_number => ParamValue::Str(text.to_owned()),
        _ => match (text.parse::<i128>(), text.parse::<f64>()) {
            (Ok(whole), _) => ParamValue::Int(whole),
            (_, Ok(number)) => ParamValue::Float(number),
            _ => ParamValue::Str(text.to_owned()),
        },
    }
}
