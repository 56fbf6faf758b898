//! The things a text can leave open.

use super::blocks::Fence;
use super::json::{JsonPlace, Scanner};

/// Something that a text left open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Open {
    /// The model was still thinking; there is no answer yet.
    Thinking,
    /// Thinking had ended, the answer had not begun.
    NoAnswer,
    /// A JSON document.
    Json {
        /// What its end is in the middle of.
        inside: JsonPlace,
        /// Objects and arrays that are open.
        depth: usize,
        /// The shortest text that makes it parse.
        closing: String,
    },
    /// A Markdown code fence.
    CodeFence {
        /// The word after the opening marks; empty if none.
        language: String,
        /// The marks that close it, on a line of their own.
        closing: String,
    },
    /// A row of a table.
    TableRow {
        /// Cells begun.
        cells: usize,
        /// Cells of the table's head.
        columns: usize,
    },
    /// A list with fewer items than were announced.
    List {
        /// Items begun.
        items: usize,
        /// Items announced.
        announced: usize,
    },
    /// An item of a list.
    ListItem {
        /// Its number in the outermost list; none for a bullet.
        number: Option<u64>,
    },
    /// A bracket or quotation mark.
    Bracket {
        /// What opened it.
        opened: char,
        /// What closes it.
        closing: char,
    },
    /// A colon or a heading, and nothing of what it announces.
    Announcement,
    /// A sentence.
    Sentence,
    /// A character whose last bytes are missing.
    Character,
}

impl Open {
    /// A short fixed word for it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Thinking => "thinking",
            Self::NoAnswer => "no_answer",
            Self::Json { .. } => "json",
            Self::CodeFence { .. } => "code_fence",
            Self::TableRow { .. } => "table_row",
            Self::List { .. } => "list",
            Self::ListItem { .. } => "list_item",
            Self::Bracket { .. } => "bracket",
            Self::Announcement => "announcement",
            Self::Sentence => "sentence",
            Self::Character => "character",
        }
    }

    /// Whether it follows from a grammar; otherwise it is a reading of prose.
    pub fn is_certain(&self) -> bool {
        matches!(
            self,
            Self::Thinking
                | Self::NoAnswer
                | Self::Json { .. }
                | Self::CodeFence { .. }
                | Self::TableRow { .. }
                | Self::Character
        )
    }

    /// The text that closes it, where that is known.
    pub fn closing(&self) -> Option<String> {
        match self {
            Self::Json { closing, .. } | Self::CodeFence { closing, .. } => Some(closing.clone()),
            Self::Bracket { closing, .. } => Some(closing.to_string()),
            _ => None,
        }
    }

    pub(super) fn json(scanner: &Scanner) -> Open {
        Open::Json { inside: scanner.place(), depth: scanner.depth(), closing: scanner.closing() }
    }

    pub(super) fn code_fence(fence: &Fence, text: &str) -> Open {
        let missing = &fence.marks[fence.partial.min(fence.marks.len())..];
        let on_own_line = fence.partial > 0 || text.ends_with('\n');
        let closing = if on_own_line { missing.to_owned() } else { format!("\n{missing}") };
        Open::CodeFence { language: fence.language.to_owned(), closing }
    }

    /// One line for a person; `closing` is the text that closes all that is open.
    pub(super) fn explanation(&self, closing: Option<&str>) -> String {
        let missing = closing.map_or(String::new(), |text| {
            let verb = if text.chars().count() == 1 { "is" } else { "are" };
            let verb = if matches!(self, Self::Json { .. }) { "is" } else { verb };
            let shown: String = text.trim_start().chars().take(CLOSING_SHOWN_CHARS).collect();
            let more = if shown.len() < text.trim_start().len() { "…" } else { "" };
            format!(": `{}{more}` {verb} missing", shown.replace('\n', "\\n"))
        });
        match self {
            Self::Thinking => "cut while still thinking, before any answer".to_owned(),
            Self::NoAnswer => "cut after thinking, before the answer began".to_owned(),
            Self::Json { inside, .. } => {
                format!("cut in the middle of {}{missing}", inside.words())
            }
            Self::CodeFence { language, .. } if language.is_empty() => {
                "cut in the middle of a code block".to_owned()
            }
            Self::CodeFence { language, .. } => {
                let language: String = language.chars().take(LANGUAGE_SHOWN_CHARS).collect();
                format!("cut in the middle of a code block ({language})")
            }
            Self::TableRow { cells, columns } => {
                format!("cut in the middle of a table row, in cell {cells} of {columns}")
            }
            Self::List { items, announced } => {
                format!("cut at item {items} of the {announced} that were announced")
            }
            Self::ListItem { number: Some(number) } => {
                format!("cut in the middle of item {number}")
            }
            Self::ListItem { number: None } => "cut in the middle of a list item".to_owned(),
            Self::Bracket { opened, .. } => {
                let place = match opened {
                    '"' | '“' | '«' | '「' | '『' => "a quotation",
                    '`' => "code",
                    _ => "brackets",
                };
                format!("cut inside of {place}{missing}")
            }
            Self::Announcement => "cut before what was announced".to_owned(),
            Self::Sentence => "cut in the middle of a sentence".to_owned(),
            Self::Character => "cut in the middle of a character".to_owned(),
        }
    }
}

/// Characters of a closing text that the explanation shows.
const CLOSING_SHOWN_CHARS: usize = 40;

/// Characters of a code block's language that the explanation shows.
const LANGUAGE_SHOWN_CHARS: usize = 20;
