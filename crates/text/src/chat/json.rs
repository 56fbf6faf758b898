//! The `tojson` filter as Transformers defines it: Python's `json.dumps`, nothing escaped for HTML.

use std::fmt::Write;

use minijinja::value::{Kwargs, ValueKind};
use minijinja::{Error, ErrorKind, Value};

use super::environment::check_bytes;

/// How deep values may be nested.
const DEPTH_MAX: usize = 128;

/// Layout, as the arguments of `json.dumps`.
struct Layout {
    ensure_ascii: bool,
    sort_keys: bool,
    indent: Option<String>,
    item_separator: String,
    key_separator: String,
}

/// `value | tojson(indent=.., ensure_ascii=.., separators=.., sort_keys=..)`.
pub(super) fn tojson(
    value: &Value,
    positional: Option<Value>,
    kwargs: Kwargs,
) -> Result<Value, Error> {
    // The first positional argument of the reference is `ensure_ascii`.
    let ensure_ascii = match positional {
        Some(flag) => flag.is_true(),
        None => kwargs.get::<Option<bool>>("ensure_ascii")?.unwrap_or(false),
    };
    let indent = match kwargs.get::<Option<Value>>("indent")? {
        None => None,
        Some(indent) if indent.is_none() => None,
        Some(indent) => Some(indent_text(&indent)?),
    };
    let separators = kwargs.get::<Option<Value>>("separators")?.filter(|pair| !pair.is_none());
    let (item_separator, key_separator) = match separators {
        Some(pair) => (text_at(&pair, 0)?, text_at(&pair, 1)?),
        None if indent.is_some() => (",".to_owned(), ": ".to_owned()),
        None => (", ".to_owned(), ": ".to_owned()),
    };
    let sort_keys = kwargs.get::<Option<bool>>("sort_keys")?.unwrap_or(false);
    kwargs.assert_all_used()?;
    let layout = Layout { ensure_ascii, sort_keys, indent, item_separator, key_separator };
    let mut out = String::new();
    layout.write(value, 0, &mut out)?;
    Ok(Value::from(out))
}

fn indent_text(indent: &Value) -> Result<String, Error> {
    if let Some(text) = indent.as_str() {
        return Ok(text.chars().take(64).collect());
    }
    let width =
        indent.as_i64().ok_or_else(|| invalid("tojson: indent must be a number or a text"))?;
    Ok(" ".repeat(width.clamp(0, 64) as usize))
}

fn text_at(pair: &Value, index: usize) -> Result<String, Error> {
    let item = pair.get_item_by_index(index)?;
    let text = item.as_str().ok_or_else(|| invalid("tojson: separators must be two texts"))?;
    Ok(text.to_owned())
}

impl Layout {
    fn write(&self, value: &Value, depth: usize, out: &mut String) -> Result<(), Error> {
        check_bytes("what `tojson` makes", out.len())?;
        if depth > DEPTH_MAX {
            return Err(invalid("tojson: the value is nested too deep (recursion limit)"));
        }
        match value.kind() {
            ValueKind::None => out.push_str("null"),
            ValueKind::Bool => out.push_str(if value.is_true() { "true" } else { "false" }),
            ValueKind::Number => write_number(value, out),
            ValueKind::String => self.write_text(value.as_str().unwrap_or_default(), out),
            ValueKind::Seq | ValueKind::Iterable => {
                let items = value.try_iter()?;
                self.write_items('[', ']', items, depth, out, |item, out| {
                    self.write(&item, depth + 1, out)
                })?;
            }
            ValueKind::Map => {
                let mut keys: Vec<Value> = value.try_iter()?.collect();
                if self.sort_keys {
                    keys.sort();
                }
                self.write_items('{', '}', keys.into_iter(), depth, out, |key, out| {
                    self.write_key(&key, out)?;
                    out.push_str(&self.key_separator);
                    self.write(&value.get_item(&key)?, depth + 1, out)
                })?;
            }
            other => {
                let message = format!("tojson: a value of kind {other} has no JSON form");
                return Err(Error::new(ErrorKind::UndefinedError, message));
            }
        }
        Ok(())
    }

    fn write_items<T>(
        &self,
        open: char,
        close: char,
        items: impl Iterator<Item = T>,
        depth: usize,
        out: &mut String,
        mut write_item: impl FnMut(T, &mut String) -> Result<(), Error>,
    ) -> Result<(), Error> {
        out.push(open);
        let mut empty = true;
        for item in items {
            if !std::mem::replace(&mut empty, false) {
                out.push_str(&self.item_separator);
            }
            self.break_line(depth + 1, out);
            write_item(item, out)?;
        }
        if !empty {
            self.break_line(depth, out);
        }
        out.push(close);
        Ok(())
    }

    fn break_line(&self, depth: usize, out: &mut String) {
        if let Some(indent) = &self.indent {
            out.push('\n');
            (0..depth).for_each(|_| out.push_str(indent));
        }
    }

    /// Keys are texts; Python turns numbers, booleans and none into texts.
    fn write_key(&self, key: &Value, out: &mut String) -> Result<(), Error> {
        match key.kind() {
            ValueKind::String => self.write_text(key.as_str().unwrap_or_default(), out),
            ValueKind::Number | ValueKind::Bool | ValueKind::None => {
                out.push('"');
                self.write(key, 0, out)?;
                out.push('"');
            }
            other => return Err(invalid(&format!("tojson: a key cannot be of kind {other}"))),
        }
        Ok(())
    }

    fn write_text(&self, text: &str, out: &mut String) {
        out.push('"');
        for character in text.chars() {
            match character {
                '"' => out.push_str("\\\""),
                '\\' => out.push_str("\\\\"),
                '\n' => out.push_str("\\n"),
                '\r' => out.push_str("\\r"),
                '\t' => out.push_str("\\t"),
                '\u{8}' => out.push_str("\\b"),
                '\u{c}' => out.push_str("\\f"),
                _ if character < ' ' || (self.ensure_ascii && !character.is_ascii()) => {
                    for unit in character.encode_utf16(&mut [0; 2]) {
                        write!(out, "\\u{unit:04x}").expect("writing to a text cannot fail");
                    }
                }
                _ => out.push(character),
            }
        }
        out.push('"');
    }
}

fn write_number(value: &Value, out: &mut String) {
    if value.is_integer() {
        write!(out, "{value}").expect("writing to a text cannot fail");
    } else {
        let number = f64::try_from(value.clone()).unwrap_or(f64::NAN);
        match number {
            _ if number.is_nan() => out.push_str("NaN"),
            f64::INFINITY => out.push_str("Infinity"),
            f64::NEG_INFINITY => out.push_str("-Infinity"),
            _ => out.push_str(&float_text(number)),
        }
    }
}

/// A float as Python writes it: the shortest digits that read back, with an exponent below 1e-4
/// and from 1e16 on.
pub(super) fn float_text(number: f64) -> String {
    if number.is_nan() {
        return "nan".to_owned();
    }
    if number.is_infinite() {
        return if number > 0.0 { "inf" } else { "-inf" }.to_owned();
    }
    let scientific = format!("{number:e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..16).contains(&exponent) {
        return format!("{number:?}");
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{digits}e{sign}{:02}", exponent.abs())
}

fn invalid(message: &str) -> Error {
    Error::new(ErrorKind::InvalidOperation, message.to_owned())
}
