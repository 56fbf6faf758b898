//! `generate --batch FILE --hf [JSON]`: one call of Transformers' `model.generate`, version 5: its
//! parameter names, its defaults, its rules about lengths and padding, and its padded matrix.
//!
//! Greedy rows equal Transformers' own; drawn ones come from Jeton's random numbers, each row from
//! the seed as if it were alone. Where Transformers would go on with a broken result (prompts
//! filled up on the right of a decoder), the rows are those of the prompts alone, and a warning
//! says so.

use super::lines::Lines;
use super::matrix::padded;
use super::window::Window;
use crate::commands::generate::prompt_from_json;
use crate::failure::Failure;
use crate::generation::Generator;
use crate::outcome::Outcome;
use crate::{interrupt, output};
use answers::RequestError;
use answers::answer::Answer;
use answers::json_numbers::from_f64;
use answers::open_model::OpenModel;
use answers::prompt::Prompt;
use answers::request::Extras;
use answers::response;
use call::Call;
use clap::ArgMatches;
use model::TokenId;
use serde_json::{Value, json};

mod call;

/// Rows of a matrix, at most: what the engine takes into its queue at once.
const ROWS_MAX: usize = engine::limits::QUEUE_REQUESTS_MAX;

/// Runs the call.
///
/// # Errors
/// When a prompt or a parameter is wrong, or Transformers would raise an error.
pub fn run(
    model: &OpenModel,
    flags: &ArgMatches,
    lines: Lines,
    kwargs: &str,
) -> Result<Outcome, Failure> {
    let prompts = prompts(model, lines)?;
    let width = prompts.iter().map(Vec::len).max().unwrap_or(0);
    let call = Call::new(model, flags, kwargs, &prompts)?;
    for warning in &call.warnings {
        eprintln!("warning: {warning}");
    }
    let choices = call.choices_per_prompt;
    if prompts.len().saturating_mul(choices) > ROWS_MAX {
        return Err(Failure::new(format!("a batch may have at most {ROWS_MAX} rows")));
    }
    let mut generator = Generator::new(model, flags, prompts.len().min(64))?;
    let answers = answers(model, &mut generator, &call, &prompts)?;
    let endings = answers.iter().map(|answer| &answer.completion.finished.interruption);
    if Outcome::of_answers(endings)? == Outcome::Interrupted {
        return Ok(Outcome::Interrupted);
    }
    let rows: Vec<(&[TokenId], &[TokenId])> = answers
        .iter()
        .enumerate()
        .flat_map(|(index, answer)| {
            let prompt = prompts[index / choices].as_slice();
            new_ids(answer).into_iter().map(move |new| (prompt, new))
        })
        .collect();
    let sequences = padded(&rows, call.padding, call.return_full);
    if flags.get_flag("json") {
        output::line(&result_json(model, &call, width, sequences, &answers).to_string())?;
    } else {
        for row in sequences {
            let words: Vec<String> = row.iter().map(TokenId::to_string).collect();
            output::line(&words.join(" "))?;
        }
    }
    Ok(Outcome::Done)
}

/// The new ids of an answer: one list, or one per hypothesis of a beam search, best first.
fn new_ids(answer: &Answer) -> Vec<&[TokenId]> {
    let finished = &answer.completion.finished;
    match finished.beams.is_empty() {
        true => vec![finished.ids.as_slice()],
        false => finished.beams.iter().map(|beam| beam.ids.as_slice()).collect(),
    }
}

/// The ids of every prompt of the file.
fn prompts(model: &OpenModel, mut lines: Lines) -> Result<Vec<Vec<TokenId>>, Failure> {
    let mut prompts = Vec::new();
    while let Some(line) = lines.next_line()? {
        let number = prompts.len() + 1;
        let in_line =
            |error: RequestError| Failure::new(format!("prompt {number}: {}", error.message));
        let prompt = line.and_then(|line| as_prompt(&line)).map_err(in_line)?;
        let ids = prompt.encode(model).map_err(in_line)?;
        if ids.is_empty() {
            return Err(Failure::new(format!("prompt {number} has no tokens")));
        }
        if prompts.len() == ROWS_MAX {
            return Err(Failure::new(format!("a batch may have at most {ROWS_MAX} rows")));
        }
        prompts.push(ids);
    }
    match prompts.is_empty() {
        true => Err(Failure::new("the batch has no prompts")),
        false => Ok(prompts),
    }
}

/// A line holds a prompt and no parameters: those stand once, for all rows.
fn as_prompt(line: &Value) -> Result<Prompt, RequestError> {
    let request = super::as_request(line)?;
    let fields = request.as_object().into_iter().flatten();
    const PROMPT_FIELDS: [&str; 3] = ["ids", "prompt", "messages"];
    if let Some((name, _)) =
        fields.into_iter().find(|(name, _)| !PROMPT_FIELDS.contains(&name.as_str()))
    {
        let rule = format!("`{name}` stands in `--hf`, for all rows alike; a line is a prompt");
        return Err(RequestError::parameter(name, rule));
    }
    prompt_from_json(&request)
}

/// One answer per row.
fn answers(
    model: &OpenModel,
    generator: &mut Generator,
    call: &Call,
    prompts: &[Vec<TokenId>],
) -> Result<Vec<Answer>, Failure> {
    let mut window = Window::new(generator);
    for ids in prompts {
        for choice_index in 0..call.choices_per_prompt {
            let prompt = Prompt::Ids(ids.clone());
            let choice_index = choice_index as u32;
            let effective = call.effective.clone();
            window.submit(model, &prompt, effective, Extras::default(), choice_index);
        }
    }
    let row_count = window.len();
    let mut answers = Vec::with_capacity(row_count);
    while answers.len() < row_count {
        if interrupt::pressed() {
            window.cancel();
        }
        window.step();
        while let Some(result) = window.next_result() {
            let number = answers.len() + 1;
            answers.push(result.map_err(|error| {
                window.cancel();
                Failure::new(format!("row {number}: {}", error.message))
            })?);
        }
    }
    Ok(answers)
}

fn result_json(
    model: &OpenModel,
    call: &Call,
    width: usize,
    sequences: Vec<Vec<TokenId>>,
    answers: &[Answer],
) -> Value {
    let rows: Vec<Value> = answers.iter().flat_map(|answer| rows_json(model, answer)).collect();
    let new_width = answers.iter().flat_map(new_ids).map(<[TokenId]>::len).max();
    let started = answers.first().and_then(|answer| answer.completion.started.as_ref());
    json!({
        "sequences": sequences,
        "prompt_width": width,
        "new_width": new_width,
        "padding_side": call.padding.side.name(),
        "pad_token_id": call.padding.new_id,
        "prompt_pad_token_id": call.padding.prompt_id,
        "max_new_tokens": call.effective.params.max_tokens(),
        "seed": started.map(|started| started.seed),
        "rows": rows,
        "warnings": call.warnings,
    })
}

/// What is told of each row of an answer.
fn rows_json(model: &OpenModel, answer: &Answer) -> Vec<Value> {
    let finished = &answer.completion.finished;
    let prompt_tokens = finished.usage.prompt_tokens;
    if finished.beams.is_empty() {
        return vec![json!({
            "text": answer.completion.text,
            "new_ids": finished.ids,
            "finish_reason": finished.finish_reason.as_str(),
            "stop_reason": response::stop_json(model, answer),
            "prompt_tokens": prompt_tokens,
        })];
    }
    let row = |beam: &engine::BeamHypothesis| {
        json!({
            "text": beam.text,
            "new_ids": beam.ids,
            "score": from_f64(beam.score),
            "finish_reason": beam.stop_reason.finish_reason().as_str(),
            "stop_reason": {"kind": beam.stop_reason.name()},
            "prompt_tokens": prompt_tokens,
        })
    };
    finished.beams.iter().map(row).collect()
}
