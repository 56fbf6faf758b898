//! `/openapi.json`: every public route, made from the tables that the readers use.
//!
//! A test holds the routes of this document and those of the router's files equal.

mod answers;
mod operations;
mod own;
pub mod page;
mod params;
mod requests;

use operations::operations;
use serde_json::{Map, Value, json};

pub use params::schema as param_schema;

/// The document, in OpenAPI 3.1.
pub fn document() -> Value {
    let mut paths = Map::new();
    for operation in operations() {
        let item = paths.entry(operation.path).or_insert_with(|| json!({}));
        item[operation.method] = operation.to_json();
    }
    let mut schemas = requests::schemas();
    schemas.extend(answers::schemas());
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Jeton",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "OpenAI's API for open models, with limits, prices and traces of every \
                            token. What Jeton adds to a response is under its key `jeton`.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{}, {"key": []}],
    })
}

#[cfg(test)]
#[path = "openapi_tests.rs"]
mod tests;
