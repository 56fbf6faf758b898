//! What is told about models and about the API itself.

use super::SERVER;
use crate::client::get;
use serde_json::Value;

#[test]
fn models_are_listed_and_told() {
    let list = get(&SERVER, "/v1/models").json();
    assert_eq!(list["object"], "list");
    let model = &list["data"][0];
    assert_eq!((&model["id"], &model["object"]), (&"jeton-tiny".into(), &"model".into()));
    assert!(model["created"].is_u64() && model["owned_by"].is_string());
    assert!(model["jeton"]["context_tokens_max"].as_u64().expect("a count") > 100);
    assert!(model["jeton"]["parameters"].as_u64().expect("a count") > 1_000);
    let one = get(&SERVER, "/v1/models/jeton-tiny").json();
    assert_eq!(&one, model);
    let none = get(&SERVER, "/v1/models/a/b");
    assert_eq!((none.status, &none.json()["error"]["code"]), (404, &"model_not_found".into()));
}

#[test]
fn the_description_is_served() {
    let reply = get(&SERVER, "/openapi.json");
    assert_eq!(reply.header("content-type"), Some("application/json"));
    let document = reply.json();
    assert_eq!(document["openapi"], "3.1.0");
    assert!(matches!(&document["paths"]["/v1/chat/completions"]["post"], Value::Object(_)));
}

/// The commands of the docs page: path and body of each.
fn documented() -> Vec<(String, Option<Value>)> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/API.md");
    let page = std::fs::read_to_string(path).expect("the page is there");
    let blocks = page.split("```sh\ncurl ").skip(1);
    let command = |block: &str| {
        let block = block.split("```").next().expect("a block");
        let path = block.split("http://localhost:8080").nth(1).expect("an address");
        let path = path.split_whitespace().next().expect("a path");
        // A query is in quotes, for shells that take its `?` for a pattern.
        let path = path.trim_end_matches('\'').to_owned();
        let body = block.split_once("-d '").map(|(_, body)| body.trim_end().trim_end_matches('\''));
        (path, body.map(|body| serde_json::from_str(body).expect("JSON")))
    };
    blocks.map(command).collect()
}

#[test]
fn the_commands_of_the_docs_page_work() {
    let commands = documented();
    assert!(commands.len() >= 7);
    for (path, body) in commands {
        let reply = match body {
            Some(body) => super::post_bytes(&path, body.to_string().as_bytes()),
            None => get(&SERVER, &path),
        };
        assert_eq!(reply.status, 200, "{path}: {}", reply.body);
    }
}
