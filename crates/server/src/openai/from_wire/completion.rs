//! A request of `/v1/completions`.

use super::field_table::Routes;
use super::wishes::{Wishes, wishes};
use crate::openai::fields::{Fields, wrong_type};
use crate::openai::limits::{CHOICES_MAX, PROMPTS_MAX};
use answers::RequestError;
use answers::prompt::Prompt;
use serde_json::{Map, Value};

const FIELD: &str = "prompt";

/// A request for the continuation of texts, checked.
#[derive(Clone, Debug)]
pub struct CompletionRequest {
    /// What both routes have.
    pub wishes: Wishes,
    /// The prompts, at least one: texts or token ids.
    pub prompts: Vec<Prompt>,
    /// Whether each text begins with its prompt.
    pub echo: bool,
    /// How many choices each prompt has.
    pub choices_per_prompt: usize,
}

/// Reads the body of a request.
///
/// # Errors
/// When a field is wrong: the error names it.
pub fn completion_request(body: &Map<String, Value>) -> Result<CompletionRequest, RequestError> {
    let fields = Fields::top(body);
    let prompts = prompts(&fields)?;
    let wishes = wishes(body, Routes::Completions)?;
    let choices_per_prompt = wishes.count("n").unwrap_or(1);
    let made = wishes.count("best_of").unwrap_or(choices_per_prompt).saturating_mul(prompts.len());
    if made > CHOICES_MAX {
        let rule =
            format!("must leave at most {CHOICES_MAX} choices over all prompts; given {made}");
        return Err(fields.refuse("n", rule));
    }
    if prompts.len() > 1 && wishes.resume.is_some() {
        return Err(fields.refuse("resume", "goes with one prompt"));
    }
    let echo = fields.flag("echo")?.unwrap_or(false);
    if echo && wishes.stream && wishes.top_logprobs().is_some() {
        let rule = "cannot be streamed together with `logprobs`: those of the prompt come last";
        return Err(fields.refuse("echo", rule));
    }
    Ok(CompletionRequest { wishes, prompts, echo, choices_per_prompt })
}

/// A text, several texts, the ids of one, or several lists of ids.
fn prompts(fields: &Fields) -> Result<Vec<Prompt>, RequestError> {
    let value = fields.get(FIELD).ok_or_else(|| fields.missing(FIELD))?;
    let rule = "a string, a list of strings, a list of token ids or a list of such lists";
    let wrong = |value: &Value| wrong_type(FIELD, FIELD, rule, value);
    let list = match value {
        Value::String(text) => return Ok(vec![Prompt::Text(text.clone())]),
        Value::Array(list) => list,
        other => return Err(wrong(other)),
    };
    if list.first().ok_or_else(|| fields.refuse(FIELD, "must not be empty"))?.is_number() {
        return Ok(vec![Prompt::Ids(ids(list).map_err(wrong)?)]);
    }
    if list.len() > PROMPTS_MAX {
        let rule = format!("must have at most {PROMPTS_MAX} prompts; given {}", list.len());
        return Err(fields.refuse(FIELD, rule));
    }
    let prompt = |value: &Value| match value {
        Value::String(text) if list[0].is_string() => Ok(Prompt::Text(text.clone())),
        Value::Array(own) if list[0].is_array() && !own.is_empty() => {
            Ok(Prompt::Ids(ids(own).map_err(wrong)?))
        }
        other => Err(wrong(other)),
    };
    list.iter().map(prompt).collect()
}

/// Token ids; an error is the entry that is none.
fn ids(list: &[Value]) -> Result<Vec<u32>, &Value> {
    let id = |value: &Value| value.as_u64().and_then(|id| u32::try_from(id).ok());
    list.iter().map(|value| id(value).ok_or(value)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use sampling::params::ParamValue;
    use serde_json::json;

    fn read(more: Value) -> Result<CompletionRequest, RequestError> {
        completion_request(more.as_object().expect("an object"))
    }

    #[test]
    fn prompts_come_in_four_forms() {
        let forms = |prompt: Value| -> Vec<String> {
            let request = read(json!({"prompt": prompt})).expect("valid");
            request.prompts.iter().map(|prompt| format!("{prompt:?}")).collect()
        };
        assert_eq!(forms(json!("a")), ["Text(\"a\")"]);
        assert_eq!(forms(json!(["a", "b"])), ["Text(\"a\")", "Text(\"b\")"]);
        assert_eq!(forms(json!([1, 2])), ["Ids([1, 2])"]);
        assert_eq!(forms(json!([[1], [2, 3]])), ["Ids([1])", "Ids([2, 3])"]);
    }

    #[test]
    fn prompts_of_other_forms_are_refused() {
        let many: Vec<&str> = vec!["x"; 129];
        for prompt in [
            json!(null),
            json!(7),
            json!([]),
            json!({}),
            json!([[]]),
            json!([1, "a"]),
            json!(["a", 1]),
            json!([1.5]),
            json!([-1]),
            json!([4_294_967_296_u64]),
            json!([[1], "a"]),
            json!([null]),
            json!(many),
        ] {
            let error = read(json!({"prompt": prompt})).expect_err("refused");
            assert_eq!(error.param.as_deref(), Some("prompt"), "{prompt}");
        }
    }

    #[test]
    fn logprobs_are_a_count_here() {
        let request = read(json!({"prompt": "a", "logprobs": 3, "echo": true})).expect("valid");
        let expected = [
            ("logprobs".to_owned(), ParamValue::Bool(true)),
            ("top_logprobs".to_owned(), ParamValue::Int(3)),
        ];
        assert_eq!(request.wishes.values, expected);
        assert!(request.echo);
        for bad in [json!(6), json!(true), json!(-1)] {
            let error = read(json!({"prompt": "a", "logprobs": bad})).expect_err("refused");
            assert_eq!(error.param.as_deref(), Some("logprobs"));
        }
    }

    #[test]
    fn choices_and_suffixes_are_bounded() {
        let refused = |more: Value| read(more).expect_err("refused").param.expect("a param");
        assert_eq!(refused(json!({"prompt": ["a", "b"], "n": 65})), "n");
        assert_eq!(refused(json!({"prompt": "a", "suffix": "b"})), "suffix");
        assert_eq!(refused(json!({"prompt": ["a", "b"], "resume": {}})), "resume");
        assert!(read(json!({"prompt": "a", "suffix": ""})).is_ok());
        assert!(read(json!({"prompt": "a", "messages": 5, "echo": null})).is_ok());
    }
}
