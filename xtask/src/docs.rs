//! Pages that are made from the code's own tables.

use sampling::params::PARAMS;
use std::fmt::Write;
use std::path::Path;

const PARAMETERS_PAGE: &str = "docs/PARAMETERS.md";

/// Writes the pages; returns what went wrong.
pub fn write(root: &Path) -> Vec<String> {
    match std::fs::write(root.join(PARAMETERS_PAGE), parameters_page()) {
        Ok(()) => Vec::new(),
        Err(error) => vec![format!("{PARAMETERS_PAGE}: {error}")],
    }
}

/// Which pages differ from what the code says.
pub fn problems(root: &Path) -> Vec<String> {
    let found = std::fs::read_to_string(root.join(PARAMETERS_PAGE)).unwrap_or_default();
    if found == parameters_page() {
        Vec::new()
    } else {
        vec![format!("{PARAMETERS_PAGE}: not current; run `cargo xtask docs`")]
    }
}

fn parameters_page() -> String {
    let mut page = String::from(
        "# Parameters\n\n\
         Made by `cargo xtask docs` from the table in `crates/sampling/src/params/table.rs`; \
         change it there.\n\n\
         On the command line a parameter is a flag with dashes (`--top-p 0.9`); in JSON it has \
         the name below. Aliases work in both.\n",
    );
    for spec in PARAMS {
        // Writing to a String cannot fail.
        let _ = write!(page, "\n## `{}`\n\n{}\n\n", spec.name, spec.help);
        let _ = writeln!(page, "- allowed: {}", spec.kind.rule());
        if !spec.default.is_empty() {
            let _ = writeln!(page, "- default: {}", spec.default);
        }
        if !spec.neutral.is_empty() {
            let _ = writeln!(page, "- changes nothing at: {}", spec.neutral);
        }
        if !spec.aliases.is_empty() {
            let aliases: Vec<String> =
                spec.aliases.iter().map(|alias| format!("`{alias}`")).collect();
            let _ = writeln!(page, "- also called: {}", aliases.join(", "));
        }
        let _ = writeln!(page, "- source: {}", spec.source);
    }
    page
}
