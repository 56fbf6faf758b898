//! The types of GGUF values, and how to walk over a value without decoding it.

use std::fmt;

use super::cursor::Cursor;
use crate::error::LoadError;

/// Arrays inside of arrays; no known file has any.
const ARRAY_DEPTH_MAX: usize = 4;

/// The types of values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum ValueType {
    U8,
    I8,
    U16,
    I16,
    U32,
    I32,
    F32,
    Bool,
    String,
    Array,
    U64,
    I64,
    F64,
}

/// A value, numbers widened.
#[derive(Clone, Debug, PartialEq)]
pub enum Value<'a> {
    /// Any unsigned integer.
    Unsigned(u64),
    /// Any signed integer.
    Signed(i64),
    /// f32 or f64.
    Float(f64),
    /// True or false.
    Bool(bool),
    /// Text.
    Text(&'a str),
    /// An array, by the type and number of its elements.
    Array(ValueType, usize),
}

impl Value<'_> {
    pub(super) fn as_u32(&self) -> Option<u32> {
        match *self {
            Value::Unsigned(number) => u32::try_from(number).ok(),
            Value::Signed(number) => u32::try_from(number).ok(),
            _ => None,
        }
    }
}

impl fmt::Display for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Unsigned(number) => write!(f, "{number}"),
            Value::Signed(number) => write!(f, "{number}"),
            Value::Float(number) => write!(f, "{number}"),
            Value::Bool(bool) => write!(f, "{bool}"),
            Value::Text(_) => f.write_str("a string"),
            Value::Array(kind, count) => write!(f, "an array of {count} {kind}"),
        }
    }
}

impl fmt::Display for ValueType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

impl ValueType {
    pub(super) fn read(cursor: &mut Cursor<'_>) -> Result<Self, LoadError> {
        let at = cursor.offset() as u64;
        let number = cursor.u32("value type")?;
        Ok(match number {
            0 => ValueType::U8,
            1 => ValueType::I8,
            2 => ValueType::U16,
            3 => ValueType::I16,
            4 => ValueType::U32,
            5 => ValueType::I32,
            6 => ValueType::F32,
            7 => ValueType::Bool,
            8 => ValueType::String,
            9 => ValueType::Array,
            10 => ValueType::U64,
            11 => ValueType::I64,
            12 => ValueType::F64,
            _ => {
                let message = format!("value type {number} does not exist, allowed: 0 to 12");
                return Err(cursor.refuse(at, message));
            }
        })
    }

    /// Bytes of a number; `None` for strings and arrays.
    pub(super) fn width(self) -> Option<u64> {
        match self {
            ValueType::U8 | ValueType::I8 | ValueType::Bool => Some(1),
            ValueType::U16 | ValueType::I16 => Some(2),
            ValueType::U32 | ValueType::I32 | ValueType::F32 => Some(4),
            ValueType::U64 | ValueType::I64 | ValueType::F64 => Some(8),
            ValueType::String | ValueType::Array => None,
        }
    }

    /// Walks over a value of this type.
    pub(super) fn skip(self, cursor: &mut Cursor<'_>, depth: usize) -> Result<(), LoadError> {
        match self {
            ValueType::String => cursor.raw_string("string", u64::MAX).map(|_| ()),
            ValueType::Array => Self::skip_array(cursor, depth),
            _ => {
                let width = self.width().expect("strings and arrays are handled above");
                cursor.take(width, "value").map(|_| ())
            }
        }
    }

    fn skip_array(cursor: &mut Cursor<'_>, depth: usize) -> Result<(), LoadError> {
        if depth == ARRAY_DEPTH_MAX {
            let message = format!("arrays are nested more than {ARRAY_DEPTH_MAX} deep");
            return Err(cursor.refuse(cursor.offset() as u64, message));
        }
        let kind = Self::read(cursor)?;
        // A string takes at least its length, an array its type and length.
        let each_bytes = match kind {
            ValueType::String => 8,
            ValueType::Array => 12,
            _ => kind.width().expect("strings and arrays are handled above"),
        };
        let count = cursor.count("array length", u64::MAX, each_bytes)?;
        if kind.width().is_some() {
            return cursor.take(count * each_bytes, "array").map(|_| ());
        }
        if kind == ValueType::String {
            return cursor.skip_strings(count);
        }
        for _ in 0..count {
            kind.skip(cursor, depth + 1)?;
        }
        Ok(())
    }
}
