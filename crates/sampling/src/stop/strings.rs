//! Stop strings over text that arrives in pieces.
//!
//! Per stop string one Knuth-Morris-Pratt matcher runs over the bytes; its state is the length of
//! the longest prefix of the stop string that the text ends with. The largest state is therefore
//! exactly what must be held back: the longest end of the text that could still become a stop
//! string. Because the search sees single bytes, the pieces make no difference.

use super::StopReason;
use crate::params::SamplingParams;

/// Finds the first stop string in a stream of text and holds back what may become one.
///
/// The stop string that ends first wins; of several that end at the same place, the one that comes
/// first in the list. Neither it nor anything behind it is released.
#[derive(Debug, Clone, Default)]
pub struct StopStrings {
    matchers: Vec<Matcher>,
    held: String,
    found: bool,
}

/// The stop string that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StopStringMatch {
    /// Its place in the list, from 0.
    pub index: usize,
    /// The stop string.
    pub text: String,
}

impl From<StopStringMatch> for StopReason {
    fn from(found: StopStringMatch) -> Self {
        Self::StopString { index: found.index, text: found.text }
    }
}

impl StopStrings {
    /// Looks for these strings; empty ones are never found.
    pub fn new<S: AsRef<str>>(strings: impl IntoIterator<Item = S>) -> Self {
        let matchers = strings.into_iter().map(|text| Matcher::new(text.as_ref())).collect();
        Self { matchers, held: String::new(), found: false }
    }

    /// The stop strings of a request.
    pub fn from_params(params: &SamplingParams) -> Self {
        Self::new(params.stop())
    }

    /// Takes more text; returns what may be shown now, and the stop string if one is complete.
    ///
    /// After a stop string was found, all further text is dropped.
    pub fn push(&mut self, text: &str) -> (String, Option<StopStringMatch>) {
        if self.found {
            return (String::new(), None);
        }
        let searched_before = self.held.len();
        self.held.push_str(text);
        for (offset, &byte) in text.as_bytes().iter().enumerate() {
            let complete = self.advance(byte);
            if let Some(index) = complete {
                return (self.cut_before(index, searched_before + offset + 1), self.end(index));
            }
        }
        let hold_bytes = self.matchers.iter().map(|m| m.matched_bytes).max().unwrap_or(0);
        let keep = self.held.split_off(self.held.len() - hold_bytes);
        (std::mem::replace(&mut self.held, keep), None)
    }

    /// Releases what is held back: the text ended without completing a stop string.
    pub fn flush(&mut self) -> String {
        for matcher in &mut self.matchers {
            matcher.matched_bytes = 0;
        }
        std::mem::take(&mut self.held)
    }

    /// Moves every matcher on; the first in the list that is complete.
    fn advance(&mut self, byte: u8) -> Option<usize> {
        let mut complete = None;
        for (index, matcher) in self.matchers.iter_mut().enumerate() {
            if matcher.advance(byte) && complete.is_none() {
                complete = Some(index);
            }
        }
        complete
    }

    /// The text in front of stop string `index`, which ends at byte `end` of the held text.
    fn cut_before(&mut self, index: usize, end: usize) -> String {
        let mut text = std::mem::take(&mut self.held);
        text.truncate(end - self.matchers[index].text.len());
        text
    }

    fn end(&mut self, index: usize) -> Option<StopStringMatch> {
        self.found = true;
        Some(StopStringMatch { index, text: self.matchers[index].text.clone() })
    }
}

/// One stop string and how much of it the text ends with.
#[derive(Debug, Clone)]
struct Matcher {
    text: String,
    /// For each prefix (by length - 1): length of its longest proper prefix that also ends it.
    borders: Vec<usize>,
    matched_bytes: usize,
}

impl Matcher {
    fn new(text: &str) -> Self {
        let bytes = text.as_bytes();
        let mut borders = vec![0; bytes.len()];
        for end in 1..bytes.len() {
            let mut length: usize = borders[end - 1];
            while length > 0 && bytes[length] != bytes[end] {
                length = borders[length - 1];
            }
            borders[end] = length + usize::from(bytes[length] == bytes[end]);
        }
        Self { text: text.to_owned(), borders, matched_bytes: 0 }
    }

    /// Takes one byte of text; true when the whole stop string has just been read.
    fn advance(&mut self, byte: u8) -> bool {
        let bytes = self.text.as_bytes();
        if bytes.is_empty() {
            return false;
        }
        while self.matched_bytes > 0 && bytes[self.matched_bytes] != byte {
            self.matched_bytes = self.borders[self.matched_bytes - 1];
        }
        self.matched_bytes += usize::from(bytes[self.matched_bytes] == byte);
        self.matched_bytes == bytes.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(stops: &[&str], pieces: &[&str]) -> (Vec<String>, Option<usize>) {
        let mut strings = StopStrings::new(stops);
        let mut shown = Vec::new();
        for piece in pieces {
            let (text, found) = strings.push(piece);
            shown.push(text);
            if let Some(found) = found {
                assert_eq!(stops[found.index], found.text);
                return (shown, Some(found.index));
            }
        }
        shown.push(strings.flush());
        (shown, None)
    }

    #[test]
    fn only_what_may_become_a_stop_string_is_held() {
        let (shown, found) = run(&["END", "\n\n"], &["a E", "N", "Xb\n", "c"]);
        assert_eq!(shown, ["a ", "", "ENXb", "\nc", ""]);
        assert_eq!(found, None);
    }

    #[test]
    fn a_stop_string_across_pieces_is_not_shown() {
        let (shown, found) = run(&["</answer>"], &["42</an", "swe", "r> more"]);
        assert_eq!((shown.concat().as_str(), found), ("42", Some(0)));
    }

    #[test]
    fn the_earliest_end_wins_then_the_order_of_the_list() {
        assert_eq!(run(&["abcd", "bc"], &["xabcd"]), (vec!["xa".to_owned()], Some(1)));
        assert_eq!(run(&["c", "bc"], &["abc"]), (vec!["ab".to_owned()], Some(0)));
        assert_eq!(run(&["bc", "c"], &["abc"]), (vec!["a".to_owned()], Some(0)));
    }

    #[test]
    fn a_failed_start_may_contain_the_real_one() {
        assert_eq!(run(&["aab"], &["a", "a", "a", "b"]).0.concat(), "a");
        assert_eq!(run(&["abab!"], &["abababab!"]).0.concat(), "abab");
    }

    #[test]
    fn characters_of_several_bytes_stay_whole() {
        let (shown, found) = run(&["é!"], &["caf", "é", "è", "é", "!"]);
        assert_eq!(shown, ["caf", "", "éè", "", ""]);
        assert_eq!(found, Some(0));
    }

    #[test]
    fn text_behind_a_stop_string_is_dropped() {
        let mut strings = StopStrings::new(["."]);
        assert_eq!(strings.push("a.b").0, "a");
        assert_eq!(strings.push("c"), (String::new(), None));
        assert_eq!(strings.flush(), "");
    }
}
