//! The table of parameters as JSON Schema.

use sampling::params::{Kind, ParamSpec};
use serde_json::{Value, json};

/// What a parameter may be. Null is "not given". Where OpenAI's range is narrower it is the one
/// that counts, unless the request names a `profile`.
pub fn schema(spec: &ParamSpec) -> Value {
    let mut schema = of_kind(&spec.kind);
    if let (Some((min, max)), Kind::Float { .. }) = (spec.openai_range, &spec.kind) {
        schema["minimum"] = Value::from(min);
        schema["maximum"] = Value::from(max);
    }
    schema["description"] = Value::from(spec.help);
    if let Some(default) = default(spec) {
        schema["default"] = default;
    }
    schema
}

fn of_kind(kind: &Kind) -> Value {
    let ids = json!({"type": "integer", "minimum": 0, "maximum": u32::MAX});
    match *kind {
        Kind::Float { min, above_min, max, below_max, .. } => {
            let low = if above_min { "exclusiveMinimum" } else { "minimum" };
            let high = if below_max { "exclusiveMaximum" } else { "maximum" };
            json!({"type": ["number", "null"], low: min, high: max})
        }
        Kind::Integer { min, max, .. } => {
            json!({"type": ["integer", "null"], "minimum": whole(min), "maximum": whole(max)})
        }
        Kind::Limits { min, max, count_max, .. } => {
            let one = json!({"type": "integer", "minimum": whole(min), "maximum": whole(max)});
            let list = json!({"type": "array", "items": one, "minItems": 1, "maxItems": count_max,
                "uniqueItems": true});
            json!({"anyOf": [one, list, {"type": "null"}]})
        }
        Kind::Bool { .. } => json!({"type": ["boolean", "null"]}),
        Kind::Texts { count_max, bytes_max, .. } => {
            let text = json!({"type": "string", "minLength": 1, "maxLength": bytes_max});
            let list = json!({"type": "array", "items": text, "maxItems": count_max});
            json!({"anyOf": [text, list, {"type": "null"}]})
        }
        Kind::TokenIds { count_max, .. } => {
            let list = json!({"type": "array", "items": ids, "maxItems": count_max});
            json!({"anyOf": [ids, list, {"type": "null"}]})
        }
        Kind::TokenLists { count_max, tokens_max, .. } => {
            let list =
                json!({"type": "array", "items": ids, "minItems": 1, "maxItems": tokens_max});
            json!({"type": ["array", "null"], "items": list, "maxItems": count_max})
        }
        Kind::CountAndFactor { factor_max, .. } => json!({
            "type": ["array", "null"],
            "prefixItems": [ids, {"type": "number", "exclusiveMinimum": 0, "maximum": factor_max}],
            "minItems": 2,
            "maxItems": 2,
        }),
        Kind::TokenMap { count_max, min, max, .. } => json!({
            "type": ["object", "null"],
            "maxProperties": count_max,
            "additionalProperties": {"anyOf": [
                {"type": "number", "minimum": min.max(-100.0), "maximum": max.min(100.0)},
                {"enum": ["-inf", false]},
            ]},
        }),
        Kind::Choice { names, .. } => {
            let names: Vec<Value> = names.iter().map(|name| Value::from(*name)).collect();
            json!({"enum": names.into_iter().chain([Value::Null]).collect::<Vec<_>>()})
        }
        Kind::Stages { .. } => {
            json!({"type": ["array", "string", "null"], "items": {"type": "string"}})
        }
    }
}

/// A bound as JSON has it; those beyond 64 bits are no bound in JSON.
fn whole(number: i128) -> Value {
    i64::try_from(number)
        .map(Value::from)
        .or_else(|_| u64::try_from(number).map(Value::from))
        .unwrap_or(Value::Null)
}

/// The default, where it is a value of JSON.
fn default(spec: &ParamSpec) -> Option<Value> {
    if spec.default.is_empty() {
        return None;
    }
    serde_json::from_str(spec.default).ok().or_else(|| Some(Value::from(spec.default)))
}
