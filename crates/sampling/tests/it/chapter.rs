//! The worked examples of the textbook chapter, number by number, through the real pipeline.

use crate::support::{assert_all_close, assert_close, ids, logits, number, numbers};
use crate::support::{own_file, params, run};
use sampling::TokenId;
use sampling::candidates::Candidates;
use sampling::pipeline::{Pipeline, SequenceStart};
use sampling::stages::StepContext;
use sampling::trace::{ChoiceTrace, TraceCandidate};
use serde_json::{Value, json};

/// Logits arrive as f32: 8.2 is 2e-7 off, and so is what follows from it.
const TOLERANCE: f64 = 1e-6;

fn table(name: &str) -> Value {
    own_file("chapter_tables.json")["tables"][name].clone()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().expect("a list")
}

#[test]
fn temperature_table() {
    for name in ["temperature", "temperature_two_tokens"] {
        let table = table(name);
        for row in list(&table["rows"]) {
            let outcome =
                run(&params(json!({"temperature": row["t"]})), &logits(&table["logits"]), &[]);
            assert_all_close(&outcome.probabilities, &numbers(&row["probs"]), TOLERANCE, name);
            if !row["ratio"].is_null() {
                let ratio = outcome.probabilities[0] / outcome.probabilities[1];
                assert_close(ratio / number(&row["ratio"]), 1.0, TOLERANCE, name);
            }
        }
    }
}

#[test]
fn softmax_of_the_paris_list() {
    let table = table("softmax_list");
    let outcome = run(&params(json!({})), &logits(&table["logits"]), &[]);
    assert_all_close(&outcome.probabilities, &numbers(&table["probs"]), TOLERANCE, "softmax");
}

#[test]
fn top_k_table() {
    let table = table("top_k");
    for row in list(&table["rows"]) {
        let outcome = run(&params(json!({"top_k": row["k"]})), &logits(&table["logits"]), &[]);
        let final_top = &outcome.trace.final_top;
        assert_eq!(final_top.iter().map(|c| c.id).collect::<Vec<_>>(), ids(&row["ids"]));
        let name = |candidate: &TraceCandidate| table["tokens"][candidate.id as usize].clone();
        assert_eq!(final_top.iter().map(name).collect::<Value>(), row["candidates"]);
        assert_close(final_top[0].probability, number(&row["top_prob"]), TOLERANCE, "top_k");
    }
}

#[test]
fn nucleus_sizes() {
    for row in list(&table("nucleus")) {
        let outcome = run(&params(json!({"top_p": row["top_p"]})), &logits(&row["logits"]), &[]);
        assert_eq!(json!(outcome.choice.nucleus_size), row["nucleus_size"], "{row}");
        assert_eq!(json!(outcome.trace.stages[0].kept_count), row["nucleus_size"], "{row}");
        let raw = &outcome.trace.raw_top;
        assert_close(raw[0].probability, number(&row["top_prob"]), TOLERANCE, "top");
        let top3: f64 = raw[..3].iter().map(|candidate| candidate.probability).sum();
        assert_close(top3, number(&row["top3_cumulative"]), TOLERANCE, "top 3");
    }
}

#[test]
fn min_p_beside_top_p() {
    let table = table("min_p_vs_top_p");
    let row_logits = logits(&table["logits"]);
    for row in list(&table["rows"]) {
        let with = |name: &str, value: &Value| {
            run(&params(json!({"temperature": row["t"], name: value})), &row_logits, &[])
        };
        let top_p = with("top_p", &row["top_p"]);
        assert_eq!(json!(top_p.choice.nucleus_size), row["nucleus_size"], "{row}");
        let min_p = with("min_p", &row["min_p"]);
        assert_eq!(json!(min_p.choice.nucleus_size), row["min_p_candidates"], "{row}");
        let scaled = with("top_k", &json!(0));
        assert_all_close(&scaled.probabilities, &numbers(&row["probs"]), TOLERANCE, "scaled");
    }
}

#[test]
fn penalty_tables() {
    for name in ["repetition_penalty", "frequency_penalty", "presence_penalty"] {
        let table = table(name);
        let generated = match table["counts"].as_object() {
            None => ids(&table["generated"]),
            Some(counts) => {
                let repeat = |(id, count): (&String, &Value)| {
                    vec![id.parse::<TokenId>().unwrap(); count.as_u64().unwrap() as usize]
                };
                counts.iter().flat_map(repeat).collect()
            }
        };
        let params = params(json!({name: table["penalty"]}));
        let outcome = run(&params, &logits(&table["logits"]), &generated);
        assert_all_close(&outcome.logits, &numbers(&table["penalized"]), TOLERANCE, name);
        assert_all_close(&outcome.probabilities, &numbers(&table["probs"]), TOLERANCE, name);
    }
}

/// The chapter's trace, forced along its own choices (its generator is numpy's): every step's
/// penalized logits, probabilities, nucleus and the probability of the choice.
#[test]
fn gravity_trace() {
    let table = table("gravity_trace");
    let params = params(table["settings"].clone());
    let start = SequenceStart {
        prompt: &[],
        generated: &[],
        eos_ids: &[],
        seed: 42,
        choice_index: 0,
        stage_state: &[],
    };
    let mut pipeline = Pipeline::new(&params, &start);
    let mut candidates = Candidates::new();
    let mut trace = ChoiceTrace::new(20);
    let mut generated = Vec::new();
    for (position, row) in list(&table["steps"]).iter().enumerate() {
        let step = StepContext::new(&[], &generated);
        let choice = pipeline
            .choose(&mut candidates, &logits(&row["logits"]), &step, Some(&mut trace))
            .expect("good logits");
        let names: Vec<_> = trace.stages.iter().map(|stage| stage.name).collect();
        assert_eq!(names, ["frequency_presence", "temperature", "top_p"]);
        check_gravity_step(row, &trace, &format!("step {position}"));
        assert_eq!(json!(choice.nucleus_size), row["nucleus_size"]);

        let forced = row["numpy_seed42_choice"].as_u64().unwrap() as TokenId;
        pipeline.accept(forced);
        generated.push(forced);
    }
    assert_eq!(generated, ids(&table["ids"]));
    let words = generated.iter().map(|&id| table["vocab"][id as usize].as_str().unwrap());
    assert_eq!(json!(words.collect::<Vec<_>>().join(" ")), table["text"]);
}

fn check_gravity_step(row: &Value, trace: &ChoiceTrace, what: &str) {
    let by_id = |list: &[TraceCandidate]| {
        let mut list = list.to_vec();
        list.sort_by_key(|candidate| candidate.id);
        list
    };
    let penalized: Vec<f64> = by_id(&trace.stages[0].top).iter().map(|c| c.logit).collect();
    assert_all_close(&penalized, &numbers(&row["penalized"]), TOLERANCE, what);
    let scaled: Vec<f64> = by_id(&trace.stages[1].top).iter().map(|c| c.probability).collect();
    assert_all_close(&scaled, &numbers(&row["probs"]), TOLERANCE, what);
    let nucleus: Vec<_> = trace.final_top.iter().map(|candidate| candidate.id).collect();
    assert_eq!(nucleus, ids(&row["nucleus_ids"]), "{what}");
    let nucleus: Vec<_> = trace.final_top.iter().map(|candidate| candidate.probability).collect();
    assert_all_close(&nucleus, &numbers(&row["nucleus_probs"]), TOLERANCE, what);
    let forced = row["numpy_seed42_choice"].as_u64().unwrap() as usize;
    assert_close(scaled[forced], number(&row["prob_of_choice"]), TOLERANCE, what);
    let kept: f64 = trace.final_top.iter().map(|c| scaled[c.id as usize]).sum();
    assert_close(trace.stages[2].kept_mass, kept, 1e-12, what);
}
