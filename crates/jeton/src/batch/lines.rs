//! The lines of a batch file, each bounded.

use crate::failure::Failure;
use crate::jsonl;
use answers::RequestError;
use serde_json::Value;
use std::fs::File;
use std::io::{BufRead, BufReader};

/// A file of JSON lines that is being read.
pub struct Lines {
    input: Box<dyn BufRead>,
    path: String,
    line: Vec<u8>,
}

impl Lines {
    /// Opens the file at `path`; `-` is standard input.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub fn open(path: &str) -> Result<Lines, Failure> {
        let input: Box<dyn BufRead> = match path {
            "-" => Box::new(BufReader::new(std::io::stdin())),
            _ => Box::new(BufReader::new(
                File::open(path).map_err(|error| Failure::new(format!("{path}: {error}")))?,
            )),
        };
        Ok(Lines { input, path: path.to_owned(), line: Vec::new() })
    }

    /// The next line that is not blank; none at the end. A line that is too long or no JSON is an
    /// error of that line alone.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn next_line(&mut self) -> Result<Option<Result<Value, RequestError>>, Failure> {
        loop {
            let is_line = jsonl::read_line(&mut self.input, &mut self.line)
                .map_err(|error| Failure::new(format!("{}: {error}", self.path)))?;
            if !is_line {
                return Ok(None);
            }
            if !self.line.iter().all(u8::is_ascii_whitespace) {
                return Ok(Some(jsonl::parse_value(&self.line)));
            }
        }
    }
}
