//! Answers to conversations: `chat.completion` and its chunks.

use super::choice::{ChoiceReader, Delta, Reading};
use super::head::Head;
use super::logprobs::chat_json;
use super::usage::usage_json;
use engine::{Completion, Finished, TokenEvent, Usage};
use serde_json::{Map, Value, json};

/// The whole answer. `answers` are the choices that are given.
pub fn body(
    head: &Head,
    reading: &Reading,
    answers: &[&Completion],
    usage: &Usage,
    jeton: Value,
) -> Value {
    let choices = answers.iter().enumerate().map(|(index, completion)| {
        let (message, finish_reason) = message(reading, completion);
        let logprobs = chat_json(reading.logprobs.then_some(message.logprobs));
        let mut fields = Map::new();
        fields.insert("role".to_owned(), Value::from("assistant"));
        let is_silent = message.content.is_empty() && !message.calls.is_empty();
        let content = if is_silent { Value::Null } else { Value::from(message.content) };
        fields.insert("content".to_owned(), content);
        fields.insert("refusal".to_owned(), Value::Null);
        fields.insert("annotations".to_owned(), json!([]));
        if !message.reasoning.is_empty() {
            fields.insert("reasoning_content".to_owned(), Value::from(message.reasoning));
        }
        if !message.calls.is_empty() {
            fields.insert("tool_calls".to_owned(), Value::Array(message.calls));
        }
        json!({
            "index": index,
            "message": fields,
            "logprobs": logprobs,
            "finish_reason": finish_reason,
        })
    });
    let mut body = head.object("chat.completion", choices.collect());
    body.insert("usage".to_owned(), usage_json(usage));
    body.insert("jeton".to_owned(), jeton);
    Value::Object(body)
}

/// A choice with all its deltas put together.
fn message(reading: &Reading, completion: &Completion) -> (Delta, &'static str) {
    let mut reader = ChoiceReader::new(reading);
    let mut whole = Delta::default();
    for event in &completion.tokens {
        whole.append(reader.token(event));
    }
    let (rest, finish_reason) = reader.finish(&completion.finished);
    whole.append(rest);
    for call in &mut whole.calls {
        // Numbers of calls are for streams.
        call.as_object_mut().and_then(|call| call.shift_remove("index"));
    }
    (whole, finish_reason)
}

/// Writes the chunks of one answer, in order.
pub struct ChatStream {
    head: Head,
    readers: Vec<ChoiceReader>,
    finish_reasons: Vec<Option<&'static str>>,
    has_logprobs: bool,
    include_usage: bool,
}

impl ChatStream {
    /// Of an answer with that many choices.
    pub fn new(head: Head, reading: &Reading, choices: usize, include_usage: bool) -> Self {
        ChatStream {
            head,
            readers: (0..choices).map(|_| ChoiceReader::new(reading)).collect(),
            finish_reasons: vec![None; choices],
            has_logprobs: reading.logprobs,
            include_usage,
        }
    }

    /// The first chunk of each choice, which names the role. The first of all carries `jeton`.
    pub fn begin(&self, jeton: &Value) -> Vec<Value> {
        let mut chunks = Vec::new();
        for choice in 0..self.readers.len() {
            let delta = json!({"role": "assistant", "content": ""});
            let mut chunk = self.chunk(vec![choice_json(choice, delta, Value::Null, None)]);
            if choice == 0 {
                chunk.insert("jeton".to_owned(), jeton.clone());
            }
            chunks.push(Value::Object(chunk));
        }
        chunks
    }

    /// The chunk of a token; none while its text is held back, unless something is told of it.
    pub fn token(
        &mut self,
        choice: usize,
        event: &TokenEvent,
        token: Option<Value>,
    ) -> Option<Value> {
        let delta = self.readers.get_mut(choice)?.token(event);
        self.delta(choice, delta, token)
    }

    /// The chunk of what a choice held back at its end.
    pub fn finish(&mut self, choice: usize, finished: &Finished) -> Option<Value> {
        let (delta, finish_reason) = self.readers.get_mut(choice)?.finish(finished);
        self.finish_reasons[choice] = Some(finish_reason);
        self.delta(choice, delta, None)
    }

    /// The last chunks: why each choice ended, and with `include_usage` what all used. The last of
    /// them carries `jeton`.
    pub fn end(&mut self, usage: &Usage, jeton: Value) -> Vec<Value> {
        let endings = self.finish_reasons.iter().enumerate();
        let mut chunks: Vec<Map<String, Value>> = endings
            .map(|(choice, reason)| {
                let reason = reason.unwrap_or("stop");
                self.chunk(vec![choice_json(choice, json!({}), Value::Null, Some(reason))])
            })
            .collect();
        if self.include_usage {
            let mut last = self.chunk(Vec::new());
            last.insert("usage".to_owned(), usage_json(usage));
            chunks.push(last);
        }
        if let Some(last) = chunks.last_mut() {
            last.insert("jeton".to_owned(), jeton);
        }
        chunks.into_iter().map(Value::Object).collect()
    }

    fn delta(&self, choice: usize, delta: Delta, token: Option<Value>) -> Option<Value> {
        if delta.is_empty() && token.is_none() {
            return None;
        }
        let logprobs = match delta.logprobs.is_empty() || !self.has_logprobs {
            true => Value::Null,
            false => chat_json(Some(delta.logprobs)),
        };
        let mut fields = Map::new();
        if !delta.reasoning.is_empty() {
            fields.insert("reasoning_content".to_owned(), Value::from(delta.reasoning));
        }
        if !delta.content.is_empty() {
            fields.insert("content".to_owned(), Value::from(delta.content));
        }
        if !delta.calls.is_empty() {
            fields.insert("tool_calls".to_owned(), Value::Array(delta.calls));
        }
        let choice = choice_json(choice, Value::Object(fields), logprobs, None);
        let mut chunk = self.chunk(vec![choice]);
        if let Some(token) = token {
            chunk.insert("jeton".to_owned(), json!({"token": token}));
        }
        Some(Value::Object(chunk))
    }

    fn chunk(&self, choices: Vec<Value>) -> Map<String, Value> {
        let mut chunk = self.head.object("chat.completion.chunk", choices);
        if self.include_usage {
            chunk.insert("usage".to_owned(), Value::Null);
        }
        chunk
    }
}

fn choice_json(index: usize, delta: Value, logprobs: Value, finish_reason: Option<&str>) -> Value {
    json!({"index": index, "delta": delta, "logprobs": logprobs, "finish_reason": finish_reason})
}
