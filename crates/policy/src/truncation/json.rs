//! An incremental scanner of JSON text (RFC 8259): what is open at any point, and the shortest
//! text that closes it legally.
//!
//! Strict, so that "text so far + closing" always parses: what could never become a JSON document
//! is [`Status::Broken`] at the byte that broke it. Time is linear in the bytes fed; memory is one
//! byte per open object or array, and those are limited.

/// Objects and arrays inside of each other that are followed; deeper text counts as no JSON.
pub const DEPTH_MAX: usize = 512;

/// How the text fed so far stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// The beginning of a document.
    Open,
    /// A whole document, maybe with blanks after it.
    Complete,
    /// Nothing that follows can make it a document.
    Broken,
}

/// What the end of an unfinished document is in the middle of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JsonPlace {
    /// A string value.
    String,
    /// A member's name.
    Key,
    /// `true`, `false`, `null` or a number.
    Literal,
    /// An object, between its parts.
    Object,
    /// An array, between its parts.
    Array,
}

impl JsonPlace {
    /// A short fixed word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Key => "key",
            Self::Literal => "literal",
            Self::Object => "object",
            Self::Array => "array",
        }
    }

    /// Words for it, with the article.
    pub fn words(self) -> &'static str {
        match self {
            Self::String => "a JSON string",
            Self::Key => "a JSON key",
            Self::Literal => "a JSON value",
            Self::Object => "a JSON object",
            Self::Array => "a JSON array",
        }
    }
}

/// What may come next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// A value; `true` where a closing bracket of an array may stand instead.
    Value { or_close: bool },
    /// A key; `true` where a closing brace may stand instead.
    Key { or_close: bool },
    /// The colon after a key.
    Colon,
    /// A comma or a closing bracket.
    After,
    /// Inside of a string.
    Text { key: bool, escape: Escape },
    /// Inside of `true`, `false` or `null`: what of it is missing.
    Word { rest: &'static str },
    /// Inside of a number.
    Number(Number),
    /// After the document.
    End,
    /// Refused.
    Broken,
}

/// Where in an escape a string is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Escape {
    None,
    /// After a backslash.
    Begun,
    /// After `\u`: hex digits still missing, and the value of those read.
    Hex {
        missing: u8,
        value: u16,
        second: bool,
    },
    /// A first half of a surrogate pair was read; its second must follow.
    HalfPair {
        backslash: bool,
    },
}

/// Where in a number it is, by the grammar's names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Number {
    Minus,
    Zero,
    Integer,
    Point,
    Fraction,
    Exponent,
    ExponentSign,
    ExponentDigits,
}

/// The scanner. Starts before the first byte of a document that is an object or an array.
#[derive(Clone, Debug)]
pub struct Scanner {
    /// `{` or `[` of each open container, outermost first.
    stack: Vec<u8>,
    state: State,
    byte_count: usize,
    member_count: usize,
    members_end_bytes: usize,
}

impl Default for Scanner {
    fn default() -> Self {
        Self {
            stack: Vec::new(),
            state: State::Value { or_close: false },
            byte_count: 0,
            member_count: 0,
            members_end_bytes: 0,
        }
    }
}

impl Scanner {
    /// Goes on with `text`. Once broken, or once anything but blanks follows a whole document, it
    /// stays broken.
    pub fn feed(&mut self, text: &str) -> Status {
        for &byte in text.as_bytes() {
            self.byte_count += 1;
            self.step(byte);
            if self.state == State::Broken {
                break;
            }
        }
        self.status()
    }

    /// How it stands.
    pub fn status(&self) -> Status {
        match self.state {
            State::Broken => Status::Broken,
            State::End => Status::Complete,
            _ => Status::Open,
        }
    }

    /// Whether a document has begun and not ended: something is missing.
    pub fn is_open(&self) -> bool {
        self.status() == Status::Open && !self.stack.is_empty()
    }

    /// Objects and arrays that are open.
    pub fn depth(&self) -> usize {
        self.stack.len()
    }

    /// What the end is in the middle of.
    pub fn place(&self) -> JsonPlace {
        match self.state {
            State::Text { key: true, .. } => JsonPlace::Key,
            State::Text { key: false, .. } => JsonPlace::String,
            State::Word { .. } | State::Number(_) => JsonPlace::Literal,
            _ if self.stack.last() == Some(&b'[') => JsonPlace::Array,
            _ => JsonPlace::Object,
        }
    }

    /// Members of the outermost container that are finished, and the bytes up to the end of the
    /// last of them.
    pub fn members(&self) -> (usize, usize) {
        (self.member_count, self.members_end_bytes)
    }

    /// Bytes fed.
    pub fn byte_count(&self) -> usize {
        self.byte_count
    }

    /// The shortest text that makes the document whole, with `null` for a value that must be there
    /// and `""` for a key. Empty when nothing is open.
    pub fn closing(&self) -> String {
        let mut text = String::new();
        match self.state {
            State::End | State::Broken => return text,
            State::Value { or_close: true } | State::Key { or_close: true } | State::After => {}
            State::Value { or_close: false } => text.push_str("null"),
            State::Key { or_close: false } => text.push_str("\"\":null"),
            State::Colon => text.push_str(":null"),
            State::Text { key, escape } => {
                text.push_str(&escape.closing());
                text.push_str(if key { "\":null" } else { "\"" });
            }
            State::Word { rest } => text.push_str(rest),
            State::Number(number) if number.can_end() => {}
            State::Number(_) => text.push('0'),
        }
        text.extend(self.stack.iter().rev().map(|&open| if open == b'{' { '}' } else { ']' }));
        text
    }

    fn step(&mut self, byte: u8) {
        if let State::Number(number) = self.state {
            match number.next(byte) {
                Some(next) => {
                    self.state = State::Number(next);
                    return;
                }
                None if number.can_end() => self.end_value(self.byte_count - 1),
                None => return self.state = State::Broken,
            }
        }
        match self.state {
            State::Text { key, escape } => self.string_byte(byte, key, escape),
            State::Word { rest } => match rest.as_bytes().first() == Some(&byte) {
                true if rest.len() == 1 => self.end_value(self.byte_count),
                true => self.state = State::Word { rest: &rest[1..] },
                false => self.state = State::Broken,
            },
            _ if matches!(byte, b' ' | b'\t' | b'\n' | b'\r') => {}
            State::Value { or_close } => self.value_byte(byte, or_close),
            State::Key { or_close } => match byte {
                b'"' => self.state = State::Text { key: true, escape: Escape::None },
                b'}' if or_close => self.close(b'{'),
                _ => self.state = State::Broken,
            },
            State::Colon if byte == b':' => self.state = State::Value { or_close: false },
            State::After => self.after_byte(byte),
            _ => self.state = State::Broken,
        }
    }

    fn value_byte(&mut self, byte: u8, or_close: bool) {
        self.state = match byte {
            b'{' | b'[' => return self.open(byte),
            b']' if or_close => return self.close(b'['),
            // A document that is one bare value cannot be told from prose.
            _ if self.stack.is_empty() => State::Broken,
            b'"' => State::Text { key: false, escape: Escape::None },
            b't' => State::Word { rest: "rue" },
            b'f' => State::Word { rest: "alse" },
            b'n' => State::Word { rest: "ull" },
            b'-' => State::Number(Number::Minus),
            b'0' => State::Number(Number::Zero),
            b'1'..=b'9' => State::Number(Number::Integer),
            _ => State::Broken,
        };
    }

    fn after_byte(&mut self, byte: u8) {
        match (byte, self.stack.last()) {
            (b',', Some(b'{')) => self.state = State::Key { or_close: false },
            (b',', Some(_)) => self.state = State::Value { or_close: false },
            (b'}', _) => self.close(b'{'),
            (b']', _) => self.close(b'['),
            _ => self.state = State::Broken,
        }
    }

    fn string_byte(&mut self, byte: u8, key: bool, escape: Escape) {
        match (escape, byte) {
            (Escape::None, b'"') if key => self.state = State::Colon,
            (Escape::None, b'"') => self.end_value(self.byte_count),
            _ => {
                self.state =
                    escape.next(byte).map_or(State::Broken, |escape| State::Text { key, escape });
            }
        }
    }

    fn open(&mut self, byte: u8) {
        if self.stack.len() == DEPTH_MAX {
            self.state = State::Broken;
            return;
        }
        self.stack.push(byte);
        self.state = match byte {
            b'{' => State::Key { or_close: true },
            _ => State::Value { or_close: true },
        };
    }

    fn close(&mut self, open: u8) {
        match self.stack.pop() {
            Some(found) if found == open => self.end_value(self.byte_count),
            _ => self.state = State::Broken,
        }
    }

    /// A value ended after `end` bytes.
    fn end_value(&mut self, end: usize) {
        if self.stack.len() == 1 {
            self.member_count += 1;
            self.members_end_bytes = end;
        }
        self.state = if self.stack.is_empty() { State::End } else { State::After };
    }
}

impl Escape {
    /// After one more byte of the string; none where JSON forbids it.
    fn next(self, byte: u8) -> Option<Escape> {
        match (self, byte) {
            (Escape::None, b'\\') => Some(Escape::Begun),
            (Escape::None, 0..0x20) => None,
            (Escape::None, _) => Some(Escape::None),
            (Escape::Begun, b'u') => Some(Escape::Hex { missing: 4, value: 0, second: false }),
            (Escape::Begun, b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => {
                Some(Escape::None)
            }
            (Escape::Begun, _) => None,
            (Escape::HalfPair { backslash: false }, b'\\') => {
                Some(Escape::HalfPair { backslash: true })
            }
            (Escape::HalfPair { backslash: true }, b'u') => {
                Some(Escape::Hex { missing: 4, value: 0, second: true })
            }
            (Escape::HalfPair { .. }, _) => None,
            (Escape::Hex { missing, value, second }, byte) => {
                let digit = char::from(byte).to_digit(16)? as u16;
                let value = value << 4 | digit;
                // Halves of surrogate pairs come in twos, the second from DC00 to DFFF.
                let fits = match (missing, second) {
                    (4, true) => value == 0xD,
                    (3, true) => value >= 0xDC,
                    (3, false) => !(0xDC..0xE0).contains(&value),
                    _ => true,
                };
                let after = match missing {
                    1 if !second && (0xD800..0xDC00).contains(&value) => {
                        Escape::HalfPair { backslash: false }
                    }
                    1 => Escape::None,
                    _ => Escape::Hex { missing: missing - 1, value, second },
                };
                fits.then_some(after)
            }
        }
    }

    /// The shortest text that ends the escape legally.
    fn closing(self) -> String {
        match self {
            Escape::None => String::new(),
            Escape::Begun => "\\".to_owned(),
            Escape::HalfPair { backslash: false } => "\\uDC00".to_owned(),
            Escape::HalfPair { backslash: true } => "uDC00".to_owned(),
            Escape::Hex { missing, second: true, .. } => "DC00"[4 - usize::from(missing)..].into(),
            Escape::Hex { missing, value, .. } => {
                let zeros = "0".repeat(usize::from(missing));
                // With zeros it may be the first half of a pair: D8, D9F and the like.
                let is_half = missing < 3 && (0xD800..0xDC00).contains(&(value << (4 * missing)));
                if is_half { zeros + "\\uDC00" } else { zeros }
            }
        }
    }
}

impl Number {
    fn next(self, byte: u8) -> Option<Number> {
        match (self, byte) {
            (Number::Minus, b'0') => Some(Number::Zero),
            (Number::Minus, b'1'..=b'9') => Some(Number::Integer),
            (Number::Integer, b'0'..=b'9') => Some(Number::Integer),
            (Number::Zero | Number::Integer, b'.') => Some(Number::Point),
            (Number::Zero | Number::Integer | Number::Fraction, b'e' | b'E') => {
                Some(Number::Exponent)
            }
            (Number::Point | Number::Fraction, b'0'..=b'9') => Some(Number::Fraction),
            (Number::Exponent, b'+' | b'-') => Some(Number::ExponentSign),
            (Number::Exponent | Number::ExponentSign | Number::ExponentDigits, b'0'..=b'9') => {
                Some(Number::ExponentDigits)
            }
            _ => None,
        }
    }

    fn can_end(self) -> bool {
        matches!(self, Self::Zero | Self::Integer | Self::Fraction | Self::ExponentDigits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn closing(text: &str) -> Option<String> {
        let mut scanner = Scanner::default();
        (scanner.feed(text) != Status::Broken).then(|| scanner.closing())
    }

    #[test]
    fn each_place_has_its_closing() {
        for (text, expected) in [
            ("{", "}"),
            ("[", "]"),
            (r#"{"a"#, r#"":null}"#),
            (r#"{"a""#, ":null}"),
            (r#"{"a":"#, "null}"),
            (r#"{"a": 1"#, "}"),
            (r#"{"a": 1."#, "0}"),
            (r#"{"a": -"#, "0}"),
            (r#"{"a": 1e+"#, "0}"),
            (r#"{"a": tr"#, "ue}"),
            (r#"{"a": 1,"#, r#""":null}"#),
            (r#"[{"a": ["x"#, r#""]}]"#),
            ("[1,", "null]"),
            (r#"["\"#, r#"\"]"#),
            (r#"["\u00"#, r#"00"]"#),
            (r#"["\uD8"#, r#"00\uDC00"]"#),
            (r#"["\uD83D\u"#, r#"DC00"]"#),
            ("[true] ", ""),
        ] {
            assert_eq!(closing(text).as_deref(), Some(expected), "{text}");
            let whole = format!("{text}{expected}");
            serde_json::from_str::<serde_json::Value>(&whole).expect("closed text parses");
        }
    }

    #[test]
    fn what_is_no_json_is_refused_where_it_breaks() {
        for text in [
            "[text](url)",
            "{a: 1}",
            "{\"a\" 1",
            "[1 2",
            "[01",
            "[tru]",
            "{]",
            "[}",
            "[\"\n",
            "[\"\\x",
            "[\"\\uDC",
            "[\"\\uD800x",
            "[1,]",
            "{\"a\":1,}",
            "12",
            "[] x",
        ] {
            assert_eq!(closing(text), None, "{text}");
        }
        assert_eq!(closing(&"[".repeat(DEPTH_MAX)).map(|text| text.len()), Some(DEPTH_MAX));
        assert_eq!(closing(&"[".repeat(DEPTH_MAX + 1)), None);
    }

    #[test]
    fn members_are_counted_where_they_end() {
        let mut scanner = Scanner::default();
        scanner.feed(r#"[{"a": [1, 2]}, 7, "x"#);
        assert_eq!(scanner.members(), (2, 17));
        assert_eq!((scanner.depth(), scanner.place()), (1, JsonPlace::String));
    }

    #[test]
    fn a_document_is_open_between_its_first_and_its_last_byte() {
        for (text, is_open) in
            [("", false), ("\n", false), ("[", true), ("[1", true), ("[1]\n", false), ("[}", false)]
        {
            let mut scanner = Scanner::default();
            scanner.feed(text);
            assert_eq!(scanner.is_open(), is_open, "{text:?}");
        }
    }
}
