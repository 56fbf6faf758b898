//! Filters and tests that Jinja2 has and the engine lacks, or that the two define differently.

use std::sync::Arc;

use minijinja::formatting::FormatStyle;
use minijinja::value::{Kwargs, Rest, ValueKind};
use minijinja::{Environment, Error, ErrorKind, State, Value};

use super::environment::{check_bytes, python_text};
use crate::limits::TEMPLATE_ITEMS_MAX;

/// Widest field a template may ask for, in characters.
const WIDTH_MAX: usize = 10_000;

/// Puts all of them into an environment.
pub(super) fn add_filters(env: &mut Environment<'static>) {
    env.add_filter("indent", indent);
    env.add_filter("replace", replace);
    env.add_filter("join", join);
    env.add_filter("format", format);
    env.add_filter("list", list);
    env.add_filter("int", int);
    env.add_filter("float", float);
    env.add_filter("string", string);
    for name in ["escape", "e", "forceescape"] {
        env.add_filter(name, escape);
    }
    env.add_filter("wordcount", wordcount);
    env.add_filter("batch", batch);
    env.add_filter("slice", slice);
    env.add_filter("split", split);
    env.add_filter("lines", lines);
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
        check_bytes("what `indent` makes", out.len())?;
    }
    Ok(Value::from(out))
}

/// `text | replace(old, new, count=none)`.
fn replace(text: &Value, old: &Value, new: &Value, count: Option<i64>) -> Result<String, Error> {
    replace_text(&string_of(text), &string_of(old), &string_of(new), count)
}

/// Replaces at most `count` occurrences; all of them without a count or with a negative one.
pub(super) fn replace_text(
    text: &str,
    old: &str,
    new: &str,
    count: Option<i64>,
) -> Result<String, Error> {
    let count_max = count.and_then(|count| usize::try_from(count).ok()).unwrap_or(usize::MAX);
    let found = text.matches(old).take(count_max).count();
    let growth = found.saturating_mul(new.len().saturating_sub(old.len()));
    check_bytes("what `replace` makes", text.len().saturating_add(growth))?;
    Ok(text.replacen(old, new, found))
}

/// `items | join(separator="", attribute=none)`.
fn join(
    items: &Value,
    separator: Option<Value>,
    attribute: Option<Value>,
    kwargs: Kwargs,
) -> Result<String, Error> {
    let separator = separator.or(kwargs.get::<Option<Value>>("d")?);
    let attribute = attribute.or(kwargs.get::<Option<Value>>("attribute")?);
    kwargs.assert_all_used()?;
    let separator = separator.map_or_else(String::new, |separator| string_of(&separator));
    match attribute.filter(|attribute| !attribute.is_none()) {
        None => join_texts(&separator, items),
        Some(attribute) => {
            let picked: Result<Vec<Value>, Error> =
                items.try_iter()?.map(|item| item.get_item(&attribute)).collect();
            join_texts(&separator, &Value::from(picked?))
        }
    }
}

/// Joins the items' texts; the letters of a text are its items.
pub(super) fn join_texts(separator: &str, items: &Value) -> Result<String, Error> {
    if let Some(text) = items.as_str() {
        check_parts(text.len())?;
    }
    let letters = items.as_str().map(|text| text.chars().map(Value::from).collect::<Value>());
    let mut joined = String::new();
    for (index, item) in letters.as_ref().unwrap_or(items).try_iter()?.enumerate() {
        if index > 0 {
            joined.push_str(separator);
        }
        joined.push_str(&string_of(&item));
        check_bytes("what `join` makes", joined.len())?;
    }
    Ok(joined)
}

/// `items | list`, for as many items as a template may reasonably hold.
fn list(items: &Value) -> Result<Value, Error> {
    let mut listed = Vec::new();
    for item in items.try_iter()? {
        if listed.len() == TEMPLATE_ITEMS_MAX {
            return Err(invalid(&format!(
                "a list of more than {TEMPLATE_ITEMS_MAX} items is too large"
            )));
        }
        listed.push(item);
    }
    Ok(Value::from(listed))
}

/// `items | batch(size, fill=none)`: the engine's own, which fills up a last batch of any size.
fn batch(state: &State, items: Value, size: usize, fill: Option<Value>) -> Result<Value, Error> {
    check_parts(size)?;
    minijinja::filters::batch(state, items, size, fill)
}

/// `items | slice(count, fill=none)`: the engine's own, which makes as many lists as are asked for.
fn slice(state: &State, items: Value, count: usize, fill: Option<Value>) -> Result<Value, Error> {
    check_parts(count)?;
    minijinja::filters::slice(state, items, count, fill)
}

/// `text | split(separator=none, maxsplits=-1)`.
fn split(
    text: &Value,
    separator: Option<Arc<str>>,
    maxsplits: Option<i64>,
) -> Result<Value, Error> {
    check_split(text.as_str().unwrap_or_default(), separator.as_deref())?;
    minijinja::filters::split(text, separator, maxsplits)
}

/// `text | lines`.
fn lines(text: &Value) -> Result<Value, Error> {
    check_split(text.as_str().unwrap_or_default(), Some("\n"))?;
    minijinja::filters::lines(text)
}

/// Refuses to split a text into more parts than a list may have.
pub(super) fn check_split(text: &str, separator: Option<&str>) -> Result<(), Error> {
    if text.len() < TEMPLATE_ITEMS_MAX {
        return Ok(());
    }
    let ends = |c: char| separator.is_none() && c.is_whitespace();
    check_parts(match separator {
        Some(separator) => text.matches(separator).count(),
        None => text.matches(ends).count(),
    })
}

fn check_parts(count: usize) -> Result<(), Error> {
    if count <= TEMPLATE_ITEMS_MAX {
        return Ok(());
    }
    Err(invalid(&format!("{count} parts are too large a list; {TEMPLATE_ITEMS_MAX} is the most")))
}

/// `text | format(values..)`: Python's `text % values`.
fn format(text: &Value, values: Rest<Value>) -> Result<String, Error> {
    let text = string_of(text);
    check_field_widths(&text, '%')?;
    minijinja::formatting::format(FormatStyle::Printf, &text, &values)
}

/// Refuses format texts whose fields could be wider than anyone needs: more than four digits in a
/// row, a width taken from a value, or widths that add up to a prompt. `start` is `%` or `{`, the
/// sign that begins a field.
pub(super) fn check_field_widths(format: &str, start: char) -> Result<(), Error> {
    let ends_field = |c: char| if start == '%' { c.is_alphabetic() || c == '%' } else { c == '}' };
    let (mut rest, mut widths) = (format, 0);
    while let Some((_, after)) = rest.split_once(start) {
        if let Some(literal) = after.strip_prefix(start) {
            rest = literal;
            continue;
        }
        let (field, after) = after.split_at(after.find(ends_field).unwrap_or(after.len()));
        let digits_max = field.split(|c: char| !c.is_ascii_digit()).map(str::len).max();
        if digits_max > Some(4) || field.contains(['*', '{']) {
            let what = "a format field's width is too large or taken from a value";
            return Err(invalid(&format!("{what}: {start}{field}")));
        }
        let digits = field.split(|c: char| !c.is_ascii_digit());
        widths += digits.filter_map(|digits| digits.parse::<usize>().ok()).sum::<usize>();
        check_bytes("what a format text makes", widths)?;
        rest = after;
    }
    Ok(())
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
