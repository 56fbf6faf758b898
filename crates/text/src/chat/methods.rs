//! Python's methods on texts, lists and dictionaries, as far as templates use them.
//!
//! Methods that change a value in place (`append`, `update`) do not exist here: the reference runs
//! templates in a sandbox that refuses them.

use minijinja::value::{Kwargs, Tuple, ValueKind, from_args};
use minijinja::{Error, ErrorKind, State, Value};

use super::filters::{Side, check_field_widths, check_split, join_texts, pad, replace_text};

/// Calls a method the engine itself does not know.
pub(super) fn call(
    state: &mut State,
    value: &Value,
    method: &str,
    args: &[Value],
) -> Result<Value, Error> {
    let own = match value.kind() {
        ValueKind::String => text_method(value.as_str().unwrap_or_default(), method, args)?,
        ValueKind::Seq => list_method(value, method, args)?,
        ValueKind::Map if method == "copy" => Some(value.clone()),
        _ => None,
    };
    match own {
        Some(result) => Ok(result),
        None => minijinja_contrib::pycompat::unknown_method_callback(state, value, method, args),
    }
}

fn text_method(text: &str, method: &str, args: &[Value]) -> Result<Option<Value>, Error> {
    let result = match method {
        "index" | "rindex" => {
            let (part,): (&str,) = from_args(args)?;
            let place = if method == "index" { text.find(part) } else { text.rfind(part) };
            let place = place.ok_or_else(|| invalid("substring not found"))?;
            Value::from(text[..place].chars().count())
        }
        "partition" | "rpartition" => {
            let (separator,): (&str,) = from_args(args)?;
            partition(text, separator, method == "rpartition")?
        }
        "split" | "splitlines" if !args.is_empty() || method == "split" => {
            let separator = if method == "split" { args.first() } else { None };
            let separator = separator.and_then(|separator| separator.as_str());
            check_split(text, separator)?;
            return Ok(None);
        }
        "rsplit" => {
            check_split(text, args.first().and_then(|separator| separator.as_str()))?;
            rsplit(text, args)?
        }
        "replace" => {
            let (old, new, count): (&str, &str, Option<i64>) = from_args(args)?;
            Value::from(replace_text(text, old, new, count)?)
        }
        "format" => {
            check_field_widths(text, '{')?;
            return Ok(None);
        }
        "join" => {
            let (items,): (&Value,) = from_args(args)?;
            Value::from(join_texts(text, items)?)
        }
        "splitlines" => {
            check_split(text, None)?;
            split_lines(text)
        }
        "zfill" => {
            let (width,): (usize,) = from_args(args)?;
            let digits = text.trim_start_matches(['+', '-']);
            let sign = &text[..text.len() - digits.len()];
            let width = width.saturating_sub(sign.len());
            Value::from(format!("{sign}{}", pad(digits, width, '0', Side::Left)?))
        }
        "ljust" | "rjust" | "center" => {
            let (width, fill): (usize, Option<char>) = from_args(args)?;
            let side = match method {
                "ljust" => Side::Right,
                "rjust" => Side::Left,
                _ => Side::Both,
            };
            Value::from(pad(text, width, fill.unwrap_or(' '), side)?)
        }
        "removeprefix" => {
            let (prefix,): (&str,) = from_args(args)?;
            Value::from(text.strip_prefix(prefix).unwrap_or(text))
        }
        "removesuffix" => {
            let (suffix,): (&str,) = from_args(args)?;
            Value::from(text.strip_suffix(suffix).unwrap_or(text))
        }
        "casefold" => Value::from(text.to_lowercase()),
        "swapcase" => Value::from(swap_case(text)),
        _ => return Ok(None),
    };
    Ok(Some(result))
}

fn partition(text: &str, separator: &str, from_end: bool) -> Result<Value, Error> {
    if separator.is_empty() {
        return Err(invalid("empty separator"));
    }
    let parts = match (from_end, text.split_once(separator), text.rsplit_once(separator)) {
        (false, Some((before, after)), _) | (true, _, Some((before, after))) => {
            [before, separator, after]
        }
        (false, ..) => [text, "", ""],
        (true, ..) => ["", "", text],
    };
    Ok(Value::from(Tuple::from(parts.map(Value::from))))
}

/// `rsplit(separator=none, maxsplit=-1)`; without a separator, runs of blanks separate.
fn rsplit(text: &str, args: &[Value]) -> Result<Value, Error> {
    let (separator, maxsplit, kwargs): (Option<&str>, Option<i64>, Kwargs) = from_args(args)?;
    let maxsplit = maxsplit.or(kwargs.get::<Option<i64>>("maxsplit")?).unwrap_or(-1);
    kwargs.assert_all_used()?;
    let parts_max = usize::try_from(maxsplit).map_or(usize::MAX, |count| count + 1);
    let mut parts: Vec<&str> = match separator {
        Some("") => return Err(invalid("empty separator")),
        Some(separator) => text.rsplitn(parts_max, separator).collect(),
        None => {
            let (mut rest, mut parts) = (text.trim_end(), Vec::new());
            while !rest.is_empty() {
                let cut = rest.rfind(char::is_whitespace).filter(|_| parts.len() + 1 < parts_max);
                let start =
                    cut.map_or(0, |at| at + rest[at..].chars().next().map_or(0, char::len_utf8));
                parts.push(if cut.is_none() { rest.trim_start() } else { &rest[start..] });
                rest = cut.map_or("", |at| rest[..at].trim_end());
            }
            parts
        }
    };
    parts.reverse();
    Ok(parts.into_iter().map(Value::from).collect())
}

/// Lines as Python cuts them: besides `\n`, `\r\n` and `\r` a few rarer marks end a line.
fn split_lines(text: &str) -> Value {
    let ends_line = |c: char| {
        matches!(
            c,
            '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{1c}'
                ..='\u{1e}' | '\u{85}' | '\u{2028}' | '\u{2029}'
        )
    };
    let mut lines = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let end = rest.find(ends_line).unwrap_or(rest.len());
        lines.push(Value::from(&rest[..end]));
        let after = &rest[end..];
        let mark = if after.starts_with("\r\n") {
            2
        } else {
            after.chars().next().map_or(0, char::len_utf8)
        };
        rest = &after[mark..];
    }
    Value::from(lines)
}

fn swap_case(text: &str) -> String {
    let swap = |c: char| -> Vec<char> {
        if c.is_uppercase() { c.to_lowercase().collect() } else { c.to_uppercase().collect() }
    };
    text.chars().flat_map(swap).collect()
}

fn list_method(list: &Value, method: &str, args: &[Value]) -> Result<Option<Value>, Error> {
    match method {
        "copy" => Ok(Some(list.clone())),
        "index" => {
            let (wanted,): (&Value,) = from_args(args)?;
            let place = list.try_iter()?.position(|item| item == *wanted);
            place.map(|place| Some(Value::from(place))).ok_or_else(|| invalid("item not in list"))
        }
        _ => Ok(None),
    }
}

fn invalid(message: &str) -> Error {
    Error::new(ErrorKind::InvalidOperation, message.to_owned())
}
