//! The keys and values of a GGUF file, decoded when they are asked for.
//!
//! Reading the header only walks over values; a vocabulary of 150 000 strings stays in the file
//! and is iterated as `&str` ([`Metadata::strings`]).

use std::collections::HashMap;
use std::fmt;

use super::cursor::Cursor;
use super::value::{Value, ValueType};
use crate::error::LoadError;
use crate::files::mapped::Bytes;

/// Bytes of a key; the format's own limit.
const KEY_BYTES_MAX: u64 = 65_535;

/// The keys and values of a file, in file order.
#[derive(Clone)]
pub struct Metadata {
    file: String,
    bytes: Bytes,
    entries: Vec<Entry>,
    by_key: HashMap<String, usize>,
}

#[derive(Clone)]
struct Entry {
    key: String,
    kind: ValueType,
    /// Where the value begins.
    offset: usize,
}

impl Metadata {
    pub(super) fn read(
        cursor: &mut Cursor<'_>,
        bytes: &Bytes,
        key_count: u64,
    ) -> Result<Self, LoadError> {
        let mut entries = Vec::new();
        let mut by_key = HashMap::new();
        for index in 0..key_count {
            let at = cursor.offset() as u64;
            let key = cursor.string("key", KEY_BYTES_MAX)?.to_owned();
            if by_key.insert(key.clone(), index as usize).is_some() {
                return Err(cursor.refuse(at, format!("key `{key}` appears twice")));
            }
            let kind = ValueType::read(cursor)?;
            let offset = cursor.offset();
            kind.skip(cursor, 0)?;
            entries.push(Entry { key, kind, offset });
        }
        Ok(Metadata { file: cursor.file().to_owned(), bytes: bytes.clone(), entries, by_key })
    }

    /// The keys in file order.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().map(|entry| entry.key.as_str())
    }

    /// The value of `key`; `None` when it is absent.
    ///
    /// # Errors
    /// When a text is not UTF-8 or a boolean is neither 0 nor 1.
    pub fn get(&self, key: &str) -> Result<Option<Value<'_>>, LoadError> {
        let Some((entry, mut cursor)) = self.find(key) else { return Ok(None) };
        if entry.kind == ValueType::Array {
            let kind = ValueType::read(&mut cursor)?;
            return Ok(Some(Value::Array(kind, cursor.u64("array length")? as usize)));
        }
        self.decode(entry.kind, &mut cursor, || key.to_owned()).map(Some)
    }

    /// An unsigned number that fits 32 bits, whatever integer type stores it.
    ///
    /// # Errors
    /// When the value is of another type or out of range.
    pub fn u32(&self, key: &str) -> Result<Option<u32>, LoadError> {
        self.scalar(key, "an integer from 0 to 4294967295", |value| value.as_u32())
    }

    /// A number, f32 or f64 rounded to f32.
    ///
    /// # Errors
    /// When the value is no float.
    pub fn f32(&self, key: &str) -> Result<Option<f32>, LoadError> {
        self.scalar(key, "a float", |value| match value {
            Value::Float(float) => Some(*float as f32),
            _ => None,
        })
    }

    /// True or false.
    ///
    /// # Errors
    /// When the value is no boolean.
    pub fn bool(&self, key: &str) -> Result<Option<bool>, LoadError> {
        self.scalar(key, "a boolean", |value| match value {
            Value::Bool(bool) => Some(*bool),
            _ => None,
        })
    }

    /// A text.
    ///
    /// # Errors
    /// When the value is no string or not UTF-8.
    pub fn str(&self, key: &str) -> Result<Option<&str>, LoadError> {
        match self.get(key)? {
            None => Ok(None),
            Some(Value::Text(text)) => Ok(Some(text)),
            Some(other) => Err(self.wrong_type(key, &other, "a string")),
        }
    }

    /// An array of strings, decoded one by one while iterating; nothing is allocated.
    ///
    /// # Errors
    /// When the value is no array of strings. Strings that are not UTF-8 are errors of the
    /// iterator.
    pub fn strings(&self, key: &str) -> Result<Option<Strings<'_>>, LoadError> {
        let Some((cursor, count)) = self.array(key, ValueType::String)? else { return Ok(None) };
        Ok(Some(Strings { key: key.to_owned(), cursor, index: 0, count }))
    }

    /// An array of floats.
    ///
    /// # Errors
    /// When the value is no array of f32.
    pub fn f32s(&self, key: &str) -> Result<Option<Vec<f32>>, LoadError> {
        let Some((mut cursor, count)) = self.array(key, ValueType::F32)? else { return Ok(None) };
        let bytes = cursor.take(count as u64 * 4, "array")?;
        let words = bytes.chunks_exact(4);
        Ok(Some(words.map(|w| f32::from_le_bytes([w[0], w[1], w[2], w[3]])).collect()))
    }

    /// An array of integers of any type (booleans count as 0 and 1), each from 0 to 4294967295.
    ///
    /// # Errors
    /// When the value is no such array; the message names the index of a wrong element.
    pub fn u32s(&self, key: &str) -> Result<Option<Vec<u32>>, LoadError> {
        let Some((entry, mut cursor)) = self.find(key) else { return Ok(None) };
        let expected = "an array of integers from 0 to 4294967295";
        if entry.kind != ValueType::Array {
            let value = self.decode(entry.kind, &mut cursor, || key.to_owned())?;
            return Err(self.wrong_type(key, &value, expected));
        }
        let kind = ValueType::read(&mut cursor)?;
        let count = cursor.u64("array length")? as usize;
        if matches!(kind, ValueType::Array | ValueType::String | ValueType::F32 | ValueType::F64) {
            return Err(self.wrong_type(key, &Value::Array(kind, count), expected));
        }
        let mut numbers = Vec::with_capacity(count);
        for index in 0..count {
            let value = self.decode(kind, &mut cursor, || format!("{key}[{index}]"))?;
            let number = match value {
                Value::Bool(bool) => Some(u32::from(bool)),
                other => other.as_u32(),
            };
            numbers.push(number.ok_or_else(|| {
                let message = "is out of range, allowed: 0 to 4294967295";
                LoadError::key(&self.file, &format!("{key}[{index}]"), message)
            })?);
        }
        Ok(Some(numbers))
    }

    fn find(&self, key: &str) -> Option<(&Entry, Cursor<'_>)> {
        let entry = &self.entries[*self.by_key.get(key)?];
        Some((entry, Cursor::at(&self.bytes, &self.file, entry.offset)))
    }

    /// A cursor on the first element of an array of `kind`, and the number of elements.
    fn array(&self, key: &str, kind: ValueType) -> Result<Option<(Cursor<'_>, usize)>, LoadError> {
        match self.get(key)? {
            None => Ok(None),
            Some(Value::Array(found, count)) if found == kind => {
                let (_, mut cursor) = self.find(key).expect("the key was just found");
                cursor.take(4 + 8, "array head")?;
                Ok(Some((cursor, count)))
            }
            Some(other) => Err(self.wrong_type(key, &other, &format!("an array of {kind}"))),
        }
    }

    fn scalar<T>(
        &self,
        key: &str,
        expected: &str,
        pick: impl Fn(&Value<'_>) -> Option<T>,
    ) -> Result<Option<T>, LoadError> {
        let Some(value) = self.get(key)? else { return Ok(None) };
        pick(&value).map(Some).ok_or_else(|| self.wrong_type(key, &value, expected))
    }

    fn wrong_type(&self, key: &str, found: &Value<'_>, expected: &str) -> LoadError {
        LoadError::key(&self.file, key, format!("is {found}, expected {expected}"))
    }

    fn decode<'a>(
        &self,
        kind: ValueType,
        cursor: &mut Cursor<'a>,
        key: impl Fn() -> String,
    ) -> Result<Value<'a>, LoadError> {
        if kind == ValueType::String {
            let bytes = cursor.raw_string("string", u64::MAX)?;
            let text = std::str::from_utf8(bytes);
            return text.map(Value::Text).map_err(|_| not_utf8(&self.file, &key()));
        }
        let width = kind.width().expect("arrays are handled by the callers");
        let bytes = cursor.take(width, "value")?;
        let mut wide = [0; 8];
        wide[..bytes.len()].copy_from_slice(bytes);
        let unsigned = u64::from_le_bytes(wide);
        // Moving the sign bit to the top and back widens two's complement numbers.
        let unused_bits = 64 - 8 * width as u32;
        let signed = (unsigned << unused_bits) as i64 >> unused_bits;
        Ok(match kind {
            ValueType::I8 | ValueType::I16 | ValueType::I32 | ValueType::I64 => {
                Value::Signed(signed)
            }
            ValueType::F32 => Value::Float(f64::from(f32::from_bits(unsigned as u32))),
            ValueType::F64 => Value::Float(f64::from_bits(unsigned)),
            ValueType::Bool if unsigned > 1 => {
                let message = format!("is the byte {unsigned}, allowed for a boolean: 0, 1");
                return Err(LoadError::key(&self.file, &key(), message));
            }
            ValueType::Bool => Value::Bool(unsigned == 1),
            _ => Value::Unsigned(unsigned),
        })
    }
}

fn not_utf8(file: &str, key: &str) -> LoadError {
    LoadError::key(file, key, "is not valid UTF-8")
}

impl fmt::Debug for Metadata {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.keys().map(|key| (key, self.get(key)))).finish()
    }
}

/// Iterates over an array of strings.
#[derive(Clone)]
pub struct Strings<'a> {
    key: String,
    cursor: Cursor<'a>,
    index: usize,
    count: usize,
}

impl<'a> Iterator for Strings<'a> {
    type Item = Result<&'a str, LoadError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.index == self.count {
            return None;
        }
        let index = self.index;
        self.index += 1;
        let raw = self.cursor.raw_string("string", u64::MAX);
        Some(raw.and_then(|bytes| {
            std::str::from_utf8(bytes)
                .map_err(|_| not_utf8(self.cursor.file(), &format!("{}[{index}]", self.key)))
        }))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.count - self.index, Some(self.count - self.index))
    }
}

impl ExactSizeIterator for Strings<'_> {}
