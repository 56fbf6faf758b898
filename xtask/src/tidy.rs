//! Rules about the text of the code: lengths of lines, functions and files, and words to avoid.

use std::path::{Path, PathBuf};

const COLUMNS_MAX: usize = 100;
const FILE_LINES_MAX: usize = 600;
const FUNCTION_LINES_MAX: usize = 70;

/// What the sources break, as `file:line: sentence`.
pub fn problems(root: &Path) -> Vec<String> {
    let mut problems = Vec::new();
    let files = rust_files(root);
    if files.is_empty() {
        problems.push("no Rust sources found".to_string());
    }
    for path in files {
        let name = path.strip_prefix(root).unwrap_or(&path).display().to_string();
        match std::fs::read_to_string(&path) {
            Ok(text) => problems.extend(
                file_problems(&name, &text)
                    .into_iter()
                    .map(|(line, problem)| format!("{name}:{line}: {problem}")),
            ),
            Err(error) => problems.push(format!("{name}: cannot be read: {error}")),
        }
    }
    problems
}

/// Every Rust file under `crates`, `xtask`, `fuzz` and `examples`.
fn rust_files(root: &Path) -> Vec<PathBuf> {
    let mut pending: Vec<PathBuf> =
        ["crates", "xtask", "fuzz", "examples"].iter().map(|folder| root.join(folder)).collect();
    let mut files = Vec::new();
    while let Some(folder) = pending.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() && !path.ends_with("target") {
                pending.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path);
            }
        }
    }
    files.sort();
    files
}

fn file_problems(name: &str, text: &str) -> Vec<(usize, String)> {
    let mut problems = Vec::new();
    let lines: Vec<&str> = text.lines().collect();
    if lines.len() > FILE_LINES_MAX {
        problems.push((1, format!("{} lines; at most {FILE_LINES_MAX}", lines.len())));
    }
    let tests_start = lines.iter().position(|line| line.starts_with("#[cfg(test)]"));
    let is_test_file = name.contains("/tests/") || name.contains("/benches/");
    for (index, line) in lines.iter().enumerate() {
        if line.chars().count() > COLUMNS_MAX {
            problems.push((index + 1, format!("over {COLUMNS_MAX} columns")));
        }
        let in_tests = is_test_file || tests_start.is_some_and(|start| index > start);
        if !in_tests {
            problems.extend(word_problem(line).map(|problem| (index + 1, problem)));
        }
    }
    problems.extend(function_problems(&lines));
    problems
}

/// Words that a finished line outside of the tests does not hold.
fn word_problem(line: &str) -> Option<String> {
    // Spelled in halves, so that this table is not found by its own rule.
    let words = [
        (concat!(".unw", "rap()"), "say with expect() why it cannot fail, or return the error"),
        (concat!("to", "do!("), "finish it or leave it out"),
        (concat!("unimple", "mented!("), "finish it or leave it out"),
        (concat!("TO", "DO"), "finish it or leave it out"),
        (concat!("FIX", "ME"), "mend it or leave it out"),
        (concat!("db", "g!("), "remove it"),
    ];
    words
        .iter()
        .find(|(word, _)| line.contains(word))
        .map(|(word, advice)| format!("`{word}`: {advice}"))
}

/// Functions longer than the limit, by the closing brace at the indentation of their `fn` line
/// (which rustfmt guarantees).
fn function_problems(lines: &[&str]) -> Vec<(usize, String)> {
    let mut problems = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        let Some(name) = function_name(line) else { continue };
        let indent = line.len() - line.trim_start().len();
        let close = format!("{}}}", " ".repeat(indent));
        let Some(length) = lines[index..].iter().position(|line| *line == close) else { continue };
        // A declaration without a body, or with an empty one, finds somebody else's brace.
        let bodyless = lines[index..index + length].iter().any(|line| line.trim_end() == ");")
            || line.ends_with(';')
            || line.ends_with("{}");
        if !bodyless && length + 1 > FUNCTION_LINES_MAX {
            let count = length + 1;
            let problem = format!("`{name}` has {count} lines; at most {FUNCTION_LINES_MAX}");
            problems.push((index + 1, problem));
        }
    }
    problems
}

/// The name of the function that `line` opens.
fn function_name(line: &str) -> Option<&str> {
    let code = line.trim_start();
    if code.starts_with("//") || code.trim_end().ends_with("{}") {
        return None;
    }
    let (before, after) = code.split_once("fn ")?;
    let modifiers = ["", "pub", "const", "async", "unsafe", "extern", "pub(crate)", "pub(super)"];
    let is_head = before.split_whitespace().all(|word| modifiers.contains(&word));
    let name = after.split(['(', '<']).next()?;
    (is_head && !name.is_empty()).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_function_is_found_and_a_short_one_is_not() {
        let body = "    let x = 1;\n".repeat(FUNCTION_LINES_MAX);
        let text = format!("fn short() {{\n}}\n\npub fn long() {{\n{body}}}\n");
        let found = file_problems("a.rs", &text);
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].0, 4);
    }

    #[test]
    fn words_are_refused_outside_of_tests_only() {
        let call = concat!("x.unw", "rap();");
        let text = format!("fn a() {{\n    {call}\n}}\n#[cfg(test)]\nmod tests {{\n{call}\n}}\n");
        let found = file_problems("a.rs", &text);
        assert_eq!(found.iter().map(|(line, _)| *line).collect::<Vec<_>>(), [2]);
        assert!(file_problems("crates/a/tests/it/main.rs", &text).is_empty());
    }

    #[test]
    fn wide_lines_are_found() {
        let text = format!("// {}\n", "x".repeat(COLUMNS_MAX));
        assert_eq!(file_problems("a.rs", &text).len(), 1);
    }
}
