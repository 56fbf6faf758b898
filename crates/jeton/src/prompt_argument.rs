//! A prompt as an argument of the command line.

use crate::failure::Failure;

/// The text of a prompt argument; `-` reads standard input, up to a bound.
///
/// # Errors
/// When standard input cannot be read, is not UTF-8 or is too long.
pub fn read_argument(argument: &str) -> Result<String, Failure> {
    use std::io::Read;
    if argument != "-" {
        return Ok(argument.to_owned());
    }
    let limit = crate::jsonl::LINE_BYTES_MAX as u64;
    let mut bytes = Vec::new();
    std::io::stdin().lock().take(limit + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit {
        return Err(Failure::new(format!("the prompt may have at most {limit} bytes")));
    }
    String::from_utf8(bytes).map_err(|_| Failure::new("the prompt on standard input is no UTF-8"))
}
