//! `generate`, `trace`, `chat`, `inspect`, `bench`.

use super::{jeton, jeton_with_input};
use serde_json::Value;

fn json(words: &[&str]) -> Value {
    let run = jeton(words);
    assert_eq!(run.code, 0, "{}", run.err);
    serde_json::from_str(&run.out).expect("one JSON object")
}

#[test]
fn generate_streams_text_and_then_a_summary() {
    let run = jeton(&["generate", "Tell me a story about a dragon.", "--max-tokens", "30"]);
    assert_eq!(run.code, 0, "{}", run.err);
    assert!(run.out.trim().len() > 20, "{:?}", run.out);
    for word in ["prompt tokens", "completion tokens", "finish_reason", "stop_reason", "TTFT"] {
        assert!(run.err.contains(word), "no {word} in {:?}", run.err);
    }
    assert!(!run.err.contains('\u{1b}'), "colour is for terminals only");
}

#[test]
fn the_same_seed_gives_the_same_tokens_on_any_number_of_threads_and_instruction_set() {
    let prompt = "Tell me a story about a fox.";
    let base = ["generate", prompt, "--json", "--max-tokens", "40", "--seed", "11"];
    let reference = json(&base);
    for extra in [["--threads", "1"], ["--threads", "3"], ["--isa", "scalar"]] {
        let other = json(&[&base[..], &extra[..]].concat());
        assert_eq!(other["ids"], reference["ids"], "{extra:?}");
        assert_eq!(other["text"], reference["text"], "{extra:?}");
    }
    let other_seed = json(&["generate", prompt, "--json", "--max-tokens", "40", "--seed", "12"]);
    assert_ne!(other_seed["ids"], reference["ids"]);
}

#[test]
fn a_smaller_limit_gives_a_prefix_and_says_so() {
    let run = |limit: &str| {
        json(&["generate", "Add 27 and 36.", "--json", "--seed", "5", "--max-tokens", limit])
    };
    let (short, long) = (run("7"), run("20"));
    let (short_ids, long_ids) =
        (short["ids"].as_array().expect("ids"), long["ids"].as_array().expect("ids"));
    assert_eq!(short_ids.len(), 7);
    assert_eq!(short_ids[..], long_ids[..7]);
    assert_eq!(short["finish_reason"], "length");
    assert_eq!(short["stop_reason"]["kind"], "max_tokens");
    assert_eq!(short["stop_reason"]["limit"], 7);
    assert_eq!(short["stop_reason"]["set_by"], "request");
    assert_eq!(short["usage"]["completion_tokens"], 7);
}

#[test]
fn a_stop_string_ends_the_text_before_it() {
    let words = ["generate", "Tell me a story about a fox.", "--json", "--seed", "3"];
    let whole = json(&[&words[..], &["--max-tokens", "60"]].concat());
    let text = whole["text"].as_str().expect("text");
    let stop: String = text.chars().skip(25).take(6).collect();
    let cut = json(&[&words[..], &["--max-tokens", "60", "--stop", &stop]].concat());
    assert_eq!(cut["finish_reason"], "stop");
    assert_eq!(cut["stop_reason"]["kind"], "stop_string");
    let place = text.find(&stop).expect("it is in the text");
    assert_eq!(cut["text"], text[..place]);
}

#[test]
fn the_models_recommendations_count_and_are_shown() {
    let answer = json(&["generate", "Hello", "--json", "--max-tokens", "3", "--top-k", "7"]);
    assert_eq!(answer["parameters"]["top_k"]["set_by"], "request");
    assert_eq!(answer["parameters"]["top_k"]["value"], 7);
    assert_eq!(answer["parameters"]["temperature"]["set_by"], "model");
}

#[test]
fn trace_shows_every_step_and_what_each_stage_removed() {
    let words = [
        "trace",
        "Once upon a time",
        "--raw",
        "--max-tokens",
        "5",
        "--seed",
        "1",
        "--top-p",
        "0.9",
    ];
    let run = jeton(&[&words[..], &["--candidates", "3"]].concat());
    assert_eq!(run.code, 0, "{}", run.err);
    let head = run.out.lines().next().expect("a head line");
    for word in ["step", "token", "probability", "nucleus", "text so far"] {
        assert!(head.contains(word), "{head}");
    }
    assert!(run.out.contains("removed by top_k:"), "{}", run.out);
    assert!(run.out.contains("drew u = "), "{}", run.out);

    let trace = json(&[&words[..], &["--json"]].concat());
    let steps = trace["steps"].as_array().expect("steps");
    assert_eq!(steps.len(), 5);
    for step in steps {
        let (u, low, high) = (&step["draw"]["u"], &step["draw"]["low"], &step["draw"]["high"]);
        let number = |value: &Value| value.as_f64().expect("a number");
        assert!(number(low) <= number(u) && number(u) < number(high), "{step}");
        let probability = number(&step["probability"]);
        assert!((number(high) - number(low) - probability).abs() < 1e-9, "{step}");
    }
}

#[test]
fn chat_keeps_the_conversation_and_obeys_its_commands() {
    let input = "/set temperature 0\n/set max_tokens 8\n/think off\nHello\n/stats\n\
                 /set top_p 3\n/params\n/new\n/nonsense\n/quit\n";
    let run = jeton_with_input(&["chat"], input);
    assert_eq!(run.code, 0, "{}", run.err);
    assert!(!run.out.trim().is_empty(), "an answer");
    for word in [
        "temperature = 0",
        "thinking off",
        "completion tokens",
        "`top_p` must be",
        "max_tokens = 8 (set by request)",
        "a new conversation",
        "unknown command /nonsense",
    ] {
        assert!(run.err.contains(word), "no {word:?} in {}", run.err);
    }
}

#[test]
fn inspect_says_what_the_model_is_and_needs() {
    let run = jeton(&["inspect"]);
    assert_eq!(run.code, 0, "{}", run.err);
    for word in ["Qwen3", "Q8_0", "<|im_end|>", "chat template", "keys and values"] {
        assert!(run.out.contains(word), "no {word} in {}", run.out);
    }
    let one = json(&["inspect", "--json", "--context", "256"]);
    let four = json(&["inspect", "--json", "--context", "256", "--batch", "4", "--tensors"]);
    let kv = |report: &Value| report["memory"]["kv_bytes_max"].as_u64().expect("bytes");
    assert_eq!(kv(&four), 4 * kv(&one));
    assert_eq!(one["memory"]["context_tokens"], 256);
    assert!(four["tensors"].as_array().is_some_and(|tensors| tensors.len() > 10));
}

#[test]
fn bench_reports_speeds_and_bytes() {
    let words = ["bench", "--json", "--prefill", "16", "--decode", "4", "--runs", "1"];
    let report = json(&words);
    for name in
        ["prefill_tokens_per_second", "decode_tokens_per_second", "read_bandwidth_gb_per_second"]
    {
        assert!(report[name].as_f64().is_some_and(|value| value > 0.0), "{name}: {report}");
    }
}
