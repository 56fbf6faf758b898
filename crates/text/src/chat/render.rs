//! Rendering a conversation.

use minijinja::machinery::{eval, make_string_output};
use minijinja::value::{Serde, Value as TemplateValue};
use minijinja::{AutoEscape, Environment};
use serde_json::{Map, Value};

use super::environment::{NOW, environment};
use super::program::Program;
use super::shape::shaped;
use super::source::without_generation_marks;
use super::{LocalTime, TemplateError, TemplateErrorKind};
use crate::limits::TEMPLATE_BYTES_MAX;

/// A parsed chat template. Rendering takes `&self`, so one template serves all threads.
pub struct ChatTemplate {
    environment: Environment<'static>,
    source: String,
    /// The source as it is compiled. The compiled program would borrow from it, so it is made anew
    /// for each rendering, which takes a fraction of a millisecond.
    shaped: String,
}

/// What a template is given. `Default` is an empty conversation without a generation prompt.
#[derive(Debug, Clone, Default)]
pub struct ChatInput {
    /// The conversation: objects with `role`, `content` and whatever else the template reads. A
    /// message's reasoning is passed on under `reasoning_content` and `thinking` alike, whichever
    /// of these (or `reasoning`) it comes under.
    pub messages: Vec<Value>,
    /// Tools the model may call, as JSON Schema objects; absent, the template sees none.
    pub tools: Option<Vec<Value>>,
    /// Documents for retrieval templates; absent, the template sees none.
    pub documents: Option<Vec<Value>>,
    /// Variables a template asks for by name, such as `enable_thinking`.
    pub template_kwargs: Map<String, Value>,
    /// `bos_token`, `eos_token` and their like, as text.
    pub special_tokens: Map<String, Value>,
    /// Whether the prompt ends where the assistant begins to write.
    pub add_generation_prompt: bool,
    /// Whether the prompt ends inside the last message, for the model to go on with.
    pub continue_final_message: bool,
    /// The time `strftime_now` writes; without one, calling it is an error.
    pub now: Option<LocalTime>,
}

/// The name of the one template in its environment.
const NAME: &str = "chat";

/// Marks the end of the message to be continued. The blank tells whether the template trimmed it.
const CONTINUE_MARK: &str = "CONTINUE_FINAL_MESSAGE_TAG ";

/// Names under which reasoning may come, the first with a value wins.
const REASONING_FIELDS: [&str; 3] = ["reasoning_content", "thinking", "reasoning"];

impl ChatTemplate {
    /// Parses a template.
    pub fn new(source: &str) -> Result<Self, TemplateError> {
        if source.len() > TEMPLATE_BYTES_MAX {
            let message = format!(
                "the template has {} bytes; at most {TEMPLATE_BYTES_MAX} are accepted",
                source.len()
            );
            return Err(TemplateError::new(TemplateErrorKind::Limit, message));
        }
        let environment = environment();
        let shaped = shaped(&without_generation_marks(source), environment.syntax())?;
        Program::new(NAME, &shaped, &environment)?;
        Ok(Self { environment, source: source.to_owned(), shaped })
    }

    /// The template's text, as given.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Renders a conversation into a prompt.
    pub fn render(&self, input: &ChatInput) -> Result<String, TemplateError> {
        let mut messages: Vec<Value> = input.messages.iter().map(with_reasoning_names).collect();
        let final_text = if input.continue_final_message {
            Some(self.mark_final_message(&mut messages)?)
        } else {
            None
        };
        let rendered = self.render_variables(variables(input, messages))?;
        match final_text {
            Some(text) => cut_at_mark(rendered, &text),
            None => Ok(rendered),
        }
    }

    /// Runs the template over the given variables alone: what [`ChatTemplate::render`] does,
    /// without a conversation.
    pub fn render_variables(&self, variables: Map<String, Value>) -> Result<String, TemplateError> {
        let program = Program::new(NAME, &self.shaped, &self.environment)?;
        let root = TemplateValue::from(Serde(&variables));
        let mut text = String::with_capacity(self.shaped.len());
        let mut out = make_string_output(&mut text);
        eval(&self.environment, &program.main, root, &program.blocks, &mut out, AutoEscape::None)?;
        Ok(text)
    }

    /// Appends the mark to the last message's last text and returns that text.
    fn mark_final_message(&self, messages: &mut [Value]) -> Result<String, TemplateError> {
        let input_error = |message| TemplateError::new(TemplateErrorKind::Input, message);
        if !self.source.contains("content") {
            return Err(input_error("continue_final_message: the template reads no `content`"));
        }
        let content = messages
            .last_mut()
            .and_then(|message| message.get_mut("content"))
            .filter(|content| !content.is_null())
            .ok_or_else(|| {
                input_error("continue_final_message: the last message has no content")
            })?;
        let text = match content {
            Value::Array(blocks) => blocks.iter_mut().rev().find_map(|block| block.get_mut("text")),
            text => Some(text),
        };
        let Some(Value::String(text)) = text else {
            return Err(input_error("continue_final_message: the last message has no text"));
        };
        let original = text.clone();
        text.push_str(CONTINUE_MARK);
        Ok(original)
    }
}

/// Everything a template can see. Later names win: kwargs over the rest, as in Transformers.
fn variables(input: &ChatInput, messages: Vec<Value>) -> Map<String, Value> {
    let list = |items: &Option<Vec<Value>>| items.clone().map_or(Value::Null, Value::Array);
    let mut variables = input.special_tokens.clone();
    variables.extend(input.template_kwargs.clone());
    variables.insert("messages".into(), Value::Array(messages));
    variables.insert("tools".into(), list(&input.tools));
    variables.insert("documents".into(), list(&input.documents));
    variables.insert("add_generation_prompt".into(), input.add_generation_prompt.into());
    if let Some(now) = input.now.and_then(|now| now.format("%Y-%m-%dT%H:%M:%S")) {
        variables.insert(NOW.into(), now.into());
    }
    variables
}

/// A message with its reasoning under all names templates read.
fn with_reasoning_names(message: &Value) -> Value {
    let Value::Object(fields) = message else { return message.clone() };
    let reasoning = REASONING_FIELDS.iter().find_map(|name| {
        let value = fields.get(*name)?;
        (!value.is_null()).then(|| value.clone())
    });
    let Some(reasoning) = reasoning else { return message.clone() };
    let mut named = Map::with_capacity(fields.len() + 2);
    named.insert("thinking".into(), reasoning.clone());
    named.extend(fields.clone());
    named.insert("reasoning_content".into(), reasoning);
    Value::Object(named)
}

/// Ends the prompt where the last message ended.
fn cut_at_mark(mut rendered: String, final_text: &str) -> Result<String, TemplateError> {
    let place = rendered.rfind(CONTINUE_MARK.trim_end());
    let (Some(place), true) = (place, rendered.contains(final_text.trim())) else {
        let message = "continue_final_message: the template does not write the last message whole";
        return Err(TemplateError::new(TemplateErrorKind::Input, message));
    };
    let trimmed = !rendered[place..].starts_with(CONTINUE_MARK);
    rendered.truncate(place);
    if trimmed {
        rendered.truncate(rendered.trim_end().len());
    }
    Ok(rendered)
}
