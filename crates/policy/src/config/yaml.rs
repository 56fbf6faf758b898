//! YAML text to a tree in which everything knows its line and column.
//!
//! What a file can be is bounded: its bytes, its depth, and its nodes with aliases written out.

use super::problem::{At, Problem};
use saphyr_parser::{Event, Marker, Parser, ScalarStyle, ScanError, Span, Tag};
use std::collections::HashMap;

/// The largest file.
pub const FILE_BYTES_MAX: usize = 1 << 20;
/// The deepest nesting.
pub const DEPTH_MAX: usize = 32;
/// Most nodes, each alias counted with all that it stands for, and long texts as several.
pub const NODES_MAX: usize = 100_000;
/// Most keys of one map.
pub const KEYS_MAX: usize = 4096;
/// Bytes of text that count as a node.
const BYTES_PER_NODE: usize = 32;

/// A value with its place.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Node {
    pub at: At,
    pub value: Value,
}

/// What a node is.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    /// A text; plain when it stands without quotes and so may mean a number or a switch.
    Scalar { text: String, is_plain: bool },
    /// Values in order.
    List(Vec<Node>),
    /// Values by key, in order.
    Map(Vec<(Key, Node)>),
}

/// A key with its place.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Key {
    pub at: At,
    pub name: String,
}

impl Node {
    /// Whether nothing was written: an empty value, `~` or `null`.
    pub fn is_null(&self) -> bool {
        match &self.value {
            Value::Scalar { text, is_plain: true } => {
                matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL")
            }
            _ => false,
        }
    }

    /// Nodes that it takes to write it out again.
    fn count(&self) -> usize {
        let of_key = |key: &Key| 1 + key.name.len() / BYTES_PER_NODE;
        1 + match &self.value {
            Value::Scalar { text, .. } => text.len() / BYTES_PER_NODE,
            Value::List(items) => items.iter().map(Node::count).sum(),
            Value::Map(entries) => {
                entries.iter().map(|(key, node)| of_key(key) + node.count()).sum()
            }
        }
    }
}

/// Reads one document; none when the file says nothing. Problems that do not hide the rest are
/// added to `problems`.
///
/// # Errors
/// The problem behind which nothing can be read.
pub(super) fn read(text: &str, problems: &mut Vec<Problem>) -> Result<Option<Node>, Problem> {
    if text.len() > FILE_BYTES_MAX {
        let message = format!("has {} bytes; at most {FILE_BYTES_MAX}", text.len());
        return Err(Problem::new(At::START, "", message));
    }
    let mut tree =
        Tree { problems, anchors: HashMap::new(), open: Vec::new(), root: None, nodes: 0 };
    // A byte order mark is no character of the text.
    let mut parser = Parser::new_from_str(text.strip_prefix('\u{feff}').unwrap_or(text));
    while let Some(event) = parser.next_event() {
        let (event, span) = event.map_err(|error| broken(&error))?;
        tree.take(event, span)?;
    }
    Ok(tree.root)
}

fn broken(error: &ScanError) -> Problem {
    let info: String = error.info().chars().take(200).collect();
    Problem::new(at(error.marker()), "", format!("is no YAML here: {info}"))
}

fn at(marker: &Marker) -> At {
    At { line: marker.line(), column: marker.col() + 1 }
}

/// A list or map that is not yet ended.
struct Open {
    at: At,
    anchor: usize,
    kind: OpenKind,
}

enum OpenKind {
    List(Vec<Node>),
    Map { entries: Vec<(Key, Node)>, key: Option<Key> },
}

struct Tree<'a> {
    problems: &'a mut Vec<Problem>,
    anchors: HashMap<usize, Node>,
    open: Vec<Open>,
    root: Option<Node>,
    nodes: usize,
}

impl Tree<'_> {
    fn take(&mut self, event: Event, span: Span) -> Result<(), Problem> {
        let at = at(&span.start);
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                self.check_tag(at, tag.as_deref());
                let is_plain = style == ScalarStyle::Plain;
                let value = Value::Scalar { text: text.into_owned(), is_plain };
                self.add(Node { at, value }, anchor)
            }
            Event::SequenceStart(anchor, tag) => {
                self.check_tag(at, tag.as_deref());
                self.begin(Open { at, anchor, kind: OpenKind::List(Vec::new()) })
            }
            Event::MappingStart(anchor, tag) => {
                self.check_tag(at, tag.as_deref());
                let kind = OpenKind::Map { entries: Vec::new(), key: None };
                self.begin(Open { at, anchor, kind })
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let Some(Open { at, anchor, kind }) = self.open.pop() else { return Ok(()) };
                let value = match kind {
                    OpenKind::List(items) => Value::List(items),
                    OpenKind::Map { entries, .. } => Value::Map(entries),
                };
                self.add(Node { at, value }, anchor)
            }
            Event::Alias(anchor) => {
                let Some(nodes) = self.anchors.get(&anchor).map(Node::count) else {
                    let message = "an alias must stand behind the value that it repeats";
                    return Err(Problem::new(at, "", message));
                };
                self.count(at, nodes)?;
                let node = Node { at, ..self.anchors[&anchor].clone() };
                self.place(node)
            }
            Event::DocumentStart(_) if self.root.is_some() => {
                Err(Problem::new(at, "", "a second document begins; a file holds one"))
            }
            _ => Ok(()),
        }
    }

    fn check_tag(&mut self, at: At, tag: Option<&Tag>) {
        if let Some(tag) = tag {
            let shown: String = format!("{}{}", tag.handle, tag.suffix).chars().take(60).collect();
            let message = format!("the tag `{shown}` is not understood; leave it out");
            self.problems.push(Problem::new(at, "", message));
        }
    }

    fn count(&mut self, at: At, nodes: usize) -> Result<(), Problem> {
        self.nodes = self.nodes.saturating_add(nodes);
        if self.nodes > NODES_MAX {
            let message = format!(
                "from here on there are more than {NODES_MAX} values, those that aliases repeat \
                 included"
            );
            return Err(Problem::new(at, "", message));
        }
        Ok(())
    }

    fn begin(&mut self, open: Open) -> Result<(), Problem> {
        if self.open.len() >= DEPTH_MAX {
            let message = format!("is nested more than {DEPTH_MAX} levels deep");
            return Err(Problem::new(open.at, "", message));
        }
        self.open.push(open);
        Ok(())
    }

    /// Adds a node that was written here.
    fn add(&mut self, node: Node, anchor: usize) -> Result<(), Problem> {
        self.count(node.at, 1)?;
        if anchor > 0 {
            self.count(node.at, node.count())?;
            self.anchors.insert(anchor, node.clone());
        }
        self.place(node)
    }

    /// Puts a node where it belongs: into the open list or map, or at the root.
    fn place(&mut self, node: Node) -> Result<(), Problem> {
        match self.open.last_mut().map(|open| &mut open.kind) {
            None => self.root = Some(node),
            Some(OpenKind::List(items)) => items.push(node),
            Some(OpenKind::Map { entries, key }) => match key.take() {
                Some(key) => {
                    if entries.len() >= KEYS_MAX {
                        let message = format!("a map has at most {KEYS_MAX} keys");
                        return Err(Problem::new(key.at, "", message));
                    }
                    if let Some((first, _)) = entries.iter().find(|(k, _)| k.name == key.name) {
                        let message = format!("is written a second time; first in {}", first.at);
                        self.problems.push(Problem::new(key.at, &key.name, message));
                    }
                    entries.push((key, node));
                }
                None => match node.value {
                    Value::Scalar { text, .. } => *key = Some(Key { at: node.at, name: text }),
                    _ => return Err(Problem::new(node.at, "", "a key must be a text")),
                },
            },
        }
        Ok(())
    }
}
