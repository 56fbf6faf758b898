//! Results on standard output. A reader that went away (`| head`) ends the program quietly; a disk
//! that is full is an error like any other.

use std::io::{self, Write};

/// Writes `text` at once.
///
/// # Errors
/// When standard output cannot be written.
pub fn text(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}

/// Writes `text` and ends the line.
///
/// # Errors
/// As [`text`].
pub fn line(line: &str) -> io::Result<()> {
    text(&format!("{line}\n"))
}
