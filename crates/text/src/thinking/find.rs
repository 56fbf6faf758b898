//! Which of the known markers a model has.

use super::template::TemplateFacts;
use super::{ChannelIds, Fence, Marker, ThinkingFormat, ThinkingStyle};
use crate::{ChatTemplate, EncodeOptions, TokenId, Tokenizer};

/// The texts around thoughts, of the public model families. The first that fits counts.
const TAGS: &[(&str, &str)] = &[
    ("<think>", "</think>"),
    ("<|START_THINKING|>", "<|END_THINKING|>"),
    ("[THINK]", "[/THINK]"),
    ("<seed:think>", "</seed:think>"),
    ("<thinking>", "</thinking>"),
    ("<thought>", "</thought>"),
];

/// The tokens around tool calls, of the public model families.
const TOOL_CALLS: &[(&str, &str)] = &[
    ("<tool_call>", "</tool_call>"),
    ("<tool_calls>", "</tool_calls>"),
    ("<|tool_call_start|>", "<|tool_call_end|>"),
    ("<|START_ACTION|>", "<|END_ACTION|>"),
    ("<｜tool▁calls▁begin｜>", "<｜tool▁calls▁end｜>"),
    ("<|tool_calls_section_begin|>", "<|tool_calls_section_end|>"),
];

/// Harmony's beginning of a thought, behind the `<|start|>assistant` that the prompt ends with.
const ANALYSIS_OPEN: &str = "<|channel|>analysis<|message|>";
/// Harmony's end of a thought and beginning of the answer.
const ANALYSIS_CLOSE: &str = "<|end|><|start|>assistant<|channel|>final<|message|>";

impl ThinkingFormat {
    /// The format of a model, or none where nothing says that it thinks.
    ///
    /// A pair of texts counts when the template mentions both, or when each is one token of the
    /// vocabulary.
    pub fn find(template: Option<&ChatTemplate>, tokenizer: &Tokenizer) -> Option<Self> {
        let facts = template.map(TemplateFacts::of).unwrap_or_default();
        Self::channels(&facts, tokenizer).or_else(|| Self::tags(&facts, tokenizer))
    }

    fn channels(facts: &TemplateFacts<'_>, tokenizer: &Tokenizer) -> Option<Self> {
        if !facts.is_empty() && !facts.mentions("<|channel|>") {
            return None;
        }
        let ids = ChannelIds {
            start: tokenizer.token_to_id("<|start|>")?,
            channel: tokenizer.token_to_id("<|channel|>")?,
            message: tokenizer.token_to_id("<|message|>")?,
            end: tokenizer.token_to_id("<|end|>")?,
        };
        let mut close = Marker::new(ANALYSIS_CLOSE, tokenizer)?;
        // It is read by its tokens, and so never written in part.
        close.rest.truncate(1);
        Some(Self {
            style: ThinkingStyle::Channels(ids),
            open: Marker::new(ANALYSIS_OPEN, tokenizer)?,
            close_line: close.ids().to_vec(),
            close,
            tool_calls: Vec::new(),
            switch: None,
            reads_effort: facts.reads_effort,
        })
    }

    fn tags(facts: &TemplateFacts<'_>, tokenizer: &Tokenizer) -> Option<Self> {
        let mentioned = |tags: &&(&str, &str)| facts.mentions(tags.0) && facts.mentions(tags.1);
        let is_token = |text: &str| tokenizer.token_to_id(text).is_some();
        let known = |tags: &&(&str, &str)| is_token(tags.0) && is_token(tags.1);
        let &(open, close) = TAGS.iter().find(mentioned).or_else(|| TAGS.iter().find(known))?;
        let before_close = facts.before_close(open, close);
        let tool_calls = TOOL_CALLS.iter().filter_map(|&(open, close)| {
            let id = |text: &str| tokenizer.token_to_id(text);
            Some(Fence { open: id(open)?, close: id(close)? })
        });
        Some(Self {
            style: ThinkingStyle::Tags,
            open: Marker::new(open, tokenizer)?,
            close: Marker::new(close, tokenizer)?,
            close_line: encode(tokenizer, &format!("{before_close}{close}"))?,
            tool_calls: tool_calls.collect(),
            switch: facts.switch,
            reads_effort: facts.reads_effort,
        })
    }
}

impl Marker {
    /// None where the vocabulary cannot write the text.
    fn new(text: &str, tokenizer: &Tokenizer) -> Option<Self> {
        let whole = encode(tokenizer, text)?;
        let id = match whole.as_slice() {
            [id] => Some(*id),
            _ => None,
        };
        let mut rest = vec![whole];
        if id.is_none() {
            let others = (1..text.len()).map(|start| match text.is_char_boundary(start) {
                true => encode(tokenizer, &text[start..]).unwrap_or_default(),
                false => Vec::new(),
            });
            rest.extend(others);
        }
        Some(Self { text: text.to_owned(), id, rest })
    }
}

/// The tokens of a text; none where they would not give back the text.
fn encode(tokenizer: &Tokenizer, text: &str) -> Option<Vec<TokenId>> {
    let options = EncodeOptions { add_special: false, parse_special: true };
    let ids = tokenizer.encode(text, options).ok()?;
    let mut detokenizer = tokenizer.detokenizer(false).continuing();
    let mut back = String::new();
    for &id in &ids {
        back.push_str(&detokenizer.push(id).ok()?);
    }
    // SentencePiece vocabularies write a blank before the first word of a text.
    (back.trim_start_matches(' ') == text).then_some(ids)
}
