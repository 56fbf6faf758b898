//! Filters and tests that Jinja2 has and the engine lacks, or that the two define differently.

use minijinja::value::{Kwargs, Rest, ValueKind};
use minijinja::{Environment, Error, ErrorKind, Value};

use super::environment::python_text;

/// Widest field a template may ask for, in characters.
const WIDTH_MAX: usize = 10_000;

/// Puts all of them into an environment.
pub(super) fn add_filters(env: &mut Environment<'static>) {
    env.add_filter("indent", indent);
    env.add_filter("replace", replace);
    env.add_filter("int", int);
    env.add_filter("float", float);
    env.add_filter("string", string);
    for name in ["escape", "e", "forceescape"] {
        env.add_filter(name, escape);
    }
    env.add_filter("wordcount", wordcount);
    env.add_filter("center", center);
    env.add_test("iterable", is_iterable);
    env.add_test("sequence", is_sequence);
}

/// `text | indent(width=4, first=false, blank=false)`; a final line end stays.
fn indent(text: &Value, options: Rest<Value>, kwargs: Kwargs) -> Result<Value, Error> {
    let option = |index: usize, name: &str| match options.get(index) {
        Some(value) => Ok(Some(value.clone())),
        None => kwargs.get::<Option<Value>>(name),
    };
    let width = option(0, "width")?;
    let first = option(1, "first")?.is_some_and(|flag| flag.is_true());
    let blank = option(2, "blank")?.is_some_and(|flag| flag.is_true());
    kwargs.assert_all_used()?;
    let margin = match width.as_ref().map(|width| (width.as_str(), width.as_i64())) {
        None => " ".repeat(4),
        Some((Some(text), _)) => text.chars().take(WIDTH_MAX).collect(),
        Some((None, Some(width))) => " ".repeat(width.clamp(0, WIDTH_MAX as i64) as usize),
        Some((None, None)) => return Err(invalid("indent: the width is a number or a text")),
    };
    let text = string_of(text);
    let mut out = String::with_capacity(text.len() + margin.len());
    for (index, line) in (text + "\n").lines().enumerate() {
        if index > 0 {
            out.push('\n');
        }
        if if index == 0 { first } else { blank || !line.is_empty() } {
            out.push_str(&margin);
        }
        out.push_str(line);
    }
    Ok(Value::from(out))
}

/// `text | replace(old, new, count=none)`.
fn replace(text: &Value, old: &Value, new: &Value, count: Option<i64>) -> String {
    let (text, old, new) = (string_of(text), string_of(old), string_of(new));
    match count.and_then(|count| usize::try_from(count).ok()) {
        Some(count) => text.replacen(&old, &new, count),
        None => text.replace(&old, &new),
    }
}

/// `value | int(default=0)`: what cannot be read is the default.
fn int(value: &Value, default: Option<Value>, kwargs: Kwargs) -> Result<Value, Error> {
    let default = default.or(kwargs.get::<Option<Value>>("default")?).unwrap_or(Value::from(0));
    kwargs.assert_all_used()?;
    if let Some(text) = value.as_str() {
        let text = text.trim();
        let whole = text.parse::<i64>().map(Value::from).ok();
        let float = || text.parse::<f64>().ok().filter(|f| f.is_finite());
        return Ok(whole.or_else(|| Some(Value::from(float()?.trunc() as i64))).unwrap_or(default));
    }
    match value.kind() {
        ValueKind::Bool => Ok(Value::from(i64::from(value.is_true()))),
        ValueKind::Number if value.is_integer() => Ok(value.clone()),
        ValueKind::Number => Ok(f64::try_from(value.clone())
            .ok()
            .filter(|number| number.is_finite())
            .map_or(default, |number| Value::from(number.trunc() as i64))),
        _ => Ok(default),
    }
}

/// `value | float(default=0.0)`: what cannot be read is the default.
fn float(value: &Value, default: Option<Value>, kwargs: Kwargs) -> Result<Value, Error> {
    let default = default.or(kwargs.get::<Option<Value>>("default")?).unwrap_or(Value::from(0.0));
    kwargs.assert_all_used()?;
    let number = match (value.as_str(), value.kind()) {
        (Some(text), _) => text.trim().parse::<f64>().ok(),
        (None, ValueKind::Bool) => Some(f64::from(u8::from(value.is_true()))),
        (None, ValueKind::Number) => f64::try_from(value.clone()).ok(),
        _ => None,
    };
    Ok(number.map_or(default, Value::from))
}

/// `value | string`.
fn string(value: &Value) -> Value {
    if value.as_str().is_some() { value.clone() } else { Value::from(python_text(value)) }
}

/// `text | escape`: the five characters of HTML, written as Python's `markupsafe` does.
fn escape(value: &Value) -> Value {
    if value.is_safe() {
        return value.clone();
    }
    let text = string_of(value);
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&#34;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
    Value::from_safe_string(out)
}

/// `text | wordcount`: runs of letters, digits and underscores.
fn wordcount(value: &Value) -> usize {
    let text = string_of(value);
    let in_word = |c: char| c.is_alphanumeric() || c == '_';
    text.split(|c| !in_word(c)).filter(|word| !word.is_empty()).count()
}

/// `text | center(width=80)`.
fn center(value: &Value, width: Option<usize>) -> Result<String, Error> {
    pad(&string_of(value), width.unwrap_or(80), ' ', Side::Both)
}

/// Where blanks go.
pub(super) enum Side {
    Left,
    Right,
    Both,
}

/// Fills a text up to a width in characters.
pub(super) fn pad(text: &str, width: usize, fill: char, side: Side) -> Result<String, Error> {
    if width > WIDTH_MAX {
        return Err(invalid(&format!("a width of {width} is too large; {WIDTH_MAX} is the most")));
    }
    let missing = width.saturating_sub(text.chars().count());
    // With an odd rest Python puts the additional blank left if the width is odd.
    let left = match side {
        Side::Left => missing,
        Side::Right => 0,
        Side::Both => missing / 2 + (missing & width & 1),
    };
    let fill_of = |count: usize| std::iter::repeat_n(fill, count);
    Ok(fill_of(left).chain(text.chars()).chain(fill_of(missing - left)).collect())
}

/// `value is iterable`: none, numbers and booleans are not.
fn is_iterable(value: &Value) -> bool {
    value.kind() != ValueKind::None && value.try_iter().is_ok()
}

/// `value is sequence`: whatever has a length and items, as Jinja2 asks.
fn is_sequence(value: &Value) -> bool {
    matches!(
        value.kind(),
        ValueKind::Undefined | ValueKind::Seq | ValueKind::String | ValueKind::Map
    )
}

fn string_of(value: &Value) -> String {
    value.as_str().map_or_else(|| python_text(value), str::to_owned)
}

fn invalid(message: &str) -> Error {
    Error::new(ErrorKind::InvalidOperation, message.to_owned())
}
