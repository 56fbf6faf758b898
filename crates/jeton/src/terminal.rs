//! What is shown to a person: colour only where there is a terminal, tables that line up.

use std::io::IsTerminal;

/// Which of the two output streams is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// Results.
    Out,
    /// Progress, summaries, errors.
    Err,
}

/// Paints text, or leaves it alone where nobody sees colour.
#[derive(Clone, Copy, Debug)]
pub struct Paint {
    on: bool,
}

impl Paint {
    /// Colour for `stream`, unless it is no terminal or `NO_COLOR` is set (<https://no-color.org>).
    pub fn for_stream(stream: Stream) -> Paint {
        let terminal = match stream {
            Stream::Out => std::io::stdout().is_terminal(),
            Stream::Err => std::io::stderr().is_terminal(),
        };
        let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Paint { on: terminal && !refused }
    }

    /// Never any colour.
    #[cfg(test)]
    pub fn plain() -> Paint {
        Paint { on: false }
    }

    /// Whether colour is seen.
    pub fn is_on(self) -> bool {
        self.on
    }

    /// Less important text.
    pub fn dim(self, text: &str) -> String {
        self.code("2", text)
    }

    /// Headings.
    pub fn bold(self, text: &str) -> String {
        self.code("1", text)
    }

    /// Errors.
    pub fn red(self, text: &str) -> String {
        self.code("31", text)
    }

    /// What was chosen.
    pub fn green(self, text: &str) -> String {
        self.code("32", text)
    }

    fn code(self, code: &str, text: &str) -> String {
        if self.on { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_string() }
    }
}

/// How a column is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Align {
    /// Words.
    Left,
    /// Numbers.
    Right,
}

/// Sets `rows` under `heads`, two blanks between columns, no blanks at line ends.
pub fn table(heads: &[(&str, Align)], rows: &[Vec<String>]) -> String {
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column)).map(|cell| columns(cell));
        cells.chain([columns(heads[column].0)]).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..heads.len()).map(width).collect();
    let head: Vec<String> = heads.iter().map(|(name, _)| name.to_string()).collect();
    let mut lines = vec![line(&head, heads, &widths)];
    lines.extend(rows.iter().map(|row| line(row, heads, &widths)));
    lines.concat()
}

fn line(cells: &[String], heads: &[(&str, Align)], widths: &[usize]) -> String {
    let set: Vec<String> = cells
        .iter()
        .zip(heads)
        .zip(widths)
        .map(|((cell, (_, align)), &width)| {
            let gap = " ".repeat(width.saturating_sub(columns(cell)));
            match align {
                Align::Left => format!("{cell}{gap}"),
                Align::Right => format!("{gap}{cell}"),
            }
        })
        .collect();
    format!("{}\n", set.join("  ").trim_end())
}

/// Terminal columns of `text`, counting wide East Asian characters and emoji as two.
pub fn columns(text: &str) -> usize {
    text.chars().map(|letter| if is_wide(letter) { 2 } else { 1 }).sum()
}

/// The blocks of Unicode's East Asian Width table (UAX 11) that are wide.
fn is_wide(letter: char) -> bool {
    matches!(u32::from(letter),
        0x1100..=0x115F | 0x2E80..=0xA4CF | 0xAC00..=0xD7A3 | 0xF900..=0xFAFF
        | 0xFE30..=0xFE6F | 0xFF00..=0xFF60 | 0xFFE0..=0xFFE6 | 0x1F300..=0x1FAFF
        | 0x20000..=0x3FFFD)
}

/// A token's text on one line: control characters, quotes and backslashes escaped, in quotes.
pub fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for letter in text.chars() {
        match letter {
            '"' | '\\' => out.extend(['\\', letter]),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            letter if letter.is_control() => out.extend(letter.escape_unicode()),
            letter => out.push(letter),
        }
    }
    out.push('"');
    out
}

/// The last `count` characters of `text`, with an ellipsis where something is left out.
pub fn tail(text: &str, count: usize) -> String {
    let length = text.chars().count();
    if length <= count {
        return text.to_string();
    }
    let kept: String = text.chars().skip(length + 1 - count).collect();
    format!("…{kept}")
}

/// Bytes in the unit that a person would say.
pub fn bytes(count: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut value = count as f64;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    if unit == 0 { format!("{count} B") } else { format!("{value:.1} {}", UNITS[unit]) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up() {
        let rows = vec![
            vec!["1".to_string(), "\"日\"".to_string()],
            vec!["12".to_string(), "x".to_string()],
        ];
        let text = table(&[("n", Align::Right), ("token", Align::Left)], &rows);
        assert_eq!(text, " n  token\n 1  \"日\"\n12  x\n");
    }

    #[test]
    fn a_token_stays_on_its_line() {
        assert_eq!(quoted(" a\n\"\u{1b}["), r#"" a\n\"\u{1b}[""#);
        assert_eq!(tail("abcdef", 4), "…def");
        assert_eq!(tail("abc", 4), "abc");
    }

    #[test]
    fn bytes_have_a_unit() {
        assert_eq!(bytes(1023), "1023 B");
        assert_eq!(bytes(1536), "1.5 KiB");
    }
}
