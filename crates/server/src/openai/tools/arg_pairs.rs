//! `<tool_call>NAME <arg_key>K</arg_key> <arg_value>V</arg_value> ...</tool_call>`: GLM.

use super::Piece;
use super::scan::{Found, Held};
use crate::openai::from_wire::tool_wish::Tool;
use serde_json::{Map, Value};

const OPEN: &str = "<tool_call>";
const CLOSE: &str = "</tool_call>";

/// Reads an answer with such calls. A call is told when it is complete, since a value says only at
/// its end what it is.
pub(super) struct ArgPairs {
    tools: Vec<(String, Value)>,
    held: Held,
    /// What has come of the current call.
    call: Option<String>,
    /// White space before its marker: text, if it is none.
    gap: String,
    next_index: usize,
}

impl ArgPairs {
    pub fn new(tools: &[Tool]) -> Self {
        let tools = tools.iter().map(|tool| (tool.name.clone(), tool.parameters.clone()));
        let (held, gap) = (Held::default(), String::new());
        ArgPairs { tools: tools.collect(), held, call: None, gap, next_index: 0 }
    }

    pub fn push(&mut self, text: &str, pieces: &mut Vec<Piece>) {
        self.held.push(text);
        loop {
            if let Some(call) = &mut self.call {
                match self.held.find(CLOSE) {
                    Found::Marker(rest) => {
                        call.push_str(&rest);
                        self.tell(pieces);
                    }
                    Found::Text(text) => return call.push_str(&text),
                }
            } else {
                match self.held.find(OPEN) {
                    Found::Marker(before) => {
                        let text = before.trim_end();
                        self.gap = before[text.len()..].to_owned();
                        pieces.push(Piece::Content(text.to_owned()));
                        self.call = Some(String::new());
                    }
                    Found::Text(text) => return pieces.push(Piece::Content(text)),
                }
            }
        }
    }

    fn tell(&mut self, pieces: &mut Vec<Piece>) {
        let call = self.call.take().unwrap_or_default();
        let name_end = call.find("<arg_key>").unwrap_or(call.len());
        let name = call[..name_end].trim().to_owned();
        if name.is_empty() || name.contains(['<', '\n', '{']) {
            return pieces.push(Piece::Content(format!("{}{OPEN}{call}{CLOSE}", self.gap)));
        }
        let arguments = Value::Object(self.arguments(&name, &call[name_end..]));
        let index = self.next_index;
        self.next_index += 1;
        pieces.push(Piece::Call { index, id: None, name });
        pieces.push(Piece::Arguments { index, text: arguments.to_string() });
    }

    fn arguments(&self, name: &str, pairs: &str) -> Map<String, Value> {
        let schema = self.tools.iter().find(|(known, _)| known == name).map(|(_, schema)| schema);
        let mut arguments = Map::new();
        for pair in pairs.split("<arg_key>").skip(1) {
            let (key, rest) = pair.split_once("</arg_key>").unwrap_or((pair, ""));
            let value = rest.split_once("<arg_value>").map_or("", |(_, value)| value);
            let value = value.split_once("</arg_value>").map_or(value, |(value, _)| value);
            let key = key.trim();
            let kind = schema.and_then(|schema| schema.pointer(&format!("/properties/{key}/type")));
            let text = || Value::from(value);
            let value = match kind {
                Some(kind) if kind == "string" => text(),
                _ => serde_json::from_str(value.trim()).unwrap_or_else(|_| text()),
            };
            arguments.insert(key.to_owned(), value);
        }
        arguments
    }

    pub fn finish(&mut self, pieces: &mut Vec<Piece>) {
        let rest = self.held.take();
        match self.call.take() {
            Some(call) => pieces.push(Piece::Content(format!("{}{OPEN}{call}{rest}", self.gap))),
            None if self.next_index > 0 && rest.trim().is_empty() => {}
            None => pieces.push(Piece::Content(rest)),
        }
    }
}
