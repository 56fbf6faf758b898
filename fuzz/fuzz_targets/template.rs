//! A chat template of a stranger: renders or is refused, in bounded time and memory.
#![no_main]

use libfuzzer_sys::fuzz_target;
use serde_json::json;
use text::{ChatInput, ChatTemplate, LocalTime};

fuzz_target!(|source: &str| {
    let Ok(template) = ChatTemplate::new(source) else { return };
    let input = ChatInput {
        messages: vec![
            json!({"role": "system", "content": "Be brief."}),
            json!({"role": "user", "content": "Hi"}),
            json!({"role": "assistant", "content": "Hello", "tool_calls": [{"name": "f"}]}),
            json!({"role": "user", "content": [{"type": "text", "text": "More"}]}),
        ],
        tools: Some(vec![json!({"type": "function", "function": {"name": "f"}})]),
        add_generation_prompt: true,
        now: LocalTime::parse_iso("2026-03-04T05:06:07"),
        ..ChatInput::default()
    };
    let _ = template.render(&input);
});
