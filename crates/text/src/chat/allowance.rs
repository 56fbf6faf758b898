//! What one rendering may make and look at.
//!
//! A template can double a text or a list with every step, and the engine counts steps, not bytes.
//! So [`super::program`] puts a check behind every instruction that makes a value: it charges the
//! value to the rendering's allowance, and refuses values that are too large, nested too deep, or
//! whose text would be too long (a list that holds the same list twice, twenty times over, is small
//! in memory and huge in print). One unchecked step can make a value from values already checked,
//! so memory stays below the allowance and a few of the largest values.

use minijinja::value::ValueKind;
use minijinja::{Environment, Error, ErrorKind, State, Value};

use super::error::LimitReached;
use crate::limits::{
    TEMPLATE_DEPTH_MAX, TEMPLATE_ITEMS_MAX, TEMPLATE_MADE_BYTES_MAX, TEMPLATE_VALUE_BYTES_MAX,
    TEMPLATE_WORK_BYTES_MAX,
};

/// The checks' names as filters; no template can spell them.
pub(super) const MADE: &str = "made!";
pub(super) const LISTED: &str = "listed!";
pub(super) const SEEN: &str = "seen!";
pub(super) const STORED: &str = "stored!";
pub(super) const WEIGHED: &str = "weighed!";

/// A filter that gives its value back: what goes through it is no constant, so the compiler does
/// not compute `"a" * 100000000` before any allowance exists.
pub(super) const KEPT: &str = "__kept";

/// Bytes counted for each item of a list or map, and for a value that is neither.
const SLOT_BYTES: usize = 64;

/// What the rendering has used so far.
#[derive(Default)]
struct Used {
    made_bytes: usize,
    work_bytes: usize,
}

/// Puts the checks into an environment.
pub(super) fn add_checks(env: &mut Environment<'static>) {
    env.add_filter(MADE, made);
    env.add_filter(LISTED, listed);
    env.add_filter(SEEN, seen);
    env.add_filter(STORED, stored);
    env.add_filter(WEIGHED, weighed);
    env.add_filter(KEPT, |value: Value| value);
}

/// A value was made: charges it.
fn made(state: &mut State, value: Value) -> Result<Value, Error> {
    let used = state.get_or_insert_extension_with(Used::default);
    let bytes = match value.kind() {
        ValueKind::String => {
            let bytes = value.as_str().map_or(0, str::len);
            check_value_bytes(bytes)?;
            used.work(bytes)?;
            bytes
        }
        ValueKind::Seq | ValueKind::Map | ValueKind::Iterable => {
            let tree = Tree::of(&value)?;
            used.work(tree.nodes * SLOT_BYTES / 4)?;
            SLOT_BYTES * (1 + value.len().unwrap_or(0))
        }
        ValueKind::Plain => 4 * SLOT_BYTES,
        _ => 0,
    };
    used.made_bytes += bytes;
    let what = "what the template makes";
    limit(used.made_bytes <= TEMPLATE_MADE_BYTES_MAX, what, TEMPLATE_MADE_BYTES_MAX, "bytes")?;
    Ok(value)
}

/// A value was made that the engine may compute only when it is read: such a chain of promises
/// could grow without end and without a step, so it is computed now. Python does the same.
fn listed(state: &mut State, value: Value) -> Result<Value, Error> {
    if value.kind() != ValueKind::Iterable {
        return made(state, value);
    }
    let items: Vec<Value> = value.try_iter()?.take(TEMPLATE_ITEMS_MAX + 1).collect();
    limit(items.len() <= TEMPLATE_ITEMS_MAX, "a list", TEMPLATE_ITEMS_MAX, "items")?;
    made(state, Value::from(items))
}

/// A value was read, probably to be searched or compared: charges the time that takes.
fn seen(state: &mut State, value: Value) -> Result<Value, Error> {
    let work = match value.kind() {
        ValueKind::String => value.as_str().map_or(0, str::len),
        ValueKind::Map if is_namespace(&value) => Tree::of(&value)?.nodes,
        ValueKind::Seq | ValueKind::Map | ValueKind::Iterable => 4 * value.len().unwrap_or(0),
        _ => 0,
    };
    if work > 0 {
        state.get_or_insert_extension_with(Used::default).work(work)?;
    }
    Ok(value)
}

/// A value is about to be compared: charges all its items, for one short list may hold long ones.
fn weighed(state: &mut State, value: Value) -> Result<Value, Error> {
    if matches!(value.kind(), ValueKind::Seq | ValueKind::Map | ValueKind::Iterable) {
        let nodes = count_nodes(&value, 0)?;
        let used = state.get_or_insert_extension_with(Used::default);
        used.work(nodes.saturating_mul(SLOT_BYTES))?;
    }
    Ok(value)
}

fn count_nodes(value: &Value, depth: usize) -> Result<usize, Error> {
    limit(depth <= TEMPLATE_DEPTH_MAX, "a value", TEMPLATE_DEPTH_MAX, "levels")?;
    let mut nodes = 1_usize;
    if matches!(value.kind(), ValueKind::Seq | ValueKind::Map | ValueKind::Iterable) {
        let is_map = value.kind() == ValueKind::Map;
        for item in value.try_iter()? {
            let item = if is_map { value.get_item(&item)? } else { item };
            nodes = nodes.saturating_add(count_nodes(&item, depth + 1)?);
        }
    }
    Ok(nodes)
}

/// A value is about to be put into a namespace. A namespace in itself would have no end.
fn stored(value: Value) -> Result<Value, Error> {
    if is_namespace(&value) { Err(nested_namespace()) } else { Ok(value) }
}

impl Used {
    fn work(&mut self, bytes: usize) -> Result<(), Error> {
        self.work_bytes += bytes;
        let what = "what the template reads";
        limit(self.work_bytes <= TEMPLATE_WORK_BYTES_MAX, what, TEMPLATE_WORK_BYTES_MAX, "bytes")
    }
}

/// The size of a value when everything in it is written out.
#[derive(Default)]
struct Tree {
    nodes: usize,
    bytes: usize,
}

impl Tree {
    fn of(value: &Value) -> Result<Self, Error> {
        let mut tree = Self::default();
        tree.add(value, 0)?;
        Ok(tree)
    }

    fn add(&mut self, value: &Value, depth: usize) -> Result<(), Error> {
        self.nodes += 1;
        limit(self.nodes <= TEMPLATE_ITEMS_MAX, "a value", TEMPLATE_ITEMS_MAX, "items")?;
        limit(depth <= TEMPLATE_DEPTH_MAX, "a value", TEMPLATE_DEPTH_MAX, "levels")?;
        if depth > 0 && is_namespace(value) {
            return Err(nested_namespace());
        }
        self.bytes += match value.kind() {
            ValueKind::String => value.as_str().map_or(0, str::len),
            _ => 4,
        };
        check_value_bytes(self.bytes)?;
        match value.kind() {
            ValueKind::Seq | ValueKind::Iterable => {
                for item in value.try_iter()? {
                    self.add(&item, depth + 1)?;
                }
            }
            ValueKind::Map => {
                for key in value.try_iter()? {
                    self.add(&key, depth + 1)?;
                    self.add(&value.get_item(&key)?, depth + 1)?;
                }
            }
            _ => {}
        }
        Ok(())
    }
}

/// The engine's namespaces are the only values a template can change after they were made.
fn is_namespace(value: &Value) -> bool {
    value.kind() == ValueKind::Map
        && value.as_object().is_some_and(|object| object.type_name().ends_with("::Namespace"))
}

fn nested_namespace() -> Error {
    Error::new(ErrorKind::InvalidOperation, "a namespace cannot be put into another value")
}

fn check_value_bytes(bytes: usize) -> Result<(), Error> {
    let what = "a value the template makes";
    limit(bytes <= TEMPLATE_VALUE_BYTES_MAX, what, TEMPLATE_VALUE_BYTES_MAX, "bytes")
}

fn limit(kept: bool, what: &str, most: usize, unit: &str) -> Result<(), Error> {
    if kept {
        return Ok(());
    }
    let message = format!("{what} grows beyond {most} {unit}");
    Err(Error::new(ErrorKind::InvalidOperation, "too large").with_source(LimitReached(message)))
}
