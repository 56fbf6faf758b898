//! Continued texts.

use super::{CHAT, COMPLETIONS, post, post_bytes, story, text};
use serde_json::{Value, json};

#[test]
fn a_completion_has_the_published_form() {
    let answer = post(COMPLETIONS, &json!({"prompt": "Once upon a time", "max_tokens": 8}));
    assert!(text(&answer["id"]).starts_with("cmpl-"));
    assert_eq!(answer["object"], "text_completion");
    let choice = &answer["choices"][0];
    assert_eq!((&choice["index"], &choice["logprobs"]), (&json!(0), &Value::Null));
    assert_eq!(choice["finish_reason"], "length");
    assert!(!text(&choice["text"]).is_empty());
    assert_eq!(answer["usage"]["completion_tokens"], 8);
}

#[test]
fn several_prompts_are_answered_in_order() {
    let one = |prompt: Value| {
        let request = json!({"prompt": prompt, "max_tokens": 6, "temperature": 0});
        let answer = post(COMPLETIONS, &request);
        let choices = answer["choices"].as_array().expect("a list");
        choices.iter().map(|choice| text(&choice["text"]).to_owned()).collect::<Vec<String>>()
    };
    let both = one(json!(["Once upon a time", "The sun"]));
    assert_eq!(both, [one(json!("Once upon a time")), one(json!("The sun"))].concat());
    let by_id = one(json!([[5, 6, 7], [8, 9]]));
    assert_eq!(by_id[0], one(json!([5, 6, 7]))[0]);
}

#[test]
fn an_echo_scores_the_prompt() {
    let request = json!({"prompt": "Once upon a time", "max_tokens": 3, "temperature": 0,
        "echo": true, "logprobs": 2});
    let answer = post(COMPLETIONS, &request);
    let choice = &answer["choices"][0];
    assert!(text(&choice["text"]).starts_with("Once upon a time"));
    let logprobs = &choice["logprobs"];
    let tokens = logprobs["tokens"].as_array().expect("a list");
    let scores = logprobs["token_logprobs"].as_array().expect("a list");
    let prompt_tokens = answer["usage"]["prompt_tokens"].as_u64().expect("a count") as usize;
    assert_eq!((tokens.len(), scores.len()), (prompt_tokens + 3, prompt_tokens + 3));
    assert_eq!(scores[0], Value::Null);
    assert!(scores[1..].iter().all(|score| score.as_f64().expect("a number") <= 0.0));
    let offsets = logprobs["text_offset"].as_array().expect("a list");
    assert!(offsets.is_sorted_by_key(|offset| offset.as_u64()));
    // The new tokens are the best, so each is the first of its alternatives.
    for (top, score) in logprobs["top_logprobs"].as_array().expect("a list")[prompt_tokens..]
        .iter()
        .zip(&scores[prompt_tokens..])
    {
        let best = top.as_object().expect("a map").values().filter_map(Value::as_f64);
        assert_eq!(Some(best.fold(f64::NEG_INFINITY, f64::max)), score.as_f64());
    }
}

#[test]
fn the_best_of_several_are_given() {
    let request = json!({"prompt": "Once", "max_tokens": 4, "n": 2, "best_of": 4, "seed": 1});
    let answer = post(COMPLETIONS, &request);
    assert_eq!(answer["choices"].as_array().expect("a list").len(), 2);
    assert_eq!(answer["usage"]["completion_tokens"], 16);
}

/// The best is known last, and a stream says nothing twice.
#[test]
fn the_best_of_several_are_not_streamed() {
    for (path, prompt) in [(COMPLETIONS, json!({"prompt": "Once"})), (CHAT, story(json!({})))] {
        let mut request = prompt;
        for (name, value) in [("stream", json!(true)), ("n", json!(1)), ("best_of", json!(2))] {
            request[name] = value;
        }
        let reply = post_bytes(path, request.to_string().as_bytes());
        assert_eq!(reply.status, 400, "{}", reply.body);
        assert_eq!(reply.json()["error"]["param"], "best_of");
    }
}

#[test]
fn the_token_that_ends_a_text_is_scored_too() {
    let turn = "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\n";
    let request = json!({"prompt": turn, "max_tokens": 200, "temperature": 0, "logprobs": 0});
    let answer = post(COMPLETIONS, &request);
    let choice = &answer["choices"][0];
    assert_eq!(choice["finish_reason"], "stop");
    let tokens = choice["logprobs"]["tokens"].as_array().expect("a list");
    assert_eq!(answer["usage"]["completion_tokens"], tokens.len());
    assert_eq!(tokens.last().expect("some"), "<|im_end|>");
    let told: String = tokens[..tokens.len() - 1].iter().map(text).collect();
    assert_eq!(told, text(&choice["text"]));
}
