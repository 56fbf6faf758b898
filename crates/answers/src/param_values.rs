//! Parameters as JSON, made into the values that the parameter table checks, and back.

use sampling::params::ParamValue;
use serde_json::Value;

/// A JSON value as a parameter's value. `null` means "not given", as in the OpenAI API.
pub fn from_json(value: &Value) -> Option<ParamValue> {
    Some(match value {
        Value::Null => return None,
        Value::Bool(value) => ParamValue::Bool(*value),
        Value::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(whole), _) => ParamValue::Int(i128::from(whole)),
            (_, Some(whole)) => ParamValue::Int(i128::from(whole)),
            _ => ParamValue::Float(number.as_f64().unwrap_or(f64::NAN)),
        },
        Value::String(text) => ParamValue::Str(text.clone()),
        Value::Array(items) => ParamValue::List(items.iter().map(inner_from_json).collect()),
        Value::Object(entries) => ParamValue::Map(
            entries.iter().map(|(key, value)| (key.clone(), inner_from_json(value))).collect(),
        ),
    })
}

/// Inside of a list or map `null` is no way to leave something out: it stays, to be refused.
fn inner_from_json(value: &Value) -> ParamValue {
    from_json(value).unwrap_or(ParamValue::Null)
}

/// A parameter's value as JSON.
pub fn to_json(value: &ParamValue) -> Value {
    match value {
        ParamValue::Null => Value::Null,
        ParamValue::Bool(value) => Value::from(*value),
        ParamValue::Int(value) => i64::try_from(*value)
            .map(Value::from)
            .or_else(|_| u64::try_from(*value).map(Value::from))
            .unwrap_or(Value::Null),
        ParamValue::Float(value) => crate::json_numbers::from_f64(*value),
        ParamValue::Str(text) => Value::from(text.as_str()),
        ParamValue::List(items) => items.iter().map(to_json).collect(),
        ParamValue::Map(entries) => {
            entries.iter().map(|(key, value)| (key.clone(), to_json(value))).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::effective::Effective;

    #[test]
    fn null_inside_of_a_list_is_refused() {
        let value = from_json(&serde_json::json!([null])).expect("a list");
        for name in ["stop", "bad_words", "dry_sequence_breakers", "stop_token_ids"] {
            let error = Effective::merge(&[(name.to_string(), value.clone())], &[]);
            let message = error.expect_err("null is no entry").message;
            assert!(message.contains(name) && message.ends_with("given null"), "{message}");
        }
    }

    #[test]
    fn json_values_come_back_as_they_went() {
        let json: Value =
            serde_json::from_str(r#"{"a":[1,-2,0.5,"x",true],"b":{"7":3}}"#).expect("valid JSON");
        let value = from_json(&json).expect("not null");
        assert_eq!(to_json(&value), json);
        assert_eq!(from_json(&Value::Null), None);
    }
}
