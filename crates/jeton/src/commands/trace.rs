//! `jeton trace`: step by step, how each token was chosen.

use super::generate::prompt_from_flags;
use crate::failure::Failure;
use crate::generation::Generator;
use crate::open_flags;
use crate::outcome::Outcome;
use crate::terminal::{Align, Paint, Stream, bytes, quoted, table, tail};
use crate::{output, param_flags, shape_flags, summary, trace_page};
use answers::answer::Answer;
use answers::effective::Effective;
use answers::json_numbers::from_f64;
use answers::open_model::OpenModel;
use answers::request::Extras;
use answers::response;
use clap::ArgMatches;
use engine::TokenEvent;
use sampling::trace::{ChoiceTrace, StageTrace, TraceCandidate};
use serde_json::Value;

/// Candidates that a list of the web page names at least.
const PAGE_CANDIDATES: usize = 12;

/// Characters of the text so far that a row shows.
const TEXT_COLUMNS: usize = 48;

/// Runs the command.
///
/// # Errors
/// When the model cannot be opened or the request is refused.
pub fn run(flags: &ArgMatches) -> Result<Outcome, Failure> {
    let model = open_flags::model(flags)?;
    let effective = Effective::merge(&param_flags::from_matches(flags), &model.recommended())?;
    let prompt = prompt_from_flags(&model, flags)?;
    let as_json = flags.get_flag("json");
    let shown = flags.get_one::<u16>("candidates").map_or(0, |&count| usize::from(count));
    let html = flags.get_one::<String>("html");
    let listed = match (html.is_some(), as_json) {
        (true, _) => shown.max(PAGE_CANDIDATES),
        (false, true) => shown.max(5),
        (false, false) => shown,
    };
    let extras = Extras {
        trace: Some(listed.min(engine::limits::TRACE_CANDIDATES_MAX)),
        show_special: true,
        grammar: shape_flags::from_flags(flags)?,
    };
    let mut generator = Generator::new(&model, flags, 1)?;
    let answer = generator.answer(&model, &prompt, effective, extras, |_| Ok(()))?;
    if let Some(path) = html {
        let prompt = flags.get_one::<String>("prompt").map_or("", String::as_str);
        write_page(path, &trace_page::page(&trace_page::page_data(&model, &answer, prompt)))?;
    }
    if as_json {
        output::line(&trace_json(&model, &answer).to_string())?;
    } else {
        output::text(&steps_table(&model, &answer))?;
        if shown > 0 {
            output::text(&candidates_text(&model, &answer))?;
        }
        let paint = Paint::for_stream(Stream::Err);
        eprintln!("\n{}", paint.dim(&summary::lines(&model, &answer)));
    }
    Outcome::of_answers([&answer.completion.finished.interruption])
}

fn write_page(path: &str, page: &str) -> Result<(), Failure> {
    std::fs::write(path, page).map_err(|error| Failure::new(format!("{path}: {error}")))?;
    eprintln!("wrote {path} ({})", bytes(page.len() as u64));
    Ok(())
}

/// The text after each token.
fn texts_so_far(tokens: &[TokenEvent]) -> Vec<String> {
    let mut text = String::new();
    tokens
        .iter()
        .map(|token| {
            text.push_str(&token.thinking_text);
            text.push_str(&token.text);
            text.clone()
        })
        .collect()
}

fn piece(model: &OpenModel, id: model::TokenId) -> String {
    let piece = model.tokenizer.piece_bytes(id).unwrap_or_default();
    if piece.is_empty() {
        return model.tokenizer.token_text(id).unwrap_or("?").to_owned();
    }
    quoted(&String::from_utf8_lossy(piece))
}

/// The table of a trace: step, token, probability, nucleus size, text so far.
fn steps_table(model: &OpenModel, answer: &Answer) -> String {
    let mut heads = vec![
        ("step", Align::Right),
        ("token", Align::Left),
        ("probability", Align::Right),
        ("raw", Align::Right),
        ("rank", Align::Right),
        ("nucleus", Align::Right),
        ("text so far", Align::Left),
    ];
    let tokens = &answer.completion.tokens;
    let place = heads.len() - 1;
    let is_drafted = tokens.iter().any(|token| token.draft.is_some());
    if is_drafted {
        heads.insert(place, ("draft", Align::Left));
    }
    let rows: Vec<Vec<String>> = tokens
        .iter()
        .zip(texts_so_far(tokens))
        .map(|(token, text)| {
            let trace = token.trace.as_deref();
            let chosen = trace.and_then(|trace| trace.chosen);
            let raw = chosen.map_or(String::new(), |chosen| percent(chosen.probability));
            let rank = trace.map_or(String::new(), |trace| (trace.raw_rank + 1).to_string());
            let mut row = vec![
                (token.index + 1).to_string(),
                piece(model, token.id) + if token.forced.is_some() { " forced" } else { "" },
                percent(token.probability),
                raw,
                rank,
                token.nucleus_size.to_string(),
                tail(&text.replace('\n', "\\n"), TEXT_COLUMNS),
            ];
            if is_drafted {
                row.insert(place, draft_text(model, token));
            }
            row
        })
        .collect();
    table(&heads, &rows)
}

/// What became of the token that was drafted for a step.
fn draft_text(model: &OpenModel, token: &TokenEvent) -> String {
    match token.draft {
        Some(draft) if draft.accepted => "accepted".to_owned(),
        Some(draft) => format!("not {}", piece(model, draft.token)),
        None => String::new(),
    }
}

fn nats(entropy: f64) -> String {
    format!("{entropy:.3} nats")
}

fn percent(probability: f64) -> String {
    format!("{:.2} %", probability * 100.0)
}

/// For each step: candidates before, what each stage did to them, and what was drawn.
fn candidates_text(model: &OpenModel, answer: &Answer) -> String {
    let paint = Paint::for_stream(Stream::Out);
    let mut out = String::new();
    for token in &answer.completion.tokens {
        let Some(trace) = token.trace.as_deref() else { continue };
        let head = format!("step {}: {}", token.index + 1, piece(model, token.id));
        out.push_str(&format!("\n{}\n", paint.bold(&head)));
        let raw = candidates(model, &trace.raw_top);
        out.push_str(&format!(
            "  raw: {} possible, entropy {}: {raw}\n",
            trace.possible_count,
            nats(trace.raw_entropy)
        ));
        for stage in &trace.stages {
            out.push_str(&stage_text(model, stage));
        }
        out.push_str(&format!("  {}\n", paint.green(&choice_text(model, token, trace))));
    }
    out
}

fn stage_text(model: &OpenModel, stage: &StageTrace) -> String {
    let threshold = stage.threshold.map_or(String::new(), |value| format!(", bar {value:.6}"));
    let mut text = format!(
        "  {}: kept {} of {} ({} of the mass{threshold}, entropy {}): {}\n",
        stage.name,
        stage.kept_count,
        stage.before_count,
        percent(stage.kept_mass),
        nats(stage.entropy),
        candidates(model, &stage.top),
    );
    if !stage.removed.is_empty() {
        let removed = candidates(model, &stage.removed);
        text.push_str(&format!("    removed by {}: {removed}\n", stage.name));
    }
    text
}

fn choice_text(model: &OpenModel, token: &TokenEvent, trace: &ChoiceTrace) -> String {
    if let Some(forced) = token.forced {
        let why = forced.as_str();
        return format!("forced ({why}) in place of the choice: {}", piece(model, token.id));
    }
    let drafted = match token.draft {
        Some(draft) if draft.accepted => ", as drafted".to_owned(),
        Some(draft) => format!(", and not {} as drafted", piece(model, draft.token)),
        None => String::new(),
    };
    let choice = match trace.draw {
        Some(draw) => format!(
            "drew u = {:.6}, in [{:.6}, {:.6}) of {}",
            draw.uniform,
            draw.low,
            draw.high,
            piece(model, token.id)
        ),
        None => format!("greedy: the best candidate, {}", piece(model, token.id)),
    };
    choice + &drafted
}

fn candidates(model: &OpenModel, list: &[TraceCandidate]) -> String {
    let words: Vec<String> = list
        .iter()
        .map(|entry| format!("{} {}", piece(model, entry.id), percent(entry.probability)))
        .collect();
    words.join(", ")
}

fn trace_json(model: &OpenModel, answer: &Answer) -> Value {
    let tokens = &answer.completion.tokens;
    let steps: Vec<Value> = tokens
        .iter()
        .zip(texts_so_far(tokens))
        .map(|(token, text)| response::step_json(model, token, &text))
        .collect();
    let mut json = response::answer_json(model, answer);
    json["stages"] =
        Value::from(answer.completion.started.as_ref().map(|started| started.stages.clone()));
    json["steps"] = Value::from(steps);
    let mean = mean_entropy(answer);
    json["mean_entropy"] = mean.map_or(Value::Null, from_f64);
    json
}

/// Mean entropy of the model's own distributions, in nats.
fn mean_entropy(answer: &Answer) -> Option<f64> {
    let traces = answer.completion.tokens.iter().filter_map(|token| token.trace.as_deref());
    let entropies: Vec<f64> = traces.map(|trace| trace.raw_entropy).collect();
    (!entropies.is_empty()).then(|| entropies.iter().sum::<f64>() / entropies.len() as f64)
}
