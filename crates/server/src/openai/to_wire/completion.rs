//! Continued texts: `text_completion` and its chunks.

use super::head::Head;
use super::logprobs::{CompletionEntry, completion_json};
use super::released::Released;
use super::usage::usage_json;
use engine::{Completion, Finished, TokenEvent, Usage};
use sampling::stop::{FinishReason, StopReason};
use serde_json::{Map, Value, json};
use std::sync::Arc;
use text::Tokenizer;

/// How the completions of a request are told.
#[derive(Clone)]
pub struct Telling {
    /// Between ids and text.
    pub tokenizer: Arc<Tokenizer>,
    /// Whether log-probabilities are told.
    pub logprobs: bool,
    /// Whether each text begins with its prompt.
    pub echo: bool,
}

/// A prompt with the choices that go on with it.
pub struct Continued<'a> {
    /// Its text, where it is told too.
    pub prompt_text: &'a str,
    /// Its tokens.
    pub prompt_ids: &'a [u32],
    /// The choices that are given.
    pub answers: Vec<&'a Completion>,
}

/// The whole answer, to all prompts.
pub fn body(
    head: &Head,
    telling: &Telling,
    prompts: &[Continued],
    usage: &Usage,
    jeton: Value,
) -> Value {
    let mut choices = Vec::new();
    for prompt in prompts {
        for completion in &prompt.answers {
            let mut entries = Vec::new();
            let mut text = String::new();
            if telling.echo {
                text.push_str(prompt.prompt_text);
                entries.extend(prompt_entries(telling, prompt, completion));
            }
            let mut reader = TextReader::new(telling);
            let mut add = |(more, new): (String, Vec<CompletionEntry>)| {
                text.push_str(&more);
                entries.extend(new);
            };
            completion.tokens.iter().for_each(|event| add(reader.token(event)));
            add(reader.finish(&completion.finished));
            let logprobs = completion_json(telling.logprobs.then_some(entries), &mut 0);
            let reason = finish_reason(&completion.finished);
            choices.push(choice_json(choices.len(), &text, logprobs, Some(reason)));
        }
    }
    let mut body = head.object("text_completion", choices);
    body.insert("usage".to_owned(), usage_json(usage));
    body.insert("jeton".to_owned(), jeton);
    Value::Object(body)
}

/// What is told of the prompt's tokens. The first has no log-probability: nothing is before it.
fn prompt_entries(
    telling: &Telling,
    prompt: &Continued,
    completion: &Completion,
) -> Vec<CompletionEntry> {
    let Some(first) = prompt.prompt_ids.first().filter(|_| telling.logprobs) else {
        return Vec::new();
    };
    let scored = completion.prompt_logprobs.iter();
    let scored = scored.map(|logprobs| CompletionEntry::new(&telling.tokenizer, logprobs));
    std::iter::once(CompletionEntry::unknown(&telling.tokenizer, *first)).chain(scored).collect()
}

/// Follows the text of one choice.
struct TextReader {
    tokenizer: Arc<Tokenizer>,
    released: Option<Released<CompletionEntry>>,
}

impl TextReader {
    fn new(telling: &Telling) -> Self {
        let released = telling.logprobs.then(|| Released::new(0));
        TextReader { tokenizer: Arc::clone(&telling.tokenizer), released }
    }

    fn token(&mut self, event: &TokenEvent) -> (String, Vec<CompletionEntry>) {
        if let (Some(released), Some(logprobs)) = (&mut self.released, &event.logprobs) {
            // The token that ends a text has none of its own, and is told all the same: programs
            // that score texts count on one entry for each token.
            let piece = self.tokenizer.piece_bytes(event.id).unwrap_or_default();
            let bytes = if self.tokenizer.is_special(event.id) { 0 } else { piece.len() };
            released.push(bytes, CompletionEntry::new(&self.tokenizer, logprobs));
        }
        (event.text.clone(), self.told(&event.text))
    }

    fn told(&mut self, text: &str) -> Vec<CompletionEntry> {
        self.released.as_mut().map(|released| released.told(text.len())).unwrap_or_default()
    }

    fn finish(&mut self, finished: &Finished) -> (String, Vec<CompletionEntry>) {
        let mut entries = self.told(&finished.text);
        let was_cut = matches!(finished.stop_reason, StopReason::StopString { .. });
        entries.extend(self.released.as_mut().map(|r| r.finish(was_cut)).unwrap_or_default());
        (finished.text.clone(), entries)
    }
}

/// Writes the chunks of the choices of one prompt; several prompts are told side by side.
pub struct CompletionStream {
    head: Head,
    first_index: usize,
    readers: Vec<TextReader>,
    offsets: Vec<usize>,
    finish_reasons: Vec<&'static str>,
    include_usage: bool,
}

impl CompletionStream {
    /// Of `choices` choices, numbered from `first_index`.
    pub fn new(
        head: Head,
        telling: &Telling,
        (first_index, choices): (usize, usize),
        include_usage: bool,
    ) -> Self {
        CompletionStream {
            head,
            first_index,
            readers: (0..choices).map(|_| TextReader::new(telling)).collect(),
            offsets: vec![0; choices],
            finish_reasons: vec!["stop"; choices],
            include_usage,
        }
    }

    /// What comes before the first token: the prompt, where it is told. A chunk in any case, since
    /// it carries `jeton`.
    pub fn begin(&mut self, jeton: &Value, before: &str) -> Vec<Value> {
        let mut chunks = Vec::new();
        for choice in 0..self.readers.len() {
            self.offsets[choice] = before.chars().count();
            if choice > 0 && before.is_empty() {
                continue;
            }
            let mut chunk = self.chunk(vec![self.choice(choice, before, Value::Null, None)]);
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
        let (text, entries) = self.readers.get_mut(choice)?.token(event);
        self.told(choice, &text, entries, token)
    }

    /// The chunk of what a choice held back at its end.
    pub fn finish(&mut self, choice: usize, finished: &Finished) -> Option<Value> {
        let (text, entries) = self.readers.get_mut(choice)?.finish(finished);
        self.finish_reasons[choice] = finish_reason(finished);
        self.told(choice, &text, entries, None)
    }

    /// Why each choice ended. The last chunk carries `jeton`.
    pub fn end(&self, jeton: Value) -> Vec<Value> {
        let endings = self.finish_reasons.iter().enumerate();
        let chunks = endings.map(|(choice, reason)| {
            self.chunk(vec![self.choice(choice, "", Value::Null, Some(reason))])
        });
        let mut chunks: Vec<_> = chunks.collect();
        if let Some(last) = chunks.last_mut() {
            last.insert("jeton".to_owned(), jeton);
        }
        chunks.into_iter().map(Value::Object).collect()
    }

    /// The chunk that counts the tokens, which comes after all others where it is wanted.
    pub fn usage(&self, usage: &Usage) -> Option<Value> {
        let mut last = self.chunk(Vec::new());
        last.insert("usage".to_owned(), usage_json(usage));
        self.include_usage.then_some(Value::Object(last))
    }

    fn told(
        &mut self,
        choice: usize,
        text: &str,
        entries: Vec<CompletionEntry>,
        token: Option<Value>,
    ) -> Option<Value> {
        if text.is_empty() && entries.is_empty() && token.is_none() {
            return None;
        }
        let entries = (!entries.is_empty()).then_some(entries);
        let logprobs = completion_json(entries, &mut self.offsets[choice]);
        let mut chunk = self.chunk(vec![self.choice(choice, text, logprobs, None)]);
        if let Some(token) = token {
            chunk.insert("jeton".to_owned(), json!({"token": token}));
        }
        Some(Value::Object(chunk))
    }

    fn choice(
        &self,
        choice: usize,
        text: &str,
        logprobs: Value,
        finish_reason: Option<&str>,
    ) -> Value {
        choice_json(self.first_index + choice, text, logprobs, finish_reason)
    }

    fn chunk(&self, choices: Vec<Value>) -> Map<String, Value> {
        let mut chunk = self.head.object("text_completion", choices);
        if self.include_usage {
            chunk.insert("usage".to_owned(), Value::Null);
        }
        chunk
    }
}

fn choice_json(index: usize, text: &str, logprobs: Value, finish_reason: Option<&str>) -> Value {
    json!({"text": text, "index": index, "logprobs": logprobs, "finish_reason": finish_reason})
}

fn finish_reason(finished: &Finished) -> &'static str {
    match finished.finish_reason {
        FinishReason::Length => "length",
        _ => "stop",
    }
}
