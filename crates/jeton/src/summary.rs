//! The few lines under an answer: what was used, why it ended, how fast it was.

use crate::limit_table;
use crate::terminal::quoted;
use answers::answer::Answer;
use answers::open_model::OpenModel;
use answers::response::limit_set_by;
use answers::{speculation, structured, thinking, truncation, warnings};
use sampling::stop::StopReason;

/// The summary of an answer, without a trailing newline.
pub fn lines(model: &OpenModel, answer: &Answer) -> String {
    let finished = &answer.completion.finished;
    let usage = &finished.usage;
    let mut prompt = format!("{} prompt tokens", usage.prompt_tokens);
    if usage.prefix_hit_tokens > 0 {
        prompt.push_str(&format!(" ({} reused)", usage.prefix_hit_tokens));
    }
    let mut tokens = format!("{prompt}, {} completion tokens", usage.completion_tokens);
    if usage.resumed_tokens > 0 {
        tokens.push_str(&format!(" ({} of them from earlier)", usage.resumed_tokens));
    }
    if let Some(words) = thinking::summary_words(&answer.completion) {
        tokens.push_str(&format!(" ({words})"));
    }
    let reason = ending(model, answer);
    let seed = answer.completion.started.as_ref().map_or(String::new(), |started| {
        let params = &answer.effective.params;
        if params.is_beam_search() {
            format!(", {} beams", params.beams().num_beams)
        } else if params.is_greedy() {
            ", greedy".to_owned()
        } else {
            format!(", seed {}", started.seed)
        }
    });
    let cut = truncation::answer_line(model, answer).map_or(String::new(), |line| line + "\n");
    let limits = limit_table::summary_table(model, &answer.request, &answer.views);
    let limits = match limits.trim_end() {
        "" => String::new(),
        limits => format!("\n\n{limits}"),
    };
    let warned = warnings::line(&warnings::of(model, &answer.effective));
    let warned = warned.map_or(String::new(), |line| format!("\n{line}"));
    let guessed = speculation::answer_line(answer).map_or(String::new(), |line| line + "\n");
    format!("{tokens}\n{reason}\n{cut}{guessed}{}{seed}{warned}{limits}", speed(answer))
}

/// How an answer ended.
pub fn ending(model: &OpenModel, answer: &Answer) -> String {
    let finished = &answer.completion.finished;
    let mut reason = format!(
        "finish_reason {}, stop_reason {}",
        finished.finish_reason.as_str(),
        stop_words(model, answer)
    );
    if let Some(shape) = finished.grammar.as_ref().and_then(structured::report_words) {
        reason.push_str(&format!(", {shape}"));
    }
    reason
}

/// TTFT, TPOT and decode speed.
fn speed(answer: &Answer) -> String {
    let tokens = answer.completion.tokens.len();
    let ttft = answer
        .times
        .first_token
        .map_or("no token".to_owned(), |first| format!("TTFT {:.1} ms", first.as_secs_f64() * 1e3));
    if answer.effective.params.is_beam_search() {
        // All tokens come at the end, together.
        return format!("{:.1} ms in all", answer.times.total.as_secs_f64() * 1e3);
    }
    match answer.times.tpot_ms(tokens) {
        Some(tpot) if tpot > 0.0 => {
            format!("{ttft}, TPOT {tpot:.2} ms, decode {:.1} tokens/s", 1e3 / tpot)
        }
        _ => ttft,
    }
}

fn stop_words(model: &OpenModel, answer: &Answer) -> String {
    let finished = &answer.completion.finished;
    let limit = || {
        let started = answer.completion.started.as_ref();
        started.map_or(0, |started| started.completion_tokens_max)
    };
    match &finished.stop_reason {
        StopReason::Eos(id) => format!("eos {} ({id})", token_text(model, *id)),
        StopReason::StopToken(id) => format!("stop token {} ({id})", token_text(model, *id)),
        StopReason::StopString { text, .. } => format!("stop string {}", quoted(text)),
        StopReason::GrammarComplete => "the document is complete".to_owned(),
        StopReason::MaxTokens => {
            format!("max_tokens {} (set by {})", limit(), limit_set_by(answer))
        }
        StopReason::ContextFull => format!("context full after {} tokens", limit()),
        StopReason::Deadline | StopReason::Cancelled | StopReason::Failed => {
            let why = finished.interruption.as_ref().map(ToString::to_string);
            why.unwrap_or_else(|| finished.stop_reason.name().to_owned())
        }
    }
}

fn token_text(model: &OpenModel, id: model::TokenId) -> String {
    model.tokenizer.token_text(id).unwrap_or("?").to_owned()
}
