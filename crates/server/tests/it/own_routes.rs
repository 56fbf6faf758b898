//! Jeton's own routes over a real socket: `/generate`, `/chat`, tokens, parameters, quotes, usage.

use super::client::{Reply, get, raw, serve_model, stop};
use policy::config::Config;
use serde_json::{Value, json};
use server::Running;

fn post(server: &Running, path: &str, body: &Value) -> Reply {
    let (host, body) = (server.address(), body.to_string());
    let request = format!(
        "POST {path} HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/json\r\n\
         content-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    );
    raw(server, request.as_bytes())
}

fn ok(server: &Running, path: &str, body: &Value) -> Value {
    let reply = post(server, path, body);
    assert_eq!(reply.status, 200, "{path} {body}: {}", reply.body);
    reply.json()
}

fn refused(server: &Running, path: &str, body: &Value, param: &str) {
    let reply = post(server, path, body);
    assert_eq!(reply.status, 400, "{path} {body}: {}", reply.body);
    assert_eq!(reply.json()["error"]["param"], param, "{}", reply.body);
}

fn with_model(test: impl FnOnce(&Running)) {
    let server = serve_model(Config::default());
    test(&server);
    stop(server);
}

/// The JSON of every `data:` line but the last, which is `[DONE]`.
fn frames(reply: &Reply) -> Vec<Value> {
    let lines = reply.body.lines().filter_map(|line| line.strip_prefix("data: "));
    let mut lines: Vec<&str> = lines.collect();
    assert_eq!(lines.pop(), Some("[DONE]"), "{}", reply.body);
    lines.iter().map(|line| serde_json::from_str(line).expect("a frame is JSON")).collect()
}

#[test]
fn generate_takes_transformers_names_and_says_what_others_say() {
    with_model(|server| {
        let parameters = json!({"max_new_tokens": 12, "seed": 4, "do_sample": true});
        let request = json!({"inputs": "Once upon a time", "parameters": parameters});
        let answer = ok(server, "/generate", &request);
        let text = answer["generated_text"].as_str().expect("a text");
        assert_eq!(answer["usage"]["completion_tokens"], 12);
        assert_eq!(answer["finish_reason"], "length");
        assert_eq!(answer["jeton"]["limits"]["max_tokens"]["asked"], 12);
        let mut full = request.clone();
        full["parameters"]["return_full_text"] = true.into();
        full["parameters"]["details"] = true.into();
        let answer = ok(server, "/generate", &full);
        assert_eq!(answer["generated_text"], format!("Once upon a time{text}"));
        assert_eq!(answer["details"]["tokens"].as_array().map(Vec::len), Some(12));
        let mut streamed = request.clone();
        streamed["stream"] = true.into();
        let frames = frames(&post(server, "/generate", &streamed));
        let pieces = frames.iter().filter_map(|frame| frame["token"]["text"].as_str());
        assert_eq!(pieces.collect::<String>(), text);
        assert_eq!(frames.last().map(|last| &last["generated_text"]), Some(&text.into()));
        let digits = json!({"type": "regex", "value": "[0-9]{3}"});
        let shaped = json!({"inputs": "x", "parameters": {"grammar": digits, "temperature": 50}});
        let shaped = ok(server, "/generate", &shaped);
        assert_eq!(shaped["generated_text"].as_str().map(str::len), Some(3));
        refused(server, "/generate", &json!({"parameters": {}}), "inputs");
        refused(server, "/generate", &json!({"inputs": "x", "parameters": {"top_p": 3}}), "top_p");
        let marked = json!({"inputs": "x", "parameters": {"watermark": true}});
        refused(server, "/generate", &marked, "watermark");
    });
}

#[test]
fn chat_answers_one_question() {
    with_model(|server| {
        let request = json!({
            "prompt": "Hello!", "temperature": 0.8, "frequency_penalty": 0.9, "max_tokens": 9,
        });
        let answer = ok(server, "/chat", &request);
        assert!(answer["text"].is_string(), "{answer}");
        assert!(answer["usage"]["completion_tokens"].as_u64() <= Some(9));
        assert_eq!(answer["jeton"]["parameters"]["frequency_penalty"]["value"], 0.9);
        refused(server, "/chat", &json!({"max_tokens": 9}), "prompt");
        let long = "word ".repeat(3_000);
        refused(server, "/chat", &json!({"prompt": long}), "prompt");
        refused(server, "/generate", &json!({"inputs": long}), "inputs");
        refused(server, "/chat", &json!({"prompt": "x", "temperature": "hot"}), "temperature");
    });
}

#[test]
fn text_becomes_tokens_and_text_again_under_everybodys_names() {
    with_model(|server| {
        let ids = |body: Value| ok(server, "/tokenize", &body)["tokens"].clone();
        let text = "Once upon a time";
        let content = ids(json!({"content": text}));
        assert_eq!(content, ids(json!({"text": text, "add_special": false})));
        assert_eq!(content, ids(json!({"prompt": text, "add_special_tokens": false})));
        let pieces = ids(json!({"content": text, "with_pieces": true}));
        let joined = pieces.as_array().expect("a list").iter();
        let joined: String = joined.filter_map(|piece| piece["piece"].as_str()).collect();
        assert_eq!(joined.trim_start(), text);
        for name in ["ids", "tokens"] {
            let said = ok(server, "/detokenize", &json!({name: content}));
            assert_eq!(said["text"].as_str().map(str::trim_start), Some(text));
            assert_eq!(said["content"], said["prompt"]);
        }
        let messages = json!([{"role": "user", "content": "Hi <|im_end|>"}]);
        let prompt =
            ok(server, "/apply-template", &json!({"messages": messages}))["prompt"].clone();
        assert!(prompt.as_str().is_some_and(|prompt| prompt.contains("Hi")), "{prompt}");
        let counted = ok(server, "/tokenize", &json!({"messages": messages}));
        assert_eq!(counted["count"].as_u64(), counted["tokens"].as_array().map(|t| t.len() as u64));
        refused(server, "/tokenize", &json!({}), "text");
        refused(server, "/tokenize", &json!({"text": "a", "prompt": "b"}), "prompt");
        refused(server, "/detokenize", &json!({"ids": [-1]}), "ids");
        refused(server, "/detokenize", &json!({"ids": [4_000_000]}), "ids");
        refused(server, "/apply-template", &json!({"messages": "x"}), "messages");
    });
}

#[test]
fn parameters_quotes_and_usage_tell_what_there_is() {
    with_model(|server| {
        let parameters = get(server, "/v1/parameters").json();
        let list = parameters["data"].as_array().expect("a list");
        let knob = list.iter().find(|knob| knob["name"] == "top_p").expect("it is there");
        assert_eq!((&knob["kind"], &knob["max"]), (&"number".into(), &1.0.into()));
        assert_eq!(parameters["presets"]["short"], 50);
        assert!(parameters["limits"]["max_tokens"]["default"]["tokens"].is_u64());
        assert_eq!(get(server, "/v1/parameters?model=none").status, 404);

        let chat = json!({"messages": [{"role": "user", "content": "Hi"}], "max_tokens": 8});
        let before = ok(server, "/v1/quote", &chat);
        assert_eq!(before["tokens"]["basis"], "bound");
        assert_eq!((&before["tokens"]["p90"], &before["ms"]), (&8.into(), &Value::Null));
        assert_eq!(before["calibration"]["tokens"]["verdict"], "too_few");
        for _ in 0..3 {
            ok(server, "/v1/chat/completions", &chat);
        }
        let usage = get(server, "/v1/usage?group_by=route,day").json();
        let row = &usage["rows"][0];
        assert_eq!(row["requests"], 3, "{usage}");
        assert_eq!(row["group"]["route"], "/v1/chat/completions", "{usage}");
        assert_eq!(get(server, "/v1/usage?group_by=colour").status, 400);
        let slip = get(server, "/v1/usage?since=7d");
        assert_eq!((slip.status, slip.json()["error"]["param"].as_str()), (400, Some("since")));
        assert_eq!(get(server, "/v1/usage?limit=0").status, 400);
        let plot = get(server, "/v1/usage/plot.svg?since_ms=0");
        assert_eq!(plot.header("content-type"), Some("image/svg+xml"));
        assert!(plot.body.starts_with("<svg") && plot.body.contains("answer"), "{}", plot.body);
        let narrow = get(server, "/v1/usage/plot.svg?width_px=300");
        assert!(narrow.body.starts_with("<svg width=\"300\" height=\"240\""), "{}", narrow.body);
        let thin = get(server, "/v1/usage/plot.svg?width_px=239");
        assert_eq!((thin.status, thin.json()["error"]["param"].as_str()), (400, Some("width_px")));
    });
}

#[test]
fn refusals_name_fields_as_the_client_does() {
    with_model(|server| {
        refused(server, "/generate", &json!({"inputs": ""}), "inputs");
        refused(server, "/generate", &json!({"prompt": ""}), "prompt");
        let parameters = json!({"max_new_tokens": 3, "min_new_tokens": 9});
        let request = json!({"inputs": "Once", "parameters": parameters});
        refused(server, "/generate", &request, "min_new_tokens");
    });
}

#[test]
fn the_response_is_named_as_the_ledger_names_it() {
    with_model(|server| {
        let reply = post(server, "/chat", &json!({"prompt": "Hi", "max_tokens": 2}));
        let named = reply.header("x-request-id").map(str::to_owned);
        assert_eq!(reply.json()["jeton"]["request_id"].as_str(), named.as_deref());
    });
}
