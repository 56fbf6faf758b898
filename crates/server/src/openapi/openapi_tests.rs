//! The document against the code that it describes.

use super::*;
use crate::openai::from_wire::field_table::{Routes, Treatment, WIRE_FIELDS};
use sampling::params::PARAMS;
use std::collections::BTreeSet;
use std::path::Path;

/// Paths of the routes as the files of `routes/` name them, the page's files apart.
fn paths_of_the_router() -> BTreeSet<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/routes");
    let mut paths = BTreeSet::new();
    for entry in std::fs::read_dir(folder).expect("the folder is there").flatten() {
        if entry.file_name() == "web.rs" {
            continue;
        }
        let source = std::fs::read_to_string(entry.path()).expect("a source file");
        let source = source.split("#[cfg(test)]").next().unwrap_or_default();
        for place in source.split(".route(").skip(1) {
            let path = place.trim_start().strip_prefix('"').expect("a path is a text");
            let path = path.split('"').next().unwrap_or_default();
            paths.insert(path.replace("{*", "{"));
        }
    }
    paths
}

#[test]
fn every_route_is_described_and_no_other() {
    let document = document();
    let described = document["paths"].as_object().expect("paths").keys().cloned().collect();
    assert_eq!(paths_of_the_router(), described);
}

#[test]
fn requests_have_every_field_and_parameter() {
    let document = document();
    for (name, route) in [("ChatRequest", Routes::Chat), ("CompletionRequest", Routes::Completions)]
    {
        let properties = &document["components"]["schemas"][name]["properties"];
        for spec in PARAMS {
            assert!(spec.names().all(|name| properties.get(name).is_some()), "{}", spec.name);
        }
        for field in WIRE_FIELDS.iter().filter(|field| field.routes.has(route)) {
            let is_used = field.treatment != Treatment::Refused;
            assert_eq!(properties.get(field.name).is_some(), is_used, "{}", field.name);
        }
    }
}

#[test]
fn references_lead_somewhere_and_names_are_used_once() {
    let document = document();
    let mut ids = BTreeSet::new();
    for (path, item) in document["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("methods") {
            let id = operation["operationId"].as_str().expect("an id").to_owned();
            assert!(ids.insert(id), "{method} {path}");
        }
    }
    check_references(&document, &document);
}

fn check_references(document: &Value, value: &Value) {
    if let Some(reference) = value.get("$ref").and_then(Value::as_str) {
        let pointer = reference.trim_start_matches('#');
        assert!(document.pointer(pointer).is_some(), "{reference}");
    }
    match value {
        Value::Object(fields) => fields.values().for_each(|v| check_references(document, v)),
        Value::Array(items) => items.iter().for_each(|v| check_references(document, v)),
        _ => {}
    }
}

#[test]
fn the_docs_page_is_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/API.md");
    let text = page::page();
    if std::env::var_os("JETON_WRITE_DOCS").is_some() {
        std::fs::write(&path, &text).expect("it can be written");
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(found == text, "docs/API.md is not current: see its second sentence");
}
