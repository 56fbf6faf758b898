//! The values that requests carry, whatever they were written in (JSON, a flag, YAML).

use std::fmt;

/// A value before it is checked. Front ends convert theirs into this.
#[derive(Debug, Clone, PartialEq)]
pub enum ParamValue {
    /// JSON's null as an entry of a list or map, where it is refused.
    Null,
    /// true or false.
    Bool(bool),
    /// A whole number; wide enough for every 64-bit value, signed or not.
    Int(i128),
    /// A number with a fraction, or one of inf and NaN.
    Float(f64),
    /// Text.
    Str(String),
    /// Several values.
    List(Vec<ParamValue>),
    /// Values by key, in the order given.
    Map(Vec<(String, ParamValue)>),
}

impl ParamValue {
    /// The value as a number, if it is one; the text "-inf" counts, since JSON has no other way.
    pub fn number(&self) -> Option<f64> {
        match self {
            Self::Int(value) => Some(*value as f64),
            Self::Float(value) => Some(*value),
            Self::Str(text) if text == "-inf" => Some(f64::NEG_INFINITY),
            _ => None,
        }
    }

    /// The value as a whole number, if it is one (1.0 is).
    pub fn integer(&self) -> Option<i128> {
        match self {
            Self::Int(value) => Some(*value),
            Self::Float(value) if value.fract() == 0.0 && value.abs() < 9.0e15 => {
                Some(*value as i128)
            }
            _ => None,
        }
    }
}

/// How a value is shown in a message: short, and never long.
impl fmt::Display for ParamValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => write!(f, "null"),
            Self::Bool(value) => write!(f, "{value}"),
            Self::Int(value) => write!(f, "{value}"),
            // All digits of 1e308 would fill lines.
            Self::Float(value)
                if value.is_finite() && *value != 0.0 && !(1e-7..1e16).contains(&value.abs()) =>
            {
                write!(f, "{value:e}")
            }
            Self::Float(value) => write!(f, "{value}"),
            Self::Str(text) => {
                let start: String = text.chars().take(40).collect();
                let more = if start.len() < text.len() { "..." } else { "" };
                write!(f, "{start:?}{more}")
            }
            Self::List(values) => write!(f, "a list of {}", values.len()),
            Self::Map(values) => write!(f, "a map of {}", values.len()),
        }
    }
}
