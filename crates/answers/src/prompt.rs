//! From what the user wrote to the prompt's token ids.

use crate::error::RequestError;
use crate::open_model::OpenModel;
use crate::typed_text;
use model::TokenId;
use serde_json::{Map, Value, json};
use text::{ChatInput, EncodeOptions, LocalTime};

/// A prompt before it is encoded.
#[derive(Clone, Debug)]
pub enum Prompt {
    /// Token ids, used as they are.
    Ids(Vec<TokenId>),
    /// Text to be continued.
    Text(String),
    /// A conversation to be answered. Text of special tokens in it becomes those tokens, as in
    /// other programs' command lines.
    Chat(Box<ChatInput>),
    /// A conversation that strangers gave: text of special tokens in its messages, tools, documents
    /// and variables stays text.
    Strangers(Box<ChatInput>),
}

impl Prompt {
    /// The token ids.
    ///
    /// # Errors
    /// When there is no template for a conversation, or it refuses this one.
    pub fn encode(&self, model: &OpenModel) -> Result<Vec<TokenId>, RequestError> {
        match self {
            Prompt::Ids(ids) => Ok(ids.clone()),
            Prompt::Text(text) => encode(model, text, true),
            Prompt::Chat(_) | Prompt::Strangers(_) => Ok(self.rendered(model, &Map::new())?.1),
        }
    }

    /// Whether the output continues the prompt's own text.
    pub fn is_continued(&self) -> bool {
        match self {
            Prompt::Ids(_) | Prompt::Text(_) => true,
            Prompt::Chat(input) | Prompt::Strangers(input) => input.continue_final_message,
        }
    }

    /// The conversation, where it is one: then the chat template makes the prompt.
    pub fn conversation(&self) -> Option<&ChatInput> {
        match self {
            Prompt::Ids(_) | Prompt::Text(_) => None,
            Prompt::Chat(input) | Prompt::Strangers(input) => Some(input),
        }
    }

    /// The text and tokens of a conversation, with more variables for its template; empty where it
    /// is none.
    pub(crate) fn rendered(
        &self,
        model: &OpenModel,
        template_kwargs: &Map<String, Value>,
    ) -> Result<(String, Vec<TokenId>), RequestError> {
        let Some(input) = self.conversation() else { return Ok((String::new(), Vec::new())) };
        let mut input = input.clone();
        input.template_kwargs.extend(template_kwargs.clone());
        if matches!(self, Prompt::Chat(_)) {
            let text = render(model, &input)?;
            let ids = encode(model, &text, false)?;
            return Ok((text, ids));
        }
        let marks = typed_text::mark(model, &mut input);
        let marked = render(model, &input)?;
        Ok((marks.restored(&marked), marks.encode(model, &marked)?))
    }
}

/// Encodes prompt text. Special tokens written in it count: templates write them as text, and so do
/// people who continue a raw prompt.
///
/// # Errors
/// When the text is too long.
pub fn encode(
    model: &OpenModel,
    text: &str,
    add_special: bool,
) -> Result<Vec<TokenId>, RequestError> {
    let options = EncodeOptions { add_special, parse_special: true };
    model
        .tokenizer
        .encode(text, options)
        .map_err(|error| RequestError::parameter("prompt", error.to_string()))
}

/// The prompt text of a conversation.
///
/// # Errors
/// When the model has no template, or it refuses this conversation.
pub fn render(model: &OpenModel, input: &ChatInput) -> Result<String, RequestError> {
    let template = model.template.as_ref().ok_or_else(|| {
        let message = "the model has no chat template; give `prompt` (or --raw) instead";
        RequestError::parameter("messages", message)
    })?;
    let mut input = input.clone();
    for (name, text) in &model.special_tokens {
        input.special_tokens.entry(name.clone()).or_insert_with(|| text.clone());
    }
    template.render(&input).map_err(|error| RequestError {
        kind: error.kind.as_str(),
        message: error.message,
        param: Some("messages".to_owned()),
    })
}

/// A conversation of an optional system message and one question.
pub fn question(system: Option<&str>, text: &str) -> ChatInput {
    let system = system.map(|system| json!({"role": "system", "content": system}));
    let user = json!({"role": "user", "content": text});
    ChatInput {
        messages: system.into_iter().chain([user]).collect(),
        add_generation_prompt: true,
        now: now(),
        ..ChatInput::default()
    }
}

/// The fields of a JSON request that make a conversation.
///
/// # Errors
/// When a field has the wrong type.
pub fn chat_from_json(request: &Value) -> Result<ChatInput, RequestError> {
    let list = |name: &str| match &request[name] {
        Value::Null => Ok(None),
        Value::Array(items) => Ok(Some(items.clone())),
        _ => Err(RequestError::parameter(name, format!("`{name}` must be a list"))),
    };
    let object = |name: &str| match &request[name] {
        Value::Null => Ok(Map::new()),
        Value::Object(entries) => Ok(entries.clone()),
        _ => Err(RequestError::parameter(name, format!("`{name}` must be an object"))),
    };
    let flag = |name: &str, default: bool| match &request[name] {
        Value::Null => Ok(default),
        Value::Bool(value) => Ok(*value),
        _ => Err(RequestError::parameter(name, format!("`{name}` must be true or false"))),
    };
    let messages = list("messages")?
        .ok_or_else(|| RequestError::parameter("messages", "`messages` must be a list"))?;
    if let Some(index) = messages.iter().position(|message| !message.is_object()) {
        let message = format!("`messages[{index}]` must be an object with `role` and `content`");
        return Err(RequestError::parameter("messages", message));
    }
    let mut template_kwargs = object("template_kwargs")?;
    for name in ["enable_thinking", "reasoning_effort"] {
        if let Some(value) = request.get(name).filter(|value| !value.is_null()) {
            template_kwargs.insert(name.to_owned(), value.clone());
        }
    }
    let continue_final_message = flag("continue_final_message", false)?;
    if continue_final_message && request["add_generation_prompt"] == true {
        let message = "`continue_final_message` and `add_generation_prompt` exclude each other";
        return Err(RequestError::parameter("continue_final_message", message));
    }
    Ok(ChatInput {
        messages,
        tools: list("tools")?,
        documents: list("documents")?,
        template_kwargs,
        special_tokens: object("special_tokens")?,
        add_generation_prompt: flag("add_generation_prompt", !continue_final_message)?,
        continue_final_message,
        now: time_from_json(&request["now"])?,
    })
}

fn time_from_json(value: &Value) -> Result<Option<LocalTime>, RequestError> {
    let problem =
        || RequestError::parameter("now", "`now` must be a local time such as 2026-03-04T05:06:07");
    match value {
        Value::Null => Ok(now()),
        Value::String(text) => LocalTime::parse_iso(text).map(Some).ok_or_else(problem),
        _ => Err(problem()),
    }
}

/// The time that templates may print: UTC, since the standard library knows no time zones.
pub fn now() -> Option<LocalTime> {
    let since_epoch = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).ok()?;
    let seconds = since_epoch.as_secs();
    let (year, month, day) = civil_from_days((seconds / 86_400) as i64);
    let of_day = (seconds % 86_400) as u32;
    LocalTime::new((year, month, day), (of_day / 3600, of_day / 60 % 60, of_day % 60))
}

/// Year, month and day of a count of days since 1970-01-01, in the Gregorian calendar.
fn civil_from_days(days: i64) -> (i32, u32, u32) {
    // Years begin in March here, so that the leap day is the last day of a year.
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = (day_of_year - (153 * month_from_march + 2) / 5 + 1) as u32;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year as i32, month as u32, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_become_dates() {
        assert_eq!(civil_from_days(0), (1970, 1, 1));
        assert_eq!(civil_from_days(11_016), (2000, 2, 29));
        assert_eq!(civil_from_days(20_778), (2026, 11, 21));
    }

    #[test]
    fn a_request_that_is_no_conversation_is_refused_by_name() {
        for (request, param) in [
            (json!({}), "messages"),
            (json!({"messages": "hi"}), "messages"),
            (json!({"messages": ["hi"]}), "messages"),
            (json!({"messages": [], "tools": 1}), "tools"),
            (json!({"messages": [], "now": "noon"}), "now"),
        ] {
            let error = chat_from_json(&request).expect_err("refused");
            assert_eq!(error.param.as_deref(), Some(param));
        }
    }
}
