//! `--n` and `--best-of`: several answers to one prompt, in one batch.

use crate::answer_text::AnswerText;
use crate::failure::Failure;
use crate::generation::{AnswerError, Generator};
use crate::terminal::{Paint, Stream};
use crate::{output, summary};
use answers::answer::Answer;
use answers::effective::Effective;
use answers::json_numbers::from_f64;
use answers::open_model::OpenModel;
use answers::prompt::Prompt;
use answers::request::Extras;
use answers::{record, response, speculation, thinking};
use engine::choices::{choices, chosen, usage_of_choices};
use engine::{Event, Usage};
use serde_json::{Map, Value, json};

/// Keys of an answer that all choices have in common.
const COMMON: &[&str] = &["usage", "seed", "model", "parameters", "warnings", "times"];

/// The answers that are given, and what all that were made used together.
pub struct Choices {
    /// In order of their numbers, or the best first.
    pub answers: Vec<Answer>,
    usage: Usage,
    made_count: usize,
}

impl Choices {
    /// Makes all choices of a request.
    ///
    /// # Errors
    /// As [`Generator::answer`].
    pub fn make(
        generator: &mut Generator,
        model: &OpenModel,
        prompt: &Prompt,
        effective: Effective,
        extras: Extras,
    ) -> Result<Choices, AnswerError> {
        let request = generator.request(model, prompt, &effective, extras)?;
        let made = generator.answer_all(choices(&request), &effective, |_, _| Ok(()))?;
        let usages: Vec<Usage> =
            made.iter().map(|answer| answer.completion.finished.usage).collect();
        let completions: Vec<_> = made.iter().map(|answer| answer.completion.clone()).collect();
        let order = chosen(&request, &completions);
        let mut made: Vec<Option<Answer>> = made.into_iter().map(Some).collect();
        let made_count = made.len();
        let answers = order.into_iter().filter_map(|index| made[index].take()).collect();
        Ok(Choices { answers, usage: usage_of_choices(&usages), made_count })
    }

    /// All choices as one JSON object. With `receipt`, which computes one, each has its own.
    ///
    /// # Errors
    /// When a receipt cannot be made.
    pub fn to_json(
        &self,
        model: &OpenModel,
        receipt: impl Fn(&Answer) -> Result<Option<Value>, Failure>,
    ) -> Result<Value, Failure> {
        let mut common = Value::Null;
        let mut list = Vec::new();
        for (index, answer) in self.answers.iter().enumerate() {
            let mut own = response::answer_json(model, answer);
            let mut shared = Map::new();
            for name in COMMON {
                if let Some(value) = own.as_object_mut().and_then(|own| own.remove(*name)) {
                    shared.insert((*name).to_owned(), value);
                }
            }
            own["index"] = Value::from(index);
            own["choice_index"] = Value::from(answer.request.choice_index);
            own["completion_tokens"] =
                Value::from(answer.completion.finished.usage.completion_tokens);
            if let Some(mean) = answer.completion.finished.mean_logprob {
                own["mean_logprob"] = from_f64(mean);
            }
            if let Some(receipt) = receipt(answer)? {
                own["receipt"] = receipt;
            }
            list.push(own);
            if index == 0 {
                common = Value::Object(shared);
            }
        }
        let mut json = json!({"choices": list});
        if let (Some(json), Some(common)) = (json.as_object_mut(), common.as_object_mut()) {
            json.append(common);
        }
        let Usage { prompt_tokens, completion_tokens, .. } = self.usage;
        json["usage"]["completion_tokens"] = Value::from(completion_tokens);
        json["usage"]["total_tokens"] = Value::from(prompt_tokens + completion_tokens);
        // Any of the answers may have thought, the first or not.
        if self.usage.thinking_tokens > 0 || !json["usage"]["thinking_tokens"].is_null() {
            thinking::add_usage(&mut json["usage"], &self.usage);
        }
        Ok(json)
    }

    /// Writes the answers after each other, each under its heading, to standard output.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn show(&self, shows_marks: bool) -> std::io::Result<()> {
        let paint = Paint::for_stream(Stream::Out);
        for (index, answer) in self.answers.iter().enumerate() {
            let mut heading = format!("── choice {} of {}", index + 1, self.answers.len());
            if let Some(mean) = answer.completion.finished.mean_logprob {
                heading.push_str(&format!(", mean log-probability {mean:.4}"));
            }
            output::line(&paint.bold(&format!("{heading} ──")))?;
            let mut text = AnswerText::new(shows_marks);
            for token in &answer.completion.tokens {
                text.show(&Event::Token(token.clone()))?;
            }
            text.show(&Event::Finished(Box::new(answer.completion.finished.clone())))?;
            output::line("\n")?;
        }
        Ok(())
    }

    /// The few lines under the answers.
    pub fn summary(&self, model: &OpenModel) -> String {
        let usage = &self.usage;
        let mut lines = vec![format!(
            "{} prompt tokens, {} completion tokens in {} answers",
            usage.prompt_tokens, usage.completion_tokens, self.made_count
        )];
        for (index, answer) in self.answers.iter().enumerate() {
            lines.push(format!("choice {}: {}", index + 1, summary::ending(model, answer)));
        }
        let first = self.answers.first();
        lines.extend(first.and_then(|answer| speculation::usage_line(answer, usage)));
        let started = first.and_then(|answer| answer.completion.started.as_ref());
        lines.extend(started.map(|started| format!("seed {}", started.seed)));
        lines.join("\n")
    }
}

/// The receipt of one choice.
///
/// # Errors
/// When the model's files cannot be read again.
pub fn receipt(
    model: &OpenModel,
    generator: &Generator,
    answer: &Answer,
    template_used: bool,
) -> Result<Value, Failure> {
    let made = record::of_answer(model, answer, generator.computing(), template_used)?;
    Ok(made.to_json(record::Kind::Receipt, &answer.completion.text))
}
