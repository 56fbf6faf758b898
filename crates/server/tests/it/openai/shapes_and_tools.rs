//! Answers of a shape, and calls of tools.

use super::{CHAT, post, story, stream, text};
use serde_json::{Value, json};

fn weather() -> Value {
    json!({"type": "function", "function": {"name": "weather", "parameters": {
        "type": "object",
        "properties": {"days": {"$ref": "#/$defs/Days"}},
        "required": ["days"],
        "additionalProperties": false,
        "$defs": {"Days": {"type": "integer", "minimum": 1, "maximum": 9}},
    }}})
}

fn time() -> Value {
    json!({"type": "function", "function": {"name": "time", "parameters": {
        "type": "object", "properties": {}, "additionalProperties": false}}})
}

#[test]
fn a_schema_always_holds() {
    let schema = json!({"type": "object", "properties": {"legs": {"type": "integer"},
        "name": {"type": "string"}}, "required": ["legs", "name"],
        "additionalProperties": false});
    let format = json!({"type": "json_schema",
        "json_schema": {"name": "animal", "strict": true, "schema": schema}});
    for seed in 0..3 {
        let request = story(json!({"response_format": format, "seed": seed, "max_tokens": 30}));
        let answer = post(CHAT, &request);
        let content = text(&answer["choices"][0]["message"]["content"]);
        let value: Value = serde_json::from_str(content).expect("it is JSON");
        assert!(value["legs"].is_i64() && value["name"].is_string());
    }
}

#[test]
fn a_required_call_is_made() {
    for (tools, choice) in [
        (json!([weather()]), json!("required")),
        (json!([time(), weather()]), json!("required")),
        (json!([time(), weather()]), json!({"type": "function", "function": {"name": "weather"}})),
    ] {
        let answer = post(CHAT, &story(json!({"tools": tools, "tool_choice": choice})));
        let choice = &answer["choices"][0];
        assert_eq!(choice["finish_reason"], "tool_calls");
        assert_eq!(choice["message"]["content"], Value::Null);
        let call = &choice["message"]["tool_calls"][0];
        assert_eq!(call["type"], "function");
        assert!(text(&call["id"]).starts_with("call_") && call.get("index").is_none());
        let arguments: Value =
            serde_json::from_str(text(&call["function"]["arguments"])).expect("it is JSON");
        match text(&call["function"]["name"]) {
            "weather" => assert!((1..=9).contains(&arguments["days"].as_i64().expect("a number"))),
            other => assert_eq!((other, arguments), ("time", json!({}))),
        }
    }
}

#[test]
fn a_call_streams() {
    let choice = json!({"type": "function", "function": {"name": "weather"}});
    let request = story(json!({"tools": [weather()], "tool_choice": choice}));
    let (mut name, mut arguments, mut ids) = (String::new(), String::new(), 0);
    for chunk in stream(CHAT, &request) {
        for call in chunk["choices"][0]["delta"]["tool_calls"].as_array().into_iter().flatten() {
            assert_eq!(call["index"], 0);
            ids += usize::from(call.get("id").is_some());
            name.push_str(call["function"]["name"].as_str().unwrap_or_default());
            arguments.push_str(call["function"]["arguments"].as_str().unwrap_or_default());
        }
    }
    let whole = post(CHAT, &request);
    let function = &whole["choices"][0]["message"]["tool_calls"][0]["function"];
    assert_eq!(
        (ids, name.as_str(), arguments.as_str()),
        (1, "weather", text(&function["arguments"]))
    );
}

#[test]
fn calls_and_their_results_are_part_of_a_conversation() {
    let call = json!({"id": "call_1", "type": "function",
        "function": {"name": "weather", "arguments": "{\"days\": 2}"}});
    let answer = post(
        CHAT,
        &story(json!({"tools": [weather()], "messages": [
            {"role": "developer", "content": "Be brief."},
            {"role": "user", "content": "How will the weather be?"},
            {"role": "assistant", "content": null, "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "call_1", "content": "Sunny."},
        ]})),
    );
    // The model inside has no way to call tools, which the answer says.
    let warnings = answer["jeton"]["warnings"].as_array().expect("a list");
    assert!(warnings.iter().any(|warning| warning["parameters"] == json!(["tools"])));
    assert!(answer["choices"][0]["message"]["content"].is_string());
}
