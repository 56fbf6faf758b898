//! `jeton chat`: a conversation in the terminal.

use crate::answer_text::AnswerText;
use crate::failure::Failure;
use crate::generation::{AnswerError, Generator};
use crate::interrupt;
use crate::open_flags;
use crate::terminal::{Paint, Stream};
use crate::{output, param_flags, shape_flags, summary};
use answers::answer::Answer;
use answers::effective::Effective;
use answers::open_model::OpenModel;
use answers::param_values;
use answers::prompt::{self, Prompt};
use answers::request::Extras;
use clap::ArgMatches;
use engine::Interruption;
use grammar::GrammarSource;
use rustyline::DefaultEditor;
use rustyline::error::ReadlineError;
use sampling::params::{ParamSpec, ParamValue};
use serde_json::{Value, json};

const HELP: &str = "\
/set NAME VALUE   change a parameter: /set temperature 0.2 (no value: back to the default)
/params           what is set, and by whom
/think on|off     ask the model to reason first, or not to (nothing: the model's own default)
/system TEXT      the system message (no text: none); begins anew
/stats            tokens and speed of the last answer
/new              begin anew
/help             this
/quit             leave (also Ctrl-D); Ctrl-C stops an answer";

/// Runs the command until the user leaves.
///
/// # Errors
/// When the model cannot be opened, has no chat template, or the terminal fails.
pub fn run(flags: &ArgMatches) -> Result<(), Failure> {
    let model = open_flags::model(flags)?;
    if model.template.is_none() {
        return Err(Failure::new(format!("{} has no chat template", model.name()))
            .with_hint("`jeton generate --raw` continues plain text"));
    }
    let mut chat = Chat {
        generator: Generator::new(&model, flags, 1)?,
        set: param_flags::from_matches(flags),
        system: flags.get_one::<String>("system").cloned(),
        shape: shape_flags::from_flags(flags)?,
        messages: Vec::new(),
        last: None,
        model,
        paint: Paint::for_stream(Stream::Err),
    };
    // A wrong flag is told before the first question, not after it.
    chat.effective()?;
    eprintln!("{} (/help for what can be set, Ctrl-D leaves)", chat.paint.bold(&chat.model.name()));
    let mut editor = DefaultEditor::new()?;
    loop {
        let line = match editor.readline("> ") {
            Ok(line) => line,
            Err(ReadlineError::Interrupted) => continue,
            Err(ReadlineError::Eof) => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        let line = line.trim();
        if line.is_empty() {
            continue;
        }
        // History is a convenience: a line that cannot be kept is still answered.
        let _ = editor.add_history_entry(line);
        match line.strip_prefix('/') {
            None => chat.answer(line)?,
            Some("quit" | "exit") => return Ok(()),
            Some(command) => {
                let told = chat.command(command);
                eprintln!("{}", chat.paint.dim(&told));
            }
        }
    }
}

struct Chat {
    model: OpenModel,
    generator: Generator,
    /// What flags and `/set` said.
    set: Vec<(String, ParamValue)>,
    system: Option<String>,
    /// The shape of every answer.
    shape: Option<GrammarSource>,
    messages: Vec<Value>,
    last: Option<Answer>,
    paint: Paint,
}

impl Chat {
    fn effective(&self) -> Result<Effective, Failure> {
        Ok(Effective::merge(&self.set, &self.model.recommended())?)
    }

    /// Asks the model and keeps question and answer, unless the request is refused.
    ///
    /// # Errors
    /// When the answer cannot be shown.
    fn answer(&mut self, question: &str) -> Result<(), Failure> {
        interrupt::clear();
        self.messages.push(json!({"role": "user", "content": question}));
        let system = self.system.iter().map(|text| json!({"role": "system", "content": text}));
        let mut input = prompt::question(None, "");
        input.messages = system.chain(self.messages.iter().cloned()).collect();
        let answered = self.effective().and_then(|effective| {
            let prompt = Prompt::Chat(Box::new(input));
            let extras = Extras { grammar: self.shape.clone(), ..Extras::default() };
            let mut shown = AnswerText::new(false);
            let answered =
                self.generator
                    .answer(&self.model, &prompt, effective, extras, |event| shown.show(event));
            answered.map_err(|error| match error {
                AnswerError::Request(error) if error.kind == "context_length_exceeded" => {
                    Failure::from(error).with_hint("/new begins a new conversation")
                }
                other => other.into(),
            })
        });
        interrupt::clear();
        match answered {
            Ok(answer) => {
                output::line("")?;
                let finished = &answer.completion.finished;
                let note = match &finished.interruption {
                    Some(Interruption::Cancelled) => Some("stopped".to_owned()),
                    Some(other) => Some(other.to_string()),
                    None if finished.finish_reason.as_str() == "length" => {
                        Some("cut at the limit; /set max_tokens N allows more".to_owned())
                    }
                    None => None,
                };
                if let Some(note) = note {
                    eprintln!("{}", self.paint.dim(&format!("[{note}]")));
                }
                let content = answer.completion.text.clone();
                let mut message = json!({"role": "assistant", "content": content});
                if !answer.completion.thinking_text.is_empty() {
                    let thought = answer.completion.thinking_text.clone();
                    message["reasoning_content"] = Value::from(thought);
                }
                self.messages.push(message);
                self.last = Some(answer);
            }
            Err(failure) if failure.reader_is_gone() => return Err(failure),
            Err(failure) => {
                self.messages.pop();
                eprintln!("{} {failure}", self.paint.red("error:"));
                if let Some(hint) = failure.hint() {
                    eprintln!("{} {hint}", self.paint.bold("hint:"));
                }
            }
        }
        Ok(())
    }

    /// Carries out a `/command` and says what came of it.
    fn command(&mut self, command: &str) -> String {
        let (name, rest) = command.split_once(char::is_whitespace).unwrap_or((command, ""));
        let rest = rest.trim();
        match name {
            "help" => HELP.to_owned(),
            "new" | "clear" | "reset" => self.begin_anew(),
            "set" if rest.is_empty() => self.parameters(),
            "set" => self.set_parameter(rest),
            "params" => self.parameters(),
            "system" => {
                self.system = (!rest.is_empty()).then(|| rest.to_owned());
                self.begin_anew()
            }
            "stats" => match &self.last {
                Some(answer) => summary::lines(&self.model, answer),
                None => "no answer yet".to_owned(),
            },
            "think" => match rest {
                "on" => self.set_thinking("true", "thinking on"),
                "off" => self.set_thinking("false", "thinking off"),
                "" => self.set_thinking("", "thinking as the model likes"),
                other => format!("/think takes on or off; given {other}"),
            },
            other => format!("unknown command /{other}; /help lists them"),
        }
    }

    fn begin_anew(&mut self) -> String {
        self.messages.clear();
        self.last = None;
        "a new conversation".to_owned()
    }

    fn set_parameter(&mut self, words: &str) -> String {
        let (name, value) = words.split_once([' ', '=']).unwrap_or((words, ""));
        let Some(spec) = ParamSpec::find(&name.replace('-', "_")) else {
            return format!("there is no parameter `{name}`; docs/PARAMETERS.md lists them");
        };
        let kept = |(given, _): &(String, ParamValue)| {
            ParamSpec::find(given).map(|known| known.name) != Some(spec.name)
        };
        let before = self.set.clone();
        self.set.retain(kept);
        let value = value.trim();
        if matches!(value, "" | "default") {
            return format!("{} is back to its default", spec.name);
        }
        self.set.push((spec.name.to_owned(), param_flags::from_words(&spec.kind, &[value])));
        match self.effective() {
            Ok(_) => format!("{} = {value}", spec.name),
            Err(failure) => {
                self.set = before;
                failure.to_string()
            }
        }
    }

    /// Says `done`, unless what else is set forbids it.
    fn set_thinking(&mut self, value: &str, done: &str) -> String {
        self.set_parameter(&format!("enable_thinking {value}"));
        let kept = self.set.iter().find(|(name, _)| name == "enable_thinking");
        let is = kept.map_or(String::new(), |(_, value)| param_values::to_json(value).to_string());
        match is == value {
            true => done.to_owned(),
            false => self.set_parameter(&format!("enable_thinking {value}")),
        }
    }

    fn parameters(&self) -> String {
        let effective = match self.effective() {
            Ok(effective) => effective,
            Err(failure) => return failure.to_string(),
        };
        let lines: Vec<String> = effective
            .entries()
            .map(|(spec, value, set_by)| {
                let value = param_values::to_json(&value);
                format!("{} = {value} (set by {})", spec.name, set_by.as_str())
            })
            .collect();
        lines.join("\n")
    }
}
