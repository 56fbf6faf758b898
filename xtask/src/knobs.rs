//! Pictures of what each knob does to one distribution, drawn from the real pipeline.
//!
//! The distribution, the text before it and the values shown are fixed, so the pictures are the
//! same wherever they are made.

use crate::bars::{self, Bar};
use sampling::candidates::Candidates;
use sampling::params::{ParamValue, SamplingParams};
use sampling::pipeline::{Pipeline, SequenceStart};
use sampling::stages::StepContext;
use sampling::trace::ChoiceTrace;

/// The next token's probabilities before any stage, in percent; names of the tokens.
const DISTRIBUTION: &[(&str, f64)] = &[
    ("the", 30.0),
    ("a", 20.0),
    ("cat", 13.0),
    ("dog", 10.0),
    ("sea", 8.0),
    ("sun", 6.0),
    ("old", 4.5),
    ("end", 3.5),
    ("red", 2.5),
    ("ink", 1.5),
    ("owl", 0.7),
    ("zoo", 0.3),
];

/// Logit of a token of probability 1. Above zero, as most logits of likely tokens are, so that
/// dividing one makes it smaller.
const LOGIT_TOP: f64 = 6.0;

/// The text before: "the cat sea the cat", of which the last two tokens were generated.
const PROMPT: &[u32] = &[0, 2, 4];
const GENERATED: &[u32] = &[0, 2];

/// A knob turned to a value, together with what it needs beside it.
struct Example {
    knob: &'static str,
    values: &'static [(&'static str, f64)],
}

const fn one(knob: &'static str, values: &'static [(&'static str, f64)]) -> Example {
    Example { knob, values }
}

/// What the pictures show. A knob that only goes with others is shown with them.
const EXAMPLES: &[Example] = &[
    one("temperature", &[("temperature", 0.5)]),
    one("top_k", &[("top_k", 5.0)]),
    one("top_p", &[("top_p", 0.8)]),
    one("min_p", &[("min_p", 0.2)]),
    one("top_n_sigma", &[("top_n_sigma", 1.0)]),
    one("typical_p", &[("typical_p", 0.5)]),
    one("epsilon_cutoff", &[("epsilon_cutoff", 0.04)]),
    one("eta_cutoff", &[("eta_cutoff", 0.1)]),
    one("repetition_penalty", &[("repetition_penalty", 1.3)]),
    one("frequency_penalty", &[("frequency_penalty", 1.0)]),
    one("presence_penalty", &[("presence_penalty", 1.0)]),
    one("no_repeat_ngram_size", &[("no_repeat_ngram_size", 2.0)]),
    one("penalty_last_n", &[("repetition_penalty", 1.3), ("penalty_last_n", 1.0)]),
    one("dry_multiplier", &[("dry_multiplier", 0.8)]),
    one("dry_base", &[("dry_multiplier", 0.8), ("dry_allowed_length", 1.0), ("dry_base", 3.0)]),
    one("dry_allowed_length", &[("dry_multiplier", 0.8), ("dry_allowed_length", 1.0)]),
    one("dynatemp_range", &[("temperature", 1.0), ("dynatemp_range", 0.8)]),
    one("dynatemp_exponent", &[("dynatemp_range", 0.8), ("dynatemp_exponent", 4.0)]),
    one("smoothing_factor", &[("smoothing_factor", 0.4)]),
    one("smoothing_curve", &[("smoothing_factor", 0.4), ("smoothing_curve", 3.0)]),
    one("top_h", &[("top_h", 0.5)]),
    one("tail_free", &[("tail_free", 0.8)]),
    one("top_a", &[("top_a", 0.6)]),
    one("xtc_probability", &[("xtc_probability", 1.0)]),
    one("xtc_threshold", &[("xtc_probability", 1.0), ("xtc_threshold", 0.15)]),
    one("mirostat", &[("mirostat", 2.0), ("mirostat_tau", 2.0)]),
    one("mirostat_tau", &[("mirostat", 2.0), ("mirostat_tau", 1.2)]),
    one("adaptive_target", &[("adaptive_target", 0.1)]),
];

/// Every picture: the parameter it belongs to and its SVG.
pub fn pictures() -> Vec<(&'static str, String)> {
    let known = |example: &&Example| sampling::params::ParamSpec::find(example.knob).is_some();
    EXAMPLES.iter().filter(known).map(|example| (example.knob, picture(example))).collect()
}

/// Where the picture of a parameter lies, below the folder of the pages.
pub fn path(knob: &str) -> String {
    format!("knobs/{knob}.svg")
}

/// What a picture shows, in words.
pub fn caption(knob: &str) -> Option<String> {
    let example = EXAMPLES.iter().find(|example| example.knob == knob)?;
    let values = example.values.iter().map(|(name, value)| format!("{name} {value}"));
    Some(values.collect::<Vec<String>>().join(", "))
}

fn picture(example: &Example) -> String {
    let before = probabilities(&[]);
    let after = probabilities(example.values);
    let bars: Vec<Bar> = DISTRIBUTION
        .iter()
        .enumerate()
        .map(|(index, (name, _))| Bar {
            name,
            before: before[index].unwrap_or(0.0),
            after: after[index],
            is_said: PROMPT.contains(&(index as u32)),
        })
        .collect();
    bars::svg(&caption(example.knob).unwrap_or_default(), &bars)
}

/// Each token's probability after the stages of `values`; none where it was removed.
fn probabilities(values: &[(&str, f64)]) -> Vec<Option<f64>> {
    let number = |value: f64| match value.fract() == 0.0 {
        true => ParamValue::Int(value as i128),
        false => ParamValue::Float(value),
    };
    let values: Vec<(&str, ParamValue)> =
        values.iter().map(|&(name, value)| (name, number(value))).collect();
    let params = SamplingParams::from_values(values).expect("the examples are valid");
    let start =
        SequenceStart { prompt: PROMPT, generated: GENERATED, seed: 1, ..SequenceStart::default() };
    let mut pipeline = Pipeline::new(&params, &start);
    let logits: Vec<f64> =
        DISTRIBUTION.iter().map(|(_, percent)| LOGIT_TOP + (percent / 100.0).ln()).collect();
    let step = StepContext::new(PROMPT, GENERATED);
    let mut trace = ChoiceTrace::new(DISTRIBUTION.len());
    pipeline
        .choose(&mut Candidates::new(), &logits, &step, Some(&mut trace))
        .expect("the distribution can be sampled from");
    let mut after = vec![None; DISTRIBUTION.len()];
    for entry in &trace.final_top {
        after[entry.id as usize] = Some(entry.probability);
    }
    after
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_example_changes_the_distribution() {
        let before = probabilities(&[]);
        let sum: f64 = before.iter().flatten().sum();
        assert!((sum - 1.0).abs() < 1e-9);
        for example in EXAMPLES {
            let after = probabilities(example.values);
            let change: f64 = before
                .iter()
                .zip(&after)
                .map(|(before, after)| (before.unwrap_or(0.0) - after.unwrap_or(0.0)).abs())
                .sum();
            assert!(change > 0.02, "{} shows {change}", example.knob);
        }
    }
}
