//! What is wrong with a configuration, and where.

use std::fmt;

/// Most problems that are told.
const PROBLEMS_MAX: usize = 100;

/// A place in a file, counted from 1; columns count characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct At {
    /// The line.
    pub line: usize,
    /// The column.
    pub column: usize,
}

impl At {
    /// The beginning of a file.
    pub const START: At = At { line: 1, column: 1 };
}

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)
    }
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where.
    pub at: At,
    /// The key, with the keys above it: `models[0].limits.max_tokens.max`; empty for the file.
    pub path: String,
    /// What was wrong and what is allowed.
    pub message: String,
}

impl Problem {
    pub(super) fn new(at: At, path: impl Into<String>, message: impl Into<String>) -> Self {
        Problem { at, path: path.into(), message: message.into() }
    }
}

/// Everything that is wrong with a configuration, in the order of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// The file's name.
    pub file: String,
    /// The problems; never empty.
    pub problems: Vec<Problem>,
    /// How many more there are.
    pub more: usize,
}

impl ConfigError {
    pub(super) fn new(file: &str, mut problems: Vec<Problem>) -> Self {
        problems.sort_by_key(|problem| problem.at);
        problems.dedup();
        let more = problems.len().saturating_sub(PROBLEMS_MAX);
        problems.truncate(PROBLEMS_MAX);
        ConfigError { file: file.to_owned(), problems, more }
    }
}

/// A line for each problem: `jeton.yaml:12:5: limits.max_tokens.max: must be ...`.
impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, Problem { at, path, message }) in self.problems.iter().enumerate() {
            let newline = if index == 0 { "" } else { "\n" };
            let colon = if path.is_empty() { "" } else { ": " };
            write!(f, "{newline}{}:{}:{}: {path}{colon}{message}", self.file, at.line, at.column)?;
        }
        match self.more {
            0 => Ok(()),
            more => write!(f, "\n{}: and {more} more problems", self.file),
        }
    }
}

impl std::error::Error for ConfigError {}
