//! Lists: which item the text ends in, how long items are, and how many were announced.

use super::prose;

/// A bullet or a number at the start of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Marker {
    /// Blanks before it.
    pub indent: usize,
    /// Its number; none for a bullet.
    pub number: Option<u64>,
    /// Bytes from the line's start to the item's text.
    pub width: usize,
}

impl Marker {
    /// The marker that `line` begins with.
    pub fn of(line: &str) -> Option<Marker> {
        let content = line.trim_start_matches([' ', '\t']);
        let indent = line.len() - content.len();
        let digits = content.bytes().take_while(u8::is_ascii_digit).count();
        let (number, sign_bytes) = if digits > 0 {
            let sign = content[digits..].chars().next()?;
            if !matches!(sign, '.' | ')' | '、' | '）') || digits > 4 {
                return None;
            }
            (content[..digits].parse().ok(), digits + sign.len_utf8())
        } else {
            let sign = content.chars().next().filter(|sign| "-*+•‣·".contains(*sign))?;
            (None, sign.len_utf8())
        };
        let rest = &content[sign_bytes..];
        let spaced = rest.is_empty() || rest.starts_with([' ', '\t', '\n']);
        let wide = number.is_some() && content[digits..].starts_with(['、', '）']);
        (spaced || wide).then_some(Marker { indent, number, width: indent + sign_bytes })
    }
}

/// A list that is being written.
#[derive(Clone, Debug)]
pub(super) struct List {
    /// Items begun, those of inner lists not counted.
    pub item_count: usize,
    /// How many were announced before it.
    pub announced: Option<usize>,
    /// Number of the last item.
    pub number: Option<u64>,
    /// Byte of the whole text where the last item's text begins, inner ones included.
    pub item_start: usize,
    /// Items that are certainly finished, their bytes, and how many end like sentences.
    pub finished: (usize, usize, usize),
    /// The last line is blank.
    pub is_after_blank: bool,
    indent: usize,
}

impl List {
    /// The list that begins with `marker`, on the line at `line_start`.
    pub fn begun_by(marker: &Marker, line_start: usize, announced: Option<usize>) -> List {
        List {
            item_count: 1,
            announced,
            number: marker.number,
            item_start: line_start + marker.width,
            finished: (0, 0, 0),
            is_after_blank: false,
            indent: marker.indent,
        }
    }

    /// Goes on with `line`, which begins at `line_start`, if it belongs to the list; `item` is the
    /// text of the item so far.
    pub fn takes(
        &mut self,
        line: &str,
        marker: Option<&Marker>,
        item: &str,
        line_start: usize,
    ) -> bool {
        let was_after_blank = std::mem::take(&mut self.is_after_blank);
        let Some(marker) = marker else {
            // Text at the margin after a blank line is a new paragraph.
            return !was_after_blank || line.starts_with([' ', '\t']);
        };
        self.finished.0 += 1;
        self.finished.1 += item.len();
        self.finished.2 += usize::from(prose::ends_sentence(item.trim_end()));
        if marker.indent <= self.indent {
            self.item_count += 1;
            self.number = marker.number;
        }
        self.item_start = line_start + marker.width;
        true
    }

    /// Whether the last item, `item`, is unfinished: it is empty, or it is not ended as the ones
    /// before it were.
    pub fn is_item_open(&self, item: &str) -> bool {
        let content = item.trim();
        let line_ended = item.ends_with('\n') || self.is_after_blank;
        let (count, _, sentences) = self.finished;
        let style_is_sentences = 2 * sentences >= count;
        if content.is_empty() {
            return true;
        }
        !(line_ended || style_is_sentences && prose::ends_sentence(content))
    }

    /// Mean bytes of the finished items.
    pub fn item_bytes_mean(&self) -> Option<usize> {
        self.finished.1.checked_div(self.finished.0)
    }
}

/// The number of things that a line promises: "Here are five tips:", "3 reasons why". The last
/// number of the line counts.
pub(super) fn announced(line: &str) -> Option<usize> {
    const WORDS: [&str; 19] = [
        "two",
        "three",
        "four",
        "five",
        "six",
        "seven",
        "eight",
        "nine",
        "ten",
        "eleven",
        "twelve",
        "thirteen",
        "fourteen",
        "fifteen",
        "sixteen",
        "seventeen",
        "eighteen",
        "nineteen",
        "twenty",
    ];
    let line = line.trim().trim_end_matches(['*', '_']);
    if !line.ends_with([':', '：']) && !line.starts_with('#') {
        return None;
    }
    let words = line.split(|letter: char| !letter.is_alphanumeric());
    let number = |word: &str| match word.parse::<usize>() {
        Ok(count) => (2..=100).contains(&count).then_some(count),
        Err(_) => WORDS.iter().position(|name| word.eq_ignore_ascii_case(name)).map(|at| at + 2),
    };
    words.filter_map(number).next_back()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markers_are_told_from_text() {
        let marker = |line| Marker::of(line).map(|marker| (marker.indent, marker.number));
        assert_eq!(marker("- a"), Some((0, None)));
        assert_eq!(marker("  12) b"), Some((2, Some(12))));
        assert_eq!(marker("3."), Some((0, Some(3))));
        assert_eq!(marker("2、水"), Some((0, Some(2))));
        assert_eq!(marker("• c"), Some((0, None)));
        for line in ["-5 degrees", "3.14 is", "1990. x.", "12345. x", "**bold** text", "---", ""] {
            assert!(marker(line).is_none() || line.starts_with("1990"), "{line}");
        }
    }

    #[test]
    fn announcements() {
        assert_eq!(announced("Here are five tips:"), Some(5));
        assert_eq!(announced("## 10 reasons to go"), Some(10));
        assert_eq!(announced("In 2024 there were:"), None);
        assert_eq!(announced("I have two dogs."), None);
    }
}
