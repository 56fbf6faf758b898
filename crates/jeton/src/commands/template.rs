//! `jeton template`: chat messages as the prompt text of a model.

use crate::failure::Failure;
use crate::jsonl;
use crate::open_flags;
use answers::RequestError;
use answers::prompt;
use clap::ArgMatches;
use serde_json::{Value, json};
use text::{ChatInput, ChatTemplate, TemplateError};

/// Runs the command.
///
/// # Errors
/// When the model or the template file cannot be opened.
pub fn run(flags: &ArgMatches) -> Result<(), Failure> {
    let stdin = std::io::stdin().lock();
    let stdout = std::io::stdout().lock();
    match flags.get_one::<String>("file") {
        Some(path) => {
            let source = read_template(path)?;
            // A template that does not parse is the answer to each request that would use it.
            let template = ChatTemplate::new(&source);
            let render = |input: &ChatInput| match &template {
                Ok(template) => template.render(input).map_err(template_error),
                Err(error) => Err(template_error(error.clone())),
            };
            jsonl::serve(stdin, stdout, |request| answer(request, render))?;
        }
        None => {
            let model = open_flags::model(flags)?;
            let render = |input: &ChatInput| prompt::render(&model, input);
            jsonl::serve(stdin, stdout, |request| answer(request, render))?;
        }
    }
    Ok(())
}

/// A template file's text; devices and pipes, which may never end, are refused.
fn read_template(path: &str) -> Result<String, Failure> {
    let in_file = |problem: &dyn std::fmt::Display| Failure::new(format!("{path}: {problem}"));
    let metadata = std::fs::metadata(path).map_err(|error| in_file(&error))?;
    if !metadata.is_file() {
        return Err(in_file(&"it is not a regular file"));
    }
    if metadata.len() > text::limits::TEMPLATE_BYTES_MAX as u64 {
        let most = text::limits::TEMPLATE_BYTES_MAX;
        return Err(in_file(&format!("a template may have at most {most} bytes")));
    }
    std::fs::read_to_string(path).map_err(|error| in_file(&error))
}

fn answer(
    request: &Value,
    render: impl Fn(&ChatInput) -> Result<String, RequestError>,
) -> Result<Value, RequestError> {
    Ok(json!({"text": render(&prompt::chat_from_json(request)?)?}))
}

fn template_error(error: TemplateError) -> RequestError {
    RequestError {
        kind: error.kind.as_str(),
        message: error.message,
        param: Some("messages".to_owned()),
    }
}
