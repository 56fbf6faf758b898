//! Values of parameters by name, as a configuration holds them.

use crate::decision::{canonical, from_json, to_json};
use sampling::params::ParamValue;
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
