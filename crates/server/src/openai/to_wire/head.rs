//! What every body and every chunk of an answer begins with.

use serde_json::{Map, Value};

/// Names an answer.
#[derive(Clone, Debug)]
pub struct Head {
    /// Its id.
    pub id: String,
    /// When it was asked for, in seconds since 1970.
    pub created_s: u64,
    /// The model's id.
    pub model: String,
    /// Names the weights and how they are computed: the same as long as both are.
    pub fingerprint: String,
    /// Whether the service tier is named, of which there is one.
    pub names_tier: bool,
}

impl Head {
    /// The fields of an `object` of that kind, with its choices.
    pub fn object(&self, kind: &str, choices: Vec<Value>) -> Map<String, Value> {
        let mut object = Map::new();
        object.insert("id".to_owned(), Value::from(self.id.as_str()));
        object.insert("object".to_owned(), Value::from(kind));
        object.insert("created".to_owned(), Value::from(self.created_s));
        object.insert("model".to_owned(), Value::from(self.model.as_str()));
        object.insert("choices".to_owned(), Value::Array(choices));
        if self.names_tier {
            object.insert("service_tier".to_owned(), Value::from("default"));
        }
        object.insert("system_fingerprint".to_owned(), Value::from(self.fingerprint.as_str()));
        object
    }
}
