//! Looking for a marker in text that comes in pieces.

/// Text that has come and is not yet told.
#[derive(Default)]
pub(super) struct Held {
    text: String,
}

/// What was found.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// The marker; this text stands before it.
    Marker(String),
    /// No marker so far; this text cannot be part of one.
    Text(String),
}

impl Held {
    /// Takes more text.
    pub fn push(&mut self, text: &str) {
        self.text.push_str(text);
    }

    /// Looks for `marker`, takes it out with all before it, or what cannot be part of it. White
    /// space before what may become the marker stays too.
    pub fn find(&mut self, marker: &str) -> Found {
        if let Some(place) = self.text.find(marker) {
            let before = self.text[..place].to_owned();
            self.text.drain(..place + marker.len());
            return Found::Marker(before);
        }
        let kept = partial_len(&self.text, marker);
        let free = self.text[..self.text.len() - kept].trim_end().len();
        Found::Text(self.text.drain(..free).collect())
    }

    /// All that is held.
    pub fn take(&mut self) -> String {
        std::mem::take(&mut self.text)
    }
}

/// Length of the longest end of `text` that begins `marker`.
fn partial_len(text: &str, marker: &str) -> usize {
    let longest = marker.len().saturating_sub(1).min(text.len());
    let is_start = |len: &usize| {
        marker.is_char_boundary(*len) && text.as_bytes().ends_with(&marker.as_bytes()[..*len])
    };
    (1..=longest).rev().find(is_start).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_marker_is_found_across_pieces() {
        let mut held = Held::default();
        held.push("say <to");
        assert_eq!(held.find("<tool>"), Found::Text("say".to_owned()));
        held.push("ol>x");
        assert_eq!(held.find("<tool>"), Found::Marker(" ".to_owned()));
        assert_eq!(held.take(), "x");
    }

    #[test]
    fn what_cannot_be_a_marker_goes() {
        let mut held = Held::default();
        held.push("a <t <");
        assert_eq!(held.find("<tool>"), Found::Text("a <t".to_owned()));
        held.push("é");
        assert_eq!(held.find("<tool>"), Found::Text(" <é".to_owned()));
        assert_eq!(held.take(), "");
    }
}
