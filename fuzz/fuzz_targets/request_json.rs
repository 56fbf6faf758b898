//! A request of a stranger: read or refused, and the same calls of tools however a text is cut.
#![no_main]

use libfuzzer_sys::fuzz_target;
use serde_json::{Map, Value};
use server::openai::from_wire::chat::chat_request;
use server::openai::from_wire::completion::completion_request;
use server::openai::tools::{Piece, ToolParser, ToolSyntax};

const SYNTAXES: [ToolSyntax; 6] = [
    ToolSyntax::Hermes,
    ToolSyntax::Mistral,
    ToolSyntax::Granite,
    ToolSyntax::Llama,
    ToolSyntax::Functionary,
    ToolSyntax::Glm,
];

fuzz_target!(|bytes: &[u8]| {
    if let Ok(fields) = serde_json::from_slice::<Map<String, Value>>(bytes) {
        for error in [chat_request(&fields).err(), completion_request(&fields).err()] {
            assert!(error.is_none_or(|error| !error.message.is_empty() && error.param.is_some()));
        }
    }
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let middle = text.char_indices().nth(text.len() / 3).map_or(text.len(), |(place, _)| place);
    for syntax in SYNTAXES {
        let whole = said(syntax, &[text]);
        assert_eq!(said(syntax, &[&text[..middle], &text[middle..]]), whole);
    }
});

/// Content, names and arguments of an answer that comes in these pieces.
fn said(syntax: ToolSyntax, texts: &[&str]) -> (String, Vec<(String, String)>) {
    let mut parser = ToolParser::new(syntax, &[], true);
    let mut pieces: Vec<Piece> = texts.iter().flat_map(|text| parser.push(text)).collect();
    pieces.extend(parser.finish());
    let (mut content, mut calls) = (String::new(), Vec::new());
    for piece in pieces {
        match piece {
            Piece::Content(text) => content.push_str(&text),
            Piece::Call { name, .. } => calls.push((name, String::new())),
            Piece::Arguments { index, text } => calls[index].1.push_str(&text),
        }
    }
    (content, calls)
}
