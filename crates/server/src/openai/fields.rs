//! Reading the fields of an object, with errors that name the field and what is allowed.

use super::json::kind_of;
use answers::RequestError;
use serde_json::{Map, Value};

/// An object of a request, and where it stands in it.
#[derive(Clone, Copy)]
pub struct Fields<'a, 'p> {
    object: &'a Map<String, Value>,
    /// The top-level field it is in, which errors name as their `param`; none at the top.
    param: Option<&'p str>,
    /// Its path, as `messages[2]`; empty at the top.
    path: &'p str,
}

impl<'a, 'p> Fields<'a, 'p> {
    /// The fields of the request itself.
    pub fn top(object: &'a Map<String, Value>) -> Self {
        Fields { object, param: None, path: "" }
    }

    /// The fields of an object at `path`, inside of the top-level field `param`.
    ///
    /// # Errors
    /// When the value is no object.
    pub fn inside(value: &'a Value, param: &'p str, path: &'p str) -> Result<Self, RequestError> {
        match value {
            Value::Object(object) => Ok(Fields { object, param: Some(param), path }),
            other => Err(wrong_type(param, path, "an object", other)),
        }
    }

    /// A field that is there and not null: null means "not given", as in OpenAI's API.
    pub fn get(&self, name: &str) -> Option<&'a Value> {
        self.object.get(name).filter(|value| !value.is_null())
    }

    /// A text.
    ///
    /// # Errors
    /// When it is something else.
    pub fn text(&self, name: &str) -> Result<Option<&'a str>, RequestError> {
        let Some(value) = self.get(name) else { return Ok(None) };
        value.as_str().map(Some).ok_or_else(|| self.wrong(name, "a string", value))
    }

    /// A text that must be there.
    ///
    /// # Errors
    /// When it is missing or something else.
    pub fn required_text(&self, name: &str) -> Result<&'a str, RequestError> {
        self.text(name)?.ok_or_else(|| self.missing(name))
    }

    /// A text of 1 to `bytes_max` bytes.
    ///
    /// # Errors
    /// When it is something else, empty or longer.
    pub fn short_text(&self, name: &str, bytes_max: usize) -> Result<Option<String>, RequestError> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        if !(1..=bytes_max).contains(&text.len()) {
            let rule = format!("must have 1 to {bytes_max} bytes; given {}", text.len());
            return Err(self.refuse(name, rule));
        }
        Ok(Some(text.to_owned()))
    }

    /// true or false.
    ///
    /// # Errors
    /// When it is something else.
    pub fn flag(&self, name: &str) -> Result<Option<bool>, RequestError> {
        let Some(value) = self.get(name) else { return Ok(None) };
        value.as_bool().map(Some).ok_or_else(|| self.wrong(name, "a boolean", value))
    }

    /// A whole number from `min` to `max`; 3.0 is one.
    ///
    /// # Errors
    /// When it is something else.
    pub fn whole(&self, name: &str, min: u64, max: u64) -> Result<Option<u64>, RequestError> {
        let Some(value) = self.get(name) else { return Ok(None) };
        let of_float = |number: f64| (number.fract() == 0.0 && number >= 0.0).then_some(number);
        let whole = value
            .as_u64()
            .or_else(|| value.as_f64().and_then(of_float).map(|number| number as u64))
            .filter(|whole| (min..=max).contains(whole));
        let rule = || self.wrong(name, &format!("a whole number in [{min}, {max}]"), value);
        whole.map(Some).ok_or_else(rule)
    }

    /// A list of at most `count_max` entries.
    ///
    /// # Errors
    /// When it is something else, or longer.
    pub fn list(
        &self,
        name: &str,
        count_max: usize,
    ) -> Result<Option<&'a Vec<Value>>, RequestError> {
        let Some(value) = self.get(name) else { return Ok(None) };
        let list = value.as_array().ok_or_else(|| self.wrong(name, "a list", value))?;
        if list.len() > count_max {
            let rule = format!("must have at most {count_max} entries; given {}", list.len());
            return Err(self.refuse(name, rule));
        }
        Ok(Some(list))
    }

    /// An object.
    ///
    /// # Errors
    /// When it is something else.
    pub fn object(&self, name: &str) -> Result<Option<&'a Map<String, Value>>, RequestError> {
        let Some(value) = self.get(name) else { return Ok(None) };
        value.as_object().map(Some).ok_or_else(|| self.wrong(name, "an object", value))
    }

    /// One of some words.
    ///
    /// # Errors
    /// When it is something else.
    pub fn word(&self, name: &str, words: &[&str]) -> Result<Option<&'a str>, RequestError> {
        let Some(value) = self.get(name) else { return Ok(None) };
        let word = value.as_str().filter(|word| words.contains(word));
        let rule = || self.wrong(name, &format!("one of {}", words.join(", ")), value);
        word.map(Some).ok_or_else(rule)
    }

    /// The path of a field, for messages.
    pub fn path(&self, name: &str) -> String {
        match self.path {
            "" => name.to_owned(),
            path => format!("{path}.{name}"),
        }
    }

    /// An error about a field that is missing.
    pub fn missing(&self, name: &str) -> RequestError {
        self.refuse(name, "is missing; it must be given")
    }

    /// An error about a field: `rule` goes on from its name.
    pub fn refuse(&self, name: &str, rule: impl AsRef<str>) -> RequestError {
        let message = format!("`{}` {}", self.path(name), rule.as_ref());
        RequestError::parameter(self.param.unwrap_or(name), message)
    }

    fn wrong(&self, name: &str, rule: &str, given: &Value) -> RequestError {
        wrong_type(self.param.unwrap_or(name), &self.path(name), rule, given)
    }
}

/// An error about a value that is not what it must be.
pub fn wrong_type(param: &str, path: &str, rule: &str, given: &Value) -> RequestError {
    let given = match given {
        Value::Number(number) => number.to_string(),
        Value::String(text) => {
            let start: String = text.chars().take(40).collect();
            let more = if start.len() < text.len() { "..." } else { "" };
            format!("{start:?}{more}")
        }
        other => kind_of(other).to_owned(),
    };
    RequestError::parameter(param, format!("`{path}` must be {rule}; given {given}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn errors_name_the_field_its_place_and_what_is_allowed() {
        let value = json!({"a": 1.5, "b": "x", "c": null, "d": [1, 2], "e": 7.0});
        let fields = Fields::inside(&value, "tools", "tools[0]").expect("an object");
        let error = fields.text("a").expect_err("a number");
        assert_eq!(error.param.as_deref(), Some("tools"));
        assert_eq!(error.message, "`tools[0].a` must be a string; given 1.5");
        assert_eq!(fields.text("c"), Ok(None));
        assert_eq!(fields.whole("e", 0, 9), Ok(Some(7)));
        let message = |result: Result<Option<u64>, RequestError>| result.unwrap_err().message;
        let rule = "`tools[0].a` must be a whole number in [0, 9]; given 1.5";
        assert_eq!(message(fields.whole("a", 0, 9)), rule);
        assert!(message(fields.whole("e", 0, 6)).ends_with("given 7.0"));
        assert!(fields.list("d", 1).unwrap_err().message.contains("at most 1"));
        assert!(fields.word("b", &["y", "z"]).unwrap_err().message.contains("one of y, z"));
        assert!(fields.required_text("c").unwrap_err().message.contains("is missing"));
        assert!(fields.flag("b").unwrap_err().message.contains("a boolean"));
    }

    #[test]
    fn at_the_top_a_field_is_its_own_param() {
        let value = json!({"stream": "yes"});
        let fields = Fields::top(value.as_object().expect("an object"));
        let error = fields.flag("stream").expect_err("a text");
        assert_eq!(error.param.as_deref(), Some("stream"));
        assert_eq!(error.message, "`stream` must be a boolean; given \"yes\"");
    }
}
