//! The text of an answer, divided into thought and answer.

/// What one token adds to each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct PartTexts {
    /// To the thought.
    pub thinking: String,
    /// To the answer.
    pub answer: String,
}

impl PartTexts {
    /// Appends what comes later.
    pub fn push(&mut self, later: &PartTexts) {
        self.thinking.push_str(&later.thinking);
        self.answer.push_str(&later.answer);
    }
}

/// Puts text where it belongs. The line ends that a model writes beside its markers belong to
/// neither part; those within the thought wait until more of it comes.
#[derive(Clone, Debug, Default)]
pub(crate) struct TextDivider {
    /// Whether markers and everything beside them are wanted too; they then go to the thought.
    keep_markers: bool,
    /// Line ends at the end of the thought so far.
    newlines: String,
    /// Whether nothing but line ends has come since the last marker.
    behind_marker: bool,
    has_thought: bool,
    /// Whether line ends at the beginning of an answer belong to it.
    keep_answers: bool,
}

impl TextDivider {
    pub fn new(keep_markers: bool) -> Self {
        // A prompt that ends in a thought ends with its marker.
        Self { keep_markers, behind_marker: true, ..Self::default() }
    }

    /// From now on answers keep all that they begin with.
    pub fn keep_answers(&mut self) {
        self.keep_answers = true;
    }

    pub fn thinking(&mut self, text: &str, out: &mut PartTexts) {
        if self.keep_markers {
            out.thinking.push_str(text);
            return;
        }
        let text = self.without_first_newlines(text);
        let body = text.trim_end_matches(['\n', '\r']);
        if !body.is_empty() {
            out.thinking.push_str(&std::mem::take(&mut self.newlines));
            out.thinking.push_str(body);
            self.has_thought = true;
        }
        self.newlines.push_str(&text[body.len()..]);
    }

    pub fn marker(&mut self, text: &str, out: &mut PartTexts) {
        if self.keep_markers {
            out.thinking.push_str(text);
        }
        // Another thought stands apart from the one before it.
        self.newlines = if self.has_thought { "\n\n".to_owned() } else { String::new() };
        self.behind_marker = true;
    }

    /// Text of an answer that had no thought keeps all that it begins with.
    pub fn answer_without_thought(&mut self, text: &str, out: &mut PartTexts) {
        self.behind_marker = false;
        out.answer.push_str(text);
    }

    pub fn answer(&mut self, text: &str, out: &mut PartTexts) {
        match self.keep_answers {
            true => self.answer_without_thought(text, out),
            false => self.answer_beside_marker(text, out),
        }
    }

    /// Text of an answer that came in one token with the end of a marker.
    pub fn answer_beside_marker(&mut self, text: &str, out: &mut PartTexts) {
        let text = if self.keep_markers { text } else { self.without_first_newlines(text) };
        out.answer.push_str(text);
    }

    fn without_first_newlines<'t>(&mut self, text: &'t str) -> &'t str {
        if !self.behind_marker {
            return text;
        }
        let text = text.trim_start_matches(['\n', '\r']);
        self.behind_marker = text.is_empty();
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_ends_beside_markers_belong_to_neither() {
        let (mut divider, mut out) = (TextDivider::new(false), PartTexts::default());
        for text in ["\n", "one\n", "\ntwo", "\n\n"] {
            divider.thinking(text, &mut out);
        }
        divider.marker("</think>", &mut out);
        for text in ["\n\n", "42", "\n"] {
            divider.answer(text, &mut out);
        }
        assert_eq!((out.thinking.as_str(), out.answer.as_str()), ("one\n\ntwo", "42\n"));
    }

    #[test]
    fn kept_markers_keep_everything() {
        let (mut divider, mut out) = (TextDivider::new(true), PartTexts::default());
        divider.thinking("\na\n", &mut out);
        divider.marker("</think>", &mut out);
        divider.answer("\n\n42", &mut out);
        assert_eq!(out.thinking + &out.answer, "\na\n</think>\n\n42");
    }
}
