//! How a configuration is described: keys with what they hold, their default and their meaning.
//! The check, the JSON schema and the page in `docs` come from these descriptions.

/// A group of keys.
#[derive(Debug)]
pub struct Section {
    /// Its name, for the page; one name for one group.
    pub name: &'static str,
    /// What it is for.
    pub about: &'static str,
    /// Its keys.
    pub fields: &'static [Field],
}

/// A key.
#[derive(Debug)]
pub struct Field {
    /// Its name.
    pub name: &'static str,
    /// What it holds.
    pub shape: Shape,
    /// What counts when it is not there, in words; empty where nothing does.
    pub default: &'static str,
    /// What it means.
    pub help: &'static str,
    /// Whether it must be there.
    pub is_required: bool,
}

/// What a key holds.
#[derive(Debug)]
pub enum Shape {
    /// true or false.
    Bool,
    /// A text of at most so many bytes, not empty.
    Text(usize),
    /// A name: 1 to 64 letters, digits and `. _ - : /`.
    Name,
    /// A text that must pass a check.
    Checked {
        /// What it must be, behind "must be".
        rule: &'static str,
        /// The check.
        check: fn(&str) -> bool,
    },
    /// A whole number, both ends included.
    Integer(u64, u64),
    /// A number, both ends included.
    Number(f64, f64),
    /// An amount of money.
    Money,
    /// One of some words.
    Word(&'static [&'static str]),
    /// One or several of some shape.
    OneOrMany(&'static Shape, usize),
    /// A list of at most so many.
    List(&'static Shape, usize),
    /// Values by a name, at most so many.
    Map {
        /// What the names are, in a word: `preset`.
        key: &'static str,
        /// The names that there may be; empty for any.
        names: &'static [&'static str],
        /// What each holds.
        of: &'static Shape,
        /// Most entries.
        count_max: usize,
    },
    /// A group of keys.
    Section(&'static Section),
    /// Parameters of requests with their values.
    Parameters,
    /// A key whose time has not come, with the message that says so.
    Reserved(&'static str),
}

impl Field {
    pub(super) const fn new(
        name: &'static str,
        shape: Shape,
        default: &'static str,
        help: &'static str,
    ) -> Field {
        Field { name, shape, default, help, is_required: false }
    }

    pub(super) const fn required(name: &'static str, shape: Shape, help: &'static str) -> Field {
        Field { name, shape, default: "", help, is_required: true }
    }
}

impl Shape {
    /// The group of keys in it, also as entries of a list or map.
    pub fn section(&self) -> Option<&'static Section> {
        match self {
            Shape::Section(section) => Some(section),
            Shape::OneOrMany(of, _) | Shape::List(of, _) | Shape::Map { of, .. } => of.section(),
            _ => None,
        }
    }

    /// What is allowed, behind "must be".
    pub fn rule(&self) -> String {
        match self {
            Shape::Bool => "true or false".to_owned(),
            Shape::Text(bytes) => format!("a text of 1 to {bytes} bytes"),
            Shape::Name => "a name of 1 to 64 letters, digits and . _ - : /".to_owned(),
            Shape::Checked { rule, .. } => (*rule).to_owned(),
            Shape::Integer(min, u64::MAX) => format!("a whole number, at least {min}"),
            Shape::Integer(min, max) => format!("a whole number from {min} to {max}"),
            Shape::Number(min, max) => format!("a number from {min} to {max}"),
            Shape::Money => {
                "an amount like 0.15, with at most nine digits behind the point".to_owned()
            }
            Shape::Word(words) => format!("one of {}", words.join(", ")),
            Shape::OneOrMany(of, count) => format!("{}, or a list of at most {count}", of.rule()),
            Shape::List(of, count) => format!("a list of at most {count}, each {}", of.rule()),
            Shape::Map { key, names: [], count_max, .. } => {
                format!("a map by {key}, of at most {count_max} entries")
            }
            Shape::Map { key, names, .. } => format!("a map by {key}: {}", names.join(", ")),
            Shape::Section(section) => {
                let names: Vec<&str> = section.fields.iter().map(|field| field.name).collect();
                format!("a map with the keys {}", names.join(", "))
            }
            Shape::Parameters => "a map of parameters of requests with their values".to_owned(),
            Shape::Reserved(_) => "left out".to_owned(),
        }
    }
}
