//! The machine-readable commands: one JSON request a line in, one JSON answer a line out.

use answers::RequestError;
use serde_json::Value;
use std::io::{self, BufRead, Read, Write};

/// The longest line that is read, in bytes: a row of 256 thousand logits written with 20 digits
/// takes about 5 MB. JSON in memory can take 150 times its text, so this also bounds that, to
/// about 1 GB.
pub const LINE_BYTES_MAX: usize = 8 << 20;

/// Serves requests from `input` until it ends, flushing `output` after each answer.
///
/// # Errors
/// Only when `input` cannot be read or `output` cannot be written.
pub fn serve(
    mut input: impl BufRead,
    mut output: impl Write,
    mut answer: impl FnMut(&Value) -> Result<Value, RequestError>,
) -> io::Result<()> {
    let mut line = Vec::new();
    while read_line(&mut input, &mut line)? {
        if line.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        let reply = parse(&line)
            .and_then(|request| answer(&request))
            .unwrap_or_else(|error| error.to_json());
        writeln!(output, "{reply}")?;
        output.flush()?;
    }
    Ok(())
}

/// Reads one line without its end, at most [`LINE_BYTES_MAX`] + 1 bytes of it; the rest of a longer
/// one is skipped. Returns false at the end of input.
pub fn read_line(input: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<bool> {
    line.clear();
    let limit = LINE_BYTES_MAX as u64 + 1;
    if input.by_ref().take(limit).read_until(b'\n', line)? == 0 {
        return Ok(false);
    }
    if line.last() == Some(&b'\n') {
        line.pop();
    } else if line.len() > LINE_BYTES_MAX {
        skip_line(input)?;
    }
    Ok(true)
}

fn skip_line(input: &mut impl BufRead) -> io::Result<()> {
    loop {
        let available = input.fill_buf()?;
        let end = available.iter().position(|&byte| byte == b'\n');
        let used = end.map_or(available.len(), |end| end + 1);
        let done = end.is_some() || available.is_empty();
        input.consume(used);
        if done {
            return Ok(());
        }
    }
}

/// The JSON value of a line.
///
/// # Errors
/// When the line is too long or no JSON.
pub fn parse_value(line: &[u8]) -> Result<Value, RequestError> {
    if line.len() > LINE_BYTES_MAX {
        let message = format!("a request may have at most {LINE_BYTES_MAX} bytes");
        return Err(RequestError::new("too_large", message));
    }
    serde_json::from_slice(line)
        .map_err(|error| RequestError::new("invalid_json", error.to_string()))
}

fn parse(line: &[u8]) -> Result<Value, RequestError> {
    let request = parse_value(line)?;
    if request.is_object() {
        Ok(request)
    } else {
        Err(RequestError::new("invalid_json", "a request is a JSON object"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn run(input: &[u8]) -> String {
        let mut output = Vec::new();
        serve(input, &mut output, |request| match &request["fail"] {
            Value::Null => Ok(json!({"echo": request["x"]})),
            _ => Err(RequestError::parameter("fail", "must be absent")),
        })
        .expect("memory can be read and written");
        String::from_utf8(output).expect("JSON is UTF-8")
    }

    #[test]
    fn a_bad_line_gets_its_error_and_the_stream_goes_on() {
        let output = run(b"{\"x\":1}\n\nnonsense\n[1]\n{\"fail\":1}\n{\"x\":2}");
        let lines: Vec<&str> = output.lines().collect();
        assert_eq!(lines.len(), 5);
        assert_eq!(lines[0], r#"{"echo":1}"#);
        assert!(lines[1].contains("invalid_json"));
        assert!(lines[2].contains("a request is a JSON object"));
        assert!(lines[3].contains(r#""param":"fail""#));
        assert_eq!(lines[4], r#"{"echo":2}"#);
    }

    #[test]
    fn a_line_over_the_limit_is_refused_and_skipped() {
        let mut input = vec![b' '; LINE_BYTES_MAX + 10];
        input[0] = b'"';
        input.extend_from_slice(b"\n{\"x\":3}\n");
        let output = run(&input);
        let lines: Vec<&str> = output.lines().collect();
        assert!(lines[0].contains("too_large"));
        assert_eq!(lines[1], r#"{"echo":3}"#);
    }
}
