//! `jeton generate`: one prompt from the command line, or requests as JSON Lines.

use crate::answer_text::AnswerText;
use crate::choices::{self, Choices};
use crate::failure::Failure;
use crate::generation::{AnswerError, Generator};
use crate::jsonl;
use crate::open_flags;
use crate::outcome::Outcome;
use crate::terminal::{Paint, Stream};
use crate::{
    batch, output, param_flags, prompt_argument, record_files, resume, shape_flags, summary,
};
use answers::RequestError;
use answers::answer::Answer;
use answers::effective::Effective;
use answers::open_model::OpenModel;
use answers::prompt::{self, Prompt};
use answers::request::Extras;
use answers::{param_values, record, response, structured};
use clap::ArgMatches;
use engine::Event;
use grammar::GrammarSource;
use sampling::params::{ParamSpec, ParamValue};
use serde_json::Value;

/// Runs the command.
///
/// # Errors
/// When the model cannot be opened or the request is refused.
pub fn run(flags: &ArgMatches) -> Result<Outcome, Failure> {
    let model = open_flags::model(flags)?;
    if flags.get_flag("jsonl") {
        serve(&model, flags)?;
        return Ok(Outcome::Done);
    }
    if flags.contains_id("batch") {
        return batch::run(&model, flags);
    }
    let given = param_flags::from_matches(flags);
    if flags.get_one::<String>("resume").is_none() {
        let effective = Effective::merge(&given, &model.recommended())?;
        if effective.params.choices_made() > 1 {
            return several(&model, effective, flags);
        }
    }
    let as_json = flags.get_flag("json");
    let mut shown = AnswerText::new(flags.get_flag("show-special"));
    let show = |event: &Event| if as_json { Ok(()) } else { shown.show(event) };
    let (computing, answer, template_used) = match flags.get_one::<String>("resume") {
        Some(path) => {
            let resumed = resume::open(path, &model, flags)?;
            let mut generator =
                Generator::computing_as(&model, flags, resumed.computing.clone(), 1)?;
            let answer = generator.answer_request(resumed.request, resumed.effective, show)?;
            (resumed.computing, answer, resumed.template_used)
        }
        None => {
            let effective = Effective::merge(&given, &model.recommended())?;
            let prompt = prompt_from_flags(&model, flags)?;
            let places = effective.params.beams().num_beams;
            let mut generator = Generator::new(&model, flags, places)?;
            let show_special = flags.get_flag("show-special");
            let grammar = shape_flags::from_flags(flags)?;
            let extras = Extras { show_special, grammar, ..Extras::default() };
            let answer = generator.answer(&model, &prompt, effective, extras, show)?;
            (generator.computing().clone(), answer, prompt.conversation().is_some())
        }
    };
    let kept = record_files::keep(&model, &answer, &computing, template_used, flags)?;
    if as_json {
        let mut json = response::answer_json(&model, &answer);
        json["receipt"] = kept.unwrap_or_default();
        output::line(&json.to_string())?;
    } else {
        output::line("")?;
        if !flags.get_flag("no-stats") {
            let paint = Paint::for_stream(Stream::Err);
            eprintln!("\n{}", paint.dim(&summary::lines(&model, &answer)));
        }
    }
    Outcome::of_answers([&answer.completion.finished.interruption])
}

/// Several answers to one prompt.
fn several(
    model: &OpenModel,
    effective: Effective,
    flags: &ArgMatches,
) -> Result<Outcome, Failure> {
    for name in ["save", "receipt"] {
        if flags.get_one::<String>(name).is_some() {
            let message =
                format!("`--{name}` keeps one answer; `--n` and `--best-of` make several");
            return Err(Failure::new(message).with_hint("with --json each has its receipt"));
        }
    }
    let prompt = prompt_from_flags(model, flags)?;
    let mut generator = Generator::new(model, flags, effective.params.choices_made())?;
    let (show_special, grammar) = (flags.get_flag("show-special"), shape_flags::from_flags(flags)?);
    let extras = Extras { show_special, grammar, ..Extras::default() };
    let choices = Choices::make(&mut generator, model, &prompt, effective, extras)?;
    if flags.get_flag("json") {
        let template_used = prompt.conversation().is_some();
        let receipt =
            |answer: &_| choices::receipt(model, &generator, answer, template_used).map(Some);
        output::line(&choices.to_json(model, receipt)?.to_string())?;
    } else {
        choices.show(show_special)?;
        if !flags.get_flag("no-stats") {
            let paint = Paint::for_stream(Stream::Err);
            eprintln!("{}", paint.dim(&choices.summary(model)));
        }
    }
    let answers = choices.answers.iter();
    Outcome::of_answers(answers.map(|answer| &answer.completion.finished.interruption))
}

/// The prompt that the flags describe: a question to a chat model, or text to continue.
///
/// # Errors
/// When standard input cannot be read, or a flag needs a chat template and there is none.
pub fn prompt_from_flags(model: &OpenModel, flags: &ArgMatches) -> Result<Prompt, Failure> {
    let argument = flags.get_one::<String>("prompt").map_or("", String::as_str);
    let text = prompt_argument::read_argument(argument)?;
    let system = flags.get_one::<String>("system").map(String::as_str);
    if flags.get_flag("raw") || model.template.is_none() {
        if system.is_some() || flags.contains_id("think") {
            let message = "--system and --think need the model's chat template";
            let hint = if flags.get_flag("raw") { "leave --raw out" } else { "it has none" };
            return Err(Failure::new(message).with_hint(hint));
        }
        return Ok(Prompt::Text(text));
    }
    Ok(Prompt::Chat(Box::new(prompt::question(system, &text))))
}

/// Serves JSON Lines requests.
fn serve(model: &OpenModel, flags: &ArgMatches) -> Result<(), Failure> {
    let from_flags = param_flags::from_matches(flags);
    let shape = shape_flags::from_flags(flags)?;
    let mut generator = Generator::new(model, flags, 1)?;
    let answer = |request: &Value| {
        let grammar = structured::from_json(request)?.or_else(|| shape.clone());
        answer_line(model, &mut generator, &from_flags, grammar, request)
    };
    jsonl::serve(std::io::stdin().lock(), std::io::stdout().lock(), answer)?;
    Ok(())
}

/// Fields of a request that are no parameters of the table.
const OTHER_FIELDS: &[&str] = &[
    "ids",
    "prompt",
    "messages",
    "tools",
    "documents",
    "template_kwargs",
    "special_tokens",
    "add_generation_prompt",
    "continue_final_message",
    "now",
    "model",
    "show_special",
    "receipt",
];

fn answer_line(
    model: &OpenModel,
    generator: &mut Generator,
    from_flags: &[(String, ParamValue)],
    grammar: Option<GrammarSource>,
    request: &Value,
) -> Result<Value, RequestError> {
    let LineRequest { prompt, effective, extras, receipt } =
        parse_request(model, from_flags, grammar, request)?;
    if effective.params.choices_made() > 1 {
        let choices = Choices::make(generator, model, &prompt, effective, extras)?;
        let receipt = |answer: &_| match receipt {
            Some(used) => choices::receipt(model, generator, answer, used).map(Some),
            None => Ok(None),
        };
        let refused = |failure: Failure| RequestError::parameter("receipt", failure.to_string());
        return choices.to_json(model, receipt).map_err(refused);
    }
    let answer = generator.answer(model, &prompt, effective, extras, |_| Ok(()))?;
    line_json(model, generator, &answer, receipt)
}

/// What a JSON request asks for.
pub struct LineRequest {
    /// What is to be continued or answered.
    pub prompt: Prompt,
    /// Its parameters.
    pub effective: Effective,
    /// And what is no parameter.
    pub extras: Extras,
    /// Whether a receipt is wanted, and then whether the prompt went through the chat template.
    pub receipt: Option<bool>,
}

/// Reads a JSON request; flags stand for what it does not say.
///
/// # Errors
/// The first field that is unknown, of the wrong type or out of range.
pub fn parse_request(
    model: &OpenModel,
    from_flags: &[(String, ParamValue)],
    grammar: Option<GrammarSource>,
    request: &Value,
) -> Result<LineRequest, RequestError> {
    let prompt = prompt_from_json(request)?;
    let values = request_values(request, from_flags);
    let effective = Effective::merge(&values, &model.recommended())
        .map_err(|error| RequestError::parameter(&error.param, error.message))?;
    let switch = |name: &str| match &request[name] {
        Value::Null => Ok(false),
        Value::Bool(value) => Ok(*value),
        _ => Err(RequestError::parameter(name, format!("`{name}` must be true or false"))),
    };
    let (show_special, with_receipt) = (switch("show_special")?, switch("receipt")?);
    let extras = Extras { show_special, grammar, ..Extras::default() };
    let receipt = with_receipt.then_some(prompt.conversation().is_some());
    Ok(LineRequest { prompt, effective, extras, receipt })
}

/// The result of a JSON request.
///
/// # Errors
/// When the receipt that was asked for cannot be made.
pub fn line_json(
    model: &OpenModel,
    generator: &Generator,
    answer: &Answer,
    receipt: Option<bool>,
) -> Result<Value, RequestError> {
    let mut json = response::answer_json(model, answer);
    if let Some(template_used) = receipt {
        let receipt = record::of_answer(model, answer, generator.computing(), template_used)
            .map_err(|failure| RequestError::parameter("receipt", failure.to_string()))?;
        json["receipt"] = receipt.to_json(record::Kind::Receipt, &answer.completion.text);
    }
    Ok(json)
}

/// The parameters that a JSON request names, and those of the flags: they stand for every request
/// that does not say otherwise.
pub(super) fn request_values(
    request: &Value,
    from_flags: &[(String, ParamValue)],
) -> Vec<(String, ParamValue)> {
    let entries = request.as_object().into_iter().flatten();
    let mut values: Vec<(String, ParamValue)> = entries
        .filter(|(name, _)| !OTHER_FIELDS.contains(&name.as_str()))
        .filter(|(name, _)| !structured::FIELDS.contains(&name.as_str()))
        .filter_map(|(name, value)| Some((name.clone(), param_values::from_json(value)?)))
        .collect();
    let names = |values: &[(String, ParamValue)], name: &str| {
        let wanted = ParamSpec::find(name).map(|spec| spec.name);
        values.iter().any(|(given, _)| ParamSpec::find(given).map(|spec| spec.name) == wanted)
    };
    for (name, value) in from_flags {
        if !names(&values, name) {
            values.push((name.clone(), value.clone()));
        }
    }
    values
}

/// One of `ids`, `prompt` and `messages`.
///
/// # Errors
/// When there is none, more than one, or it has the wrong type.
pub fn prompt_from_json(request: &Value) -> Result<Prompt, RequestError> {
    let given: Vec<&str> = ["ids", "prompt", "messages"]
        .into_iter()
        .filter(|name| !request[*name].is_null())
        .collect();
    match given.as_slice() {
        ["ids"] => Ok(Prompt::Ids(super::sample::token_ids("ids", &request["ids"])?)),
        ["prompt"] => match &request["prompt"] {
            Value::String(text) => Ok(Prompt::Text(text.clone())),
            _ => Err(RequestError::parameter("prompt", "`prompt` must be a text")),
        },
        ["messages"] => Ok(Prompt::Chat(Box::new(prompt::chat_from_json(request)?))),
        _ => {
            let message = "give exactly one of `ids`, `prompt` and `messages`";
            Err(RequestError::parameter(given.get(1).copied().unwrap_or("prompt"), message))
        }
    }
}

impl From<AnswerError> for Failure {
    fn from(error: AnswerError) -> Self {
        match error {
            AnswerError::Request(error) => error.into(),
            AnswerError::Output(error) => error.into(),
        }
    }
}
