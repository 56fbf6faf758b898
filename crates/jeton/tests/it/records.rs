//! Lists of limits, `--save`, `--resume`, `--receipt` and `verify`.

use super::{jeton, serve};
use serde_json::{Value, json};
use std::path::PathBuf;

/// A folder of its own for a test's files.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Folder(tempfile::tempdir().expect("a temporary folder"))
    }

    fn path(&self, name: &str) -> String {
        let path: PathBuf = self.0.path().join(name);
        path.into_os_string().into_string().expect("a plain path")
    }

    fn read(&self, name: &str) -> Value {
        let bytes = std::fs::read(self.path(name)).expect("it was written");
        serde_json::from_slice(&bytes).expect("it is JSON")
    }

    fn write(&self, name: &str, value: &Value) {
        std::fs::write(self.path(name), value.to_string()).expect("a temporary file");
    }
}

fn ok(words: &[&str]) -> Value {
    let run = jeton(words);
    assert_eq!(run.code, 0, "{words:?}: {}", run.err);
    serde_json::from_str(&run.out).expect("one JSON object")
}

#[track_caller]
fn refused(words: &[&str], says: &[&str]) {
    let run = jeton(words);
    assert_eq!(run.code, 2, "{words:?}: {} {}", run.out, run.err);
    for word in says {
        assert!(run.err.contains(word), "no {word:?} in {}", run.err);
    }
    assert!(!run.err.contains("panicked"), "{}", run.err);
}

const STORY: [&str; 5] =
    ["generate", "Tell me a story about a fox.", "--seed", "3", "--repetition-penalty=1.1"];

#[test]
fn a_list_of_limits_gives_what_each_limit_alone_gives() {
    let whole = ok(&[&STORY[..], &["--max-tokens", "9,40,21", "--json"]].concat());
    assert_eq!(whole["prefix_safe"], true);
    let views = whole["views"].as_array().expect("views");
    assert_eq!(views.len(), 3);
    for view in views {
        let limit = view["max_tokens"].to_string();
        let alone = ok(&[&STORY[..], &["--max-tokens", &limit, "--json"]].concat());
        for name in ["ids", "text", "finish_reason", "truncation"] {
            assert_eq!(view[name], alone[name], "{name} under {limit}");
        }
        assert_eq!(view["stop_reason"]["kind"], alone["stop_reason"]["kind"]);
        assert_eq!(view["usage"]["total_tokens"], alone["usage"]["total_tokens"]);
    }
    let latency = |index: usize| views[index]["latency_ms"].as_f64().expect("milliseconds");
    assert!(0.0 < latency(0) && latency(0) < latency(2) && latency(2) < latency(1));

    let shown = jeton(&[&STORY[..], &["--max-tokens", "9,40"]].concat());
    assert!(shown.err.contains("limit  tokens  finish"), "{}", shown.err);
    let list: Vec<usize> = (1..=65).collect();
    let answers = serve(
        &["generate", "--jsonl", "--temperature", "0"],
        &[
            json!({"prompt": "Once", "max_tokens": [2, 5]}),
            json!({"prompt": "Once", "max_tokens": [5, 5]}),
            json!({"prompt": "Once", "max_tokens": list}),
            json!({"prompt": "Once", "max_tokens": [9, 2], "min_tokens": 3}),
        ],
    );
    assert_eq!(answers[0]["views"][0]["ids"].as_array().map(Vec::len), Some(2));
    assert_eq!(answers[1]["error"]["param"], "max_tokens");
    assert_eq!(answers[2]["error"]["param"], "max_tokens");
    assert_eq!(answers[3]["error"]["param"], "min_tokens");
}

#[test]
fn a_saved_run_goes_on_as_if_more_had_been_asked_for_at_first() {
    let folder = Folder::new();
    let state = folder.path("state.json");
    for more in [
        &["--frequency-penalty", "0.7"][..],
        &["--stop", "gives away", "--stop", "</think>"],
        &["--profile", "llama.cpp"],
        &["--mirostat", "2", "--mirostat-tau", "3"],
        &["--adaptive-target", "0.4"],
        &["--temperature", "0"],
    ] {
        let base = [&STORY[..], more].concat();
        let whole = ok(&[&base[..], &["--max-tokens", "40", "--json"]].concat());
        let cut = ok(&[&base[..], &["--max-tokens", "13", "--json", "--save", &state]].concat());
        assert_eq!(cut["finish_reason"], "length");
        let longer = ok(&["generate", "--resume", &state, "--max-tokens", "40", "--json"]);
        for name in ["ids", "text", "finish_reason", "stop_reason", "seed"] {
            assert_eq!(longer[name], whole[name], "{name} with {more:?}");
        }
        assert_eq!(longer["usage"]["completion_tokens_details"]["resumed_tokens"], 13);
        assert_eq!(longer["receipt"], whole["receipt"], "one run or two, one receipt");
    }
}

#[test]
fn what_shapes_tokens_cannot_change_on_the_way() {
    let folder = Folder::new();
    let state = folder.path("state.json");
    ok(&[&STORY[..], &["--max-tokens", "6", "--json", "--save", &state]].concat());
    let on = |more: &[&'static str], says: &[&str]| {
        let words = ["generate", "--resume", &state, "--max-tokens", "20"];
        refused(&[&words[..], more].concat(), says);
    };
    on(&["--repetition-penalty", "1.3"], &["`repetition_penalty`", "1.1", "1.3"]);
    on(&["--seed", "4"], &["`seed`", "is 3", "given 4"]);
    on(&["--stop", "x"], &["`stop`"]);
    on(&["--precision", "f32"], &["`--precision`", "auto"]);
    refused(&["generate", "--resume", &state, "--max-tokens", "6"], &["`max_tokens`", "6"]);
    refused(&["generate", "a prompt", "--resume", &state], &["--resume"]);
    // What was asked for already may be asked for again, and what is told about tokens may change.
    let words = ["generate", "--resume", &state, "--max-tokens", "9", "--json", "--seed", "3"];
    let more = ["--repetition-penalty", "1.1", "--logprobs"];
    assert_eq!(ok(&[&words[..], &more[..]].concat())["logprobs"].as_array().map(Vec::len), Some(3));

    let mut foreign = folder.read("state.json");
    foreign["model"]["weights_sha256"] = json!("00");
    folder.write("state.json", &foreign);
    refused(&["generate", "--resume", &state, "--max-tokens", "9"], &["`sha256`", "changed"]);
    std::fs::write(&state, "{\"format\":\"jeton-state\"}").expect("a temporary file");
    refused(&["generate", "--resume", &state, "--max-tokens", "9"], &["`version`"]);
    refused(&["generate", "--resume", "/no/such/file"], &["/no/such/file"]);
}

#[test]
fn a_receipt_is_verified_and_a_changed_one_is_not() {
    let folder = Folder::new();
    let receipt = folder.path("receipt.json");
    ok(&[&STORY[..], &["--max-tokens", "25", "--json", "--receipt", &receipt]].concat());
    for threads in ["1", "3"] {
        let verified = ok(&["verify", &receipt, "--json", "--threads", threads]);
        assert_eq!((&verified["match"], &verified["tokens"]), (&json!(true), &json!(25)));
    }
    assert_eq!(jeton(&["verify", &receipt, "--isa", "scalar"]).code, 0);

    let mut forged = folder.read("receipt.json");
    forged["choices"][0]["ids"][20] = json!(7);
    folder.write("forged.json", &forged);
    refused(&["verify", &folder.path("forged.json")], &["`sha256`"]);
    // A forger can make the digest fit; the run tells.
    forged["sha256"] = json!(digest_by_the_page(&forged));
    folder.write("forged.json", &forged);
    let run = jeton(&["verify", &folder.path("forged.json"), "--json"]);
    let verdict: Value = serde_json::from_str(&run.out).expect("one JSON object");
    assert_eq!(run.code, 1, "{}", run.err);
    assert_eq!(verdict["difference"]["field"], "choices[0].ids[20]");
    assert_eq!(verdict["difference"]["recorded"], 7);

    let mut foreign = folder.read("receipt.json");
    foreign["model"]["weights_sha256"] = json!("00");
    foreign["sha256"] = json!(digest_by_the_page(&foreign));
    folder.write("foreign.json", &foreign);
    let run = jeton(&["verify", &folder.path("foreign.json")]);
    assert_eq!(run.code, 1, "{}", run.err);
    assert!(run.out.contains("model.weights_sha256"), "{}", run.out);
    refused(&["verify", "/no/such/file"], &["/no/such/file"]);
}

#[test]
fn what_was_cut_from_outside_holds_as_far_as_it_goes() {
    let folder = Folder::new();
    let receipt = folder.path("receipt.json");
    for shape in [&["--think", "off"][..], &["--think", "off", "--json-object"]] {
        let ask = [&STORY[..], shape, &["--max-tokens", "30", "--json"]].concat();
        let whole = ok(&ask)["receipt"].clone();
        for (finish, stop) in [("length", "deadline"), ("cancelled", "cancelled")] {
            let mut cut = whole.clone();
            let choice = &mut cut["choices"][0];
            (choice["finish_reason"], choice["stop_reason"]) = (json!(finish), json!(stop));
            choice["ids"].as_array_mut().expect("ids").truncate(9);
            cut["sha256"] = json!(digest_by_the_page(&cut));
            folder.write("receipt.json", &cut);
            let run = jeton(&["verify", &receipt]);
            assert_eq!(run.code, 0, "{stop} {shape:?}: {} {}", run.out, run.err);
            cut["choices"][0]["ids"][5] = json!(7);
            cut["sha256"] = json!(digest_by_the_page(&cut));
            folder.write("receipt.json", &cut);
            assert_eq!(jeton(&["verify", &receipt]).code, 1, "{stop} {shape:?}");
        }
    }
}

/// The digest as `docs/DETERMINISM.md` describes it, made without the program.
fn digest_by_the_page(record: &Value) -> String {
    fn write(value: &Value, out: &mut String) {
        match value {
            Value::Object(entries) => {
                let mut entries: Vec<(&String, &Value)> = entries.iter().collect();
                entries.sort_by_key(|(name, _)| *name);
                out.push('{');
                for (index, (name, value)) in entries.into_iter().enumerate() {
                    out.push_str(if index == 0 { "" } else { "," });
                    out.push_str(&format!("{}:", json!(name)));
                    write(value, out);
                }
                out.push('}');
            }
            Value::Array(items) => {
                out.push('[');
                for (index, item) in items.iter().enumerate() {
                    out.push_str(if index == 0 { "" } else { "," });
                    write(item, out);
                }
                out.push(']');
            }
            other => out.push_str(&other.to_string()),
        }
    }
    let mut bare = record.clone();
    bare.as_object_mut().expect("an object").remove("sha256");
    let mut text = String::new();
    write(&bare, &mut text);
    model::sha256_hex(text.as_bytes())
}

#[test]
fn receipts_hold_with_thoughts_shapes_and_guesses() {
    let folder = Folder::new();
    let receipt = folder.path("receipt.json");
    let ask = ["generate", "What is 27 + 36?", "--seed", "1", "--json", "--receipt", &receipt];
    for more in [
        &["--think", "on", "--thinking-budget", "12", "--max-tokens", "40"][..],
        &["--think", "on", "--answer-reserve", "8", "--max-tokens", "30"],
        &["--think", "off", "--regex", "[0-9]{2,5}", "--max-tokens", "20"],
        &["--think", "off", "--json-object", "--max-tokens", "25"],
        &["--think", "off", "--num-beams", "3", "--max-tokens", "12"],
    ] {
        let answer = ok(&[&ask[..], more].concat());
        let verified = jeton(&["verify", &receipt, "--threads", "1"]);
        assert_eq!(verified.code, 0, "{more:?}: {} {}", verified.out, verified.err);
        // Guessing ahead changes the speed and nothing that a receipt says.
        let guessed = ok(&[&ask[..], more, &["--lookup"]].concat());
        assert_eq!(guessed["receipt"], answer["receipt"], "{more:?}");
    }
}

#[test]
fn a_run_that_its_limit_shaped_is_not_continued() {
    let folder = Folder::new();
    let state = folder.path("state.json");
    let ask = ["generate", "What is 27 + 36?", "--seed", "1", "--json", "--save", &state];
    let on = ["generate", "--resume", &state, "--max-tokens", "60"];
    ok(&[&ask[..], &["--think", "on", "--answer-reserve", "6", "--max-tokens", "12"]].concat());
    refused(&on, &["answer_reserve", "shaped by its limit"]);
    let shape = ["--think", "off", "--json-object", "--max-tokens", "6"];
    ok(&[&ask[..], &shape].concat());
    refused(&on, &[]);
    let beams = ["--think", "off", "--num-beams", "2", "--max-tokens", "6"];
    ok(&[&ask[..], &beams].concat());
    refused(&on, &["num_beams", "shaped by its limit"]);
}

/// A thought that was made to end is reported as such later too. In the second case the forced end
/// begins with a line break, which the model could have written itself.
#[test]
fn a_thought_that_was_cut_short_is_continued_as_such() {
    let folder = Folder::new();
    let state = folder.path("state.json");
    let on = ["generate", "--resume", &state, "--max-tokens", "60", "--json"];
    let sums = ["What is 27 + 36?", "--seed", "1"].as_slice();
    let bent = [
        "A riddle, please.",
        "--seed=700139",
        "--temperature=0.7",
        "--top-n-sigma=2",
        "--logit-bias=2070=5",
        "--logit-bias=2123=-5",
        "--logit-bias=1352=5",
        "--logit-bias=1805=5",
        "--banned-token-ids=38,902,1336",
        "--exponential-decay-length-penalty=3,1.05",
        "--ignore-eos=true",
    ];
    for (ask, cut) in [(sums, 16), (bent.as_slice(), 12)] {
        let ask =
            [&["generate", "--json", "--think", "on", "--thinking-budget", "8"], ask].concat();
        let whole = ok(&[&ask[..], &["--max-tokens", "60"]].concat());
        let cut_text = cut.to_string();
        ok(&[&ask[..], &["--save", &state, "--max-tokens", &cut_text]].concat());
        let mut longer = ok(&on);
        let details = longer["usage"]["completion_tokens_details"].as_object_mut();
        assert_eq!(details.expect("details").remove("resumed_tokens"), Some(json!(cut)));
        for name in ["ids", "text", "finish_reason", "thinking", "usage"] {
            assert_eq!(longer[name], whole[name], "{name}");
        }
    }
}

/// The prompt's ids do not tell whether its end is a thought: the record has to.
#[test]
fn an_answer_that_continues_a_message_is_verified_and_goes_on() {
    let folder = Folder::new();
    let (receipt, state) = (folder.path("receipt.json"), folder.path("state.json"));
    for (begun, thinks) in [
        ("<think>\n27 + 36 =", true),
        ("<think>\n20 + 30 = 50\n</think>\n\n27 + 36", false),
        ("27 + 36", false),
    ] {
        let budget = thinks.then_some(2);
        let request = |limit: usize| {
            json!({
                "messages": [{"role": "user", "content": "What is 27 + 36?"},
                    {"role": "assistant", "content": begun}],
                "continue_final_message": true, "thinking_budget": budget,
                "seed": 1, "temperature": 0,
                "max_tokens": limit, "receipt": true, "tools": [], "documents": [],
            })
        };
        let answers = serve(&["generate", "--jsonl"], &[request(40), request(3)]);
        let (whole, cut) = (&answers[0], &answers[1]);
        assert_eq!(whole["thinking"].is_object(), thinks, "{begun}: {whole}");
        for answer in [whole, cut] {
            folder.write("receipt.json", &answer["receipt"]);
            let verified = jeton(&["verify", &receipt]);
            assert_eq!(verified.code, 0, "{begun}: {} {}", verified.out, verified.err);
        }
        // A state is a receipt that also has what stages remember; here that is nothing.
        let mut saved = cut["receipt"].clone();
        saved["format"] = json!("jeton-state");
        saved["choices"][0]["stage_state"] = json!({});
        saved["sha256"] = json!(digest_by_the_page(&saved));
        folder.write("state.json", &saved);
        let longer = ok(&["generate", "--resume", &state, "--max-tokens", "40", "--json"]);
        for name in ["ids", "text", "finish_reason", "thinking", "receipt"] {
            assert_eq!(longer[name], whole[name], "{begun}: {name}");
        }
    }
}

/// The bits of every operation, of every stage on the way and of the draws are those of the build
/// that wrote this receipt. When one is changed on purpose, `kernels::NUMERIC_LAW` goes up and the
/// file is written anew: `jeton generate "Tell me a story about a fox." --seed 7 --max-tokens 80
/// --repetition-penalty 1.1 --frequency-penalty 0.2 --min-p 0.02 --stop "The end" --receipt FILE`.
#[test]
fn a_receipt_of_an_earlier_build_still_holds() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../answers/src/record/receipt.json");
    let run = jeton(&["verify", path]);
    assert_eq!(run.code, 0, "{} {}", run.out, run.err);
}

#[cfg(unix)]
#[test]
fn what_is_no_file_is_written_to_and_not_replaced() {
    let folder = tempfile::tempdir().expect("a folder");
    let (target, link) = (folder.path().join("target.json"), folder.path().join("link.json"));
    std::fs::write(&target, "old").expect("written");
    std::os::unix::fs::symlink(&target, &link).expect("linked");
    let link_path = link.display().to_string();
    ok(&[&STORY[..], &["--max-tokens", "3", "--json", "--receipt", &link_path]].concat());
    assert!(link.is_symlink());
    let written = std::fs::read_to_string(&target).expect("read");
    assert!(written.contains("jeton-receipt"), "{written}");
}
