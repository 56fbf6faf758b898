//! The short ways through a large vocabulary give the same as the long one, bit for bit.
//!
//! A traced choice always takes the long way: it has to show every candidate.

use proptest::prelude::*;
use sampling::candidates::Candidates;
use sampling::params::{ParamValue, SamplingParams};
use sampling::pipeline::{Choice, Pipeline, SequenceStart};
use sampling::random::{Purpose, uniform};
use sampling::stages::StepContext;
use sampling::trace::ChoiceTrace;

/// How the logits of a large row lie.
#[derive(Debug, Clone, Copy)]
enum Shape {
    Peaked,
    Flat,
    /// Few distinct values: ties everywhere.
    Stepped,
    Equal,
    /// Most tokens are impossible.
    Sparse,
    /// Values at the ends of the range.
    Extreme,
}

fn row(shape: Shape, length: usize, seed: u64) -> Vec<f32> {
    let draw = |id: usize, part: u32| uniform(seed, part, id as u64, Purpose::Draw);
    let bell = |id: usize| (0..4).map(|part| draw(id, part)).sum::<f64>() - 2.0;
    let value = |id: usize| match shape {
        Shape::Peaked => bell(id) * 4.0 + if draw(id, 9) < 0.001 { 10.0 } else { 0.0 },
        Shape::Flat => bell(id) * 0.1,
        Shape::Stepped => (bell(id) * 3.0).round(),
        Shape::Equal => 1.5,
        Shape::Sparse if draw(id, 9) < 0.99 => f64::NEG_INFINITY,
        Shape::Sparse => bell(id) * 4.0,
        Shape::Extreme => [f64::from(f32::MIN), -1e-40, 0.0, 40.0][(draw(id, 9) * 4.0) as usize],
    };
    let mut row: Vec<f32> = (0..length).map(|id| value(id) as f32).collect();
    row[length / 2] = 1.0;
    row
}

fn shape() -> impl Strategy<Value = Shape> {
    prop_oneof![
        4 => Just(Shape::Peaked),
        1 => Just(Shape::Flat),
        2 => Just(Shape::Stepped),
        1 => Just(Shape::Equal),
        1 => Just(Shape::Sparse),
        1 => Just(Shape::Extreme),
    ]
}

/// Settings that have a short way, and some whose short way is closed.
fn values() -> impl Strategy<Value = Vec<(&'static str, ParamValue)>> {
    let float = |name: &'static str, weight: f64, values: std::ops::Range<f64>| {
        proptest::option::weighted(weight, values)
            .prop_map(move |value| value.map(|value| (name, ParamValue::Float(value))))
    };
    let top_k = proptest::option::weighted(0.5, 1i128..60)
        .prop_map(|k| k.map(|k| ("top_k", ParamValue::Int(k))));
    let bias = prop_oneof![-9.0..9.0, Just(f64::NEG_INFINITY), Just(100.0)];
    let biases = proptest::collection::btree_map(0u32..30_000, bias, 0..12);
    let biases = proptest::option::weighted(0.3, biases).prop_map(|map| {
        let map = map?.into_iter().map(|(id, bias)| (id.to_string(), ParamValue::Float(bias)));
        Some(("logit_bias", ParamValue::Map(map.collect())))
    });
    let all = (
        float("temperature", 0.8, 0.05..2.0),
        float("temperature", 0.1, 0.0..1e-7),
        top_k,
        float("top_p", 0.5, 0.01..1.0),
        float("min_p", 0.3, 0.0..0.5),
        float("repetition_penalty", 0.3, 0.5..2.0),
        float("frequency_penalty", 0.3, -2.0..2.0),
        biases,
        own_stages(),
    );
    all.prop_map(|(a, b, c, d, e, f, g, h, own)| {
        let temperature = if b.is_some() { b } else { a };
        [temperature, c, d, e, f, g, h].into_iter().flatten().chain(own).collect()
    })
}

/// Stages that name ids, or that come after the few largest logits.
fn own_stages() -> impl Strategy<Value = Vec<(&'static str, ParamValue)>> {
    let ids = || proptest::collection::vec(0i128..30_000, 1..5);
    let list = |ids: Vec<i128>| ParamValue::List(ids.into_iter().map(ParamValue::Int).collect());
    let option = |name: &'static str, values: BoxedStrategy<ParamValue>| {
        proptest::option::weighted(0.15, values).prop_map(move |value| Some((name, value?)))
    };
    let float = |range: std::ops::Range<f64>| range.prop_map(ParamValue::Float).boxed();
    let words = proptest::collection::vec(ids().prop_map(list), 1..4).prop_map(ParamValue::List);
    let decay = (0i128..20, 0.5f64..3.0)
        .prop_map(|(n, f)| ParamValue::List(vec![ParamValue::Int(n), ParamValue::Float(f)]));
    let all = (
        option("banned_token_ids", ids().prop_map(list).boxed()),
        option("bad_words_ids", words.boxed()),
        option("dry_multiplier", float(0.1..3.0)),
        option("exponential_decay_length_penalty", decay.boxed()),
        option("top_h", float(0.01..1.0)),
        option("dynatemp_range", float(0.1..1.0)),
        option("xtc_probability", float(0.1..1.0)),
        option("tail_free", float(0.1..1.0)),
        option("mirostat", (1i128..3).prop_map(ParamValue::Int).boxed()),
    );
    all.prop_map(|(a, b, c, d, e, f, g, h, i)| {
        [a, b, c, d, e, f, g, h, i].into_iter().flatten().collect()
    })
}

fn choose(
    values: &[(&str, ParamValue)],
    logits: &[f32],
    generated: &[u32],
    trace: Option<&mut ChoiceTrace>,
) -> (Choice, Vec<u32>, Vec<u64>) {
    let no_breakers = ("dry_sequence_breakers", ParamValue::List(Vec::new()));
    let values = values.iter().cloned().chain([no_breakers]);
    let params = SamplingParams::from_values(values).expect("in range");
    let start =
        SequenceStart { generated, eos_ids: &[9, 15_000], seed: 3, ..SequenceStart::default() };
    let mut candidates = Candidates::new();
    let step = StepContext::new(&[], generated);
    let mut pipeline = Pipeline::new(&params, &start);
    let choice = pipeline.choose(&mut candidates, logits, &step, trace).expect("good logits");
    let logits = candidates.logits().iter().map(|logit| logit.to_bits()).collect();
    (choice, candidates.ids().to_vec(), logits)
}

proptest! {
    #![proptest_config(crate::support::cases(400))]

    #[test]
    fn the_short_way_ends_where_the_long_way_does(
        values in values(),
        shape in shape(),
        length in 20_000usize..60_000,
        seed in any::<u64>(),
        generated in proptest::collection::vec(0u32..30_000, 0..40),
    ) {
        let logits = row(shape, length, seed);
        let best = (0..length).max_by(|&a, &b| logits[a].total_cmp(&logits[b])).unwrap() as u32;
        // The likeliest tokens are those that were generated before, as in a loop.
        let generated: Vec<u32> = generated.iter().flat_map(|&id| [id, best]).collect();
        let mut trace = ChoiceTrace::new(0);
        let long = choose(&values, &logits, &generated, Some(&mut trace));
        let short = choose(&values, &logits, &generated, None);
        prop_assert_eq!(long, short);
    }
}

#[test]
fn bad_logits_are_found_on_the_short_way() {
    let values = [("top_k", ParamValue::Int(5))];
    for (bad, message) in [(f32::NAN, "40001 is NaN"), (f32::INFINITY, "40001 is +inf")] {
        let mut logits = row(Shape::Peaked, 50_000, 1);
        logits[40_001] = bad;
        let params = SamplingParams::from_values(values.iter().cloned()).expect("in range");
        let mut pipeline = Pipeline::new(&params, &SequenceStart::default());
        let step = StepContext::new(&[], &[]);
        let error = pipeline.choose(&mut Candidates::new(), &logits, &step, None).unwrap_err();
        assert!(error.to_string().contains(message), "{error}");
    }
    let impossible = vec![f32::NEG_INFINITY; 50_000];
    let mut pipeline = Pipeline::new(&SamplingParams::default(), &SequenceStart::default());
    let step = StepContext::new(&[], &[]);
    assert!(pipeline.choose(&mut Candidates::new(), &impossible, &step, None).is_err());
}
