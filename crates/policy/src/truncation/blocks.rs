//! The blocks of a Markdown text as one walk over its lines finds them: which is the last one, and
//! what of it is open. Plain text is one paragraph after another.
//!
//! Block rules are those of CommonMark and of GitHub's tables, as far as they tell where a text was
//! cut; a text that breaks them is prose.

use super::json::{Scanner, Status};
use super::list::{self, List};
use super::table;

/// What stands at the end of a text.
#[derive(Debug, Default)]
pub(super) struct Blocks<'a> {
    /// The code fence that is open.
    pub fence: Option<Fence<'a>>,
    /// The JSON document that is being read, in the fence or by itself; in a fence it may be whole.
    pub json: Option<Scanner>,
    /// The list that the text ends in.
    pub list: Option<List>,
    /// Cells of the head of the table that the text ends in, and its last line.
    pub table: Option<(usize, &'a str)>,
    /// The text's last line is a heading.
    pub is_heading: bool,
    /// The last paragraph, or the text of the last list item.
    pub paragraph: &'a str,
    /// Fenced blocks that were closed, and their bytes.
    pub closed_fences: (usize, usize),
    /// The number that the last line before a list announced.
    announced: Option<usize>,
    paragraph_start: usize,
}

/// An open code fence.
#[derive(Clone, Debug)]
pub(super) struct Fence<'a> {
    /// What closes it: as many marks as opened it.
    pub marks: &'a str,
    /// The word after the marks; empty if none.
    pub language: &'a str,
    /// Bytes of the text up to the code's first line.
    pub start: usize,
    /// Its last line when that is too short to close it, with nothing but marks: "``" of "```".
    pub partial: usize,
    is_json: bool,
}

impl<'a> Blocks<'a> {
    /// Walks over `text`.
    pub fn of(text: &'a str) -> Self {
        let mut blocks = Blocks::default();
        let mut start = 0;
        for line in text.split_inclusive('\n') {
            blocks.line(text, start, line);
            start += line.len();
        }
        blocks.paragraph = text.get(blocks.paragraph_start..).unwrap_or_default();
        blocks
    }

    fn line(&mut self, text: &'a str, start: usize, line: &'a str) {
        if self.fence.is_some() {
            return self.fenced_line(start, line);
        }
        if let Some(scanner) = self.json.as_mut() {
            match scanner.feed(line) {
                Status::Open => return,
                Status::Complete => {
                    self.json = None;
                    return self.end_paragraph(start + line.len());
                }
                Status::Broken => self.json = None,
            }
        }
        let content = line.trim();
        self.is_heading = false;
        if content.is_empty() {
            if let Some(list) = self.list.as_mut() {
                list.is_after_blank = true;
            }
            self.table = None;
            return self.end_paragraph(start + line.len());
        }
        if let Some(fence) = Fence::opened_by(line, start) {
            self.leave(line);
            self.end_paragraph(start + line.len());
            self.fence = Some(fence);
        } else if content.starts_with(['{', '[']) && self.starts_json(line) {
            self.leave(line);
            if self.json.is_none() {
                self.end_paragraph(start + line.len());
            }
        } else if is_heading(content) {
            self.list = None;
            self.announced = list::announced(content);
            self.end_paragraph(start);
            self.is_heading = true;
        } else if self.table_line(content) {
            self.end_paragraph(start);
        } else {
            self.text_line(text, start, line);
        }
    }

    /// A line of a list or a paragraph.
    fn text_line(&mut self, text: &'a str, start: usize, line: &'a str) {
        let marker = list::Marker::of(line);
        if let Some(list) = self.list.as_mut() {
            let own = &text[list.item_start.min(start)..start];
            if list.takes(line, marker.as_ref(), own, start) {
                if marker.is_some() {
                    self.paragraph_start = list.item_start;
                }
                return;
            }
            self.list = None;
        }
        match marker {
            Some(marker) => {
                let list = List::begun_by(&marker, start, self.announced.take());
                self.paragraph_start = list.item_start;
                self.list = Some(list);
            }
            None => self.announced = list::announced(line),
        }
    }

    fn fenced_line(&mut self, start: usize, line: &'a str) {
        let Some(fence) = self.fence.as_mut() else { return };
        if fence.is_closed_by(line) {
            let bytes = start - fence.start;
            self.closed_fences.0 += 1;
            self.closed_fences.1 += bytes;
            self.fence = None;
            self.json = None;
            return self.end_paragraph(start + line.len());
        }
        fence.partial = fence.marks_in(line);
        if fence.is_json && fence.partial == 0 {
            let scanner = self.json.get_or_insert_default();
            if scanner.feed(line) == Status::Broken {
                self.json = None;
                fence.is_json = false;
            }
        }
    }

    /// Whether `line` begins a JSON document; a document that also ends on it is done.
    fn starts_json(&mut self, line: &str) -> bool {
        let mut scanner = Scanner::default();
        match scanner.feed(line) {
            Status::Open => self.json = Some(scanner),
            Status::Complete => {}
            Status::Broken => return false,
        }
        true
    }

    /// Whether `content` is a line of a table, which it may begin.
    fn table_line(&mut self, content: &'a str) -> bool {
        if !content.starts_with('|') {
            self.table = None;
            return false;
        }
        let columns = match self.table {
            Some((columns, _)) => columns,
            None => table::cells(content),
        };
        self.table = Some((columns, content));
        true
    }

    /// A block that is none of a list's begins, unless it is indented into the last item.
    fn leave(&mut self, line: &str) {
        if !line.starts_with([' ', '\t']) {
            self.list = None;
        }
        self.table = None;
    }

    fn end_paragraph(&mut self, next_start: usize) {
        self.paragraph_start = next_start;
    }
}

impl<'a> Fence<'a> {
    /// The fence that `line` opens, if it does.
    fn opened_by(line: &'a str, start: usize) -> Option<Self> {
        let content = line.trim();
        let mark = content.chars().next().filter(|mark| matches!(mark, '`' | '~'))?;
        let rest = content.trim_start_matches(mark);
        let marks = &content[..content.len() - rest.len()];
        // Backticks after the opening ones: code inside of a line.
        if marks.len() < 3 || mark == '`' && rest.contains('`') {
            return None;
        }
        let language = rest.split_whitespace().next().unwrap_or_default();
        // Some write the code's kind in capitals, or none at all; the scanner finds out.
        let is_json = language.is_empty() || language.to_lowercase().starts_with("json");
        Some(Fence { marks, language, start: start + line.len(), partial: 0, is_json })
    }

    fn is_closed_by(&self, line: &str) -> bool {
        let content = line.trim();
        content.len() >= self.marks.len() && content.starts_with(self.marks) && {
            let mark = &self.marks[..1];
            content.trim_start_matches(mark).is_empty()
        }
    }

    /// How many of the closing marks `line` has, if it has nothing else and does not end.
    fn marks_in(&self, line: &str) -> usize {
        let content = line.trim_start();
        let only = content.trim_start_matches(&self.marks[..1]).is_empty();
        if only { content.len() } else { 0 }
    }
}

/// `# Title`.
fn is_heading(content: &str) -> bool {
    let rest = content.trim_start_matches('#');
    let level = content.len() - rest.len();
    (1..=6).contains(&level) && (rest.is_empty() || rest.starts_with(' '))
}
