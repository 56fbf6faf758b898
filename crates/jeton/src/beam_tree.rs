//! The tree of a beam search, drawn and as JSON.

use crate::terminal::{Paint, columns, quoted, tail};
use answers::answer::Answer;
use answers::beams::number;
use answers::open_model::OpenModel;
use engine::{BeamHypothesis, BeamTree};
use model::TokenId;
use sampling::beam::{EndedHypothesis, LiveHypothesis};
use serde_json::{Value, json};

/// Columns for a token's text.
const TOKEN_COLUMNS: usize = 14;
/// Characters of a hypothesis's text that a row shows.
const TEXT_CHARACTERS: usize = 40;
/// Characters of a winner's text.
const WINNER_CHARACTERS: usize = 200;

/// The tree as JSON: per step who lived on and who ended; parents are numbers in the step before.
pub fn to_json(model: &OpenModel, answer: &Answer) -> Value {
    let Some(tree) = &answer.completion.finished.beam_tree else { return Value::Null };
    let live = |next: &LiveHypothesis| {
        json!({
            "parent": next.parent,
            "id": next.token,
            "token": piece(model, next.token),
            "sum_logprob": number(next.sum_logprob),
            "group": next.group,
        })
    };
    let ended = |end: &EndedHypothesis| {
        json!({
            "parent": end.parent,
            "id": end.token,
            "token": piece(model, end.token),
            "sum_logprob": number(end.sum_logprob),
            "score": number(end.score),
            "group": end.group,
            "stop_reason": {"kind": end.stop.name()},
            "kept": end.kept,
        })
    };
    let steps = tree.steps.iter().map(|step| {
        json!({
            "live": step.live.iter().map(live).collect::<Value>(),
            "ended": step.ended.iter().map(ended).collect::<Value>(),
        })
    });
    json!({"steps": steps.collect::<Value>(), "is_cut": tree.is_cut})
}

/// The tree for a person: step by step the hypotheses that live on, with the number of the one
/// that each continues, and those that ended with their score; then the winners.
pub fn drawing(model: &OpenModel, answer: &Answer, paint: Paint) -> String {
    let finished = &answer.completion.finished;
    let mut out = String::new();
    if let Some(tree) = &finished.beam_tree {
        out.push_str(&steps(model, tree, &finished.beams, paint));
    }
    for (index, beam) in finished.beams.iter().enumerate() {
        if index == 0 {
            out.push_str(&format!("{}\n", paint.bold("best")));
        }
        let text = format!("{}{}", beam.thinking_text, beam.text);
        let head = format!(
            "{:>3}  score {:>9.4}  sum {:>9.4}  {} tokens, {}",
            index + 1,
            beam.score,
            beam.sum_logprob,
            beam.ids.len(),
            beam.stop_reason.name(),
        );
        let head = if index == 0 { paint.green(&head) } else { head };
        out.push_str(&format!("{head}\n     {}\n", quoted(&tail(&text, WINNER_CHARACTERS))));
    }
    out
}

fn steps(model: &OpenModel, tree: &BeamTree, winners: &[BeamHypothesis], paint: Paint) -> String {
    let mut out = String::new();
    let mut texts: Vec<Vec<TokenId>> = vec![Vec::new()];
    for (index, step) in tree.steps.iter().enumerate() {
        out.push_str(&format!("{}\n", paint.bold(&format!("step {}", index + 1))));
        let grown = |parent: usize, token| [texts[parent].as_slice(), &[token]].concat();
        // Before the first step there is only the prompt.
        let from = |parent: usize| match index {
            0 => "prompt".to_owned(),
            _ => format!("{}", parent + 1),
        };
        let mut next = Vec::with_capacity(step.live.len());
        for (place, live) in step.live.iter().enumerate() {
            let ids = grown(live.parent, live.token);
            let leads = winners.iter().any(|winner| winner.ids.starts_with(&ids));
            let row = format!(
                "{:>3} ← {:<6} {} {:>9.4}  {}",
                place + 1,
                from(live.parent),
                token_cell(model, live.token),
                live.sum_logprob,
                text_cell(model, &ids),
            );
            out.push_str(&if leads { row } else { paint.dim(&row) });
            out.push('\n');
            next.push(ids);
        }
        for end in &step.ended {
            let fate = if end.kept { "" } else { ", not kept" };
            let row = format!(
                "  ■ ← {:<6} {} {:>9.4}  {} (score {:.4}, {}{fate})",
                from(end.parent),
                token_cell(model, end.token),
                end.sum_logprob,
                text_cell(model, &grown(end.parent, end.token)),
                end.score,
                end.stop.name(),
            );
            let row = if end.kept { paint.green(&row) } else { paint.dim(&row) };
            out.push_str(&format!("{row}\n"));
        }
        texts = next;
    }
    if tree.is_cut {
        out.push_str("(later steps are left out: the tree is too large)\n");
    }
    out
}

fn piece(model: &OpenModel, id: TokenId) -> String {
    let bytes = model.tokenizer.piece_bytes(id).unwrap_or_default();
    if bytes.is_empty() {
        return model.tokenizer.token_text(id).unwrap_or("?").to_owned();
    }
    String::from_utf8_lossy(bytes).into_owned()
}

/// A token's text in its column.
fn token_cell(model: &OpenModel, id: TokenId) -> String {
    let text = quoted(&piece(model, id));
    let gap = " ".repeat(TOKEN_COLUMNS.saturating_sub(columns(&text)));
    format!("{text}{gap}")
}

/// The text of a hypothesis, as much of its end as fits.
fn text_cell(model: &OpenModel, ids: &[TokenId]) -> String {
    let text = model.tokenizer.decode(ids, false).unwrap_or_default();
    quoted(&tail(&text, TEXT_CHARACTERS))
}
