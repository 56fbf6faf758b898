//! One call as a JSON object, character by character.

/// Names under which models write the arguments.
const ARGUMENTS: [&str; 2] = ["arguments", "parameters"];

/// Other keys that calls have.
const OTHERS: [&str; 4] = ["name", "id", "type", "tool_call_id"];

/// Reads `{"name": ..., "arguments": {...}}`, in any order of its keys.
#[derive(Default)]
pub(super) struct CallJson {
    phase: Phase,
    key: String,
    value: String,
    depth: usize,
    in_string: bool,
    escaped: bool,
    /// The tool's name, once it is known.
    pub name: Option<String>,
    /// The call's id, once it is known.
    pub id: Option<String>,
    /// Arguments that have come and were not taken yet.
    pub arguments: String,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Phase {
    #[default]
    Start,
    BeforeKey,
    InKey,
    AfterKey,
    BeforeValue,
    InValue,
    AfterValue,
}

/// What a character did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fed {
    /// The object goes on.
    More,
    /// It ended with this character.
    Done,
    /// It is no call.
    Broken,
}

impl CallJson {
    /// Takes the next character.
    pub fn feed(&mut self, character: char) -> Fed {
        let is_blank = matches!(character, ' ' | '\t' | '\n' | '\r');
        let next = match (self.phase, character) {
            (Phase::InKey, _) => return self.in_key(character),
            (Phase::InValue, _) => return self.in_value(character),
            (Phase::BeforeValue, _) if !is_blank => {
                self.phase = Phase::InValue;
                return self.in_value(character);
            }
            (_, _) if is_blank => return Fed::More,
            (Phase::Start, '{') => Phase::BeforeKey,
            (Phase::BeforeKey, '"') => Phase::InKey,
            (Phase::BeforeKey | Phase::AfterValue, '}') => return Fed::Done,
            (Phase::AfterKey, ':') => Phase::BeforeValue,
            (Phase::AfterValue, ',') => Phase::BeforeKey,
            _ => return Fed::Broken,
        };
        self.phase = next;
        Fed::More
    }

    fn in_key(&mut self, character: char) -> Fed {
        if character != '"' {
            self.key.push(character);
            return Fed::More;
        }
        self.phase = Phase::AfterKey;
        let key = self.key.as_str();
        let is_known = OTHERS.contains(&key) || ARGUMENTS.contains(&key);
        // Behind the name anything may follow; before it, an unknown key is another document's.
        if is_known || self.name.is_some() { Fed::More } else { Fed::Broken }
    }

    fn in_value(&mut self, character: char) -> Fed {
        if !self.in_string && self.depth == 0 && matches!(character, ',' | '}') {
            self.end_value();
            return self.feed(character);
        }
        self.value.push(character);
        if self.in_string {
            match character {
                _ if self.escaped => self.escaped = false,
                '\\' => self.escaped = true,
                '"' => self.in_string = false,
                _ => {}
            }
        } else {
            match character {
                '"' => self.in_string = true,
                '{' | '[' => self.depth += 1,
                '}' | ']' => self.depth = self.depth.saturating_sub(1),
                _ => {}
            }
        }
        // Arguments that are an object are told as they come; a text may be JSON within JSON.
        if self.is_arguments() && self.value.starts_with(['{', '[']) {
            self.arguments.push(character);
        }
        let is_closed = !self.in_string && self.depth == 0 && matches!(character, '"' | '}' | ']');
        if is_closed {
            self.end_value();
        }
        Fed::More
    }

    fn is_arguments(&self) -> bool {
        ARGUMENTS.contains(&self.key.as_str())
    }

    fn end_value(&mut self) {
        let value = std::mem::take(&mut self.value);
        let text: Option<String> = serde_json::from_str(&value).ok();
        match self.key.as_str() {
            "name" => self.name = self.name.take().or(text),
            "id" | "tool_call_id" => self.id = self.id.take().or(text),
            _ if self.is_arguments() && !value.starts_with(['{', '[']) => {
                self.arguments.push_str(&text.unwrap_or(value));
            }
            _ => {}
        }
        self.key.clear();
        self.phase = Phase::AfterValue;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (Fed, CallJson) {
        let mut call = CallJson::default();
        for character in text.chars() {
            let fed = call.feed(character);
            if fed != Fed::More {
                return (fed, call);
            }
        }
        (Fed::More, call)
    }

    #[test]
    fn calls_are_read_in_any_order() {
        for text in [
            r#"{"name": "f", "arguments": {"a": "}\"{", "b": [1, {"c": 2}]}}"#,
            r#" { "arguments" :{"a": "}\"{", "b": [1, {"c": 2}]} , "name" : "f" }"#,
            r#"{"type":"f","name":"f","parameters":{"a": "}\"{", "b": [1, {"c": 2}]},"x":1}"#,
        ] {
            let (fed, call) = read(text);
            assert_eq!(fed, Fed::Done, "{text}");
            assert_eq!(call.name.as_deref(), Some("f"));
            assert_eq!(call.arguments, r#"{"a": "}\"{", "b": [1, {"c": 2}]}"#);
        }
    }

    #[test]
    fn arguments_in_a_text_are_unfolded() {
        let (fed, call) = read(r#"{"name":"f","arguments":"{\"a\":1}","id":"abc"}"#);
        assert_eq!((fed, call.arguments.as_str()), (Fed::Done, r#"{"a":1}"#));
        assert_eq!(call.id.as_deref(), Some("abc"));
        let (_, call) = read(r#"{"name":"f","arguments":null}"#);
        assert_eq!(call.arguments, "null");
    }

    #[test]
    fn what_is_no_call_is_known_early() {
        assert_eq!(read("x").0, Fed::Broken);
        assert_eq!(read(r#"{"answer""#).0, Fed::Broken);
        assert_eq!(read(r#"{"name" 5"#).0, Fed::Broken);
        let (fed, call) = read("{}");
        assert_eq!((fed, call.name), (Fed::Done, None));
    }
}
