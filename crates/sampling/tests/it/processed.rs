//! Processed log-probabilities: those of the distribution that all stages left.

use crate::support::{assert_close, params};
use sampling::candidates::Candidates;
use sampling::logprobs::Logprobs;
use sampling::pipeline::{Choice, Pipeline, SequenceStart};
use sampling::stages::StepContext;
use serde_json::{Value, json};

fn scored(mut wishes: Value, logits: &[f64]) -> (Choice, Option<Logprobs>) {
    wishes["logprobs"] = json!(true);
    wishes["top_logprobs"] = json!(3);
    let start = SequenceStart { generated: &[2], seed: 5, ..Default::default() };
    let mut pipeline = Pipeline::new(&params(wishes), &start);
    let step = StepContext::new(&[], &[2]);
    let choice = pipeline.choose(&mut Candidates::new(), logits, &step, None).expect("good logits");
    let found = pipeline.take_processed_logprobs();
    assert_eq!(pipeline.take_processed_logprobs(), None, "they belong to one choice");
    (choice, found)
}

fn top_ids(logprobs: &Logprobs) -> Vec<u32> {
    logprobs.top.iter().map(|token| token.id).collect()
}

#[test]
fn they_are_of_the_distribution_that_is_drawn_from() {
    let logits = [1.0, 3.0, 3.5, 2.0, -1.0];
    let wishes = json!({
        "logprobs_mode": "processed", "temperature": 0.5, "top_k": 2, "frequency_penalty": 1.5,
    });
    let (choice, found) = scored(wishes, &logits);
    let found = found.expect("asked for");
    assert_eq!(found.chosen.id, choice.token);
    assert_close(found.chosen.logprob, choice.probability.ln(), 1e-12, "the chosen token");
    // Penalized to 2, token 2 ties with token 3, and the lower id stays.
    assert_eq!(top_ids(&found), [1, 2]);
    let sum: f64 = found.top.iter().map(|token| token.logprob.exp()).sum();
    assert_close(sum, 1.0, 1e-12, "everything that is left is listed");
    assert_close(found.top[0].logprob - found.top[1].logprob, 2.0, 1e-12, "divided by 0.5");
}

#[test]
fn greedy_shows_what_it_chose_from() {
    let logits = [1.0, 3.0, 3.5, 2.0, -1.0];
    let wishes = json!({
        "logprobs_mode": "processed", "temperature": 0, "frequency_penalty": 1.5, "top_k": 1,
        "logit_bias": {"3": false},
    });
    let (choice, found) = scored(wishes, &logits);
    let found = found.expect("asked for");
    assert_eq!((choice.token, choice.probability, found.rank), (1, 1.0, 0));
    assert_eq!(top_ids(&found), [1, 2, 0]);
    let left = [1.0f64, 3.0, 2.0, -1.0];
    let total: f64 = left.iter().map(|logit| logit.exp()).sum();
    assert_close(found.chosen.logprob, 3.0 - total.ln(), 1e-9, "unscaled");
}

#[test]
fn raw_ones_are_not_the_pipelines() {
    assert_eq!(scored(json!({}), &[1.0, 2.0]).1, None);
}
