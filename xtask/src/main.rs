//! House rules and generated docs.
//!
//! `cargo xtask tidy` checks the rules, `cargo xtask docs` writes the pages that come from the
//! code's own tables, `cargo xtask docs --check` says whether they are current. The same checks run
//! in `cargo test`. `cargo xtask commands` runs every command of `docs/COMMANDS.md` again and
//! records its output. `cargo xtask picture COMMAND` turns a terminal's text on standard input into
//! the front page's SVG.
#![forbid(unsafe_code)]

mod arrows;
mod bars;
mod config_page;
mod docs;
mod formulas;
mod knobs;
mod picture;
mod profiles_page;
mod tidy;

use std::path::PathBuf;
use std::process::ExitCode;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let problems = match words.as_slice() {
        ["tidy"] => [tidy::problems(&root()), arrows::problems(&root())].concat(),
        ["docs"] => docs::write(&root()),
        ["docs", "--check"] => docs::problems(&root()),
        ["commands"] => record_commands(),
        ["picture", command] => picture::print(command),
        _ => vec![
            "usage: cargo xtask tidy | docs [--check] | commands | picture COMMAND".to_string(),
        ],
    };
    for problem in &problems {
        eprintln!("{problem}");
    }
    if problems.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(1) }
}

/// Lets the test that holds the page write it instead: only there the program is known to be built.
fn record_commands() -> Vec<String> {
    let test = "commands_page";
    let status = std::process::Command::new("cargo")
        .args(["test", "-q", "-p", "jeton", "--test", "it", test])
        .env("JETON_RECORD", "1")
        .current_dir(root())
        .status();
    match status {
        Ok(status) if status.success() => Vec::new(),
        Ok(status) => vec![format!("recording ended with {status}")],
        Err(error) => vec![format!("cargo: {error}")],
    }
}

/// The workspace's folder.
fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_house_is_tidy() {
        assert_eq!(tidy::problems(&root()), Vec::<String>::new());
    }

    #[test]
    fn arrows_go_down_only() {
        assert_eq!(arrows::problems(&root()), Vec::<String>::new());
    }

    #[test]
    fn generated_docs_are_current() {
        assert_eq!(docs::problems(&root()), Vec::<String>::new());
    }
}
