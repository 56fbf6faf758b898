//! An answer as it is written to standard output, thought and answer apart.

use crate::output;
use crate::terminal::{Paint, Stream};
use engine::Event;

/// Shows what comes. On a terminal thoughts are dim; where nobody sees that, they stand between
/// marks, whatever marks the model uses.
pub struct AnswerText {
    paint: Paint,
    state: State,
    /// Special tokens are shown, and with them the model's own marks.
    shows_marks: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Nothing,
    Thought,
    Answer,
}

const OPEN: &str = "<think>\n";
const CLOSE: &str = "\n</think>\n\n";

impl AnswerText {
    /// Nothing is shown yet. With `shows_marks` the text has the model's own marks.
    pub fn new(shows_marks: bool) -> Self {
        Self { paint: Paint::for_stream(Stream::Out), state: State::Nothing, shows_marks }
    }

    /// Writes what an event adds, at once.
    ///
    /// # Errors
    /// When standard output cannot be written.
    pub fn show(&mut self, event: &Event) -> std::io::Result<()> {
        let (thought, answer) = match event {
            Event::Token(token) => (&token.thinking_text, &token.text),
            Event::Finished(finished) => (&finished.thinking_text, &finished.text),
            Event::Started(started) => (&started.resumed_thinking_text, &started.resumed_text),
            Event::PromptLogprobs(_) => return Ok(()),
        };
        let text = self.added(thought, answer);
        if text.is_empty() { Ok(()) } else { output::text(&text) }
    }

    fn added(&mut self, thought: &str, answer: &str) -> String {
        let mut text = String::new();
        if self.shows_marks {
            return format!("{thought}{answer}");
        }
        let coloured = self.paint.is_on();
        if !thought.is_empty() {
            if self.state != State::Thought && !coloured {
                text.push_str(OPEN);
            }
            self.state = State::Thought;
            text.push_str(&self.paint.dim(thought));
        }
        if !answer.is_empty() {
            if self.state == State::Thought {
                text.push_str(if coloured { "\n\n" } else { CLOSE });
            }
            self.state = State::Answer;
            text.push_str(answer);
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_colour_a_thought_stands_between_marks() {
        let mut shown = AnswerText { paint: Paint::plain(), ..AnswerText::new(false) };
        let pieces = [("on", ""), ("e\ntwo", ""), ("", "4"), ("", "2")];
        let text: String =
            pieces.iter().map(|(thought, answer)| shown.added(thought, answer)).collect();
        assert_eq!(text, "<think>\none\ntwo\n</think>\n\n42");
        let mut plain = AnswerText { paint: Paint::plain(), ..AnswerText::new(false) };
        assert_eq!(plain.added("", "hello"), "hello");
    }
}
