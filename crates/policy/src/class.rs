//! What kind of answer a request wants, from what it says about itself and from a few words of its
//! last message. Cheap, the same every time, and told with its reason; a guess, no more.

use crate::wish::Wish;
use sampling::params::ParamValue;
use serde::{Deserialize, Serialize};

/// Characters at the beginning and at the end of the text that are looked at.
const WINDOW_CHARS: usize = 600;

/// What kind of answer a request wants.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// Anything else.
    #[default]
    Chat,
    /// A shorter version of a text.
    Summary,
    /// A program.
    Code,
    /// A JSON document.
    Json,
    /// An answer after a thought.
    Thinking,
}

/// Every class by its word.
pub const CLASSES: &[(&str, Class)] = &[
    ("chat", Class::Chat),
    ("summary", Class::Summary),
    ("code", Class::Code),
    ("json", Class::Json),
    ("thinking", Class::Thinking),
];

impl Class {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Class::Chat => "chat",
            Class::Summary => "summary",
            Class::Code => "code",
            Class::Json => "json",
            Class::Thinking => "thinking",
        }
    }
}

/// A class with its reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Classified {
    /// The class.
    pub class: Class,
    /// Why, in a few words.
    pub reason: &'static str,
}

/// Words that ask for a summary, in lower case, in some of the languages that people write.
const SUMMARY_WORDS: &[&str] = &[
    "summari",
    "summary",
    "tl;dr",
    "tldr",
    "key points",
    "main points",
    "in a nutshell",
    "condense",
    "zusammenfass",
    "fasse ",
    "kurzfassung",
    "résum",
    "resume este",
    "resumen",
    "riassum",
    "samenvat",
    "要約",
    "总结",
    "總結",
    "요약",
];

/// Words that ask for a program.
const CODE_WORDS: &[&str] = &[
    "```",
    "write a function",
    "write a program",
    "write a script",
    "write code",
    "write some code",
    "implement ",
    "refactor",
    "fix this bug",
    "fix the bug",
    "unit test",
    "code review",
    "stack trace",
    "compile error",
    "regex for",
    "sql query",
    "programmiere",
    "schreibe eine funktion",
    "traceback (most recent",
    "fn main",
    "#include <",
    "def __init__",
    "public static void",
];

/// Words that ask for JSON.
const JSON_WORDS: &[&str] =
    &["as json", "in json", "json object", "json format", "valid json", "als json", "en json"];

/// The class of a request.
pub fn classify(wish: &Wish) -> Classified {
    let told = |class, reason| Classified { class, reason };
    if wish.hints.has_json_shape {
        return told(Class::Json, "the request's format is JSON");
    }
    if wish.hints.can_think && asks_to_think(wish) {
        return told(Class::Thinking, "the request asks the model to think");
    }
    if wish.hints.has_shape {
        return told(Class::Chat, "the request's shape is neither prose nor JSON");
    }
    let text = ends_of(&wish.last_user_text);
    let says = |words: &[&str]| words.iter().any(|word| text.contains(word));
    if says(SUMMARY_WORDS) {
        told(Class::Summary, "the text asks to summarize")
    } else if says(JSON_WORDS) {
        told(Class::Json, "the text asks for JSON")
    } else if says(CODE_WORDS) {
        told(Class::Code, "the text is about code")
    } else {
        told(Class::Chat, "nothing says otherwise")
    }
}

fn asks_to_think(wish: &Wish) -> bool {
    match (wish.value("enable_thinking"), wish.value("reasoning_effort")) {
        (Some(ParamValue::Bool(enabled)), _) => *enabled,
        (_, Some(ParamValue::Str(effort))) => effort != "none",
        _ => false,
    }
}

/// The beginning and the end of a text, in lower case. Questions stand before or behind the
/// document that they are about, so the middle says little and may be long.
fn ends_of(text: &str) -> String {
    let start = text.char_indices().nth(WINDOW_CHARS).map_or(text.len(), |(at, _)| at);
    let end = text.char_indices().rev().nth(WINDOW_CHARS - 1).map_or(0, |(at, _)| at).max(start);
    format!("{}\n{}", &text[..start], &text[end..]).to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wish::Hints;
    use proptest::prelude::*;

    fn of(text: &str) -> Class {
        classify(&Wish { last_user_text: text.to_owned(), ..Wish::default() }).class
    }

    #[test]
    fn a_few_words_tell_the_class() {
        assert_eq!(of("What is the capital of France?"), Class::Chat);
        assert_eq!(of("Please SUMMARIZE this:"), Class::Summary);
        assert_eq!(of("Fasse den Text zusammen"), Class::Summary);
        assert_eq!(of("Write a function that sorts a list"), Class::Code);
        assert_eq!(of("```rust\nfn a() {}\n``` why?"), Class::Code);
        assert_eq!(of("List three colours in JSON"), Class::Json);
        assert_eq!(of(""), Class::Chat);
    }

    #[test]
    fn the_request_itself_says_more_than_its_text() {
        let mut wish = Wish { last_user_text: "summarize".to_owned(), ..Wish::default() };
        wish.hints = Hints { has_json_shape: true, ..Hints::default() };
        assert_eq!(classify(&wish).class, Class::Json);
        wish.hints = Hints { can_think: true, ..Hints::default() };
        wish.values = vec![("reasoning_effort".to_owned(), ParamValue::Str("low".to_owned()))];
        assert_eq!(classify(&wish).class, Class::Thinking);
        wish.values = vec![("enable_thinking".to_owned(), ParamValue::Bool(false))];
        assert_eq!(classify(&wish).class, Class::Summary);
    }

    #[test]
    fn the_middle_of_a_long_text_is_not_looked_at() {
        let long = "ä ".repeat(5_000);
        assert_eq!(of(&format!("{long}summarize{long}")), Class::Chat);
        assert_eq!(of(&format!("summarize{long}")), Class::Summary);
        assert_eq!(of(&format!("{long}summarize")), Class::Summary);
    }

    proptest! {
        #[test]
        fn any_text_has_a_class(text in "\\PC{0,2000}") {
            let window = ends_of(&text);
            prop_assert!(window.chars().count() <= 4 * WINDOW_CHARS + 1);
            of(&text);
        }
    }
}
