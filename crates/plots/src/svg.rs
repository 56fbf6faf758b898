//! The frame of the SVG text itself: what is said about the picture, and its colours.

use plotters::style::RGBColor;

use crate::TEXT_CHARS_MAX;

/// Ink of texts and axes: 4.6 to 1 on white, 4.5 to 1 on black. A page that puts the picture into
/// itself and knows its own ground can sharpen it: `.jeton-plot [fill="#757575"] { fill: ... }`. No
/// style inside does so, since a picture cannot see the ground that it lies on.
pub(crate) const INK: RGBColor = RGBColor(0x75, 0x75, 0x75);

/// Colours of series, told apart by most colour-blind people (Okabe and Ito, 2008, with yellow and
/// black replaced, which vanish on one of the two grounds).
pub(crate) const PALETTE: [RGBColor; 8] = [
    RGBColor(0x1F, 0x83, 0xC4),
    RGBColor(0xD5, 0x5E, 0x00),
    RGBColor(0x00, 0x9E, 0x73),
    RGBColor(0xC9, 0x69, 0x9F),
    RGBColor(0xC9, 0x8A, 0x00),
    RGBColor(0x48, 0xA5, 0xDB),
    RGBColor(0x8F, 0x62, 0xDB),
    RGBColor(0x8A, 0x8A, 0x60),
];

/// The colour of the series at `index`.
pub(crate) fn colour(index: usize) -> RGBColor {
    PALETTE[index % PALETTE.len()]
}

/// `drawn` with its name and description behind the opening tag.
pub(crate) fn described(drawn: &str, title: &str, description: &str) -> String {
    let (open, rest) = drawn.split_once(">\n").unwrap_or((drawn, ""));
    let title = escaped(title);
    let description = escaped(description);
    format!(
        "{open} class=\"jeton-plot\" role=\"img\" aria-label=\"{title}\">\n\
         <title>{title}</title>\n<desc>{description}</desc>\n{rest}"
    )
}

/// `text` as it may stand in a picture: what XML 1.0 cannot hold is replaced, a long text is cut.
pub(crate) fn clean(text: &str) -> String {
    cut(text, TEXT_CHARS_MAX)
}

/// `text` in at most `chars_max` characters, with an ellipsis where it was cut.
pub(crate) fn cut(text: &str, chars_max: usize) -> String {
    let mut out: String = text.chars().take(chars_max).map(drawable).collect();
    if text.chars().nth(chars_max).is_some() {
        out.pop();
        out.push('…');
    }
    out
}

/// Control characters and what is not a character become a space or the replacement character.
fn drawable(c: char) -> char {
    match c {
        '\n' | '\r' | '\t' => ' ',
        c if c.is_control() || matches!(c, '\u{FFFE}' | '\u{FFFF}') => '\u{FFFD}',
        c => c,
    }
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in clean(text).chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&apos;"),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_at_a_character() {
        assert_eq!(cut("äöü", 3), "äöü");
        assert_eq!(cut("äöüß", 3), "äö…");
        assert_eq!(cut("a\u{0}\nb", 9), "a\u{FFFD} b");
    }
}
