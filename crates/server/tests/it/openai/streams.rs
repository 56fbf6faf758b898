//! Streams: their form to the letter, and that their pieces are the whole answer.

use super::{CHAT, COMPLETIONS, post, story, stream, text};
use serde_json::{Map, Value, json};

/// A choice of a stream, put together as clients do.
#[derive(Default)]
struct Joined {
    content: String,
    reasoning: String,
    logprobs: Vec<Value>,
    finish_reason: Option<String>,
}

fn joined(chunks: &[Value], index: usize) -> Joined {
    let mut joined = Joined::default();
    for choice in chunks.iter().flat_map(|chunk| chunk["choices"].as_array().expect("a list")) {
        if choice["index"] != index {
            continue;
        }
        assert!(joined.finish_reason.is_none(), "nothing follows the reason");
        let delta = &choice["delta"];
        joined.content.push_str(delta["content"].as_str().unwrap_or_default());
        joined.reasoning.push_str(delta["reasoning_content"].as_str().unwrap_or_default());
        joined
            .logprobs
            .extend(choice["logprobs"]["content"].as_array().into_iter().flatten().cloned());
        joined.finish_reason = choice["finish_reason"].as_str().map(str::to_owned);
    }
    joined
}

#[test]
fn the_form_is_that_of_the_published_example() {
    let chunks = stream(CHAT, &story(json!({"stop": ["zebra"]})));
    let keys = |value: &Value| -> Vec<String> {
        value.as_object().map(Map::keys).into_iter().flatten().cloned().collect()
    };
    let first = &chunks[0];
    assert_eq!(
        keys(first),
        ["id", "object", "created", "model", "choices", "system_fingerprint", "jeton"]
    );
    assert_eq!(first["object"], "chat.completion.chunk");
    let expected = json!([{"index": 0, "delta": {"role": "assistant", "content": ""},
        "logprobs": null, "finish_reason": null}]);
    assert_eq!(first["choices"], expected);
    assert_eq!(first["jeton"]["limits"]["max_tokens"]["effective"], 24);
    let (last, middle) = chunks[1..].split_last().expect("there are more");
    for chunk in middle {
        assert_eq!((&chunk["id"], &chunk["created"]), (&first["id"], &first["created"]));
        assert_eq!(keys(&chunk["choices"][0]["delta"]), ["content"]);
        assert_eq!(chunk["choices"][0]["finish_reason"], Value::Null);
        assert!(chunk.get("usage").is_none() && chunk.get("jeton").is_none());
    }
    let expected = json!([{"index": 0, "delta": {}, "logprobs": null, "finish_reason": "length"}]);
    assert_eq!(last["choices"], expected);
    assert!(last["jeton"]["cost"].is_object() && last["jeton"]["times"].is_object());
}

#[test]
fn usage_comes_last_and_is_null_before() {
    let request = story(json!({"stream_options": {"include_usage": true}, "n": 2}));
    let chunks = stream(CHAT, &request);
    let (last, others) = chunks.split_last().expect("there are chunks");
    assert_eq!(last["choices"], json!([]));
    assert!(others.iter().all(|chunk| chunk.get("usage") == Some(&Value::Null)));
    let whole = post(CHAT, &story(json!({"n": 2})));
    for name in ["prompt_tokens", "completion_tokens", "total_tokens"] {
        assert_eq!(last["usage"][name], whole["usage"][name]);
    }
    assert!(last["jeton"]["cost"].is_object());
}

#[test]
fn the_pieces_are_the_whole_answer() {
    for more in [
        json!({}),
        json!({"n": 3, "temperature": 1}),
        json!({"logprobs": true, "top_logprobs": 2, "stop": [" the ", "cat"]}),
        json!({"messages": [{"role": "user", "content": "What is 347 + 285?"}],
            "reasoning_effort": "low",
            "enable_thinking": null, "max_tokens": 120, "logprobs": true}),
        json!({"response_format": {"type": "json_object"}}),
    ] {
        let chunks = stream(CHAT, &story(more.clone()));
        let whole = post(CHAT, &story(more));
        for (index, choice) in whole["choices"].as_array().expect("a list").iter().enumerate() {
            let joined = joined(&chunks, index);
            assert_eq!(joined.content, text(&choice["message"]["content"]));
            let reasoning = choice["message"]["reasoning_content"].as_str().unwrap_or_default();
            assert_eq!(joined.reasoning, reasoning);
            let logprobs = choice["logprobs"]["content"].as_array().cloned().unwrap_or_default();
            assert_eq!(joined.logprobs, logprobs);
            assert_eq!(joined.finish_reason.as_deref(), choice["finish_reason"].as_str());
        }
    }
}

#[test]
fn no_piece_shows_a_part_of_a_stop_string() {
    let whole = post(CHAT, &story(json!({"temperature": 0})));
    let whole = text(&whole["choices"][0]["message"]["content"]).to_owned();
    let stop = &whole[10..24];
    let chunks = stream(CHAT, &story(json!({"temperature": 0, "stop": [stop]})));
    let told = joined(&chunks, 0);
    assert_eq!(told.content, &whole[..whole.find(stop).expect("it is in there")]);
    assert_eq!(told.finish_reason.as_deref(), Some("stop"));
}

#[test]
fn a_traced_stream_tells_of_each_token() {
    let chunks = stream(CHAT, &story(json!({"trace": 1, "max_tokens": 5})));
    let tokens: Vec<&Value> =
        chunks.iter().filter_map(|chunk| chunk["jeton"].get("token")).collect();
    let indices: Vec<u64> = tokens.iter().filter_map(|token| token["index"].as_u64()).collect();
    assert_eq!(indices, [0, 1, 2, 3, 4]);
    assert!(tokens.iter().all(|token| token["trace"]["raw"].is_object()));
}

#[test]
fn completions_stream_too() {
    let request = json!({"prompt": ["Once upon a time", "The sun"], "max_tokens": 12, "seed": 3,
        "logprobs": 1, "n": 2});
    let whole = post(COMPLETIONS, &request);
    let mut asked = request;
    asked["stream_options"] = json!({"include_usage": true});
    let chunks = stream(COMPLETIONS, &asked);
    for (index, choice) in whole["choices"].as_array().expect("a list").iter().enumerate() {
        let own = chunks.iter().flat_map(|chunk| chunk["choices"].as_array().expect("a list"));
        let own: Vec<&Value> = own.filter(|choice| choice["index"] == index).collect();
        let said: String = own.iter().map(|choice| text(&choice["text"])).collect();
        assert_eq!(said, text(&choice["text"]));
        for part in ["tokens", "token_logprobs", "top_logprobs", "text_offset"] {
            let told = own.iter().flat_map(|choice| choice["logprobs"][part].as_array());
            let told: Vec<Value> = told.flatten().cloned().collect();
            assert_eq!(Value::from(told), choice["logprobs"][part], "{part}");
        }
        assert_eq!(own.last().expect("one")["finish_reason"], choice["finish_reason"]);
    }
    let last = chunks.last().expect("one");
    assert_eq!(last["usage"]["completion_tokens"], whole["usage"]["completion_tokens"]);
    assert_eq!(last["choices"], json!([]));
}

/// Prompts of one request are told as their tokens come: none waits until another has ended.
#[test]
fn prompts_are_told_side_by_side() {
    let request = json!({"prompt": ["Once upon", "There was"], "max_tokens": 40, "seed": 3,
        "ignore_eos": true});
    let chunks = stream(COMPLETIONS, &request);
    let index = |chunk: &Value| chunk["choices"][0]["index"].as_u64();
    let indexes: Vec<u64> = chunks.iter().filter_map(index).collect();
    let first_of_second = indexes.iter().position(|index| *index == 1).expect("it is told");
    let last_of_first = indexes.iter().rposition(|index| *index == 0).expect("it is told");
    assert!(first_of_second < last_of_first, "{indexes:?}");
    let whole = post(COMPLETIONS, &request);
    for choice in 0..2 {
        let said: String = chunks
            .iter()
            .filter(|chunk| index(chunk) == Some(choice as u64))
            .map(|chunk| chunk["choices"][0]["text"].as_str().unwrap_or_default())
            .collect();
        assert_eq!(said, whole["choices"][choice]["text"]);
    }
}
