//! Refusals: status, type, code and param of each situation.

use super::{CHAT, COMPLETIONS, SERVER, post_bytes};
use crate::client::{Reply, get, raw};
use serde_json::{Value, json};

/// A request that is refused, and the field that the refusal names.
struct Case {
    path: &'static str,
    body: String,
    param: Option<&'static str>,
}

fn case(path: &'static str, param: Option<&'static str>, body: impl ToString) -> Case {
    Case { path, body: body.to_string(), param }
}

fn chat(param: &'static str, more: Value) -> Case {
    let mut body = json!({"model": "jeton-tiny",
        "messages": [{"role": "user", "content": "Hi"}]});
    for (name, value) in more.as_object().expect("fields") {
        body[name] = value.clone();
    }
    case(CHAT, Some(param), body)
}

/// Requests for each situation of the list, by its words.
fn cases(situation: &str) -> Option<Vec<Case>> {
    let schema = |inner: Value| {
        let format = json!({"type": "json_schema", "json_schema": inner});
        chat("response_format", json!({"response_format": format}))
    };
    Some(match situation {
        "body is not JSON, or not an object" => vec![
            case(CHAT, None, "{"),
            case(CHAT, None, "[]"),
            case(COMPLETIONS, None, ""),
            case(COMPLETIONS, None, "7"),
        ],
        "required field missing or of the wrong type" => vec![
            case(CHAT, Some("messages"), json!({})),
            case(CHAT, Some("messages"), json!({"messages": "Hi"})),
            case(COMPLETIONS, Some("prompt"), json!({"model": "jeton-tiny"})),
            case(COMPLETIONS, Some("prompt"), json!({"prompt": {}})),
            chat("stream", json!({"stream": "yes"})),
        ],
        "number outside its documented range (temperature, top_p, penalties, n, top_logprobs, \
         logit_bias)" => vec![
            chat("temperature", json!({"temperature": 2.5})),
            chat("temperature", json!({"temperature": -1})),
            chat("top_p", json!({"top_p": 1.5})),
            chat("frequency_penalty", json!({"frequency_penalty": 3})),
            chat("presence_penalty", json!({"presence_penalty": -3})),
            chat("n", json!({"n": 0})),
            chat("top_logprobs", json!({"logprobs": true, "top_logprobs": 21})),
            chat("logit_bias", json!({"logit_bias": {"5": 200}})),
        ],
        "max_tokens below 1 in chat" => vec![chat("max_tokens", json!({"max_tokens": 0}))],
        "more than four stop strings" => {
            vec![chat("stop", json!({"stop": ["a", "b", "c", "d", "e"]}))]
        }
        "top_logprobs without logprobs" => {
            vec![chat("top_logprobs", json!({"top_logprobs": 2}))]
        }
        "stream_options without stream" => {
            vec![chat("stream_options", json!({"stream_options": {"include_usage": true}}))]
        }
        "unknown role, empty messages" => vec![
            chat("messages", json!({"messages": []})),
            chat("messages", json!({"messages": [{"role": "wizard", "content": "x"}]})),
        ],
        "response_format of unknown type, json_schema without name or schema, a schema that is \
         not one" => vec![
            chat("response_format", json!({"response_format": {"type": "yaml"}})),
            schema(json!({"schema": {}})),
            schema(json!({"name": "x"})),
            schema(json!({"name": "x", "schema": {"type": "nothing"}})),
        ],
        "prompt does not fit the context" => {
            let long = "word ".repeat(40_000);
            vec![
                chat("messages", json!({"messages": [{"role": "user", "content": long}]})),
                case(COMPLETIONS, Some("prompt"), json!({"prompt": long})),
            ]
        }
        "unknown model" => vec![
            chat("model", json!({"model": "gpt-99"})),
            case(COMPLETIONS, Some("model"), json!({"prompt": "x", "model": "gpt-99"})),
        ],
        _ => return None,
    })
}

/// The reply to a situation that is none of a body.
fn plain(situation: &str) -> Option<Reply> {
    let host = SERVER.address();
    Some(match situation {
        "unknown path" => get(&SERVER, "/v1/nothing"),
        "method not allowed" => get(&SERVER, CHAT),
        "body larger than the server's limit" => {
            let request = format!(
                "POST {CHAT} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\
                 content-length: 99999999999\r\n\r\n"
            );
            raw(&SERVER, request.as_bytes())
        }
        // Tested where keys and queues are, and a fault cannot be asked for.
        "missing or wrong key (only where keys are on)"
        | "too many requests"
        | "fault in the server" => return None,
        other => panic!("no test for the situation {other:?}"),
    })
}

fn check(reply: &Reply, row: &Value, param: Option<&str>) {
    let body = reply.json();
    let error = &body["error"];
    assert_eq!(Value::from(reply.status), row["status"], "{body}");
    assert_eq!(error["type"], row["type"], "{body}");
    // Clients rely on a code where one is listed.
    if !row["code"].is_null() {
        assert_eq!(error["code"], row["code"], "{body}");
    }
    assert_eq!(error["param"], json!(param), "{body}");
    assert!(!error["message"].as_str().expect("a text").is_empty());
    assert_eq!(error.as_object().expect("an object").len(), 4, "{body}");
}

#[test]
fn each_situation_is_refused_as_openai_does() {
    let Some(folder) = std::env::var_os("JETON_CONFORMANCE") else {
        eprintln!("skipped: JETON_CONFORMANCE is not set");
        return;
    };
    let path = std::path::Path::new(&folder).join("openai/errors.json");
    let list: Value =
        serde_json::from_slice(&std::fs::read(path).expect("it is there")).expect("JSON");
    for row in list["rows"].as_array().expect("a list") {
        let situation = row["situation"].as_str().expect("words");
        match cases(situation) {
            Some(cases) => {
                for Case { path, body, param } in cases {
                    check(&post_bytes(path, body.as_bytes()), row, param);
                }
            }
            None => {
                if let Some(reply) = plain(situation) {
                    check(&reply, row, None);
                }
            }
        }
    }
}

#[test]
fn refusals_have_all_four_fields() {
    let row = json!({"status": 400, "type": "invalid_request_error", "code": null});
    for case in [
        case(CHAT, None, "{"),
        chat("temperature", json!({"temperature": 9})),
        chat("reasoning_effort", json!({"reasoning_effort": "huge"})),
        chat("length", json!({"length": "endless"})),
        chat("resume", json!({"resume": {"made": "up"}})),
        chat("regex", json!({"regex": "(("})),
        chat(
            "tools",
            json!({"tool_choice": "required",
            "tools": [{"type": "function", "function": {"name": "a b"}}]}),
        ),
        case(COMPLETIONS, Some("prompt"), json!({"prompt": [4_000_000]})),
        case(
            COMPLETIONS,
            Some("echo"),
            json!({"prompt": "x", "echo": true, "logprobs": 1, "stream": true}),
        ),
    ] {
        check(&post_bytes(case.path, case.body.as_bytes()), &row, case.param);
    }
}

#[test]
fn a_refused_stream_is_plain_json() {
    let case = chat("n", json!({"stream": true, "n": 0}));
    let reply = post_bytes(case.path, case.body.as_bytes());
    assert_eq!(reply.status, 400);
    assert_eq!(reply.header("content-type"), Some("application/json"));
}
