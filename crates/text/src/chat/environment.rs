//! The engine's settings, functions and filters: what a chat template may rely on.
//!
//! The list is that of Transformers' template environment; where `minijinja` differs from Jinja2
//! in a way templates notice, the filter is replaced here.

use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Rest, Value, ValueKind};
use minijinja::{AutoEscape, Environment, Error, ErrorKind, Output, State, UndefinedBehavior};

use super::error::{LimitReached, RaisedByTemplate};
use super::{LocalTime, allowance, filters, json, methods};
use crate::limits::{RENDERED_BYTES_MAX, TEMPLATE_DEPTH_MAX, TEMPLATE_FUEL_MAX};

/// The name of the clock's variable; no template can spell it.
pub(super) const NOW: &str = " now";

/// Builds the environment of every template.
pub(super) fn environment() -> Environment<'static> {
    let mut env = Environment::new();
    let mut syntax = SyntaxConfig::builder();
    syntax.trim_blocks(true).lstrip_blocks(true).keep_trailing_newline(false);
    env.set_syntax(syntax.build().expect("the default delimiters are valid"));
    env.set_undefined_behavior(UndefinedBehavior::Lenient);
    env.set_auto_escape_callback(|_| AutoEscape::None);
    env.set_formatter(write_value);
    env.set_fuel(Some(TEMPLATE_FUEL_MAX));
    env.set_recursion_limit(TEMPLATE_DEPTH_MAX);
    // Messages name the value that is missing in every build, not in debug builds alone.
    env.set_debug(true);
    env.set_unknown_method_callback(methods::call);
    env.add_function("raise_exception", raise_exception);
    env.add_function("strftime_now", strftime_now);
    env.add_function("cycler", |items: Rest<Value>| minijinja_contrib::globals::cycler(items.0));
    env.add_function("joiner", minijinja_contrib::globals::joiner);
    env.add_filter("tojson", json::tojson);
    filters::add_filters(&mut env);
    allowance::add_checks(&mut env);
    // Both print what the reference does not let a template see.
    env.remove_global("debug");
    env.remove_filter("pprint");
    env
}

/// `raise_exception(message)`: the template refuses the conversation.
fn raise_exception(message: &Value) -> Result<Value, Error> {
    let message = message.to_string();
    Err(Error::new(ErrorKind::InvalidOperation, "raised by the template")
        .with_source(RaisedByTemplate(message)))
}

/// `strftime_now(format)`: the caller's time, written by the format.
fn strftime_now(state: &State, format: &str) -> Result<String, Error> {
    let undefined = |message: &str| Error::new(ErrorKind::UndefinedError, message.to_owned());
    let now = state.lookup(NOW).ok_or_else(|| undefined("strftime_now: no time was given"))?;
    let now = now.as_str().and_then(LocalTime::parse_iso);
    let now = now.ok_or_else(|| undefined("strftime_now: no time was given"))?;
    now.format(format).ok_or_else(|| undefined("strftime_now: unknown directive in the format"))
}

/// Writes a value as Python prints it, and counts: text that is captured (by a macro or a block
/// `set`) never reaches the output's own bound, so a template could double it again and again.
fn write_value(out: &mut Output, state: &mut State, value: &Value) -> Result<(), Error> {
    let owned;
    let text = match (value.kind(), value.as_str()) {
        (ValueKind::Undefined, _) => return Ok(()),
        (_, Some(text)) => text,
        _ => {
            owned = python_text(value);
            &owned
        }
    };
    let written = state.get_or_insert_extension_with(Written::default);
    written.0 += text.len();
    check_bytes("the prompt", written.0)?;
    out.write_str(text).map_err(Error::from)
}

/// Bytes written so far by one rendering, captured ones included.
#[derive(Default)]
struct Written(usize);

/// Refuses a text beyond the bound of a prompt.
pub(super) fn check_bytes(what: &str, bytes: usize) -> Result<(), Error> {
    if bytes <= RENDERED_BYTES_MAX {
        return Ok(());
    }
    let message = format!("{what} grows beyond {RENDERED_BYTES_MAX} bytes");
    Err(Error::new(ErrorKind::InvalidOperation, "too large").with_source(LimitReached(message)))
}

/// A value as Python's `str` writes it. Floats inside lists keep the engine's own form.
pub(super) fn python_text(value: &Value) -> String {
    if value.kind() == ValueKind::Number && !value.is_integer() {
        return json::float_text(f64::try_from(value.clone()).unwrap_or(f64::NAN));
    }
    value.to_string()
}
