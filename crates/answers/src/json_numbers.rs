//! Numbers between Rust and JSON, which lacks the infinities and NaN: they are strings here.

use serde_json::Value;

/// A JSON number that reads back as the same f32 and has no more digits than that needs.
pub fn from_f32(value: f32) -> Value {
    if value.is_finite() {
        // The shortest decimal that names this f32, as f64, prints without the f32's binary tail.
        value.to_string().parse::<f64>().map_or(Value::Null, Value::from)
    } else {
        from_f64(f64::from(value))
    }
}

/// A JSON number, or one of the strings `"inf"`, `"-inf"`, `"nan"`.
pub fn from_f64(value: f64) -> Value {
    if value.is_finite() {
        Value::from(value)
    } else if value.is_nan() {
        Value::from("nan")
    } else if value > 0.0 {
        Value::from("inf")
    } else {
        Value::from("-inf")
    }
}

/// Reads a number or one of the three strings.
pub fn to_f64(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(word) => match word.as_str() {
            "inf" => Some(f64::INFINITY),
            "-inf" => Some(f64::NEG_INFINITY),
            "nan" => Some(f64::NAN),
            _ => None,
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_f32_survives_the_way_there_and_back() {
        for value in [0.1f32, -3.25, f32::MIN_POSITIVE, 1e-45, f32::MAX, 0.0, 16777217.0] {
            let json = from_f32(value);
            assert_eq!(to_f64(&json).map(|number| number as f32), Some(value), "{json}");
        }
        assert_eq!(from_f32(0.1).to_string(), "0.1");
    }

    #[test]
    fn what_json_lacks_is_a_string() {
        assert_eq!(from_f32(f32::NEG_INFINITY), "-inf");
        assert_eq!(to_f64(&Value::from("inf")), Some(f64::INFINITY));
        assert!(to_f64(&Value::from("nan")).is_some_and(f64::is_nan));
        assert_eq!(to_f64(&Value::from("many")), None);
    }
}
