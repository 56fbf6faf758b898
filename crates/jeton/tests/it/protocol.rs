//! The JSON Lines commands.

use super::serve;
use serde_json::{Value, json};

#[test]
fn tokenize_and_detokenize_undo_each_other() {
    let text = "Hello, wörld 123 \u{1f600}\n<|im_start|>";
    let answers = serve(
        &["tokenize"],
        &[json!({"text": text}), json!({"text": text, "parse_special": false}), json!({"text": 7})],
    );
    let (special, plain) = (&answers[0]["ids"], &answers[1]["ids"]);
    assert_ne!(special, plain);
    assert_eq!(answers[2]["error"]["param"], "text");
    let answers = serve(
        &["detokenize"],
        &[
            json!({"ids": special}),
            json!({"ids": plain}),
            json!({"ids": special, "skip_special": true}),
            json!({"ids": [99_999_999]}),
        ],
    );
    assert_eq!(answers[0]["text"], text);
    assert_eq!(answers[1]["text"], text);
    assert_eq!(answers[2]["text"], text.trim_end_matches("<|im_start|>"));
    assert_eq!(answers[3]["error"]["param"], "ids");
}

#[test]
fn template_renders_with_and_without_thinking() {
    let messages = json!([{"role": "user", "content": "Hi"}]);
    let answers = serve(
        &["template"],
        &[
            json!({"messages": messages}),
            json!({"messages": messages, "template_kwargs": {"enable_thinking": false}}),
            json!({"messages": messages, "add_generation_prompt": false}),
            json!({"messages": 1}),
        ],
    );
    let text = |index: usize| answers[index]["text"].as_str().expect("text").to_owned();
    assert!(text(0).ends_with("<|im_start|>assistant\n"), "{}", text(0));
    assert!(text(1).ends_with("</think>\n\n"), "{}", text(1));
    assert!(!text(2).contains("assistant"), "{}", text(2));
    assert_eq!(answers[3]["error"]["param"], "messages");
}

#[test]
fn template_errors_have_their_kind() {
    let path = std::env::temp_dir().join(format!("jeton-template-{}.jinja", std::process::id()));
    for (source, kind) in [
        ("{{ raise_exception('no tools here') }}", "raised"),
        ("{% if %}", "syntax"),
        ("{{ messages[0].nothing.more }}", "undefined"),
        (
            "{% for a in range(99999) %}{% for b in range(99999) %}x{% endfor %}{% endfor %}",
            "limit",
        ),
    ] {
        std::fs::write(&path, source).expect("a temporary file");
        let file = path.to_str().expect("a plain path");
        let request = json!({"messages": [{"role": "user", "content": "Hi"}]});
        let answers = serve(&["template", "--file", file], &[request]);
        assert_eq!(answers[0]["error"]["kind"], kind, "{source}: {}", answers[0]);
        if kind == "raised" {
            assert_eq!(answers[0]["error"]["message"], "no tools here");
        }
    }
    std::fs::remove_file(&path).expect("it was written");
}

#[test]
fn logits_of_all_positions_end_with_those_of_the_last() {
    let answers = serve(
        &["logits"],
        &[
            json!({"ids": [5, 6, 7], "positions": "all"}),
            json!({"ids": [5, 6, 7]}),
            json!({"ids": []}),
            json!({"ids": [5], "positions": "some"}),
        ],
    );
    let rows = answers[0]["logits"].as_array().expect("rows");
    assert_eq!(rows.len(), 3);
    assert_eq!(answers[1]["logits"].as_array().expect("rows")[..], rows[2..]);
    assert_eq!(answers[2]["error"]["param"], "ids");
    assert_eq!(answers[3]["error"]["param"], "positions");
}

#[test]
fn sample_answers_with_survivors_and_trace() {
    let answers = serve(
        &["sample"],
        &[json!({
            "logits": [1.0, 3.0, 2.0, "-inf"],
            "params": {"top_k": 2, "temperature": 0.5},
            "seed": 4,
            "samplers": ["temperature", "top_k"],
        })],
    );
    assert_eq!(answers[0]["tokens"], json!([1, 2]));
    let names: Vec<&Value> = answers[0]["trace"]
        .as_array()
        .expect("stages")
        .iter()
        .map(|stage| &stage["name"])
        .collect();
    assert_eq!(names, ["temperature", "top_k"]);
}

#[test]
fn generate_serves_ids_prompts_and_messages() {
    let answers = serve(
        &["generate", "--jsonl", "--max-tokens", "6"],
        &[
            json!({"prompt": "Once upon", "temperature": 0}),
            json!({"messages": [{"role": "user", "content": "Hi"}], "seed": 1, "max_tokens": 3}),
            json!({"ids": [5, 6], "seed": 2, "logprobs": true, "top_logprobs": 2}),
            json!({"prompt": "a", "ids": [1]}),
            json!({"prompt": "a", "max_tokens": 5000}),
            json!({"prompt": "a", "temprature": 1}),
            json!({"prompt": "Once upon", "temperature": 0}),
        ],
    );
    assert_eq!(answers[0]["usage"]["completion_tokens"], 6);
    assert_eq!(answers[1]["usage"]["completion_tokens"], 3);
    let logprobs = answers[2]["logprobs"].as_array().expect("logprobs");
    assert_eq!(logprobs.len(), 6);
    assert_eq!(logprobs[0]["top_logprobs"].as_array().map(Vec::len), Some(2));
    assert!(
        answers[3]["error"]["message"].as_str().is_some_and(|text| text.contains("exactly one"))
    );
    assert_eq!(answers[4]["error"]["kind"], "context_length_exceeded");
    assert_eq!(answers[5]["error"]["param"], "temprature");
    // The second time the prompt may come from memory: the tokens are the same.
    assert_eq!(answers[6]["ids"], answers[0]["ids"]);
}

#[test]
fn constraints_and_texts_in_parameters_reach_the_model() {
    let ask = |more: Value| {
        let mut request = json!({"prompt": "Once upon a", "temperature": 0, "max_tokens": 3});
        request.as_object_mut().expect("an object").extend(more.as_object().expect("one").clone());
        serve(&["generate", "--jsonl"], &[request])[0].clone()
    };
    let plain = ask(json!({}));
    let last = plain["ids"][2].clone();
    let banned = ask(json!({"suppress_tokens": [last]}));
    assert_ne!(banned["ids"][2], last);
    let run = json!([[plain["ids"][1], last]]);
    let cut = ask(json!({"bad_words_ids": run}));
    assert_eq!(cut["ids"][1], plain["ids"][1]);
    assert_ne!(cut["ids"][2], last);
    let pushed = ask(json!({"logit_bias": {"z": 100_000}, "max_tokens": 1}));
    assert_ne!(pushed["ids"], plain["ids"]);
    let sampled = json!({
        "temperature": 0.9, "seed": 5, "mirostat": 2, "dry_multiplier": 0.8,
        "xtc_probability": 0.5, "bad_words": ["the"], "max_tokens": 12,
    });
    assert_eq!(ask(sampled.clone())["ids"], ask(sampled)["ids"], "a seed gives the same tokens");
}
