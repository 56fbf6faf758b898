//! Every command, run as a user would run it, on the model inside the program.

mod accounts;
mod bad_input;
mod batches;
mod beams;
mod choices;
mod commands_page;
mod compare;
mod configuration;
mod conformance;
mod generating;
mod linting;
mod protocol;
mod records;
mod serving;
mod speculation;
mod structured;
mod thinking;
mod trace_page;
mod truncation;

use serde_json::Value;
use std::io::Write;
use std::process::{Command, Output, Stdio};

/// What a run printed and how it ended.
struct Run {
    out: String,
    err: String,
    code: i32,
}

/// Runs `jeton` with `words`.
fn jeton(words: &[&str]) -> Run {
    jeton_with_input(words, "")
}

/// Runs `jeton` with `words` and `input` on its standard input.
fn jeton_with_input(words: &[&str], input: &str) -> Run {
    let mut child = Command::new(env!("CARGO_BIN_EXE_jeton"))
        .args(words)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary was built for this test");
    let mut stdin = child.stdin.take().expect("stdin is piped");
    let bytes = input.as_bytes().to_vec();
    // A command that refuses its flags does not read its input.
    let writer = std::thread::spawn(move || drop(stdin.write_all(&bytes)));
    let Output { status, stdout, stderr } = child.wait_with_output().expect("it ends");
    writer.join().expect("the writer ends");
    Run {
        out: String::from_utf8(stdout).expect("output is UTF-8"),
        err: String::from_utf8(stderr).expect("messages are UTF-8"),
        code: status.code().expect("it was not killed"),
    }
}

/// Serves JSON Lines requests with a command and returns the answers.
fn serve(words: &[&str], requests: &[Value]) -> Vec<Value> {
    let input: String = requests.iter().map(|request| format!("{request}\n")).collect();
    let run = jeton_with_input(words, &input);
    assert_eq!(run.code, 0, "{}", run.err);
    let answers: Vec<Value> =
        run.out.lines().map(|line| serde_json::from_str(line).expect("a JSON line")).collect();
    assert_eq!(answers.len(), requests.len(), "one answer per request");
    answers
}
