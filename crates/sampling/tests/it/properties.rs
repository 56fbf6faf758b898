//! Laws that hold for every row of logits and every setting.

use crate::support::run;
use proptest::prelude::*;
use sampling::TokenId;
use sampling::candidates::Candidates;
use sampling::logprobs::logprobs;
use sampling::params::{ParamValue, SamplingParams};
use sampling::pipeline::{Pipeline, SequenceStart};
use sampling::selector::Selector;
use sampling::stages::StepContext;

/// Values that models really give, and those that break careless arithmetic.
fn logit() -> impl Strategy<Value = f32> {
    prop_oneof![
        8 => -20.0f32..20.0,
        4 => (-4i8..4).prop_map(|step| f32::from(step) * 0.5),
        2 => Just(f32::NEG_INFINITY),
        1 => prop_oneof![Just(f32::MAX), Just(f32::MIN), Just(1e4), Just(-1e4)],
        1 => prop_oneof![Just(1e-40f32), Just(-1e-40), Just(0.0), Just(-0.0)],
    ]
}

/// A row with at least one possible token.
pub fn row() -> impl Strategy<Value = Vec<f32>> {
    let mixed = proptest::collection::vec(logit(), 1..200);
    let equal = (logit(), 1usize..600).prop_map(|(value, length)| vec![value; length]);
    // Wide nuclei, which take several stretches of sorting.
    let flat = proptest::collection::vec(-1.0f32..1.0, 300..1500);
    prop_oneof![6 => mixed, 1 => equal, 1 => flat]
        .prop_filter("one token is possible", |row| row.iter().any(|logit| logit.is_finite()))
}

fn params() -> impl Strategy<Value = SamplingParams> {
    let float = |name: &'static str, values: std::ops::Range<f64>| {
        proptest::option::weighted(0.3, values)
            .prop_map(move |value| value.map(|value| (name, ParamValue::Float(value))))
    };
    let count = |name: &'static str, values: std::ops::Range<i128>| {
        proptest::option::weighted(0.3, values)
            .prop_map(move |value| value.map(|value| (name, ParamValue::Int(value))))
    };
    let filters = (
        float("top_p", 0.001..1.0),
        float("min_p", 0.0..1.0),
        float("typical_p", 0.001..1.0),
        float("epsilon_cutoff", 0.0..0.999),
        float("eta_cutoff", 0.0..0.999),
        float("top_n_sigma", 0.0..4.0),
        count("top_k", 0..80),
    );
    let rest = (
        float("temperature", 0.0..3.0),
        float("repetition_penalty", 0.01..100.0),
        float("frequency_penalty", -100.0..100.0),
        float("presence_penalty", -100.0..100.0),
        count("no_repeat_ngram_size", 1..4),
        biases(),
    );
    (filters, rest).prop_map(|((a, b, c, d, e, f, g), (h, i, j, k, l, m))| {
        let values = [a, b, c, d, e, f, g, h, i, j, k, l, m].into_iter().flatten();
        SamplingParams::from_values(values).expect("in range")
    })
}

fn biases() -> impl Strategy<Value = Option<(&'static str, ParamValue)>> {
    let bias = prop_oneof![-1e6..1e6, Just(f64::NEG_INFINITY), Just(-100.0), Just(100.0)];
    let map = proptest::collection::btree_map(0u32..40, bias, 0..40);
    proptest::option::weighted(0.3, map).prop_map(|map| {
        let map = map?.into_iter().map(|(id, bias)| (id.to_string(), ParamValue::Float(bias)));
        Some(("logit_bias", ParamValue::Map(map.collect())))
    })
}

proptest! {
    #![proptest_config(crate::support::cases(1500))]

    /// Nothing panics, a candidate is always left, and the token taken is one of those left.
    #[test]
    fn a_possible_token_is_always_chosen(
        row in row(),
        params in params(),
        generated in proptest::collection::vec(0u32..60, 0..30),
    ) {
        let outcome = run(&params, &row, &generated);
        prop_assert!(!outcome.ids.is_empty());
        prop_assert!(outcome.ids.windows(2).all(|pair| pair[0] < pair[1]));
        prop_assert!(outcome.ids.iter().all(|&id| row[id as usize].is_finite()));
        let sum: f64 = outcome.probabilities.iter().sum();
        prop_assert!((sum - 1.0).abs() < 1e-12);

        let index = outcome.ids.binary_search(&outcome.choice.token).expect("one of those left");
        prop_assert!(outcome.probabilities[index] > 0.0);
        prop_assert_eq!(outcome.choice.probability, outcome.probabilities[index]);
        prop_assert_eq!(outcome.choice.nucleus_size, outcome.ids.len());

        let mut left = outcome.trace.possible_count;
        for stage in &outcome.trace.stages {
            prop_assert_eq!(stage.before_count, left);
            prop_assert!((1..=left).contains(&stage.kept_count), "{:?}", stage);
            prop_assert_eq!(stage.before_count - stage.kept_count, stage.removed.len());
            prop_assert!((0.0..=1.0).contains(&stage.kept_mass) && stage.entropy >= 0.0);
            left = stage.kept_count;
        }
        if let Some(draw) = outcome.trace.draw {
            prop_assert!(draw.low <= draw.uniform + 1e-12 && draw.uniform < draw.high + 1e-12);
        }
        if params.is_greedy() {
            prop_assert_eq!(outcome.ids.len(), 1);
        }
    }

    /// Any bit pattern is either sampled from or refused.
    #[test]
    fn no_row_panics(bits in proptest::collection::vec(any::<u32>(), 0..40), params in params()) {
        let row: Vec<f32> = bits.into_iter().map(f32::from_bits).collect();
        let start =
            SequenceStart {
                prompt: &[],
                generated: &[],
                eos_ids: &[],
                seed: 3,
                choice_index: 0,
                stage_state: &[],
            };
        let mut pipeline = Pipeline::new(&params, &start);
        let step = StepContext::new(&[], &[]);
        let chosen = pipeline.choose(&mut Candidates::new(), &row, &step, None);
        let good = row.iter().any(|logit| logit.is_finite())
            && row.iter().all(|&logit| logit < f32::INFINITY);
        prop_assert_eq!(chosen.is_ok(), good);
    }

    /// top-k and top-p against the definition, computed by a full sort.
    #[test]
    fn filters_agree_with_a_full_sort(row in row(), k in 1usize..100, p in 0.001f64..1.0) {
        let mut ranked: Vec<TokenId> =
            (0..row.len() as TokenId).filter(|&id| row[id as usize].is_finite()).collect();
        ranked.sort_by(|&a, &b| row[b as usize].partial_cmp(&row[a as usize]).expect("finite"));

        let top_k = with(&row, "top_k", ParamValue::Int(k as i128));
        let mut expected = ranked[..k.min(ranked.len())].to_vec();
        expected.sort_unstable();
        prop_assert_eq!(top_k, expected);

        let best = f64::from(row[ranked[0] as usize]);
        let weight = |&id: &TokenId| (f64::from(row[id as usize]) - best).exp();
        let total: f64 = ranked.iter().map(weight).sum();
        let mass = |ids: &[TokenId]| ids.iter().map(weight).sum::<f64>() / total;
        let top_p = with(&row, "top_p", ParamValue::Float(p));
        prop_assert!(mass(&top_p) >= p - 1e-12);
        prop_assert!(mass(&ranked[..top_p.len() - 1]) <= p + 1e-12, "one fewer would not do");
        let mut expected = ranked[..top_p.len()].to_vec();
        expected.sort_unstable();
        prop_assert_eq!(top_p, expected);
    }

    /// The same seed and step give the same token; a history is only as long as its steps.
    #[test]
    fn a_draw_depends_on_seed_choice_and_step_only(
        row in row(),
        seed: u64,
        choice_index: u32,
        step: u64,
    ) {
        let draw = |generated: &[TokenId]| {
            let start = SequenceStart {
                prompt: &[],
                generated,
                eos_ids: &[],
                seed,
                choice_index,
                stage_state: &[],
            };
            let mut pipeline = Pipeline::new(&SamplingParams::default(), &start);
            let context = StepContext { prompt: &[], generated, step, mask: None };
            pipeline.choose(&mut Candidates::new(), &row, &context, None).expect("good").token
        };
        prop_assert_eq!(draw(&[]), draw(&[1, 2, 3]));
    }

    /// Every number of the unit interval falls into exactly the interval of its token.
    #[test]
    fn draws_fall_into_their_interval(row in row(), uniform in 0.0f64..1.0) {
        let mut candidates = Candidates::new();
        candidates.load(&row).expect("good logits");
        let selection = Selector::Categorical.select(&mut candidates, || uniform);
        let softmax = candidates.softmax();
        let before: f64 = softmax.weights[..selection.index].iter().sum::<f64>() / softmax.total;
        let own = softmax.weights[selection.index] / softmax.total;
        prop_assert!(own > 0.0);
        prop_assert!(before <= uniform + 1e-12 && uniform < before + own + 1e-12);
    }

    /// Log-probabilities are those of a softmax computed the plain way.
    #[test]
    fn logprobs_are_normalized(row in row(), count in 0usize..21) {
        let chosen = row.len() as TokenId / 2;
        let found = logprobs(&row, chosen, count).expect("good logits");
        let best = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let weight = |logit: f32| (f64::from(logit) - f64::from(best)).exp();
        let total: f64 = row.iter().copied().map(weight).sum();
        for token in &found.top {
            let expected = weight(row[token.id as usize]) / total;
            prop_assert!((token.logprob.exp() - expected).abs() < 1e-12);
        }
        let possible = row.iter().filter(|logit| logit.is_finite()).count();
        prop_assert_eq!(found.top.len(), count.min(possible));
        if let Some(place) = found.top.iter().position(|token| token.id == chosen) {
            prop_assert_eq!(place, found.rank);
        }
    }
}

fn with(row: &[f32], name: &str, value: ParamValue) -> Vec<TokenId> {
    let params = SamplingParams::from_values([(name, value)]).expect("in range");
    run(&params, row, &[]).ids
}
