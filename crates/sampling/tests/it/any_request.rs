//! The whole pipeline under any logits, any parameters of the table in any combination, and any
//! profile: it never panics, never chooses what was removed, and always keeps a candidate.

use crate::properties::row;
use crate::support::cases;
use proptest::prelude::*;
use sampling::TokenId;
use sampling::candidates::{Candidates, ChooseError};
use sampling::params::{Kind, PARAMS, ParamSpec, ParamValue, SamplingParams};
use sampling::pipeline::{Pipeline, SequenceStart};
use sampling::profile::PROFILES;
use sampling::stages::{StepContext, stage_names};
use sampling::trace::ChoiceTrace;

/// What a value is made from: a place in its range, and bits.
type Seed = Option<(f64, u64)>;

/// A value of the table's kind; the ends of a range come often.
fn value(spec: &ParamSpec, place: f64, bits: u64) -> ParamValue {
    let id = |shift: u32| ParamValue::Int(i128::from((bits >> shift) % 40));
    let ids = || ParamValue::List((0..1 + bits % 5).map(|i| id(i as u32 * 7)).collect());
    match spec.kind {
        Kind::Float { min, above_min, max, below_max, .. } => {
            let inside = min + (max - min) * place.powi(3).max(1e-9);
            ParamValue::Float(match bits % 5 {
                0 if !above_min => min,
                1 if !below_max => max,
                _ => inside.min(max - (max - min) * 1e-9),
            })
        }
        Kind::Integer { min, max, .. } | Kind::Limits { min, max, .. } => {
            let span = (max - min).min(50) as f64;
            ParamValue::Int(min + (span * place) as i128)
        }
        Kind::Bool { .. } => ParamValue::Bool(bits.is_multiple_of(2)),
        Kind::Texts { .. } => ParamValue::List(vec![ParamValue::Str("x".to_owned())]),
        Kind::TokenIds { .. } => ids(),
        Kind::TokenLists { .. } => ParamValue::List(vec![ids(), ParamValue::List(vec![id(9)])]),
        Kind::CountAndFactor { factor_max, .. } => {
            ParamValue::List(vec![id(3), ParamValue::Float(1.0 + (factor_max - 1.0) * place)])
        }
        Kind::TokenMap { min, max, .. } => {
            let bias = |shift: u64| match (bits >> shift) % 4 {
                0 => f64::NEG_INFINITY,
                1 => min,
                2 => max,
                _ => min + (max - min) * place,
            };
            let entry = |i: u64| (((bits >> i) % 40 + 40 * i).to_string(), bias(i));
            let entries = (0..1 + bits % 4).map(entry);
            ParamValue::Map(entries.map(|(id, bias)| (id, ParamValue::Float(bias))).collect())
        }
        Kind::Choice { names, .. } => {
            ParamValue::Str(names[bits as usize % names.len()].to_owned())
        }
        Kind::Stages { .. } => {
            let mut stages: Vec<&str> = stage_names().collect();
            let count = stages.len();
            stages.rotate_left(bits as usize % count);
            stages.truncate((place * (count + 1) as f64) as usize);
            ParamValue::List(stages.into_iter().map(|s| ParamValue::Str(s.to_owned())).collect())
        }
    }
}

/// The parameters that these seeds make under a profile; what a combination refuses is left out.
fn params(seeds: &[Seed], profile: &str) -> SamplingParams {
    let mut values: Vec<(&str, ParamValue)> = PARAMS
        .iter()
        .zip(seeds)
        .filter(|(spec, _)| spec.name != "profile")
        .filter_map(|(spec, seed)| seed.map(|(place, bits)| (spec.name, value(spec, place, bits))))
        .chain([("profile", ParamValue::Str(profile.to_owned()))])
        .collect();
    loop {
        match SamplingParams::from_values(values.clone()) {
            Ok(params) => return params,
            Err(error) => {
                let before = values.len();
                values.retain(|(name, _)| *name != error.param);
                assert!(values.len() < before, "{error} is about none of {values:?}");
            }
        }
    }
}

fn seeds() -> impl Strategy<Value = Vec<Seed>> {
    let seed = proptest::option::weighted(0.15, (0.0f64..1.0, any::<u64>()));
    proptest::collection::vec(seed, PARAMS.len())
}

/// Chooses some tokens after one another, each with and without a trace.
fn check(params: &SamplingParams, row: &[f32]) -> Result<(), TestCaseError> {
    let prompt: Vec<TokenId> = (0..9).map(|token| token * 5 % 23).collect();
    let start = SequenceStart { prompt: &prompt, eos_ids: &[0], seed: 3, ..Default::default() };
    let mut pipeline = Pipeline::new(params, &start);
    let (mut candidates, mut trace) = (Candidates::new(), ChoiceTrace::new(row.len()));
    let mut generated: Vec<TokenId> = Vec::new();
    for _ in 0..4 {
        let step = StepContext::new(&prompt, &generated);
        let plain = pipeline.choose(&mut candidates, row, &step, None).expect("good logits");
        let choice = pipeline.choose(&mut candidates, row, &step, Some(&mut trace));
        let choice = choice.expect("good logits");
        prop_assert_eq!(plain, choice, "a trace changes nothing");
        prop_assert!(row[choice.token as usize].is_finite(), "an impossible token");
        prop_assert!(choice.probability > 0.0 && choice.probability <= 1.0, "{:?}", choice);
        for stage in &trace.stages {
            prop_assert!(stage.kept_count > 0, "{} kept nothing", stage.name);
            let is_removed = stage.removed.iter().any(|removed| removed.id == choice.token);
            prop_assert!(!is_removed, "{} removed {}", stage.name, choice.token);
        }
        prop_assert!(candidates.logits().iter().all(|logit| logit.is_finite()));
        prop_assert!(candidates.find(choice.token).is_some());
        let softmax = candidates.softmax();
        let sum: f64 = softmax.weights.iter().map(|weight| weight / softmax.total).sum();
        prop_assert!((sum - 1.0).abs() < 1e-9, "probabilities sum to {}", sum);
        pipeline.accept(choice.token);
        generated.push(choice.token);
    }
    Ok(())
}

proptest! {
    #![proptest_config(cases(300))]

    #[test]
    fn any_request_chooses_a_token_that_is_left(row in row(), seeds in seeds()) {
        for profile in &PROFILES {
            check(&params(&seeds, profile.name), &row)?;
        }
    }

    #[test]
    fn logits_that_are_no_numbers_are_refused_by_name(
        row in row(), seeds in seeds(), place in 0usize..1000, is_nan in any::<bool>(),
    ) {
        let (mut row, place) = (row.clone(), place % row.len());
        row[place] = if is_nan { f32::NAN } else { f32::INFINITY };
        let id = place as TokenId;
        let expected = match is_nan {
            true => ChooseError::NotANumber { id },
            false => ChooseError::PositiveInfinity { id },
        };
        for profile in &PROFILES {
            let params = params(&seeds, profile.name);
            let mut pipeline = Pipeline::new(&params, &SequenceStart::default());
            let step = StepContext::new(&[], &[]);
            let found = pipeline.choose(&mut Candidates::new(), &row, &step, None);
            prop_assert_eq!(found, Err(expected));
        }
    }
}
