//! Text of special tokens that strangers put into a conversation stays text.
//!
//! A template writes its control tokens as text, so a rendered prompt is encoded with special
//! tokens recognized. Who writes `<|im_end|>` into a message, a document or the description of a
//! tool would end the message. So each such place is replaced by a mark before the template runs;
//! after it, marks become the text again and are encoded as text.
//!
//! This is so for every text that a template is given: values and names of messages, tools,
//! documents and the template's own variables. Texts without special tokens are passed on as they
//! are, so that templates still know the words they compare. Two things are left alone: plain
//! words where templates look for fixed ones ([`is_fixed_word`]), and the marks of thoughts in what
//! an assistant said, by which templates tell its thought from its answer.
//!
//! Texts of one message, document or tool also count together, in their order: a template may write
//! parts of a special token one after the other.

use crate::error::RequestError;
use crate::open_model::OpenModel;
use model::TokenId;
use serde_json::Value;
use std::ops::Range;
use text::{ChatInput, EncodeOptions, Tokenizer};

/// Begins and ends a mark: no blank, no letter, and shown as it is wherever a template prints a
/// value, so that templates pass it on. One that was typed is marked like a special token.
const MARK: &str = "\u{2E3B}";
/// The same where a template asks for JSON in ASCII.
const MARK_IN_ASCII: &str = "\\u2e3b";

/// What was typed and taken out of a conversation, by the number in its mark.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct TypedMarks {
    typed: Vec<String>,
}

/// Takes the text of special tokens out of everything that strangers put into a conversation.
pub fn mark(model: &OpenModel, input: &mut ChatInput) -> TypedMarks {
    let markers = model.thinking().map(|format| [&*format.open.text, &*format.close.text]);
    let markers = markers.as_ref().map_or(&[][..], |markers| markers);
    let mut marks = TypedMarks::default();
    let tokenizer = &*model.tokenizer;
    // What stands for a model's own tokens is the model's to say.
    input.special_tokens.clear();
    for message in &mut input.messages {
        let said = match message["role"] == "assistant" {
            true => message.get_mut("content").map(Value::take),
            false => None,
        };
        marks.item(tokenizer, message, &[]);
        if let Some(mut content) = said {
            marks.item(tokenizer, &mut content, markers);
            message["content"] = content;
        }
    }
    let lists = [&mut input.tools, &mut input.documents].into_iter().flatten();
    lists.flatten().for_each(|item| marks.item(tokenizer, item, &[]));
    input.template_kwargs.values_mut().for_each(|value| marks.item(tokenizer, value, &[]));
    marks
}

impl TypedMarks {
    /// Takes them out of one message, tool, document or variable, except those that are `kept`.
    fn item(&mut self, tokenizer: &Tokenizer, item: &mut Value, kept: &[&str]) {
        self.names(tokenizer, item);
        let mut texts = Vec::new();
        texts_of(item, &mut texts);
        self.take_out(tokenizer, &mut texts, kept);
    }

    /// Takes them out of the names of fields.
    fn names(&mut self, tokenizer: &Tokenizer, value: &mut Value) {
        match value {
            Value::Array(items) => items.iter_mut().for_each(|item| self.names(tokenizer, item)),
            Value::Object(fields) => {
                fields.values_mut().for_each(|field| self.names(tokenizer, field));
                if fields.keys().all(|name| is_plain_word(name)) {
                    return;
                }
                let renamed = |(mut name, field): (String, Value)| {
                    if !is_plain_word(&name) {
                        self.take_out(tokenizer, &mut [&mut name], &[]);
                    }
                    (name, field)
                };
                *fields = std::mem::take(fields).into_iter().map(renamed).collect();
            }
            _ => {}
        }
    }

    /// Takes them out of texts that a template may write one after the other.
    fn take_out(&mut self, tokenizer: &Tokenizer, texts: &mut [&mut String], kept: &[&str]) {
        let joined: String = texts.iter().map(|text| text.as_str()).collect();
        let mut ranges = tokenizer.special_ranges(&joined);
        if texts.len() > 1 {
            let mut start = 0;
            for text in texts.iter() {
                let own = tokenizer.special_ranges(text).into_iter();
                ranges.extend(own.map(|range| start + range.start..start + range.end));
                start += text.len();
            }
        }
        ranges.extend(marks_in(&joined));
        let trimmed = |range| without_blanks(tokenizer, &joined, range);
        let mut ranges: Vec<Range<usize>> = ranges.into_iter().map(trimmed).collect();
        ranges.retain(|range| !range.is_empty() && !kept.contains(&&joined[range.clone()]));
        if ranges.is_empty() {
            return;
        }
        let mut ranges = &*apart(ranges);
        let mut end = 0;
        for text in texts {
            let start = end;
            end += text.len();
            **text = self.marked(&joined, start..end, ranges);
            let past = ranges.iter().take_while(|range| range.end <= end).count();
            ranges = &ranges[past..];
        }
    }

    /// A part of `joined` with its share of each of `ranges` taken out.
    fn marked(&mut self, joined: &str, part: Range<usize>, ranges: &[Range<usize>]) -> String {
        let mut marked = String::with_capacity(part.len());
        let mut done = part.start;
        for range in ranges.iter().take_while(|range| range.start < part.end) {
            let (start, end) = (range.start.max(part.start), range.end.min(part.end));
            if start < end {
                marked.push_str(&joined[done..start]);
                marked.push_str(&format!("{MARK}{}{MARK}", self.typed.len()));
                self.typed.push(joined[start..end].to_owned());
                done = end;
            }
        }
        marked.push_str(&joined[done..part.end]);
        marked
    }

    /// The rendered text in pieces: what the template and people wrote, and with `true` what was
    /// taken out.
    fn pieces<'a>(&'a self, rendered: &'a str) -> Vec<(&'a str, bool)> {
        let mut pieces = Vec::new();
        let mut done = 0;
        for pair in marks_in(rendered).windows(2) {
            let (begin, end) = (&pair[0], &pair[1]);
            let number = rendered[begin.end..end.start].parse::<usize>().ok();
            let typed = number.and_then(|number| self.typed.get(number));
            if let Some(typed) = typed.filter(|_| begin.start >= done) {
                pieces.push((&rendered[done..begin.start], false));
                pieces.push((typed.as_str(), true));
                done = end.end;
            }
        }
        pieces.push((&rendered[done..], false));
        pieces.retain(|(piece, _)| !piece.is_empty());
        pieces
    }

    /// The rendered text with everything that was typed back in its place.
    pub fn restored(&self, rendered: &str) -> String {
        self.pieces(rendered).into_iter().map(|(piece, _)| piece).collect()
    }

    /// The tokens of the rendered text.
    ///
    /// # Errors
    /// When the text is too long.
    pub fn encode(&self, model: &OpenModel, rendered: &str) -> Result<Vec<TokenId>, RequestError> {
        let mut ids = Vec::new();
        for (piece, is_typed) in self.pieces(rendered) {
            let options = EncodeOptions { add_special: false, parse_special: !is_typed };
            let encoded = model.tokenizer.encode(piece, options);
            ids.extend(
                encoded.map_err(|error| RequestError::parameter("messages", error.to_string()))?,
            );
        }
        Ok(ids)
    }
}

/// All texts in a value, in order, except fixed words.
fn texts_of<'v>(value: &'v mut Value, texts: &mut Vec<&'v mut String>) {
    match value {
        Value::String(text) => texts.push(text),
        Value::Array(items) => items.iter_mut().for_each(|item| texts_of(item, texts)),
        Value::Object(fields) => {
            let fields = fields.iter_mut().filter(|(name, value)| !is_fixed_word(name, value));
            fields.for_each(|(_, value)| texts_of(value, texts));
        }
        _ => {}
    }
}

/// Whether a field holds a word that templates compare: who speaks, or the kind of something. In
/// some vocabulary such a word may be a special token.
fn is_fixed_word(name: &str, value: &Value) -> bool {
    matches!(name, "role" | "type") && value.as_str().is_some_and(is_plain_word)
}

/// Letters, digits and `_` alone: the name of a field, or a word of a template.
fn is_plain_word(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// Where marks begin or end in a text, in order.
fn marks_in(text: &str) -> Vec<Range<usize>> {
    let places = |form| text.match_indices(form).map(|(at, found): (_, &str)| at..at + found.len());
    let mut ranges: Vec<_> = places(MARK).chain(places(MARK_IN_ASCII)).collect();
    ranges.sort_by_key(|range| range.start);
    ranges
}

/// Places in order, those that overlap joined to one.
fn apart(mut ranges: Vec<Range<usize>>) -> Vec<Range<usize>> {
    ranges.sort_by_key(|range| range.start);
    let mut apart: Vec<Range<usize>> = Vec::with_capacity(ranges.len());
    for range in ranges {
        match apart.last_mut().filter(|last| range.start < last.end) {
            Some(last) => last.end = last.end.max(range.end),
            None => apart.push(range),
        }
    }
    apart
}

/// A place without the blanks that its token swallows: templates trim them, or write them in
/// another way. They stay where they would be a special token of their own.
fn without_blanks(tokenizer: &Tokenizer, text: &str, range: Range<usize>) -> Range<usize> {
    let whole = &text[range.clone()];
    let start = range.start + whole.len() - whole.trim_start().len();
    let end = range.end - (whole.len() - whole.trim_end().len());
    let is_special = |blanks: &str| !tokenizer.special_ranges(blanks).is_empty();
    if start >= end || is_special(&text[range.start..start]) || is_special(&text[end..range.end]) {
        return range;
    }
    start..end
}

#[cfg(test)]
#[path = "typed_text_tests.rs"]
mod tests;
