//! `docs/API.md`, made of the same tables as the document.

use super::operations::operations;
use crate::openai::from_wire::field_table::{Origin, Routes, Treatment, WIRE_FIELDS, WireField};
use sampling::params::PARAMS;
use std::fmt::Write;

/// The words around the tables.
const WORDS: &str = include_str!("page.md");

/// The whole page.
pub fn page() -> String {
    WORDS
        .replace("{{routes}}", &routes())
        .replace("{{openai}}", &fields(Origin::OpenAi, &[Treatment::Used]))
        .replace("{{jeton}}", &fields(Origin::Jeton, &[Treatment::Used]))
        .replace("{{ignored}}", &fields(Origin::OpenAi, &[Treatment::NoEffect, Treatment::Warned]))
        .replace("{{refused}}", &fields(Origin::OpenAi, &[Treatment::Refused]))
        .replace("{{parameters}}", &parameters())
}

fn routes() -> String {
    let mut table = String::from("| route | what it is for |\n| --- | --- |\n");
    for operation in operations() {
        let method = operation.method.to_uppercase();
        // Writing to a String cannot fail.
        let _ = writeln!(table, "| `{method} {}` | {} |", operation.path, operation.summary);
    }
    table
}

fn fields(origin: Origin, treatments: &[Treatment]) -> String {
    let mut table = String::from("| field | chat | completions | |\n| --- | --- | --- | --- |\n");
    let is_here =
        |field: &&WireField| field.origin == origin && treatments.contains(&field.treatment);
    for field in WIRE_FIELDS.iter().filter(is_here) {
        let mark = |route| if field.routes.has(route) { "yes" } else { "" };
        let (chat, completions) = (mark(Routes::Chat), mark(Routes::Completions));
        let (name, help) = (field.name, field.help);
        let _ = writeln!(table, "| `{name}` | {chat} | {completions} | {help} |");
    }
    table
}

fn parameters() -> String {
    let mut table = String::from(
        "| parameter | also called | allowed | default |\n| --- | --- | --- | --- |\n",
    );
    for spec in PARAMS {
        let aliases: Vec<String> = spec.aliases.iter().map(|name| format!("`{name}`")).collect();
        let rule = match spec.openai_range {
            Some((min, max)) => {
                format!("in [{min}, {max}]; with a `profile`: {}", spec.kind.rule())
            }
            None => spec.kind.rule(),
        };
        let (name, aliases, default) = (spec.name, aliases.join(", "), spec.default);
        let _ = writeln!(table, "| `{name}` | {aliases} | {rule} | {default} |");
    }
    table
}
