//! A tree held against the table of keys: every problem with its place, and the values as JSON.

use super::parameters::check_parameters;
use super::problem::{At, Problem};
use super::shape::{Field, Section, Shape};
use super::yaml::{Key, Node, Value as Yaml};
use crate::price::Money;
use serde_json::{Map, Value};
use std::collections::HashMap;

/// What was found in a tree.
#[derive(Default)]
pub(super) struct Checked {
    pub problems: Vec<Problem>,
    /// Where each path was written.
    pub places: HashMap<String, At>,
}

impl Checked {
    /// Holds a node against a shape. None when it is left empty or wrong.
    pub fn value(&mut self, node: &Node, shape: &Shape, path: &str) -> Option<Value> {
        self.places.entry(path.to_owned()).or_insert(node.at);
        if node.is_null() {
            return None;
        }
        match (shape, &node.value) {
            (Shape::Section(section), Yaml::Map(entries)) => {
                Some(self.section(node.at, section, entries, path))
            }
            (Shape::Map { key, names, of, count_max }, Yaml::Map(entries)) => {
                self.count(node.at, entries.len(), *count_max, path);
                let names = Names { what: key, names };
                Some(self.map(names, of, entries, path))
            }
            (Shape::List(of, count_max), Yaml::List(items)) => {
                self.count(node.at, items.len(), *count_max, path);
                Some(self.list(items, of, path))
            }
            (Shape::OneOrMany(of, count_max), Yaml::List(items)) => {
                self.count(node.at, items.len(), *count_max, path);
                Some(self.list(items, of, path))
            }
            (Shape::OneOrMany(of, _), _) => {
                self.value(node, of, path).map(|value| Value::Array(vec![value]))
            }
            (Shape::Parameters, Yaml::Map(entries)) => {
                Some(check_parameters(entries, path, &mut self.problems))
            }
            (Shape::Reserved(message), _) => {
                self.problems.push(Problem::new(node.at, path, *message));
                None
            }
            (_, Yaml::Scalar { text, is_plain }) => {
                let value = scalar(text, *is_plain, shape);
                if value.is_none() {
                    self.problem(node.at, path, shape, node);
                }
                value
            }
            _ => {
                self.problem(node.at, path, shape, node);
                None
            }
        }
    }

    fn section(&mut self, at: At, section: &Section, entries: &[(Key, Node)], path: &str) -> Value {
        let mut values = Map::new();
        for (key, node) in entries {
            let path = below(path, &key.name);
            let Some(field) = section.fields.iter().find(|field| field.name == key.name) else {
                let names = section.fields.iter().map(|field| field.name);
                self.problems.push(Problem::new(key.at, path, unknown(&key.name, names)));
                continue;
            };
            self.places.insert(path.clone(), key.at);
            if let Some(value) = self.value(node, &field.shape, &path) {
                values.insert(key.name.clone(), value);
            }
        }
        let is_missing = |field: &&Field| {
            let is_there = |(key, node): &(Key, Node)| key.name == field.name && !node.is_null();
            field.is_required && !entries.iter().any(is_there)
        };
        for field in section.fields.iter().filter(is_missing) {
            let message = format!("is missing; must be {}", field.shape.rule());
            self.problems.push(Problem::new(at, below(path, field.name), message));
        }
        Value::Object(values)
    }

    fn map(&mut self, names: Names, of: &Shape, entries: &[(Key, Node)], path: &str) -> Value {
        let mut values = Map::new();
        for (key, node) in entries {
            let path = below(path, &key.name);
            if !names.names.is_empty() && !names.names.contains(&key.name.as_str()) {
                let names = names.names.iter().copied();
                self.problems.push(Problem::new(key.at, path, unknown(&key.name, names)));
                continue;
            }
            if scalar(&key.name, false, &Shape::Name).is_none() {
                let message = format!("the {} must be {}", names.what, Shape::Name.rule());
                self.problems.push(Problem::new(key.at, path, message));
                continue;
            }
            self.places.insert(path.clone(), key.at);
            let value = self.value(node, of, &path);
            // A group that is left empty is there all the same: `plans: {free: }`.
            let empty = matches!(of, Shape::Section(_)).then(|| Value::Object(Map::new()));
            match value.or(empty.filter(|_| node.is_null())) {
                Some(value) => {
                    values.insert(key.name.clone(), value);
                }
                None if node.is_null() => self.problem(key.at, &path, of, node),
                None => {}
            }
        }
        Value::Object(values)
    }

    fn list(&mut self, items: &[Node], of: &Shape, path: &str) -> Value {
        let mut values = Vec::new();
        for (index, node) in items.iter().enumerate() {
            let path = format!("{path}[{index}]");
            if node.is_null() {
                self.problem(node.at, &path, of, node);
            }
            values.extend(self.value(node, of, &path));
        }
        Value::Array(values)
    }

    fn count(&mut self, at: At, count: usize, count_max: usize, path: &str) {
        if count > count_max {
            let message = format!("has {count} entries; at most {count_max}");
            self.problems.push(Problem::new(at, path, message));
        }
    }

    fn problem(&mut self, at: At, path: &str, shape: &Shape, given: &Node) {
        let mut message = format!("must be {}; given {}", shape.rule(), shown(given));
        if let (Shape::Word(words), Yaml::Scalar { text, .. }) = (shape, &given.value) {
            message.push_str(&near(text, words.iter().copied()));
        }
        self.problems.push(Problem::new(at, path, message));
    }
}

/// The names that the entries of a map may have; empty for any.
#[derive(Clone, Copy)]
struct Names<'a> {
    what: &'a str,
    names: &'a [&'static str],
}

pub(super) fn below(path: &str, name: &str) -> String {
    let name: String = name.chars().take(80).collect();
    if path.is_empty() { name } else { format!("{path}.{name}") }
}

/// The message for a key that does not exist.
fn unknown<'a>(name: &str, names: impl Iterator<Item = &'a str> + Clone) -> String {
    let meant = near(name, names.clone());
    if meant.is_empty() {
        format!("is not a key here; there are: {}", names.collect::<Vec<_>>().join(", "))
    } else {
        format!("is not a key here{meant}")
    }
}

/// `; did you mean ...?` for a name within a few edits; empty when there is none.
fn near<'a>(name: &str, names: impl Iterator<Item = &'a str>) -> String {
    if name.len() > 64 {
        return String::new();
    }
    let name = name.to_lowercase();
    let allowed = (name.chars().count() / 3).clamp(1, 3);
    let distance = |known: &str| strsim::damerau_levenshtein(&name, known);
    let near = names.map(|known| (distance(known), known)).filter(|&(edits, _)| edits <= allowed);
    let nearest = near.min_by_key(|&(edits, _)| edits);
    nearest.map_or(String::new(), |(_, known)| format!("; did you mean `{known}`?"))
}

/// A value in a message: short.
fn shown(node: &Node) -> String {
    match &node.value {
        _ if node.is_null() => "nothing".to_owned(),
        Yaml::Scalar { text, is_plain } => {
            let start: String = text.chars().take(40).collect();
            let more = if start.len() < text.len() { "..." } else { "" };
            if *is_plain { format!("{start}{more}") } else { format!("{start:?}{more}") }
        }
        Yaml::List(items) => format!("a list of {}", items.len()),
        Yaml::Map(entries) => format!("a map of {}", entries.len()),
    }
}

/// A text as a value of a shape.
fn scalar(text: &str, is_plain: bool, shape: &Shape) -> Option<Value> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || "._-:/".contains(c);
    match shape {
        Shape::Bool if is_plain => match text {
            "true" | "True" | "TRUE" => Some(Value::Bool(true)),
            "false" | "False" | "FALSE" => Some(Value::Bool(false)),
            _ => None,
        },
        Shape::Integer(min, max) if is_plain => {
            let is_digits = text.bytes().all(|byte| byte.is_ascii_digit());
            let number = is_digits.then(|| text.parse::<u64>().ok()).flatten()?;
            (*min..=*max).contains(&number).then(|| Value::from(number))
        }
        Shape::Number(min, max) if is_plain => {
            let is_number = |c: char| c.is_ascii_digit() || "+-.eE".contains(c);
            let number: f64 = text.chars().all(is_number).then(|| text.parse().ok()).flatten()?;
            (*min..=*max).contains(&number).then(|| Value::from(number))
        }
        Shape::Money => text.parse::<Money>().ok().map(|money| Value::from(money.to_string())),
        Shape::Text(bytes_max) => {
            (!text.is_empty() && text.len() <= *bytes_max).then(|| Value::from(text))
        }
        Shape::Name => {
            let fits = !text.is_empty() && text.len() <= 64 && text.chars().all(is_name);
            fits.then(|| Value::from(text))
        }
        Shape::Checked { check, .. } => check(text).then(|| Value::from(text)),
        Shape::Word(words) => words.contains(&text).then(|| Value::from(text)),
        _ => None,
    }
}
