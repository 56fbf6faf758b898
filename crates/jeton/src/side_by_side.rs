//! Texts beside each other in columns, or below each other where there is no room.

use crate::terminal::{Paint, columns};

/// Narrowest column that text is still read in, in terminal columns.
const COLUMN_MIN: usize = 24;
/// Between two columns.
const GAP: &str = " │ ";

/// One text with its heading and the lines about it.
#[derive(Clone, Debug)]
pub struct Panel {
    /// What sets it apart from the others.
    pub heading: String,
    /// What is known about it, a line each.
    pub facts: Vec<String>,
    /// The text; its line ends are kept.
    pub text: String,
}

/// The panels in columns that fill `width`, as many beside each other as fit with 24 columns each;
/// below each other when there is no width or no two fit.
pub fn lay_out(panels: &[Panel], width: Option<usize>, paint: Paint) -> String {
    let gap = GAP.chars().count();
    let width = width.unwrap_or(0);
    let fitting = (width + gap) / (COLUMN_MIN + gap);
    if fitting < panels.len().min(2) {
        return below_each_other(panels, paint);
    }
    // Rows of equal length: nine panels where eight fit are five and four.
    let row_count = panels.len().div_ceil(fitting.max(1));
    let per_row = panels.len().div_ceil(row_count.max(1)).max(1);
    let column = (width + gap) / per_row - gap;
    let rows = panels.chunks(per_row).map(|panels| in_columns(panels, column, paint));
    rows.collect::<Vec<_>>().join("\n")
}

fn in_columns(panels: &[Panel], width: usize, paint: Paint) -> String {
    let headings = panels.iter().map(|panel| wrapped(&panel.heading, width)).collect();
    let facts = panels.iter().map(|panel| {
        panel.facts.iter().flat_map(|fact| wrapped(fact, width)).collect::<Vec<String>>()
    });
    let facts = facts.collect();
    let texts = panels.iter().map(|panel| wrapped(&panel.text, width)).collect();
    let rule = vec![vec!["─".repeat(width)]; panels.len()];
    let bold = |line: &str| paint.bold(line);
    let dim = |line: &str| paint.dim(line);
    let plain = |line: &str| line.to_owned();
    rows(headings, width, &bold)
        + &rows(facts, width, &dim)
        + &rows(rule, width, &dim)
        + &rows(texts, width, &plain)
}

/// Cells beside each other, one line of each at a time; short ones are filled with blanks.
fn rows(cells: Vec<Vec<String>>, width: usize, paint: &dyn Fn(&str) -> String) -> String {
    let height = cells.iter().map(Vec::len).max().unwrap_or(0);
    let mut out = String::new();
    for row in 0..height {
        let mut line = String::new();
        for (index, cell) in cells.iter().enumerate() {
            let text = cell.get(row).map_or("", String::as_str);
            line.push_str(if index == 0 { "" } else { GAP });
            line.push_str(&paint(text));
            line.push_str(&" ".repeat(width.saturating_sub(columns(text))));
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

fn below_each_other(panels: &[Panel], paint: Paint) -> String {
    let block = |panel: &Panel| {
        let heading = paint.bold(&format!("── {} ──", panel.heading));
        let facts = paint.dim(&panel.facts.join(", "));
        format!("{heading}\n{facts}\n{}\n", printable(&panel.text).trim_end())
    };
    panels.iter().map(block).collect::<Vec<_>>().join("\n")
}

/// Lines of at most `width` columns, broken at blanks where there are any.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let text = printable(text);
    let mut lines = Vec::new();
    for paragraph in text.trim_end().split('\n') {
        let mut line = String::new();
        for word in paragraph.split(' ') {
            let mut word = word.to_owned();
            if !line.is_empty() && columns(&line) + 1 + columns(&word) > width {
                lines.push(std::mem::take(&mut line));
            } else if !line.is_empty() {
                line.push(' ');
            }
            while columns(&word) > width {
                let rest = word.split_off(prefix_bytes(&word, width));
                lines.push(std::mem::replace(&mut word, rest));
            }
            line.push_str(&word);
        }
        lines.push(line);
    }
    lines
}

/// Length in bytes of the characters of `word` that fit `width` columns; at least one.
fn prefix_bytes(word: &str, width: usize) -> usize {
    let mut used = 0;
    let fits = word.char_indices().skip(1).take_while(|(start, letter)| {
        used = columns(&word[..start + letter.len_utf8()]);
        used <= width
    });
    let last = fits.last().map(|(start, letter)| start + letter.len_utf8());
    last.unwrap_or_else(|| word.chars().next().map_or(0, char::len_utf8))
}

/// Control characters other than line ends cannot reach the terminal from a model.
fn printable(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '\n' => out.push('\n'),
            '\t' => out.push_str("    "),
            letter if letter.is_control() => out.extend(letter.escape_unicode()),
            letter => out.push(letter),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::terminal::Stream;

    fn panel(heading: &str, text: &str) -> Panel {
        Panel { heading: heading.into(), facts: vec!["2 tokens".into()], text: text.into() }
    }

    #[test]
    fn columns_line_up_and_never_pass_the_width() {
        let long = "a word that is averyveryveryverylongwordindeed\n日本語の文字 end";
        let panels = [panel("one", long), panel("two", "short"), panel("three", "")];
        let out = lay_out(&panels, Some(80), Paint::for_stream(Stream::Err));
        let lines: Vec<&str> = out.lines().collect();
        assert!(lines.iter().all(|line| columns(line) <= 80), "{out}");
        assert!(lines[0].starts_with("one") && lines[0].contains("│ two"), "{out}");
        assert!(out.contains("averyveryveryverylongwor"), "{out}");
        let bars: Vec<usize> = lines.iter().filter_map(|line| line.find('│')).collect();
        assert!(bars.len() >= 4 && bars[0] == 25, "{out}");
    }

    #[test]
    fn more_than_fit_make_several_rows() {
        let panels: Vec<Panel> = (1..=5).map(|n| panel(&format!("number {n}"), "text")).collect();
        let out = lay_out(&panels, Some(110), Paint::for_stream(Stream::Err));
        let heads: Vec<&str> = out.lines().filter(|line| line.contains("number")).collect();
        assert_eq!(heads.len(), 2, "{out}");
        assert!(heads[0].contains("number 3") && heads[1].starts_with("number 4"), "{out}");
    }

    #[test]
    fn without_room_they_stand_below_each_other() {
        let panels = [panel("one", "first\u{1b}[2J"), panel("two", "second")];
        for width in [None, Some(40), Some(0)] {
            let out = lay_out(&panels, width, Paint::for_stream(Stream::Err));
            assert!(out.starts_with("── one ──\n2 tokens\nfirst\\u{1b}[2J\n"), "{out}");
            assert!(out.contains("\n\n── two ──\n"), "{out}");
        }
        assert_eq!(lay_out(&[], Some(80), Paint::for_stream(Stream::Err)), "");
    }
}
