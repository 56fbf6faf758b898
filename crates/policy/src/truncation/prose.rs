//! Prose: where sentences end, in the scripts that mark their ends, and what was opened and not
//! closed.

use super::Open;

/// Brackets and quotes inside of each other that are followed; more are ignored.
const OPEN_MAX: usize = 64;

/// Marks that end a sentence: Latin, the Greek question mark, Armenian, Arabic, Urdu, Devanagari,
/// Burmese, Khmer, Ethiopic, Mongolian, Chinese and Japanese with their wide and small forms.
const TERMINATORS: &[char] = &[
    '.', '!', '?', '…', '‼', '⁇', '⁈', '⁉', '‽', '\u{37E}', '\u{589}', '\u{61F}', '\u{6D4}',
    '\u{964}', '\u{965}', '\u{104A}', '\u{104B}', '\u{1362}', '\u{1367}', '\u{17D4}', '\u{17D5}',
    '\u{1803}', '\u{1809}', '。', '！', '？', '．', '｡', '﹒', '﹖', '﹗',
];

/// What may stand between the mark and the end of a sentence: closing quotes and brackets, marks of
/// emphasis.
const CLOSERS: &[char] = &[
    '"', '\'', '”', '’', '»', '›', ')', ']', '}', '」', '』', '）', '】', '》', '〉', '*', '_',
    '~', '`',
];

/// Pairs that are followed. Single quotes are left out: they are apostrophes as well.
const PAIRS: &[(char, char)] = &[
    ('(', ')'),
    ('[', ']'),
    ('{', '}'),
    ('“', '”'),
    ('«', '»'),
    ('「', '」'),
    ('『', '』'),
    ('（', '）'),
    ('【', '】'),
    ('《', '》'),
    ('〈', '〉'),
];

/// Abbreviations after which a sentence goes on, in small letters and without their last full stop.
const ABBREVIATIONS: &[&str] = &[
    "dr", "mr", "mrs", "ms", "prof", "st", "vs", "cf", "e.g", "i.e", "eg", "ie", "fig", "no", "nr",
    "approx", "ca", "z.b", "d.h", "bzw", "p.ex",
];

/// The unfinished parts of the last paragraph, outermost first.
pub(super) fn open_parts(paragraph: &str) -> Vec<Open> {
    let mut open: Vec<Open> = brackets(paragraph)
        .into_iter()
        .map(|(opened, closing)| Open::Bracket { opened, closing })
        .collect();
    if let Some(end) = unfinished_end(paragraph) {
        open.push(end);
    }
    open
}

/// What the paragraph's end is the middle of: an announcement or a sentence.
fn unfinished_end(paragraph: &str) -> Option<Open> {
    let text = paragraph.trim_end();
    let last = text.chars().next_back()?;
    let core = text.trim_end_matches(CLOSERS);
    if core.ends_with([':', '：']) {
        return Some(Open::Announcement);
    }
    if ends_sentence(text) {
        return None;
    }
    // A line that was ended without a mark is a title or a verse, unless a comma says that it
    // goes on.
    let line_ended = paragraph.ends_with('\n');
    let goes_on = matches!(last, ',' | ';' | '-' | '–' | '—' | '、' | '，' | '；' | '(' | '.');
    (!line_ended || goes_on).then_some(Open::Sentence)
}

/// Whether `text`, without blanks at its end, ends where a sentence does.
pub(super) fn ends_sentence(text: &str) -> bool {
    let core = text.trim_end_matches(CLOSERS);
    let Some(last) = core.chars().next_back() else { return false };
    if last == '.' { full_stop_ends(core) } else { TERMINATORS.contains(&last) || is_emoji(last) }
}

/// Whether the full stop at the end of `text` ends a sentence and no abbreviation.
fn full_stop_ends(text: &str) -> bool {
    let before = &text[..text.len() - 1];
    let start = before.rfind(|letter: char| letter.is_whitespace() || letter == '(');
    let word = start.map_or(before, |index| &before[index..]);
    let word = word.trim_start_matches(|letter: char| letter.is_whitespace() || letter == '(');
    // Nothing longer than the longest entry is one, so the copy below is short.
    if word.len() > 8 {
        return true;
    }
    let small = word.to_lowercase();
    let is_initial =
        word.chars().count() == 1 && word.chars().all(char::is_uppercase) && word != "I";
    !is_initial && !ABBREVIATIONS.contains(&small.as_str())
}

/// Pictures that people end a sentence with.
fn is_emoji(letter: char) -> bool {
    matches!(u32::from(letter), 0x2600..=0x27BF | 0xFE0F | 0x1F300..=0x1FAFF)
}

/// How many sentences end in `text`, and the byte after the last of them. A full stop inside of a
/// number or a word (3.14, jeton.rs) is none, nor is the second of two marks in a row.
pub(super) fn sentences(text: &str) -> (usize, usize) {
    let mut count = 0;
    let mut end = 0;
    let mut letters = text.char_indices().peekable();
    while let Some((index, letter)) = letters.next() {
        if !TERMINATORS.contains(&letter) {
            continue;
        }
        let after = index + letter.len_utf8();
        let next = letters.peek().map(|&(_, next)| next);
        let spaced = next.is_none_or(|next| next.is_whitespace() || CLOSERS.contains(&next));
        let is_end = match letter {
            '.' => spaced && full_stop_ends(&text[last_words(text, index)..after]),
            '!' | '?' | '…' => spaced,
            _ => true,
        };
        if is_end {
            count += 1;
            end = after;
        }
    }
    (count, end)
}

/// Where the few bytes before `index` begin that decide about its full stop.
fn last_words(text: &str, index: usize) -> usize {
    let mut start = index.saturating_sub(16);
    while !text.is_char_boundary(start) {
        start += 1;
    }
    start
}

/// Brackets and quotes that are open at the end, outermost first: each with what closes it.
fn brackets(text: &str) -> Vec<(char, char)> {
    let mut open: Vec<(char, char)> = Vec::new();
    let mut before = ' ';
    for letter in text.chars() {
        let in_code = open.last().is_some_and(|&(opened, _)| opened == '`');
        match letter {
            '`' => toggle(&mut open, '`'),
            _ if in_code => {}
            // After a digit it is the sign for inches or seconds.
            '"' if !before.is_ascii_digit() || is_open(&open, '"') => toggle(&mut open, '"'),
            _ => {
                let pair = PAIRS.iter().find(|&&(opening, _)| opening == letter);
                if let Some(&pair) = pair.filter(|_| open.len() < OPEN_MAX) {
                    open.push(pair);
                } else if let Some(index) = open.iter().rposition(|&(_, close)| close == letter) {
                    open.truncate(index);
                }
            }
        }
        before = letter;
    }
    open
}

fn is_open(open: &[(char, char)], mark: char) -> bool {
    open.iter().any(|&(opened, _)| opened == mark)
}

/// A mark that opens and closes alike.
fn toggle(open: &mut Vec<(char, char)>, mark: char) {
    match open.iter().rposition(|&(opened, _)| opened == mark) {
        Some(index) => open.truncate(index),
        None if open.len() < OPEN_MAX => open.push((mark, mark)),
        None => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_of_sentences_in_many_scripts() {
        for text in [
            "It works.",
            "Really?!",
            "He said \"yes.\"",
            "**Done.**",
            "これで終わりです。",
            "「そうですか？」",
            "完了！",
            "यह अंत है।",
            "هل انتهى؟",
            "Վերջ։",
            "Built in 1990.",
            "So did I.",
            "Great 🎉",
        ] {
            assert!(ends_sentence(text), "{text}");
        }
        for text in ["It wor", "Ask Dr.", "Fruit, e.g.", "J. R.", "これは", "and then,", "", "\""]
        {
            assert!(!ends_sentence(text), "{text}");
        }
    }

    #[test]
    fn sentences_are_counted_without_decimals_and_abbreviations() {
        assert_eq!(sentences("Pi is 3.14. See Dr. Who! Now wha").0, 2);
        assert_eq!(sentences("一つ。二つ。三").0, 2);
        assert_eq!(sentences("Wait... what").0, 1);
        assert_eq!(sentences("").0, 0);
    }

    #[test]
    fn brackets_and_quotes_are_followed() {
        let names = |text| brackets(text).into_iter().map(|(opened, _)| opened).collect::<String>();
        assert_eq!(names("a (b [c] d"), "(");
        assert_eq!(names("she said \"it is 5\" long"), "");
        assert_eq!(names("a 5\" screen"), "");
        assert_eq!(names(":) and a) b) c"), "");
        assert_eq!(names("call `f(x"), "`");
        assert_eq!(names("彼は「明日"), "「");
        assert_eq!(names(&"(".repeat(1000)).len(), OPEN_MAX);
    }

    #[test]
    fn a_title_line_is_no_cut_sentence_but_a_comma_goes_on() {
        assert_eq!(unfinished_end("A short title\n"), None);
        assert_eq!(unfinished_end("Roses are red,\n"), Some(Open::Sentence));
        assert_eq!(unfinished_end("Here are three tips:"), Some(Open::Announcement));
        assert_eq!(unfinished_end("**Steps:**\n"), Some(Open::Announcement));
    }
}
