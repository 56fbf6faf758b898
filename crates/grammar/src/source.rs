//! What can be asked for, and the bounds it must keep before anything is compiled.

use crate::check_schema::checked_schema;
use crate::error::GrammarError;
use crate::limits::Limits;
use llguidance::api::TopLevelGrammar;
use serde_json::{Value, json};

/// White space that a JSON document may have between its parts: enough to indent, too little for
/// a model to fill its limit with it.
const JSON_WHITESPACE: &str = r"[ \t\n\r]{1,64}";

/// The shape of the output.
#[derive(Clone, Debug, PartialEq)]
pub enum GrammarSource {
    /// Any JSON object.
    JsonObject,
    /// JSON that is valid under this schema (draft 2020-12 and before).
    JsonSchema(Value),
    /// Text that this regex matches from its first to its last byte.
    Regex(String),
    /// Text of this grammar, in Lark's syntax.
    Lark(String),
    /// One of these texts.
    Choice(Vec<String>),
}

impl GrammarSource {
    /// The name under which the source is asked for and reported.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::JsonObject => "json_object",
            Self::JsonSchema(_) => "json_schema",
            Self::Regex(_) => "regex",
            Self::Lark(_) => "lark",
            Self::Choice(_) => "choice",
        }
    }

    /// Whether white space between parts is skipped at most once.
    pub(crate) fn is_json(&self) -> bool {
        matches!(self, Self::JsonObject | Self::JsonSchema(_))
    }

    /// The grammar in the compiler's own terms.
    pub(crate) fn checked(&self, limits: &Limits) -> Result<TopLevelGrammar, GrammarError> {
        match self {
            Self::JsonObject => Ok(json_grammar(json!({"type": "object"}))),
            Self::JsonSchema(schema) => Ok(json_grammar(checked_schema(schema, limits)?)),
            Self::Regex(regex) => {
                check_text("the regex in bytes", regex, limits)?;
                check_repeats("the largest count in the regex", regex, limits)?;
                // The compiler would read it as the end of its own delimiter.
                let backslashes = regex.bytes().rev().take_while(|&byte| byte == b'\\').count();
                if backslashes % 2 == 1 {
                    let problem = "a backslash at its end must have a character behind it".into();
                    return Err(GrammarError::Invalid { kind: "regex", problem });
                }
                Ok(TopLevelGrammar::from_regex(regex))
            }
            Self::Lark(grammar) => {
                check_text("the Lark grammar in bytes", grammar, limits)?;
                check_repeats("the largest count in the Lark grammar", grammar, limits)?;
                if grammar.trim().is_empty() {
                    let problem = "it must have a rule `start`; given nothing".to_string();
                    return Err(GrammarError::Invalid { kind: "lark", problem });
                }
                Ok(TopLevelGrammar::from_lark(grammar.clone()))
            }
            Self::Choice(choices) => Ok(TopLevelGrammar::from_regex(&choice(choices, limits)?)),
        }
    }
}

fn json_grammar(schema: Value) -> TopLevelGrammar {
    // Options travel inside the schema; a schema that is `true` or `false` becomes an object.
    let mut schema = match schema {
        Value::Bool(true) => json!({}),
        Value::Bool(false) => json!({"anyOf": [false]}),
        other => other,
    };
    if let Some(object) = schema.as_object_mut() {
        let options = json!({"whitespace_pattern": JSON_WHITESPACE});
        object.insert("x-guidance".to_string(), options);
    }
    TopLevelGrammar::from_json_schema(schema)
}

fn choice(choices: &[String], limits: &Limits) -> Result<String, GrammarError> {
    let invalid = |problem: &str| {
        let problem = problem.to_string();
        GrammarError::Invalid { kind: "choice", problem }
    };
    if choices.is_empty() {
        return Err(invalid("there must be at least one text to choose; given none"));
    }
    if choices.iter().any(String::is_empty) {
        return Err(invalid("each text must have at least one character; given an empty one"));
    }
    check("the number of choices", choices.len(), limits.choices_max)?;
    let bytes: usize = choices.iter().map(String::len).sum();
    check("the choices together in bytes", bytes, limits.source_bytes_max)?;
    let quoted: Vec<String> = choices.iter().map(|text| quoted(text)).collect();
    Ok(quoted.join("|"))
}

/// The regex that matches exactly this text.
fn quoted(text: &str) -> String {
    let mut regex = String::with_capacity(text.len() + 8);
    for character in text.chars() {
        // `\<` and `\>` are the edges of words in this syntax, and the bare signs themselves.
        if character.is_ascii_punctuation() && !matches!(character, '<' | '>') {
            regex.push('\\');
            regex.push(character);
        } else if character.is_ascii_control() {
            regex.push_str(&format!("\\x{:02X}", character as u32));
        } else {
            regex.push(character);
        }
    }
    regex
}

pub(crate) fn check(what: &'static str, given: usize, max: usize) -> Result<(), GrammarError> {
    if given > max { Err(GrammarError::TooLarge { what, given, max }) } else { Ok(()) }
}

/// Length, and nesting of anything that opens and closes.
fn check_text(what: &'static str, text: &str, limits: &Limits) -> Result<(), GrammarError> {
    check(what, text.len(), limits.source_bytes_max)?;
    let (mut depth, mut deepest) = (0usize, 0usize);
    for byte in text.bytes() {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    check("the nesting of brackets", deepest, limits.nesting_max)
}

/// Counts in braces, as `{2,5000}`.
fn check_repeats(what: &'static str, text: &str, limits: &Limits) -> Result<(), GrammarError> {
    for group in text.split('{').skip(1) {
        let counts = group.split('}').next().unwrap_or_default();
        for count in counts.split(',').map(str::trim) {
            let digits = !count.is_empty() && count.bytes().all(|byte| byte.is_ascii_digit());
            if digits {
                check(what, count.parse().unwrap_or(usize::MAX), limits.repeat_max)?;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_quoted_for_the_regex() {
        assert_eq!(quoted("a.b"), "a\\.b");
        assert_eq!(quoted("x\ny/"), "x\\x0Ay\\/");
        assert_eq!(quoted("grün 1"), "grün 1");
        assert_eq!(quoted("<b>"), "<b>");
    }

    #[test]
    fn sizes_are_refused_before_compiling() {
        let limits = Limits::default();
        let deep = "(".repeat(100) + "a" + &")".repeat(100);
        let refused = |source: GrammarSource| source.checked(&limits).err().unwrap().to_string();
        assert_eq!(
            refused(GrammarSource::Regex(deep)),
            "the nesting of brackets must be at most 64; given 100"
        );
        assert_eq!(
            refused(GrammarSource::Regex("a{3,99999}".to_string())),
            "the largest count in the regex must be at most 4096; given 99999"
        );
        assert!(refused(GrammarSource::Choice(vec![])).contains("at least one"));
        assert!(refused(GrammarSource::Lark("x".repeat(300_000))).contains("262144"));
    }
}
