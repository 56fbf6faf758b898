//! One choice of a chat, token by token: what of its text is content, thought or a call, and when
//! what is told of a token goes out.

use super::ids::call_id;
use super::logprobs::chat_entry;
use super::released::Released;
use crate::openai::tools::{Piece, ToolParser, ToolSyntax};
use engine::thinking::Part;
use engine::{Finished, TokenEvent};
use sampling::stop::{FinishReason, StopReason};
use serde_json::{Value, json};
use std::sync::Arc;
use text::Tokenizer;

/// How the answers of a request are read.
#[derive(Clone)]
pub struct Reading {
    /// Between ids and text.
    pub tokenizer: Arc<Tokenizer>,
    /// Whether log-probabilities are told.
    pub logprobs: bool,
    /// Whether the output continues the text of the prompt.
    pub continues_prompt: bool,
    /// The tools, where there are any.
    pub tools: Option<ToolReading>,
}

/// How calls of tools are read.
#[derive(Clone)]
pub struct ToolReading {
    /// Makes a parser for one choice.
    pub parser: Arc<dyn Fn() -> ToolParser + Send + Sync>,
    /// The token that begins calls and leaves no trace in the text, with the text it stands for.
    pub mark: Option<(u32, &'static str)>,
    /// Whether ids of calls are short.
    pub short_ids: bool,
}

impl ToolReading {
    /// For answers in that syntax.
    pub fn new(
        syntax: ToolSyntax,
        tokenizer: &Tokenizer,
        parser: Arc<dyn Fn() -> ToolParser + Send + Sync>,
    ) -> Self {
        let id = |mark: &str| tokenizer.token_to_id(mark).filter(|id| tokenizer.is_special(*id));
        let mark = syntax.mark().and_then(|mark| Some((id(mark)?, mark)));
        ToolReading { parser, mark, short_ids: syntax.has_short_ids() }
    }
}

/// What is new in a choice.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Delta {
    /// Of the answer's text.
    pub content: String,
    /// Of the thought.
    pub reasoning: String,
    /// Calls that begin, and more of their arguments, in the form of a delta.
    pub calls: Vec<Value>,
    /// Of the content's tokens.
    pub logprobs: Vec<Value>,
}

impl Delta {
    /// Whether there is nothing to tell.
    pub fn is_empty(&self) -> bool {
        self == &Delta::default()
    }

    /// Puts the next delta of the same choice behind this one.
    pub fn append(&mut self, next: Delta) {
        self.content.push_str(&next.content);
        self.reasoning.push_str(&next.reasoning);
        self.logprobs.extend(next.logprobs);
        for call in next.calls {
            match (call.get("id"), call["function"]["arguments"].as_str()) {
                (None, Some(text)) => {
                    let index = call["index"].as_u64().unwrap_or_default() as usize;
                    add_arguments(&mut self.calls, index, text);
                }
                _ => self.calls.push(call),
            }
        }
    }
}

/// Follows one choice.
pub struct ChoiceReader {
    reading: Reading,
    parser: Option<ToolParser>,
    released: Option<Released<Value>>,
    call_count: usize,
}

impl ChoiceReader {
    /// Before its first token.
    pub fn new(reading: &Reading) -> Self {
        let dropped = match reading.continues_prompt {
            true => 0,
            false => reading.tokenizer.leading_blanks_dropped(),
        };
        ChoiceReader {
            parser: reading.tools.as_ref().map(|tools| (tools.parser)()),
            released: reading.logprobs.then(|| Released::new(dropped)),
            reading: reading.clone(),
            call_count: 0,
        }
    }

    /// The next token.
    pub fn token(&mut self, event: &TokenEvent) -> Delta {
        let mut delta = Delta { reasoning: event.thinking_text.clone(), ..Delta::default() };
        let mark = self.reading.tools.as_ref().and_then(|tools| tools.mark);
        if let Some((_, mark)) = mark.filter(|(id, _)| *id == event.id) {
            self.pieces(|parser| parser.push(mark), &mut delta);
        }
        if let (Some(released), Some(logprobs)) = (&mut self.released, &event.logprobs)
            && event.part == Part::Answer
        {
            let tokenizer = &self.reading.tokenizer;
            if !tokenizer.is_special(event.id) {
                let bytes = tokenizer.piece_bytes(event.id).unwrap_or_default().len();
                released.push(bytes, chat_entry(tokenizer, logprobs));
            }
        }
        self.text(&event.text, &mut delta);
        delta
    }

    /// The end: what was held back, and the word for why.
    pub fn finish(&mut self, finished: &Finished) -> (Delta, &'static str) {
        let mut delta = Delta { reasoning: finished.thinking_text.clone(), ..Delta::default() };
        self.text(&finished.text, &mut delta);
        self.pieces(ToolParser::finish, &mut delta);
        if let Some(released) = &mut self.released {
            let was_cut = matches!(finished.stop_reason, StopReason::StopString { .. });
            delta.logprobs.extend(released.finish(was_cut));
        }
        let word = match finished.finish_reason {
            FinishReason::Length => "length",
            _ if self.call_count > 0 => "tool_calls",
            _ => "stop",
        };
        (delta, word)
    }

    fn text(&mut self, text: &str, delta: &mut Delta) {
        if let Some(released) = &mut self.released {
            delta.logprobs.extend(released.told(text.len()));
        }
        if self.parser.is_some() {
            self.pieces(|parser| parser.push(text), delta);
        } else {
            delta.content.push_str(text);
        }
    }

    fn pieces(&mut self, read: impl FnOnce(&mut ToolParser) -> Vec<Piece>, delta: &mut Delta) {
        let Some(parser) = &mut self.parser else { return };
        for piece in read(parser) {
            match piece {
                Piece::Content(text) => delta.content.push_str(&text),
                Piece::Call { index, id, name } => {
                    self.call_count = index + 1;
                    let is_short = self.reading.tools.as_ref().is_some_and(|t| t.short_ids);
                    delta.calls.push(json!({
                        "index": index,
                        "id": id.unwrap_or_else(|| call_id(is_short)),
                        "type": "function",
                        "function": {"name": name, "arguments": ""},
                    }));
                }
                Piece::Arguments { index, text } => add_arguments(&mut delta.calls, index, &text),
            }
        }
    }
}

/// Adds to the arguments of a call: to its own entry where that is in the same delta.
fn add_arguments(calls: &mut Vec<Value>, index: usize, text: &str) {
    let last = calls.last_mut().filter(|call| call["index"] == index);
    if let Some(Value::String(before)) = last.map(|call| &mut call["function"]["arguments"]) {
        before.push_str(text);
    } else {
        calls.push(json!({"index": index, "function": {"arguments": text}}));
    }
}
