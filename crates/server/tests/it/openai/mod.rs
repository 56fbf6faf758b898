//! OpenAI's API over real sockets, answered by the model inside the program.

mod auto_tools;
mod chat;
mod completions;
mod errors;
mod pages;
mod shapes_and_tools;
mod streams;

use crate::client::{Reply, raw, serve_model};
use policy::config::Config;
use serde_json::{Value, json};
use server::Running;
use std::sync::LazyLock;

/// One server for all tests of this folder: none of them changes it.
static SERVER: LazyLock<Running> = LazyLock::new(|| serve_model(Config::default()));

const CHAT: &str = "/v1/chat/completions";
const COMPLETIONS: &str = "/v1/completions";

/// Sends bytes as the body of a POST.
fn post_bytes(path: &str, body: &[u8]) -> Reply {
    post_bytes_to(&SERVER, path, body)
}

/// The same to this server.
fn post_bytes_to(server: &Running, path: &str, body: &[u8]) -> Reply {
    let host = server.address();
    let length = body.len();
    let mut request = format!(
        "POST {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\
         content-type: application/json\r\ncontent-length: {length}\r\n\r\n"
    )
    .into_bytes();
    request.extend_from_slice(body);
    let mut reply = raw(server, &request);
    if reply.header("transfer-encoding") == Some("chunked") {
        reply.body = unchunked(&reply.body);
    }
    reply
}

/// The body of a reply that came in chunks.
fn unchunked(body: &str) -> String {
    let (mut rest, mut text) = (body, String::new());
    while let Some((size, more)) = rest.split_once("\r\n") {
        let size = usize::from_str_radix(size, 16).expect("a chunk says its size");
        text.push_str(&more[..size]);
        rest = &more[(size + 2).min(more.len())..];
    }
    text
}

/// The answer to a request that is accepted.
fn post(path: &str, body: &Value) -> Value {
    post_to(&SERVER, path, body)
}

/// The same of this server.
fn post_to(server: &Running, path: &str, body: &Value) -> Value {
    let reply = post_bytes_to(server, path, body.to_string().as_bytes());
    assert_eq!(reply.status, 200, "{}", reply.body);
    reply.json()
}

/// The chunks of a streamed answer; it must end as streams do.
fn stream(path: &str, body: &Value) -> Vec<Value> {
    stream_from(&SERVER, path, body)
}

/// The same from this server.
fn stream_from(server: &Running, path: &str, body: &Value) -> Vec<Value> {
    let mut body = body.clone();
    body["stream"] = json!(true);
    let reply = post_bytes_to(server, path, body.to_string().as_bytes());
    assert_eq!(reply.status, 200, "{}", reply.body);
    assert_eq!(reply.header("content-type"), Some("text/event-stream"));
    let events = reply.body.split("\n\n").filter(|event| !event.starts_with(':'));
    let mut events: Vec<&str> = events.collect();
    assert_eq!(events.pop(), Some(""), "the last event is whole");
    assert_eq!(events.pop(), Some("data: [DONE]"));
    let data = |event: &&str| {
        let data = event.strip_prefix("data: ").expect("an event has data");
        serde_json::from_str(data).expect("it is JSON")
    };
    events.iter().map(data).collect()
}

/// A request for a short story, with more fields.
fn story(more: Value) -> Value {
    let mut request = json!({
        "model": "jeton-tiny",
        "messages": [{"role": "user", "content": "Write a short story about a cat."}],
        "max_tokens": 24,
        "seed": 7,
        "enable_thinking": false,
    });
    for (name, value) in more.as_object().expect("fields") {
        request[name] = value.clone();
    }
    request
}

/// A text of an answer's JSON.
fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text"))
}
