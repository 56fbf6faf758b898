//! The shape of an answer that must be a call.

use crate::openai::from_wire::tool_wish::Tool;
use grammar::GrammarSource;
use serde_json::{Value, json};

/// A JSON object that names one of the tools and gives arguments that are valid under its schema.
/// It is the same for every model: a grammar holds it, so a model that was trained to call in
/// another way, or not at all, calls all the same.
pub fn shape(tools: &[Tool]) -> GrammarSource {
    let is_single = tools.len() == 1;
    let one = |(index, tool): (usize, &Tool)| {
        let place = if is_single { String::new() } else { format!("/anyOf/{index}") };
        let arguments = moved(&tool.parameters, &format!("#{place}/properties/arguments"));
        json!({
            "type": "object",
            "properties": {"name": {"const": tool.name}, "arguments": arguments},
            "required": ["name", "arguments"],
            "additionalProperties": false,
        })
    };
    let mut shapes: Vec<Value> = tools.iter().enumerate().map(one).collect();
    GrammarSource::JsonSchema(match is_single {
        true => shapes.remove(0),
        false => json!({"anyOf": shapes}),
    })
}

/// A schema whose references count from `place`, where it now stands.
fn moved(schema: &Value, place: &str) -> Value {
    match schema {
        Value::Object(entries) => {
            let entry = |(key, value): (&String, &Value)| {
                let reference = value.as_str().filter(|_| key == "$ref");
                let pointer = reference.and_then(|reference| reference.strip_prefix('#'));
                let value = match pointer {
                    Some(pointer) => Value::from(format!("{place}{pointer}")),
                    None => moved(value, place),
                };
                (key.clone(), value)
            };
            entries.iter().map(entry).collect()
        }
        Value::Array(items) => items.iter().map(|item| moved(item, place)).collect(),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tool(name: &str, parameters: Value) -> Tool {
        Tool { name: name.to_owned(), parameters, strict: false, given: Value::Null }
    }

    #[test]
    fn references_follow_their_schema() {
        let parameters = json!({
            "type": "object",
            "properties": {"a": {"$ref": "#/$defs/A"}},
            "$defs": {"A": {"type": "integer"}},
        });
        let schema = |tools: &[Tool]| match shape(tools) {
            GrammarSource::JsonSchema(schema) => schema,
            other => panic!("{other:?}"),
        };
        let single = schema(&[tool("f", parameters.clone())]);
        let reference = &single["properties"]["arguments"]["properties"]["a"]["$ref"];
        assert_eq!(reference, "#/properties/arguments/$defs/A");
        assert!(single.pointer("/properties/arguments/$defs/A").is_some());
        let both = schema(&[tool("f", json!({})), tool("g", parameters)]);
        let second = &both["anyOf"][1]["properties"]["arguments"]["properties"]["a"]["$ref"];
        assert_eq!(second, "#/anyOf/1/properties/arguments/$defs/A");
    }
}
