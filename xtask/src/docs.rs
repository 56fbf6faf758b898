//! Pages that are made from the code's own tables.

use crate::{config_page, formulas, knobs, profiles_page};
use sampling::params::PARAMS;
use sampling::profile::PROFILES;
use std::fmt::Write;
use std::path::Path;

const PARAMETERS_PAGE: &str = "docs/PARAMETERS.md";

/// Every page and picture with its text.
fn pages() -> Vec<(String, String)> {
    let pictures = knobs::pictures().into_iter();
    let mut pages: Vec<(String, String)> =
        pictures.map(|(knob, svg)| (format!("docs/{}", knobs::path(knob)), svg)).collect();
    pages.push((PARAMETERS_PAGE.to_owned(), parameters_page()));
    pages.push((profiles_page::PATH.to_owned(), profiles_page::page()));
    pages.push((config_page::PATH.to_owned(), config_page::page()));
    pages.push((config_page::SCHEMA_PATH.to_owned(), config_page::schema()));
    pages
}

/// Writes the pages; returns what went wrong.
pub fn write(root: &Path) -> Vec<String> {
    let mut problems = Vec::new();
    for (name, text) in pages() {
        let path = root.join(&name);
        let folder = path.parent().unwrap_or(root);
        let written = std::fs::create_dir_all(folder).and_then(|()| std::fs::write(&path, text));
        problems.extend(written.err().map(|error| format!("{name}: {error}")));
    }
    problems
}

/// Which pages differ from what the code says.
pub fn problems(root: &Path) -> Vec<String> {
    let stale = |(name, text): (String, String)| {
        let found = std::fs::read_to_string(root.join(&name)).unwrap_or_default();
        (found != text).then(|| format!("{name}: not current; run `cargo xtask docs`"))
    };
    pages().into_iter().filter_map(stale).collect()
}

fn parameters_page() -> String {
    let mut page = String::from(
        "# Parameters\n\n\
         Made by `cargo xtask docs` from the tables in `crates/sampling/src/params`; \
         change it there.\n\n\
         On the command line a parameter is a flag with dashes (`--top-p 0.9`); in JSON it has \
         the name below. Aliases work in both.\n\n\
         The pictures show what a value does to one distribution of twelve tokens, after the text \
         \"the cat sea the cat\", drawn by the program's own pipeline.\n",
    );
    for spec in PARAMS {
        // Writing to a String cannot fail.
        let _ = write!(page, "\n## `{}`\n\n{}\n\n", spec.name, spec.help);
        if let Some(formula) = formulas::of(spec.name) {
            let _ = writeln!(page, "    {formula}\n");
        }
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
        for profile in &PROFILES {
            if let Some(words) = profile.treatment(spec.name) {
                let _ = writeln!(page, "- in [profile](PROFILES.md) `{}`: {words}", profile.name);
            }
        }
        let _ = writeln!(page, "- source: {}", spec.source);
        if let Some(caption) = knobs::caption(spec.name) {
            let path = knobs::path(spec.name);
            let _ = writeln!(page, "\n![{caption}: before and after]({path})");
        }
    }
    page
}
