//! A JSON schema is read before it is compiled: everything in it is either supported or refused.
//!
//! A keyword that is merely ignored would make a promise that the output does not keep, so there
//! are three kinds only: those that shape the output, annotations (dropped), and all others, which
//! are refused with the list of the first kind.

use crate::error::GrammarError;
use crate::limits::Limits;
use crate::source::check;
use serde_json::{Map, Value};

/// Keywords that shape the output.
const SUPPORTED: &[&str] = &[
    "$ref",
    "$defs",
    "definitions",
    "type",
    "const",
    "enum",
    "anyOf",
    "oneOf",
    "allOf",
    "properties",
    "required",
    "additionalProperties",
    "patternProperties",
    "minProperties",
    "maxProperties",
    "items",
    "prefixItems",
    "additionalItems",
    "minItems",
    "maxItems",
    "minLength",
    "maxLength",
    "pattern",
    "format",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
];

/// Keywords that say something to readers and nothing about validity.
const ANNOTATIONS: &[&str] = &[
    "$comment",
    "title",
    "description",
    "default",
    "examples",
    "deprecated",
    "readOnly",
    "writeOnly",
    "$anchor",
    "contentMediaType",
    "contentEncoding",
    "contentSchema",
];

/// Formats that the compiler has a regex for.
const FORMATS: &[&str] =
    &["date-time", "date", "time", "duration", "email", "hostname", "ipv4", "ipv6", "uuid", "uri"];

const TYPES: &[&str] = &["null", "boolean", "object", "array", "number", "integer", "string"];

/// Characters of a string may be this many times as many as entries of a list.
const LENGTH_FACTOR: usize = 16;

/// The schema without its annotations, or what is wrong with it.
pub(crate) fn checked_schema(schema: &Value, limits: &Limits) -> Result<Value, GrammarError> {
    check_nesting(schema, limits)?;
    let source_bytes = schema.to_string().len();
    check("the schema in bytes", source_bytes, limits.source_bytes_max)?;
    let mut node_count = 0;
    count_nodes(schema, &mut node_count);
    check("the number of values in the schema", node_count, limits.schema_nodes_max)?;
    let mut walk = Walk { root: schema, limits, place: Vec::new() };
    walk.schema(schema)
}

/// Without recursion, since deep values are what it is for.
fn check_nesting(schema: &Value, limits: &Limits) -> Result<(), GrammarError> {
    let mut open = vec![(schema, 1)];
    while let Some((value, depth)) = open.pop() {
        check("the nesting of the schema", depth, limits.nesting_max)?;
        match value {
            Value::Array(entries) => open.extend(entries.iter().map(|entry| (entry, depth + 1))),
            Value::Object(entries) => open.extend(entries.values().map(|entry| (entry, depth + 1))),
            _ => {}
        }
    }
    Ok(())
}

fn count_nodes(value: &Value, count: &mut usize) {
    *count += 1;
    match value {
        Value::Array(entries) => entries.iter().for_each(|entry| count_nodes(entry, count)),
        Value::Object(entries) => entries.values().for_each(|entry| count_nodes(entry, count)),
        _ => {}
    }
}

struct Walk<'a> {
    root: &'a Value,
    limits: &'a Limits,
    /// Keys from the root to the value at hand.
    place: Vec<String>,
}

impl Walk<'_> {
    fn schema(&mut self, schema: &Value) -> Result<Value, GrammarError> {
        match schema {
            Value::Bool(_) => Ok(schema.clone()),
            Value::Object(keywords) => {
                let mut kept = Map::new();
                for (keyword, value) in keywords {
                    if let Some(value) = self.at(keyword, |walk| walk.keyword(keyword, value))? {
                        kept.insert(keyword.clone(), value);
                    }
                }
                Ok(Value::Object(kept))
            }
            other => Err(self.problem(format!(
                "a schema must be an object, true or false; given {}",
                shown(other)
            ))),
        }
    }

    /// The keyword's value as the compiler is to see it; none if it is dropped.
    fn keyword(&mut self, keyword: &str, value: &Value) -> Result<Option<Value>, GrammarError> {
        match keyword {
            "properties" | "patternProperties" | "$defs" | "definitions" => {
                self.schemas_by_name(value).map(Some)
            }
            "anyOf" | "oneOf" | "allOf" | "prefixItems" => self.schemas(value).map(Some),
            "items" if value.is_array() => self.schemas(value).map(Some),
            "items" | "additionalItems" | "additionalProperties" => self.schema(value).map(Some),
            "$ref" => self.reference(value).map(Some),
            "$schema" => Ok(Some(value.clone())),
            "$id" | "id" => match self.place.len() {
                1 => Ok(None),
                _ => Err(self.problem("`$id` is allowed at the root only".to_string())),
            },
            "type" => self.types(value).map(Some),
            "format" => self.format(value).map(Some),
            "minItems" | "maxItems" | "minProperties" | "maxProperties" => {
                self.count(value, self.limits.repeat_max).map(Some)
            }
            "minLength" | "maxLength" => {
                self.count(value, self.limits.repeat_max * LENGTH_FACTOR).map(Some)
            }
            "uniqueItems" if value == &Value::Bool(false) => Ok(None),
            _ if ANNOTATIONS.contains(&keyword) => Ok(None),
            _ if SUPPORTED.contains(&keyword) => Ok(Some(value.clone())),
            _ => Err(self.problem(format!(
                "the keyword is not supported; allowed are {} and annotations",
                SUPPORTED.join(", ")
            ))),
        }
    }

    fn schemas_by_name(&mut self, value: &Value) -> Result<Value, GrammarError> {
        let Value::Object(entries) = value else {
            return Err(self.problem(format!("must be an object; given {}", shown(value))));
        };
        let mut kept = Map::new();
        for (name, schema) in entries {
            kept.insert(name.clone(), self.at(name, |walk| walk.schema(schema))?);
        }
        Ok(Value::Object(kept))
    }

    fn schemas(&mut self, value: &Value) -> Result<Value, GrammarError> {
        let Value::Array(entries) = value else {
            return Err(self.problem(format!("must be a list; given {}", shown(value))));
        };
        let schemas = entries.iter().enumerate();
        let kept = schemas.map(|(index, schema)| {
            let name = index.to_string();
            self.at(&name, |walk| walk.schema(schema))
        });
        kept.collect::<Result<Vec<_>, _>>().map(Value::Array)
    }

    fn reference(&mut self, value: &Value) -> Result<Value, GrammarError> {
        let Some(reference) = value.as_str() else {
            return Err(self.problem(format!("must be a text; given {}", shown(value))));
        };
        let local = reference == "#" || reference.starts_with("#/");
        if !local || reference.contains(['~', '%']) {
            return Err(self.problem(format!(
                "a reference must point into this schema, as `#` or `#/$defs/NAME`, without \
                 escapes; given {reference:?}"
            )));
        }
        let pointer = reference.trim_start_matches('#');
        if self.root.pointer(pointer).is_none_or(|found| !found.is_object() && !found.is_boolean())
        {
            return Err(self.problem(format!("there is no schema at {reference:?}")));
        }
        Ok(value.clone())
    }

    fn types(&mut self, value: &Value) -> Result<Value, GrammarError> {
        let known = |value: &Value| value.as_str().is_some_and(|name| TYPES.contains(&name));
        let fits = match value {
            Value::Array(names) => !names.is_empty() && names.iter().all(known),
            name => known(name),
        };
        match fits {
            true => Ok(value.clone()),
            false => Err(self.problem(format!(
                "must be one or several of {}; given {}",
                TYPES.join(", "),
                shown(value)
            ))),
        }
    }

    fn format(&mut self, value: &Value) -> Result<Value, GrammarError> {
        match value.as_str().filter(|name| FORMATS.contains(name)) {
            Some(_) => Ok(value.clone()),
            None => Err(self.problem(format!(
                "must be one of {}; given {}",
                FORMATS.join(", "),
                shown(value)
            ))),
        }
    }

    fn count(&mut self, value: &Value, max: usize) -> Result<Value, GrammarError> {
        // Drafts before 2020 let whole numbers be written with a fraction of zero.
        let whole = value.as_f64().filter(|number| number.fract() == 0.0);
        match whole.filter(|number| (0.0..=max as f64).contains(number)) {
            Some(number) => Ok(Value::from(number as u64)),
            None => Err(self
                .problem(format!("must be a whole number in [0, {max}]; given {}", shown(value)))),
        }
    }

    fn at<T>(&mut self, key: &str, within: impl FnOnce(&mut Self) -> T) -> T {
        self.place.push(key.to_string());
        let outcome = within(self);
        self.place.pop();
        outcome
    }

    fn problem(&self, problem: String) -> GrammarError {
        GrammarError::Schema { place: format!("/{}", self.place.join("/")), problem }
    }
}

/// A value for a message, cut to a readable length.
fn shown(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(60) {
        None => text,
        Some((end, _)) => format!("{}...", &text[..end]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn refused(schema: Value) -> String {
        checked_schema(&schema, &Limits::default()).unwrap_err().to_string()
    }

    #[test]
    fn annotations_are_dropped_and_the_rest_is_kept() {
        let schema = json!({
            "$id": "urn:a", "title": "A", "type": "object", "uniqueItems": false,
            "properties": {"title": {"description": "kept name", "type": "string"}},
        });
        let kept = checked_schema(&schema, &Limits::default()).unwrap();
        let expected = json!({"type": "object", "properties": {"title": {"type": "string"}}});
        assert_eq!(kept, expected);
    }

    #[test]
    fn what_is_not_supported_is_refused_with_its_place() {
        let message = refused(json!({"properties": {"a": {"not": {"type": "null"}}}}));
        assert!(message.starts_with("json_schema: at /properties/a/not: the keyword is not"));
        assert!(message.contains("minLength"), "{message}");
        assert!(refused(json!({"x-guidance": {"lenient": true}})).contains("/x-guidance"));
        assert!(refused(json!({"uniqueItems": true})).contains("/uniqueItems"));
        assert!(refused(json!({"format": "regex"})).contains("date-time"));
        assert!(refused(json!({"type": "text"})).contains("integer"));
        assert!(refused(json!({"maxItems": -1})).contains("[0, 4096]; given -1"));
        assert!(refused(json!({"$ref": "http://a.b/c"})).contains("point into this schema"));
        assert!(refused(json!({"$ref": "#/$defs/no"})).contains("no schema at"));
        assert!(refused(json!({"properties": 3})).contains("must be an object; given 3"));
        assert!(refused(json!([])).contains("must be an object, true or false"));
    }

    #[test]
    fn size_and_nesting_are_bounded() {
        let mut deep = json!({"type": "null"});
        for _ in 0..200 {
            deep = json!({"items": deep});
        }
        assert!(refused(deep).contains("the nesting of the schema must be at most 64"));
        let wide: Vec<Value> = (0..30_000).map(Value::from).collect();
        assert!(refused(json!({"enum": wide})).contains("number of values"));
    }
}
