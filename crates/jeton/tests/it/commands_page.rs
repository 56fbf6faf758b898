//! `docs/COMMANDS.md` shows what the commands really print.
//!
//! `cargo xtask commands` sets `JETON_RECORD`, and the page is written instead of held.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Longer lines, those of JSON sooner, and outputs of more lines, are cut.
const LINE_CHARS_MAX: usize = 600;
const JSON_CHARS_MAX: usize = 160;
const OUTPUT_LINES_MAX: usize = 40;

#[test]
fn the_page_of_commands_shows_what_they_print() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/COMMANDS.md");
    let page = std::fs::read_to_string(&path).expect("the page");
    let record = std::env::var_os("JETON_RECORD").is_some();
    let now = run_page(&page, record);
    if record {
        std::fs::write(&path, now).expect("the page can be written");
        return;
    }
    for (number, (shown, printed)) in page.lines().zip(now.lines()).enumerate() {
        assert_eq!(shown, printed, "docs/COMMANDS.md:{}; cargo xtask commands", number + 1);
    }
    assert_eq!(page.len(), now.len(), "docs/COMMANDS.md is not current; cargo xtask commands");
}

/// The page with the outputs that its commands have now. All run in one folder, one after the
/// other; what varies from run to run is only run to be recorded.
fn run_page(page: &str, record: bool) -> String {
    let folder = tempfile::tempdir().expect("a folder");
    let mut out = String::new();
    let mut block: Option<bool> = None;
    for line in page.lines() {
        match (block, line) {
            (None, "```console") => block = Some(true),
            (None, "```console varies") => block = Some(record),
            (Some(_), "```") => block = None,
            (Some(true), _) => {
                if let Some(command) = line.strip_prefix("$ ") {
                    writeln!(out, "{line}").expect("memory");
                    out.push_str(&shown(&run(command, folder.path())));
                }
                continue;
            }
            _ => {}
        }
        writeln!(out, "{line}").expect("memory");
    }
    out
}

/// What a shell prints for `command`, errors among the rest.
fn run(command: &str, folder: &Path) -> String {
    let binary = PathBuf::from(env!("CARGO_BIN_EXE_jeton"));
    let mut paths = vec![binary.parent().expect("a folder").to_path_buf()];
    paths.extend(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()));
    let output = Command::new("sh")
        .args(["-c", &format!("exec 2>&1; {command}")])
        .current_dir(folder)
        .env("PATH", std::env::join_paths(paths).expect("plain paths"))
        .env("COLUMNS", "100")
        .output()
        .expect("a shell");
    String::from_utf8(output.stdout).expect("output is UTF-8")
}

/// The output without times, cut where it is long.
fn shown(output: &str) -> String {
    let mut out = String::new();
    for (index, line) in output.lines().enumerate() {
        if index == OUTPUT_LINES_MAX {
            out.push_str("…\n");
            break;
        }
        let line = without_times(line);
        let most = if line.starts_with('{') { JSON_CHARS_MAX } else { LINE_CHARS_MAX };
        let cut: String = line.chars().take(most).collect();
        let more = if cut.len() < line.len() { "…" } else { "" };
        writeln!(out, "{}", format!("{cut}{more}").trim_end()).expect("memory");
    }
    out
}

/// Numbers before "ms", "tokens/s" and "KiB", and those of JSON fields that end in `_ms`, become an
/// ellipsis.
fn without_times(line: &str) -> String {
    let mut out = String::new();
    let mut rest = line;
    while let Some(start) = rest.find(|letter: char| letter.is_ascii_digit()) {
        let after = rest[start..].trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
        let number = &rest[start..rest.len() - after.len()];
        let before = &rest[..start];
        out.push_str(before);
        let units = [" ms", " tokens/s", " KiB)"];
        let is_time = units.iter().any(|unit| after.starts_with(unit));
        out.push_str(if is_time || before.ends_with("_ms\":") { "…" } else { number });
        rest = after;
    }
    out + rest
}

#[test]
fn the_page_has_every_command() {
    let page = include_str!("../../../../docs/COMMANDS.md");
    let help = super::jeton(&["--help"]).out;
    let list = help.split("Commands:\n").nth(1).and_then(|rest| rest.split("\n\n").next());
    let lines = list.expect("the help lists the commands").lines();
    let names = lines.filter_map(|line| line.strip_prefix("  ")?.split(' ').next());
    let mut count = 0;
    for name in names.filter(|name| !name.is_empty() && *name != "help") {
        let example = format!("jeton {name} ");
        let ends = format!("jeton {name}\n");
        let is_shown = page.contains(&example) || page.contains(&ends);
        assert!(is_shown, "docs/COMMANDS.md has no example of `jeton {name}`");
        count += 1;
    }
    assert!(count >= 13, "{help}");
}
