//! Tests of the common fields: one table of what is refused, and what else is read.

use super::*;

fn read(request: Value) -> Result<Wishes, RequestError> {
    wishes(request.as_object().expect("an object"), Routes::Chat)
}

#[test]
fn refusals_name_the_field() {
    let schema =
        |inner: Value| json!({"response_format": {"type": "json_schema", "json_schema": inner}});
    let many: Map<String, Value> = (0..17).map(|key| (key.to_string(), json!("x"))).collect();
    for (request, param) in [
        (json!({"temperature": 2.1}), "temperature"),
        (json!({"temperature": -0.1}), "temperature"),
        (json!({"temperature": "hot"}), "temperature"),
        (json!({"top_p": 1.1}), "top_p"),
        (json!({"frequency_penalty": 2.5}), "frequency_penalty"),
        (json!({"presence_penalty": -2.5}), "presence_penalty"),
        (json!({"n": 0}), "n"),
        (json!({"n": 129}), "n"),
        (json!({"logprobs": true, "top_logprobs": 21}), "top_logprobs"),
        (json!({"top_logprobs": 2}), "top_logprobs"),
        (json!({"logprobs": 3}), "logprobs"),
        (json!({"logit_bias": {"5": 101}}), "logit_bias"),
        (json!({"logit_bias": [1]}), "logit_bias"),
        (json!({"max_tokens": 0}), "max_tokens"),
        (json!({"max_completion_tokens": 0}), "max_completion_tokens"),
        (json!({"max_tokens": 5, "max_completion_tokens": 6}), "max_tokens"),
        (json!({"stop": ["a", "b", "c", "d", "e"]}), "stop"),
        (json!({"stop": 5}), "stop"),
        (json!({"seed": "x"}), "seed"),
        (json!({"stream": 1}), "stream"),
        (json!({"stream_options": {"include_usage": true}}), "stream_options"),
        (json!({"stream": true, "stream_options": {"include_usage": 1}}), "stream_options"),
        (json!({"stream": true, "stream_options": 1}), "stream_options"),
        (json!({"response_format": {"type": "yaml"}}), "response_format"),
        (json!({"response_format": "json_object"}), "response_format"),
        (json!({"response_format": {}}), "response_format"),
        (schema(json!({"schema": {}})), "response_format"),
        (schema(json!({"name": "a b", "schema": {}})), "response_format"),
        (schema(json!({"name": "a"})), "response_format"),
        (schema(json!({"name": "a", "schema": 5})), "response_format"),
        (json!({"metadata": {"a": 1}}), "metadata"),
        (json!({"metadata": many}), "metadata"),
        (json!({"reasoning_effort": "huge"}), "reasoning_effort"),
        (json!({"model": 5}), "model"),
        (json!({"model": ""}), "model"),
        (json!({"tag": "x".repeat(257)}), "tag"),
        (json!({"deadline_ms": 0}), "deadline_ms"),
        (json!({"trace": "yes"}), "trace"),
        (json!({"trace": 1000000}), "trace"),
        (json!({"regex": "a", "choice": ["b"]}), "choice"),
        (json!({"functions": []}), "functions"),
        (json!({"web_search_options": {}}), "web_search_options"),
    ] {
        let error = read(request.clone()).expect_err(&request.to_string());
        assert_eq!(error.param.as_deref(), Some(param), "{}", error.message);
        assert!(error.message.contains(&format!("`{param}")), "{}", error.message);
    }
}

#[test]
fn an_entry_of_a_list_is_named() {
    let error = read(json!({"stop": ["a", 1]})).expect_err("no text");
    assert_eq!(error.message, "`stop[1]` must be a text of 1 to 256 bytes; given 1");
    assert_eq!(error.param.as_deref(), Some("stop"));
}

#[test]
fn a_profile_brings_its_own_ranges() {
    let stops = ["a", "b", "c", "d", "e"];
    let request = json!({"profile": "jeton", "temperature": 5, "stop": stops});
    let wishes = read(request).expect("within the table");
    assert_eq!(wishes.values.len(), 3);
    assert!(read(json!({"profile": "openai", "temperature": 5})).is_err());
}

#[test]
fn null_is_not_given() {
    let request = json!({"model": null, "temperature": null, "stop": null, "stream": null,
        "stream_options": null, "response_format": null, "metadata": null, "n": null,
        "logit_bias": null, "audio": null, "trace": null, "unknown": null});
    let wishes = read(request).expect("valid");
    assert!(wishes.values.is_empty() && wishes.warnings.is_empty() && wishes.model.is_none());
}

#[test]
fn both_names_of_the_limit_may_say_the_same() {
    let wishes = read(json!({"max_completion_tokens": 7, "max_tokens": 7})).expect("valid");
    assert_eq!(wishes.values, [("max_tokens".to_owned(), ParamValue::Int(7))]);
    assert_eq!(wishes.count("max_tokens"), Some(7));
    let wishes = read(json!({"max_completion_tokens": 7})).expect("valid");
    assert_eq!(wishes.count("max_tokens"), Some(7));
    assert!(read(json!({"max_tokens": [50, 150]})).is_ok());
}

#[test]
fn what_changes_nothing_is_said() {
    let request = json!({"store": true, "verbosity": "low", "user": "u", "future": 1, "x": {}});
    let wishes = read(request).expect("valid");
    let about: Vec<&Value> = wishes.warnings.iter().map(|entry| &entry["parameters"][0]).collect();
    assert_eq!(about, ["store", "verbosity"]);
    assert_eq!(wishes.unknown_fields, ["future", "x"]);
    assert!(read(json!({"store": false})).expect("valid").warnings.is_empty());
    let many: Map<String, Value> = (0..40).map(|key| (format!("f{key}"), json!(1))).collect();
    assert_eq!(read(Value::Object(many)).expect("valid").unknown_fields.len(), 16);
}

#[test]
fn extras_are_read() {
    let request = json!({"stream": true, "stream_options": {"include_usage": true}, "trace": 3,
        "length": "short", "metadata": {"tag": "t"}, "scenario": "s", "deadline_ms": 50,
        "receipt": true, "return_state": true, "resume": {"a": 1}, "choice": ["a", "b"]});
    let wishes = read(request).expect("valid");
    assert!(wishes.include_usage && wishes.receipt && wishes.return_state);
    assert_eq!((wishes.trace, wishes.deadline_ms), (Some(3), Some(50)));
    let words = (wishes.length.as_deref(), wishes.tag.as_deref(), wishes.scenario.as_deref());
    assert_eq!(words, (Some("short"), Some("t"), Some("s")));
    assert_eq!(wishes.resume, Some(json!({"a": 1})));
    assert_eq!(wishes.shape, Some(GrammarSource::Choice(vec!["a".into(), "b".into()])));
}
