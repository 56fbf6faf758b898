//! How models mark their thoughts: the real templates of the conformance folder, with the special
//! tokens of their vocabularies, and templates of our own.

use crate::chat_conformance::input_of;
use crate::data;
use text::thinking::{ThinkingFormat, ThinkingStart, ThinkingStyle};
use text::{ChatTemplate, Tokenizer, VocabSource};

/// A byte-level vocabulary with these tokens behind the 256 bytes, each matched whole.
fn tokenizer(added: &[&str]) -> Tokenizer {
    tokenizer_with(added, 4)
}

/// The same, where these tokens are of that kind.
fn tokenizer_with(added: &[&str], kind: i32) -> Tokenizer {
    let mut tokens: Vec<String> = (0..=255).map(|byte| letter(byte).to_string()).collect();
    let mut token_types = vec![1; tokens.len()];
    tokens.extend(added.iter().map(|text| text.to_string()));
    token_types.resize(tokens.len(), kind);
    let source = VocabSource {
        model: "gpt2".to_owned(),
        pre: Some("gpt-2".to_owned()),
        tokens,
        token_types,
        ..VocabSource::default()
    };
    Tokenizer::from_vocab(source).unwrap()
}

/// How byte-level vocabularies write a byte.
fn letter(byte: u8) -> char {
    let is_plain = |byte: u8| matches!(byte, 33..=126 | 161..=172 | 174..=255);
    if is_plain(byte) {
        return char::from(byte);
    }
    let earlier = (0..byte).filter(|&other| !is_plain(other)).count();
    char::from_u32(256 + earlier as u32).unwrap()
}

const TAGS: &[&str] = &["<think>", "</think>", "<tool_call>", "</tool_call>"];
const HARMONY: &[&str] =
    &["<|start|>", "<|channel|>", "<|message|>", "<|end|>", "<|return|>", "<|call|>"];

/// What is to be found in a template: its name, the tokens of the model's vocabulary that matter,
/// the text before the closing marker, and the template's variables.
struct Known {
    name: &'static str,
    added: &'static [&'static str],
    close: &'static str,
    switch: Option<&'static str>,
    reads_effort: bool,
}

const THINKING: &[Known] = &[
    known("qwen3-0.6b", TAGS, "\n</think>", Some("enable_thinking")),
    known("smollm3-3b", TAGS, "\n</think>", Some("enable_thinking")),
    known("glm-4.6", TAGS, "</think>", Some("enable_thinking")),
    known("deepseek-r1-distill-llama-8b", TAGS, "\n</think>", None),
    known("granite-3.3-2b", &[], "</think>", Some("thinking")),
    Known {
        reads_effort: true,
        ..known(
            "gpt-oss-120b",
            HARMONY,
            "<|end|><|start|>assistant<|channel|>final<|message|>",
            None,
        )
    },
];

const fn known(
    name: &'static str,
    added: &'static [&'static str],
    close: &'static str,
    switch: Option<&'static str>,
) -> Known {
    Known { name, added, close, switch, reads_effort: false }
}

/// Where a prompt of a known template ends, told by its last characters alone.
fn expected_start(name: &str, prompt: &str) -> ThinkingStart {
    let end = prompt.trim_end();
    match name {
        "gpt-oss-120b" => ThinkingStart::Undecided,
        _ if end.ends_with("<think>") => ThinkingStart::Open,
        _ if end.ends_with("</think>") => ThinkingStart::Closed,
        _ => ThinkingStart::Undecided,
    }
}

#[test]
fn real_templates_say_how_their_models_think() {
    let Some(folder) = data::conformance() else { return };
    let entries = std::fs::read_dir(folder.join("chat/cases")).unwrap();
    let (mut thinking, mut starts) = (0, [0; 3]);
    for path in entries.map(|entry| entry.unwrap().path()) {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let file = data::json(&path);
        let source = folder.join(file["template"].as_str().unwrap());
        let template = ChatTemplate::new(&std::fs::read_to_string(source).unwrap()).unwrap();
        let Some(known) = THINKING.iter().find(|known| known.name == name) else {
            assert_eq!(ThinkingFormat::find(Some(&template), &tokenizer(&[])), None, "{name}");
            continue;
        };
        thinking += 1;
        let tokenizer = tokenizer(known.added);
        let format = ThinkingFormat::find(Some(&template), &tokenizer).expect("it thinks");
        assert_eq!(tokenizer.decode(&format.close_line, false).unwrap(), known.close, "{name}");
        assert_eq!(format.switch, known.switch, "{name}");
        assert_eq!(format.reads_effort, known.reads_effort, "{name}");
        assert_eq!(format.close.id.is_some(), known.added == TAGS, "{name}");
        for case in file["cases"].as_array().unwrap() {
            let input = input_of(&file, case);
            let Ok(prompt) = template.render(&input) else { continue };
            if !input.add_generation_prompt {
                continue;
            }
            let start = format.start(&prompt);
            assert_eq!(start, expected_start(&name, &prompt), "{name}: {prompt}");
            starts[start as usize] += 1;
        }
    }
    assert_eq!(thinking, THINKING.len());
    assert!(starts.iter().all(|&count| count > 5), "{starts:?}");
}

#[test]
fn harmony_is_read_by_its_tokens() {
    let tokenizer = tokenizer(HARMONY);
    let format = ThinkingFormat::find(None, &tokenizer).expect("the tokens say so");
    assert!(matches!(format.style, ThinkingStyle::Channels(_)));
    let prompt = "<|start|>user<|message|>Hi<|end|><|start|>assistant";
    let start = |end: &str| format.start(&format!("{prompt}{end}"));
    assert_eq!(start(""), ThinkingStart::Undecided);
    assert_eq!(start("<|channel|>analysis<|message|>So"), ThinkingStart::Open);
    assert_eq!(start("<|channel|>final<|message|>So"), ThinkingStart::Closed);
    let control = tokenizer_with(HARMONY, 3);
    let ends: Vec<_> = control.end_ids().iter().map(|&id| control.token_text(id)).collect();
    assert_eq!(ends, [Some("<|return|>"), Some("<|call|>")], "<|end|> ends a message");
    let phi = tokenizer_with(&["<|user|>", "<|end|>"], 3);
    assert_eq!(phi.end_ids().len(), 1, "and elsewhere a turn");
}

#[test]
fn a_marker_of_several_tokens_can_be_finished_from_anywhere() {
    let template =
        ChatTemplate::new("{# <think> and </think> #}{{ messages[0].content }}").unwrap();
    let tokenizer = tokenizer(&[]);
    let format = ThinkingFormat::find(Some(&template), &tokenizer).expect("both are mentioned");
    assert_eq!((format.open.id, format.close.id), (None, None));
    for written in 0..format.close.text.len() {
        let rest = tokenizer.decode(&format.close.rest[written], false).unwrap();
        assert_eq!(rest, format.close.text[written..]);
    }
    assert_eq!(format.close_tokens_max(), "</think>".len());
}

#[test]
fn a_message_to_be_continued_says_whether_its_thought_is_open() {
    let format = ThinkingFormat::find(None, &tokenizer(TAGS)).unwrap();
    let start = |text: &str| format.start_of_continued(&format!("<|assistant|>{text}"), text);
    assert_eq!(start("<think>so"), ThinkingStart::Open);
    assert_eq!(start("<think>so</think>It is"), ThinkingStart::Closed);
    assert_eq!(start("It is"), ThinkingStart::Closed);
    assert_eq!(start(""), ThinkingStart::Undecided);
}

#[test]
fn a_model_without_markers_does_not_think() {
    assert_eq!(ThinkingFormat::find(None, &tokenizer(&["<think>"])), None);
    let template = ChatTemplate::new("{{ messages[0].thinking }}</think>").unwrap();
    assert_eq!(ThinkingFormat::find(Some(&template), &tokenizer(&[])), None);
}
