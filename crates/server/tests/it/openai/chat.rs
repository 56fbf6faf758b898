//! Whole answers to conversations.

use super::{CHAT, post, story, text};
use serde_json::{Value, json};

#[test]
fn an_answer_has_the_published_form() {
    let answer = post(CHAT, &story(json!({"service_tier": "auto"})));
    assert!(text(&answer["id"]).starts_with("chatcmpl-"));
    assert_eq!(answer["object"], "chat.completion");
    assert_eq!(answer["model"], "jeton-tiny");
    assert_eq!(answer["service_tier"], "default");
    assert!(answer["created"].as_u64().expect("seconds") > 1_700_000_000);
    assert!(text(&answer["system_fingerprint"]).starts_with("fp_"));
    let choice = &answer["choices"][0];
    assert_eq!((&choice["index"], &choice["logprobs"]), (&json!(0), &Value::Null));
    assert_eq!(choice["message"]["role"], "assistant");
    assert_eq!(choice["message"]["refusal"], Value::Null);
    assert!(!text(&choice["message"]["content"]).is_empty());
    assert_eq!(choice["finish_reason"], "length");
    let usage = &answer["usage"];
    assert_eq!(usage["completion_tokens"], 24);
    let sum = usage["prompt_tokens"].as_u64().expect("a count") + 24;
    assert_eq!(usage["total_tokens"], sum);
    assert!(usage["prompt_tokens_details"]["cached_tokens"].is_u64());
    assert_eq!(usage["completion_tokens_details"]["reasoning_tokens"], 0);
    assert_eq!(answer["jeton"]["limits"]["max_tokens"]["effective"], 24);
    assert!(answer["jeton"]["request_id"].is_string());
}

#[test]
fn choices_differ_and_are_counted_together() {
    let answer = post(CHAT, &story(json!({"n": 3, "temperature": 1})));
    let choices = answer["choices"].as_array().expect("a list");
    let texts: std::collections::BTreeSet<&str> =
        choices.iter().map(|choice| text(&choice["message"]["content"])).collect();
    assert_eq!((choices.len(), texts.len()), (3, 3));
    assert_eq!(choices[2]["index"], 2);
    let one = post(CHAT, &story(json!({"temperature": 1})));
    assert_eq!(choices[0]["message"], one["choices"][0]["message"]);
    assert_eq!(answer["usage"]["completion_tokens"], 72);
    assert_eq!(answer["usage"]["prompt_tokens"], one["usage"]["prompt_tokens"]);
}

#[test]
fn logprobs_are_those_of_the_content() {
    let request = story(json!({"logprobs": true, "top_logprobs": 2, "temperature": 0}));
    let answer = post(CHAT, &request);
    let choice = &answer["choices"][0];
    let entries = choice["logprobs"]["content"].as_array().expect("a list");
    let bytes: Vec<u8> = entries
        .iter()
        .flat_map(|entry| entry["bytes"].as_array().expect("bytes").iter())
        .map(|byte| byte.as_u64().expect("a byte") as u8)
        .collect();
    let said = String::from_utf8(bytes).expect("whole characters");
    assert_eq!(said, text(&choice["message"]["content"]));
    assert_eq!(entries.len(), 24);
    for entry in entries {
        assert_eq!(entry["top_logprobs"].as_array().expect("a list").len(), 2);
        // Greedy: what was chosen is the most likely.
        assert_eq!(entry["logprob"], entry["top_logprobs"][0]["logprob"]);
    }
}

#[test]
fn a_stop_string_is_neither_in_the_text_nor_in_its_logprobs() {
    let whole = post(CHAT, &story(json!({"temperature": 0})));
    let whole = text(&whole["choices"][0]["message"]["content"]).to_owned();
    let stop = &whole[12..18];
    let request = story(json!({"temperature": 0, "stop": stop, "logprobs": true}));
    let answer = post(CHAT, &request);
    let choice = &answer["choices"][0];
    let content = text(&choice["message"]["content"]);
    assert_eq!(content, &whole[..whole.find(stop).expect("it is in there")]);
    assert_eq!(choice["finish_reason"], "stop");
    let tokens = choice["logprobs"]["content"].as_array().expect("a list");
    let said: String = tokens.iter().map(|entry| text(&entry["token"])).collect();
    assert!(said.starts_with(content), "{said:?} {content:?}");
    let last = text(&tokens.last().expect("some")["token"]);
    assert!(said.len() - last.len() < content.len(), "each token begins in the content");
}

#[test]
fn thoughts_are_told_apart() {
    let request = json!({"messages": [{"role": "user", "content": "What is 347 + 285?"}],
        "reasoning_effort": "low", "max_tokens": 200, "seed": 7});
    let answer = post(CHAT, &request);
    let message = &answer["choices"][0]["message"];
    assert!(!text(&message["reasoning_content"]).contains("think>"));
    assert!(!text(&message["content"]).contains("think>"));
    let details = &answer["usage"]["completion_tokens_details"];
    assert!(details["reasoning_tokens"].as_u64().expect("a count") > 0);
}

#[test]
fn what_is_passed_over_is_said() {
    let answer = post(CHAT, &story(json!({"future_field": 1, "store": true, "user": "u"})));
    let warnings = answer["jeton"]["warnings"].as_array().expect("a list");
    let about: Vec<&Value> = warnings.iter().map(|warning| &warning["parameters"][0]).collect();
    assert!(about.contains(&&json!("future_field")) && about.contains(&&json!("store")));
    assert!(!about.contains(&&json!("user")));
}

#[test]
fn several_limits_and_a_trace_ride_along() {
    let answer = post(CHAT, &story(json!({"max_tokens": [5, 12], "trace": 2})));
    let views = answer["jeton"]["views"].as_array().expect("a list");
    assert_eq!(views.len(), 2);
    let content = text(&answer["choices"][0]["message"]["content"]);
    assert!(content.starts_with(text(&views[0]["text"])));
    let tokens = answer["jeton"]["tokens"].as_array().expect("a list");
    assert_eq!(tokens.len(), 12);
    assert!(tokens[0]["trace"]["stages"].is_array() && tokens[0]["probability"].is_number());
}
