//! The table of keys as a JSON schema (draft 2020-12), for editors that complete and check.

use super::shape::{Field, Section, Shape};
use super::table::ROOT;
use super::types::Config;
use crate::decision::to_json;
use sampling::params::{Kind, PARAMS};
use serde_json::{Map, Value, json};

const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";

impl Config {
    /// A JSON schema of `jeton.yaml`. It allows all that [`Config::from_yaml`] allows; what only
    /// shows when settings are held against each other is not in it.
    pub fn json_schema() -> Value {
        let mut definitions = Map::new();
        let mut root = section(&ROOT, &mut definitions);
        root["$schema"] = Value::from(DIALECT);
        root["title"] = Value::from(ROOT.name);
        definitions.insert("parameters".to_owned(), parameters());
        root["$defs"] = Value::Object(definitions);
        root
    }
}

/// A group of keys. Groups below it are put into `definitions`, each once.
fn section(section: &Section, definitions: &mut Map<String, Value>) -> Value {
    let mut properties = Map::new();
    for Field { name, shape, default, help, .. } in section.fields {
        if let Shape::Reserved(_) = shape {
            continue;
        }
        let mut property = of(shape, definitions);
        let words = match *default {
            "" => (*help).to_owned(),
            default => format!("{help} Without it: {default}."),
        };
        property["description"] = Value::from(words);
        properties.insert((*name).to_owned(), or_null(property));
    }
    let is_required = |field: &&Field| field.is_required;
    let required: Vec<&str> = section.fields.iter().filter(is_required).map(|f| f.name).collect();
    json!({
        "type": "object",
        "description": section.about,
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    })
}

/// A key that is left empty counts as left out.
fn or_null(mut property: Value) -> Value {
    match property.get("type").and_then(Value::as_str).map(str::to_owned) {
        Some(kind) if property.get("enum").is_none() => {
            property["type"] = json!([kind, "null"]);
            property
        }
        _ => {
            let description = property["description"].take();
            if let Some(fields) = property.as_object_mut() {
                fields.remove("description");
            }
            json!({"description": description, "anyOf": [property, {"type": "null"}]})
        }
    }
}

fn of(shape: &Shape, definitions: &mut Map<String, Value>) -> Value {
    match shape {
        Shape::Bool => json!({"type": "boolean"}),
        // Numbers may stand where texts are wanted: `id: 7`.
        Shape::Text(_) | Shape::Name | Shape::Checked { .. } => {
            json!({"type": ["string", "number", "boolean"]})
        }
        Shape::Integer(min, u64::MAX) => json!({"type": "integer", "minimum": min}),
        Shape::Integer(min, max) => json!({"type": "integer", "minimum": min, "maximum": max}),
        Shape::Number(min, max) => json!({"type": "number", "minimum": min, "maximum": max}),
        Shape::Money => json!({"type": ["number", "string"], "minimum": 0}),
        Shape::Word(words) => json!({"type": "string", "enum": words}),
        Shape::OneOrMany(one, count_max) => {
            let one = of(one, definitions);
            json!({"anyOf": [one, {"type": "array", "items": one, "maxItems": count_max}]})
        }
        Shape::List(one, count_max) => {
            json!({"type": "array", "items": of(one, definitions), "maxItems": count_max})
        }
        Shape::Map { names, of: one, count_max, .. } => {
            let one = match one {
                Shape::Section(_) => json!({"anyOf": [of(one, definitions), {"type": "null"}]}),
                one => of(one, definitions),
            };
            let names = match names {
                [] => json!({"type": "string", "maxLength": 64}),
                names => json!({"enum": names}),
            };
            json!({
                "type": "object", "propertyNames": names, "additionalProperties": one,
                "maxProperties": count_max,
            })
        }
        Shape::Section(below) => {
            if !definitions.contains_key(below.name) {
                // Told to be there before it is looked into.
                definitions.insert(below.name.to_owned(), Value::Null);
                let schema = section(below, definitions);
                definitions.insert(below.name.to_owned(), schema);
            }
            json!({"$ref": format!("#/$defs/{}", below.name)})
        }
        Shape::Parameters => json!({"$ref": "#/$defs/parameters"}),
        Shape::Reserved(_) => json!(false),
    }
}

/// Parameters of requests, by all of their names.
fn parameters() -> Value {
    let mut properties = Map::new();
    for spec in PARAMS {
        let mut schema = match spec.kind {
            Kind::Float { min, max, .. } => {
                json!({"type": "number", "minimum": min, "maximum": max})
            }
            Kind::Integer { min, max, .. } => {
                let end = |end: i128| to_json(&sampling::params::ParamValue::Int(end));
                let mut schema = json!({"type": "integer"});
                for (name, bound) in [("minimum", end(min)), ("maximum", end(max))] {
                    if bound.is_number() {
                        schema[name] = bound;
                    }
                }
                schema
            }
            Kind::Bool { .. } => json!({"type": "boolean"}),
            Kind::Choice { names, .. } => json!({"enum": names}),
            _ => json!({}),
        };
        schema["description"] = Value::from(spec.help);
        for name in spec.names() {
            properties.insert(name.to_owned(), or_any_null(schema.clone()));
        }
    }
    json!({"type": "object", "properties": properties, "additionalProperties": false})
}

fn or_any_null(schema: Value) -> Value {
    match schema.get("type").is_some() {
        true => or_null(schema),
        false => schema,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reference_has_its_definition_and_every_key_its_description() {
        let schema = Config::json_schema();
        let mut pending = vec![&schema];
        let (mut references, mut properties) = (0, 0);
        while let Some(value) = pending.pop() {
            if let Some(name) = value.get("$ref").and_then(Value::as_str) {
                let name = name.strip_prefix("#/$defs/").expect("a definition");
                assert!(schema["$defs"][name].is_object(), "{name}");
                references += 1;
            }
            for (name, property) in
                value.get("properties").and_then(Value::as_object).into_iter().flatten()
            {
                assert!(property["description"].is_string(), "{name}");
                properties += 1;
            }
            match value {
                Value::Object(fields) => pending.extend(fields.values()),
                Value::Array(items) => pending.extend(items),
                _ => {}
            }
        }
        assert!(references > 15 && properties > 150, "{references}, {properties}");
    }

    #[test]
    fn a_section_name_stands_for_one_section() {
        let mut seen: Vec<&Section> = Vec::new();
        let mut pending = vec![&ROOT];
        while let Some(section) = pending.pop() {
            match seen.iter().find(|other| other.name == section.name) {
                Some(other) => assert!(std::ptr::eq(*other, section), "{}", section.name),
                None => {
                    seen.push(section);
                    pending.extend(section.fields.iter().filter_map(|f| f.shape.section()));
                }
            }
        }
        assert!(seen.len() > 15);
    }
}
