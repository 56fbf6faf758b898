//! Truncation diagnosis: what a text that ended at its limit left open, what would have closed it,
//! and which limit would have been enough.
//!
//! Only the text is looked at, in one pass whose time is linear in it. What is `certain` follows
//! from a grammar (JSON, Markdown fences, thinking markers); the rest is a reading of prose, and
//! says so. Text that ends where a sentence, an item or a document ends is diagnosed as nothing.

mod blocks;
pub mod json;
mod list;
mod open;
mod prose;
mod suggestion;
mod table;

pub use open::Open;
pub use suggestion::Suggestion;

use blocks::Blocks;

/// Markers of thinking in use, as `(opens, closes)`: Qwen3, DeepSeek and many more; Mistral;
/// gpt-oss, whose answer is a channel of its own.
pub const THINKING_MARKERS: &[(&str, &str)] = &[
    ("<think>", "</think>"),
    ("[THINK]", "[/THINK]"),
    ("<|channel|>analysis<|message|>", "<|channel|>final<|message|>"),
];

/// What is known beside the text.
#[derive(Clone, Copy, Default)]
pub struct Context<'a> {
    /// Tokens of the text, which are what the limit counted. Zero when unknown; then suggestions
    /// count a token as four bytes.
    pub completion_tokens: usize,
    /// Whether thinking is open at the end, from who knows; none to look for markers.
    pub is_thinking: Option<bool>,
    /// The model's own markers, looked for beside [`THINKING_MARKERS`].
    pub markers: Option<(&'a str, &'a str)>,
    /// Counts the tokens of a text.
    pub count_tokens: Option<&'a dyn Fn(&str) -> usize>,
}

impl std::fmt::Debug for Context<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Context")
            .field("completion_tokens", &self.completion_tokens)
            .field("is_thinking", &self.is_thinking)
            .field("markers", &self.markers)
            .finish_non_exhaustive()
    }
}

/// What a cut text left open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnosis {
    /// What is open, outermost first; never empty.
    pub open: Vec<Open>,
    /// The text that closes all that has an exact closing (JSON, fences, brackets), innermost
    /// first; none if nothing does. For JSON by itself, text and closing together parse.
    pub closing: Option<String>,
    /// A limit that would have been enough.
    pub suggestion: Suggestion,
    /// One line for a person, without the suggestion.
    pub explanation: String,
}

/// Diagnoses `text`, a whole completion that ended at a limit, or its part up to one. None when
/// nothing is visibly open.
pub fn diagnose(text: &str, context: &Context) -> Option<Diagnosis> {
    let (open, blocks) = match thinking(text, context) {
        Thinking::Open => (vec![Open::Thinking], Blocks::default()),
        Thinking::Ended { answer } if answer.trim().is_empty() => {
            (vec![Open::NoAnswer], Blocks::default())
        }
        Thinking::Ended { answer } | Thinking::None { answer } => {
            let blocks = Blocks::of(answer);
            (open_in(answer, &blocks), blocks)
        }
    };
    let innermost_first: String = open.iter().rev().filter_map(Open::closing).collect();
    let closing = (!innermost_first.is_empty()).then_some(innermost_first);
    let outermost = open.first()?;
    Some(Diagnosis {
        suggestion: suggestion::suggest(text, &open, closing.as_deref(), &blocks, context),
        explanation: outermost.explanation(closing.as_deref()),
        closing,
        open,
    })
}

enum Thinking<'a> {
    Open,
    Ended { answer: &'a str },
    None { answer: &'a str },
}

/// Where the answer begins, by the last marker in the text.
fn thinking<'a>(text: &'a str, context: &Context) -> Thinking<'a> {
    let pairs = context.markers.iter().chain(THINKING_MARKERS);
    let last = pairs
        .filter(|(opens, closes)| !opens.is_empty() && !closes.is_empty())
        .flat_map(|&(opens, closes)| {
            [(text.rfind(opens), opens, true), (text.rfind(closes), closes, false)]
        })
        .filter_map(|(found, marker, opens)| Some((found? + marker.len(), opens)))
        .max_by_key(|&(end, _)| end);
    match (context.is_thinking, last) {
        (Some(true), _) | (None, Some((_, true))) => Thinking::Open,
        (_, Some((end, false))) => Thinking::Ended { answer: &text[end..] },
        _ => Thinking::None { answer: text },
    }
}

/// What is open in an answer, outermost first.
fn open_in(answer: &str, blocks: &Blocks) -> Vec<Open> {
    let mut open = Vec::new();
    if let Some(fence) = &blocks.fence {
        open.push(Open::code_fence(fence, answer));
    }
    if let Some(json) = blocks.json.as_ref().filter(|json| json.is_open()) {
        open.push(Open::json(json));
    }
    if open.is_empty() {
        open = open_prose(blocks);
    }
    if answer.ends_with(char::REPLACEMENT_CHARACTER) {
        open.push(Open::Character);
    }
    open
}

fn open_prose(blocks: &Blocks) -> Vec<Open> {
    if let Some((columns, row)) = blocks.table {
        let whole = table::is_whole(row, columns);
        let row = Open::TableRow { cells: table::cells(row), columns };
        return if whole { Vec::new() } else { vec![row] };
    }
    if blocks.is_heading {
        return vec![Open::Announcement];
    }
    let Some(list) = &blocks.list else { return prose::open_parts(blocks.paragraph) };
    let mut open = Vec::new();
    if let Some(announced) = list.announced.filter(|&announced| announced > list.item_count) {
        open.push(Open::List { items: list.item_count, announced });
    }
    if list.is_item_open(blocks.paragraph) {
        open.push(Open::ListItem { number: list.number });
        let inner = prose::open_parts(blocks.paragraph);
        open.extend(inner.into_iter().filter(|part| matches!(part, Open::Bracket { .. })));
    }
    open
}

#[cfg(test)]
mod tests;
