//! Laws that hold for every stage with a knob of its own, whatever its settings and the logits.

use crate::properties::row;
use proptest::prelude::*;
use proptest::sample::subsequence;
use sampling::TokenId;
use sampling::candidates::Candidates;
use sampling::params::{PARAMS, ParamValue, SamplingParams};
use sampling::pipeline::{Pipeline, SequenceStart};
use sampling::stages::{StepContext, stage_names};
use sampling::trace::ChoiceTrace;

type Wish = (&'static str, ParamValue);

fn float(name: &'static str, range: std::ops::RangeInclusive<f64>) -> BoxedStrategy<Wish> {
    range.prop_map(move |value| (name, ParamValue::Float(value))).boxed()
}

fn count(name: &'static str, range: std::ops::RangeInclusive<i128>) -> BoxedStrategy<Wish> {
    range.prop_map(move |value| (name, ParamValue::Int(value))).boxed()
}

fn ids(most: usize) -> BoxedStrategy<ParamValue> {
    let id = (0i128..60).prop_map(ParamValue::Int);
    proptest::collection::vec(id, 1..most).prop_map(ParamValue::List).boxed()
}

/// Settings of every stage, each with a value from its whole range.
fn wishes() -> Vec<BoxedStrategy<Wish>> {
    let words = proptest::collection::vec(ids(4), 1..5).prop_map(ParamValue::List);
    let decay = (0i128..6, 1e-3f64..100.0)
        .prop_map(|(n, f)| ParamValue::List(vec![ParamValue::Int(n), ParamValue::Float(f)]));
    let scope = prop_oneof![Just("output"), Just("prompt_and_output")];
    let order = Just(stage_names().collect::<Vec<_>>()).prop_shuffle();
    let order = order.prop_map(|names| {
        ParamValue::List(names.into_iter().map(|name| ParamValue::Str(name.into())).collect())
    });
    vec![
        ids(30).prop_map(|value| ("allowed_token_ids", value)).boxed(),
        ids(30).prop_map(|value| ("banned_token_ids", value)).boxed(),
        words.prop_map(|value| ("bad_words_ids", value)).boxed(),
        decay.prop_map(|value| ("exponential_decay_length_penalty", value)).boxed(),
        scope.prop_map(|name| ("penalty_scope", ParamValue::Str(name.into()))).boxed(),
        order.prop_map(|names| ("samplers", names)).boxed(),
        count("penalty_last_n", -1..=9),
        float("repetition_penalty", 0.01..=100.0),
        float("frequency_penalty", -100.0..=100.0),
        float("dry_multiplier", 0.0..=100.0),
        float("dry_base", 1.0..=100.0),
        count("dry_allowed_length", 0..=5),
        count("dry_penalty_last_n", -1..=30),
        float("temperature", 1e-6..=3.0),
        float("dynatemp_range", 0.0..=3.0),
        float("dynatemp_exponent", 0.0..=100.0),
        float("smoothing_factor", 0.0..=10.0),
        float("smoothing_curve", 1.0..=10.0),
        float("top_n_sigma", 0.0..=4.0),
        float("top_h", 0.001..=1.0),
        float("tail_free", 0.0..=1.0),
        float("top_a", 0.0..=1.0),
        float("xtc_probability", 0.0..=1.0),
        float("xtc_threshold", 0.0..=1.0),
        count("mirostat", 0..=2),
        float("mirostat_tau", 0.0..=100.0),
        float("mirostat_eta", 0.0..=10.0),
        float("adaptive_target", -1.0..=1.0),
        float("adaptive_decay", 0.0..=0.99),
    ]
}

fn params() -> impl Strategy<Value = SamplingParams> {
    subsequence((0..wishes().len()).collect::<Vec<_>>(), 0..10).prop_flat_map(|chosen| {
        let mut all = wishes();
        let wanted: Vec<_> = chosen.into_iter().rev().map(|index| all.swap_remove(index)).collect();
        wanted.prop_map(|values| {
            let no_breakers = ("dry_sequence_breakers", ParamValue::List(Vec::new()));
            SamplingParams::from_values(values.into_iter().chain([no_breakers])).expect("in range")
        })
    })
}

proptest! {
    #![proptest_config(crate::support::cases(1200))]

    /// Over several steps: nothing panics, each stage leaves at least one candidate and adds none,
    /// and a trace changes nothing.
    #[test]
    fn a_possible_token_is_always_chosen(
        rows in proptest::collection::vec(row(), 1..4),
        params in params(),
        prompt in proptest::collection::vec(0u32..8, 0..20),
        forced in proptest::option::of(0u32..60),
    ) {
        let start = SequenceStart { prompt: &prompt, eos_ids: &[0, 3], ..SequenceStart::default() };
        let mut pipeline = Pipeline::new(&params, &start);
        let mut candidates = Candidates::new();
        let mut generated: Vec<TokenId> = Vec::new();
        for row in &rows {
            let step = StepContext::new(&prompt, &generated);
            let plain = pipeline.choose(&mut candidates, row, &step, None).expect("good logits");
            let mut trace = ChoiceTrace::new(row.len());
            let choice = pipeline.choose(&mut candidates, row, &step, Some(&mut trace));
            prop_assert_eq!(choice.expect("good logits"), plain);
            prop_assert!(row[plain.token as usize].is_finite());
            prop_assert!(candidates.ids().windows(2).all(|pair| pair[0] < pair[1]));
            prop_assert!(candidates.logits().iter().all(|logit| logit.is_finite()));
            let mut left: Vec<TokenId> =
                (0..row.len() as TokenId).filter(|&id| row[id as usize].is_finite()).collect();
            for stage in &trace.stages {
                let removed: Vec<TokenId> = stage.removed.iter().map(|one| one.id).collect();
                prop_assert!(removed.iter().all(|id| left.contains(id)), "{} adds", stage.name);
                left.retain(|id| !removed.contains(id));
                prop_assert_eq!((stage.kept_count, left.is_empty()), (left.len(), false));
                prop_assert!(stage.threshold.is_none_or(f64::is_finite), "{}", stage.name);
            }
            prop_assert!(left.contains(&plain.token));
            let token = forced.unwrap_or(plain.token);
            pipeline.accept(token);
            generated.push(token);
        }
        prop_assert!(pipeline.state().iter().all(|(_, value)| value.is_finite()));
    }

    /// A knob at its neutral value is as if it were not there, however the others are set.
    #[test]
    fn neutral_is_absent(
        row in row(),
        turned in subsequence((0..PARAMS.len()).collect::<Vec<_>>(), 0..20),
    ) {
        let neutral = |index: usize| {
            let value = PARAMS[index].neutral.parse::<i128>().ok()?;
            Some((PARAMS[index].name, ParamValue::Int(value)))
        };
        let values = turned.into_iter().filter_map(neutral);
        let params = SamplingParams::from_values(values).expect("in range");
        let mut pipeline = Pipeline::new(&params, &SequenceStart::default());
        prop_assert_eq!(pipeline.stage_names().count(), 0);
        let mut candidates = Candidates::new();
        pipeline.choose(&mut candidates, &row, &StepContext::new(&[], &[]), None).expect("good");
        let possible = row.iter().filter(|logit| logit.is_finite()).count();
        prop_assert_eq!(candidates.len(), possible);
    }
}
