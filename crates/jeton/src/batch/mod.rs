//! `generate --batch FILE`: many prompts in one engine batch.
//!
//! Plain, each line is a request of its own and gets its result object, in the order of the lines;
//! a window of lines is in flight, so a file may be as long as it likes. With `--hf` all lines are
//! one call of Transformers' `model.generate` (see `hf.rs`), which wants them all at once.

mod hf;
mod lines;
mod matrix;
mod window;

use crate::commands::generate::{LineRequest, line_json, parse_request};
use crate::failure::Failure;
use crate::generation::Generator;
use crate::outcome::Outcome;
use crate::{interrupt, output, param_flags, shape_flags};
use answers::RequestError;
use answers::open_model::OpenModel;
use answers::structured;
use clap::ArgMatches;
use lines::Lines;
use serde_json::{Value, json};
use std::collections::VecDeque;
use window::Window;

/// Lines in flight: as many as the engine computes at once.
const LINES_IN_FLIGHT: usize = engine::limits::SEQUENCES_MAX;

/// Runs the batch that `--batch` names.
///
/// # Errors
/// When the file cannot be read, or with `--hf`, when Transformers would refuse the call.
pub fn run(model: &OpenModel, flags: &ArgMatches) -> Result<Outcome, Failure> {
    let path = flags.get_one::<String>("batch").map_or("-", String::as_str);
    let lines = Lines::open(path)?;
    match flags.get_one::<String>("hf") {
        Some(kwargs) => hf::run(model, flags, lines, kwargs),
        None => plain(model, flags, lines),
    }
}

/// One result object per line.
fn plain(model: &OpenModel, flags: &ArgMatches, mut lines: Lines) -> Result<Outcome, Failure> {
    let from_flags = param_flags::from_matches(flags);
    let shape = shape_flags::from_flags(flags)?;
    let mut generator = Generator::new(model, flags, LINES_IN_FLIGHT)?;
    let parse = |line: Result<Value, RequestError>| {
        let request = as_request(&line?)?;
        let grammar = structured::from_json(&request)?.or_else(|| shape.clone());
        parse_request(model, &from_flags, grammar, &request)
    };
    let mut window = Window::new(&mut generator);
    let mut receipts = VecDeque::new();
    let mut is_over = false;
    while !is_over || window.len() > 0 {
        while !is_over && window.len() < LINES_IN_FLIGHT {
            let Some(line) = lines.next_line()? else {
                is_over = true;
                break;
            };
            match parse(line) {
                Ok(LineRequest { prompt, effective, extras, receipt }) => {
                    receipts.push_back(receipt);
                    window.submit(model, &prompt, effective, extras, 0);
                }
                Err(error) => {
                    receipts.push_back(None);
                    window.refuse(error);
                }
            }
        }
        if interrupt::pressed() {
            window.cancel();
            is_over = true;
        }
        window.step();
        while let Some(result) = window.next_result() {
            let receipt = receipts.pop_front().flatten();
            let reply = result
                .and_then(|answer| line_json(model, window.generator(), &answer, receipt))
                .unwrap_or_else(|error| error.to_json());
            output::line(&reply.to_string())?;
        }
    }
    Ok(if interrupt::pressed() { Outcome::Interrupted } else { Outcome::Done })
}

/// A line as a request object: a text is a prompt, a list of numbers ids, a list of objects a
/// conversation.
fn as_request(line: &Value) -> Result<Value, RequestError> {
    match line {
        Value::Object(_) => Ok(line.clone()),
        Value::String(text) => Ok(json!({"prompt": text})),
        Value::Array(items) if items.iter().all(Value::is_number) => Ok(json!({"ids": items})),
        Value::Array(items) if items.iter().all(Value::is_object) => Ok(json!({"messages": items})),
        _ => {
            let rule = "a line is a text, a list of token ids, a list of messages or a request";
            Err(RequestError::new("invalid_json", rule))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_become_requests() {
        assert_eq!(as_request(&json!("a")).expect("a text"), json!({"prompt": "a"}));
        assert_eq!(as_request(&json!([1, 2])).expect("ids"), json!({"ids": [1, 2]}));
        let message = json!({"role": "user", "content": "x"});
        assert_eq!(as_request(&json!([message])).expect("chat"), json!({"messages": [message]}));
        assert_eq!(as_request(&json!({"ids": [1]})).expect("itself"), json!({"ids": [1]}));
        for wrong in [json!(1), json!(null), json!(["a"]), json!([1, "a"])] {
            assert!(as_request(&wrong).is_err(), "{wrong}");
        }
    }
}
