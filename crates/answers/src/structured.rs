//! The shape of the output, as fields of a request.

use crate::error::RequestError;
use crate::open_model::OpenModel;
use engine::GrammarReport;
use grammar::{Grammar, GrammarError, GrammarSource, GrammarVocabulary, Limits};
use serde_json::{Value, json};
use std::sync::Arc;

/// Fields of a request that ask for a shape.
pub const FIELDS: [&str; 4] = ["response_format", "regex", "grammar", "choice"];

/// What a request asks for.
///
/// # Errors
/// When a field has the wrong form, or more than one is given.
pub fn from_json(request: &Value) -> Result<Option<GrammarSource>, RequestError> {
    let mut asked = None;
    for field in FIELDS {
        let value = &request[field];
        if value.is_null() {
            continue;
        }
        let source = match field {
            "response_format" => response_format(value)?,
            "choice" => Some(choices(value)?),
            _ => {
                let text = value.as_str().map(str::to_owned);
                let text = text.ok_or_else(|| wrong(field, "must be a text"))?;
                let is_regex = field == "regex";
                Some(if is_regex { GrammarSource::Regex(text) } else { GrammarSource::Lark(text) })
            }
        };
        if source.is_some() && asked.is_some() {
            return Err(wrong(field, &format!("goes alone: give one of {}", FIELDS.join(", "))));
        }
        asked = asked.or(source);
    }
    Ok(asked)
}

/// The fields of a request that ask for this shape: what [`from_json`] reads.
pub fn to_json(source: &GrammarSource) -> Value {
    let value = match source {
        GrammarSource::JsonObject => json!({"type": "json_object"}),
        GrammarSource::JsonSchema(schema) => {
            json!({"type": "json_schema", "json_schema": {"schema": schema}})
        }
        GrammarSource::Regex(text) | GrammarSource::Lark(text) => Value::from(text.as_str()),
        GrammarSource::Choice(texts) => json!(texts),
    };
    json!({ field(source): value })
}

/// OpenAI's shape: `{"type": "json_schema", "json_schema": {"schema": ...}}` and its like.
fn response_format(value: &Value) -> Result<Option<GrammarSource>, RequestError> {
    match value["type"].as_str() {
        Some("text") => Ok(None),
        Some("json_object") => Ok(Some(GrammarSource::JsonObject)),
        Some("json_schema") => match &value["json_schema"]["schema"] {
            Value::Null => {
                Err(wrong("response_format", "of this type must have `json_schema.schema`"))
            }
            schema => Ok(Some(GrammarSource::JsonSchema(schema.clone()))),
        },
        _ => Err(wrong(
            "response_format",
            "must be an object whose `type` is text, json_object or json_schema",
        )),
    }
}

fn choices(value: &Value) -> Result<GrammarSource, RequestError> {
    let texts = value.as_array().into_iter().flatten();
    let texts: Option<Vec<String>> = texts.map(|text| text.as_str().map(str::to_owned)).collect();
    match texts.filter(|_| value.is_array()) {
        Some(texts) => Ok(GrammarSource::Choice(texts)),
        None => Err(wrong("choice", "must be a list of texts")),
    }
}

fn wrong(field: &str, rule: &str) -> RequestError {
    RequestError::parameter(field, format!("`{field}` {rule}"))
}

/// Compiles grammars for one model; its vocabulary is made when the first is asked for.
#[derive(Default)]
pub struct GrammarCompiler {
    vocabulary: Option<Arc<GrammarVocabulary>>,
    /// The last grammar, since requests of a stream often ask for the same.
    last: Option<(GrammarSource, Arc<Grammar>)>,
}

impl GrammarCompiler {
    /// The grammar of a source.
    ///
    /// # Errors
    /// When it is refused.
    pub fn compile(
        &mut self,
        model: &OpenModel,
        source: &GrammarSource,
    ) -> Result<Arc<Grammar>, RequestError> {
        if let Some((_, grammar)) = self.last.as_ref().filter(|(known, _)| known == source) {
            return Ok(Arc::clone(grammar));
        }
        let refused =
            |error: GrammarError| RequestError::parameter(field(source), error.to_string());
        let vocabulary = match &self.vocabulary {
            Some(vocabulary) => vocabulary,
            None => {
                let made = GrammarVocabulary::new(&model.tokenizer).map_err(refused)?;
                self.vocabulary.insert(Arc::new(made))
            }
        };
        let grammar = Grammar::compile(vocabulary, source, &Limits::default()).map_err(refused)?;
        let grammar = Arc::new(grammar);
        self.last = Some((source.clone(), Arc::clone(&grammar)));
        Ok(grammar)
    }
}

/// The field of a request that a source comes from.
fn field(source: &GrammarSource) -> &'static str {
    match source {
        GrammarSource::JsonObject | GrammarSource::JsonSchema(_) => "response_format",
        GrammarSource::Regex(_) => "regex",
        GrammarSource::Lark(_) => "grammar",
        GrammarSource::Choice(_) => "choice",
    }
}

/// How far the document came, as an answer says it.
pub fn report_json(report: &GrammarReport) -> Value {
    json!({
        "kind": report.kind,
        "complete": report.complete,
        "closing_tokens": report.closing_tokens,
    })
}

/// How far the document came, in words, where there is something to say.
pub fn report_words(report: &GrammarReport) -> Option<String> {
    match (report.complete, report.closing_tokens) {
        (false, _) => Some(format!("{} not complete", report.kind)),
        (true, 0) => None,
        (true, 1) => Some(format!("{} closed by 1 forced token", report.kind)),
        (true, count) => Some(format!("{} closed by {count} forced tokens", report.kind)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_come_back_as_they_went() {
        for source in [
            GrammarSource::JsonObject,
            GrammarSource::JsonSchema(json!({"type": "object", "b": 1, "a": 2})),
            GrammarSource::Regex("a+".into()),
            GrammarSource::Lark("start: \"a\"".into()),
            GrammarSource::Choice(vec!["a".into(), "b".into()]),
        ] {
            assert_eq!(from_json(&to_json(&source)), Ok(Some(source)));
        }
    }

    #[test]
    fn requests_ask_for_one_shape() {
        let schema = json!({"type": "null"});
        let format = json!({"type": "json_schema", "json_schema": {"name": "a", "schema": schema}});
        let asked = from_json(&json!({"response_format": format})).unwrap();
        assert_eq!(asked, Some(GrammarSource::JsonSchema(schema)));
        let asked = from_json(&json!({"response_format": {"type": "text"}, "regex": "a"})).unwrap();
        assert_eq!(asked, Some(GrammarSource::Regex("a".to_string())));
        assert_eq!(from_json(&json!({"regex": null})).unwrap(), None);
        let refused = |request: Value| from_json(&request).unwrap_err().message;
        assert!(refused(json!({"regex": "a", "choice": ["b"]})).contains("goes alone"));
        assert!(refused(json!({"choice": "b"})).contains("list of texts"));
        assert!(refused(json!({"choice": [1]})).contains("list of texts"));
        assert!(refused(json!({"response_format": "json"})).contains("json_schema"));
        assert!(refused(json!({"response_format": {"type": "json_schema"}})).contains("schema"));
    }
}
