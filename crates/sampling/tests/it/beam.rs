//! Beam search over tables of logits, against Transformers and an independent diverse search; see
//! `../makers/make_beam_cases.py`. And what must hold for any search.

use proptest::prelude::*;
use sampling::TokenId;
use sampling::beam::{
    Ask, BeamMethod, BeamSearch, BeamSettings, Branches, Continuation, EarlyStopping, Expander,
    Hypothesis,
};
use sampling::candidates::{Candidates, ChooseError};
use sampling::params::{ParamValue, SamplingParams};
use sampling::pipeline::{Pipeline, SequenceStart};
use sampling::stages::StepContext;
use sampling::stop::StopReason;
use serde_json::Value;

/// The logits after `history`, in a model that is a table: the row is named by the last token and
/// its position.
fn row<'a>(table: &'a [Vec<f32>], prompt: &[TokenId], generated: &[TokenId]) -> &'a [f32] {
    let last = generated.last().or(prompt.last()).expect("a prompt has tokens");
    let position = prompt.len() + generated.len() - 1;
    &table[(*last as usize + 5 * position) % table.len()]
}

/// A search on such a model.
struct Search<'a> {
    table: &'a [Vec<f32>],
    prompt: &'a [TokenId],
    eos: &'a [TokenId],
    live: Vec<(Vec<TokenId>, Pipeline)>,
    expander: Expander,
    candidates: Candidates,
}

impl Branches for Search<'_> {
    type Error = ChooseError;

    fn expand(&mut self, branch: usize, ask: Ask<'_>) -> Result<Vec<Continuation>, ChooseError> {
        let (generated, pipeline) = &mut self.live[branch];
        let step = StepContext::new(self.prompt, generated);
        let (expander, logits) = (&mut self.expander, row(self.table, self.prompt, generated));
        expander.expand(pipeline, &mut self.candidates, logits, &step, ask)
    }

    fn ending(&mut self, _: usize, token: TokenId) -> Option<StopReason> {
        self.eos.contains(&token).then_some(StopReason::Eos(token))
    }

    fn generated(&self, branch: usize) -> &[TokenId] {
        &self.live[branch].0
    }
}

/// Searches to the end.
fn search(
    table: &[Vec<f32>],
    prompt: &[TokenId],
    eos: &[TokenId],
    params: &SamplingParams,
) -> Vec<Hypothesis> {
    let tokens_max = params.max_tokens().expect("tests have a limit");
    let settings = BeamSettings::new(params, eos, tokens_max, StopReason::MaxTokens);
    let start = SequenceStart {
        prompt,
        generated: &[],
        eos_ids: eos,
        seed: 0,
        choice_index: 0,
        stage_state: &[],
    };
    let mut search = Search {
        table,
        prompt,
        eos,
        live: vec![(Vec::new(), Pipeline::new(params, &start))],
        expander: Expander::default(),
        candidates: Candidates::new(),
    };
    let mut beams = BeamSearch::new(settings.clone());
    let mut steps = 0;
    while !beams.is_done() {
        let step = beams.step(&mut search).expect("good logits");
        assert!(step.live.len() <= settings.num_beams);
        search.live = step
            .live
            .iter()
            .map(|next| {
                let (generated, pipeline) = &search.live[next.parent];
                let mut pipeline = pipeline.fork(0);
                pipeline.accept(next.token);
                ([generated.as_slice(), &[next.token]].concat(), pipeline)
            })
            .collect();
        steps += 1;
        assert!(steps <= tokens_max);
    }
    beams.into_hypotheses()
}

fn ids(value: &Value) -> Vec<TokenId> {
    let list = value.as_array().into_iter().flatten();
    list.map(|id| id.as_u64().expect("an id") as TokenId).collect()
}

fn value(json: &Value) -> ParamValue {
    match json {
        Value::Bool(flag) => ParamValue::Bool(*flag),
        Value::String(text) => ParamValue::Str(text.clone()),
        number => ParamValue::Float(number.as_f64().expect("a number")),
    }
}

/// The parameters of a case, by their names here.
fn params(case: &Value) -> SamplingParams {
    const NAMES: [&str; 10] = [
        "num_beams",
        "num_return_sequences",
        "length_penalty",
        "early_stopping",
        "max_tokens",
        "num_beam_groups",
        "diversity_penalty",
        "repetition_penalty",
        "no_repeat_ngram_size",
        "min_tokens",
    ];
    let given = NAMES.iter().filter(|name| !case[**name].is_null());
    let mut values: Vec<(&str, ParamValue)> =
        given.map(|name| (*name, value(&case[*name]))).collect();
    let banned = ids(&case["banned"]).into_iter().map(|id| (id.to_string(), f64::NEG_INFINITY));
    let added = case["bias"].as_object().into_iter().flatten();
    let added = added.map(|(id, bias)| (id.clone(), bias.as_f64().expect("a number")));
    let biases: Vec<_> =
        banned.chain(added).map(|(id, bias)| (id, ParamValue::Float(bias))).collect();
    if !biases.is_empty() {
        values.push(("logit_bias", ParamValue::Map(biases)));
    }
    SamplingParams::from_values(values).expect("the case's parameters are valid")
}

fn rows(table: &Value) -> Vec<Vec<f32>> {
    let row = |row: &Value| {
        let values = row.as_array().expect("a row").iter();
        values.map(|logit| logit.as_f64().expect("a number") as f32).collect()
    };
    table.as_array().expect("a table").iter().map(row).collect()
}

#[test]
fn searches_are_those_of_transformers() {
    let file: Value = serde_json::from_str(include_str!("../data/beam_cases.json")).expect("JSON");
    let tables: Vec<_> = file["tables"].as_array().expect("tables").iter().map(rows).collect();
    let cases = file["cases"].as_array().expect("cases");
    assert_eq!(cases.len(), 170);
    for case in cases {
        let table = &tables[case["table"].as_u64().expect("an index") as usize];
        let (prompt, eos) = (ids(&case["prompt"]), ids(&case["eos"]));
        let found = search(table, &prompt, &eos, &params(case));
        let sequences: Vec<_> = found.iter().map(|hypothesis| hypothesis.ids.clone()).collect();
        let expected: Vec<_> =
            case["sequences"].as_array().expect("a list").iter().map(ids).collect();
        assert_eq!(sequences, expected, "{case}");
        for (hypothesis, score) in found.iter().zip(case["scores"].as_array().expect("a list")) {
            let score = score.as_f64().expect("a number");
            let tolerance = 2e-5 * score.abs().max(1.0);
            assert!((hypothesis.score - score).abs() < tolerance, "{} {case}", hypothesis.score);
        }
    }
}

/// The textbook's procedure, as short as it can be written.
fn textbook(
    table: &[Vec<f32>],
    prompt: &[TokenId],
    eos: &[TokenId],
    width: usize,
    tokens_max: usize,
) -> Vec<(Vec<TokenId>, f64)> {
    let mut live = vec![(Vec::new(), 0.0f64)];
    let mut completed = Vec::new();
    for _ in 0..tokens_max {
        let mut next = Vec::new();
        for (ids, sum) in &live {
            let row = row(table, prompt, ids).iter();
            let row: Vec<f64> = row.map(|&logit| f64::from(logit)).collect();
            let total = row.iter().map(|logit| logit.exp()).sum::<f64>().ln();
            let mut order: Vec<TokenId> = (0..row.len() as TokenId).collect();
            order.sort_by(|&a, &b| row[b as usize].total_cmp(&row[a as usize]));
            for &token in &order[..width.min(order.len())] {
                let ids: Vec<TokenId> = [ids.as_slice(), &[token]].concat();
                let sum = sum + row[token as usize] - total;
                if eos.contains(&token) { &mut completed } else { &mut next }.push((ids, sum));
            }
        }
        next.sort_by(|a, b| b.1.total_cmp(&a.1));
        next.truncate(width);
        live = next;
    }
    completed.extend(live);
    completed.sort_by(|a, b| b.1.total_cmp(&a.1));
    completed.truncate(width);
    completed
}

fn tables() -> impl Strategy<Value = Vec<Vec<f32>>> {
    prop::collection::vec(prop::collection::vec(-5.0f32..5.0, 7), 7)
}

proptest! {
    #[test]
    fn the_textbooks_method_is_the_textbooks(
        table in tables(), first in 0u32..7, width in 2usize..6, tokens_max in 1usize..7,
    ) {
        let values = [
            ("num_beams", ParamValue::Int(width as i128)),
            ("num_return_sequences", ParamValue::Int(width as i128)),
            ("max_tokens", ParamValue::Int(tokens_max as i128)),
            ("beam_method", ParamValue::Str("textbook".into())),
        ];
        let params = SamplingParams::from_values(values).expect("valid");
        prop_assert_eq!(params.beams().method, BeamMethod::Textbook);
        let found = search(&table, &[first], &[0, 3], &params);
        let expected = textbook(&table, &[first], &[0, 3], width, tokens_max);
        prop_assert_eq!(found.len(), expected.len());
        for (hypothesis, (ids, sum)) in found.iter().zip(&expected) {
            prop_assert_eq!(&hypothesis.ids, ids);
            prop_assert!((hypothesis.score - sum).abs() < 1e-9);
            prop_assert!((hypothesis.logprobs.iter().sum::<f64>() - sum).abs() < 1e-9);
        }
    }

    /// With "never" and no length penalty, a search as wide as the tree finds the best text of all.
    #[test]
    fn a_search_as_wide_as_the_tree_is_exhaustive(table in tables(), first in 0u32..7) {
        let values = [
            ("num_beams", ParamValue::Int(49)),
            ("length_penalty", ParamValue::Int(0)),
            ("early_stopping", ParamValue::Str("never".into())),
            ("max_tokens", ParamValue::Int(3)),
        ];
        let params = SamplingParams::from_values(values).expect("valid");
        prop_assert_eq!(params.beams().early_stopping, EarlyStopping::Never);
        let found = search(&table, &[first], &[0], &params);
        let all = textbook(&table, &[first], &[0], 7 * 7 * 7, 3);
        prop_assert_eq!(&found[0].ids, &all[0].0);
        prop_assert!((found[0].score - all[0].1).abs() < 1e-9);
    }

    /// Scores fall, texts differ and are as long as they may be, whatever the settings.
    #[test]
    fn hypotheses_are_ranked_and_distinct(
        table in tables(), first in 0u32..7, width in 2usize..9, tokens_max in 1usize..9,
        length_penalty in -2.0f64..2.0, early in 0usize..3,
    ) {
        let early = ["false", "true", "never"][early];
        let values = [
            ("num_beams", ParamValue::Int(width as i128)),
            ("num_return_sequences", ParamValue::Int(width as i128)),
            ("length_penalty", ParamValue::Float(length_penalty)),
            ("early_stopping", ParamValue::Str(early.into())),
            ("max_tokens", ParamValue::Int(tokens_max as i128)),
        ];
        let params = SamplingParams::from_values(values).expect("valid");
        let found = search(&table, &[first], &[0], &params);
        prop_assert!(!found.is_empty() && found.len() <= width);
        prop_assert!(found.is_sorted_by(|a, b| a.score >= b.score));
        for (place, hypothesis) in found.iter().enumerate() {
            prop_assert_eq!(hypothesis.ids.len(), hypothesis.logprobs.len());
            let ends = hypothesis.ids.ends_with(&[0]);
            prop_assert_eq!(hypothesis.stop == StopReason::Eos(0), ends);
            prop_assert!(ends || hypothesis.ids.len() == tokens_max);
            prop_assert!(found[..place].iter().all(|other| other.ids != hypothesis.ids));
        }
    }
}
