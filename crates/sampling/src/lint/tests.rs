use super::knobs::{CUTS, NEEDS, STAGE_OF};
use super::*;
use ParamValue::{Bool, Float, Int, Str};

fn list(words: &[&str]) -> ParamValue {
    ParamValue::List(words.iter().map(|word| Str((*word).to_owned())).collect())
}

fn ids(ids: &[i128]) -> ParamValue {
    ParamValue::List(ids.iter().copied().map(Int).collect())
}

fn bias(entries: &[(&str, f64)]) -> ParamValue {
    let entry = |(id, bias): &(&str, f64)| ((*id).to_owned(), Float(*bias));
    ParamValue::Map(entries.iter().map(entry).collect())
}

/// The warnings about a request that sets these values, of a model that recommends others.
fn warnings_with(
    values: &[(&'static str, ParamValue)],
    recommended: &[(&'static str, ParamValue)],
) -> Vec<Warning> {
    let given: Vec<&'static str> = values.iter().map(|(name, _)| *name).collect();
    let missing = recommended.iter().filter(|(name, _)| !given.contains(name));
    let all = values.iter().chain(missing).map(|(name, value)| (*name, value.clone()));
    let params = SamplingParams::from_values(all).expect("in range");
    lint(&Request { params: &params, given: &given, recommended, eos_ids: &[0] })
}

fn codes(values: &[(&'static str, ParamValue)]) -> Vec<&'static str> {
    let warnings = warnings_with(values, &[]);
    for warning in &warnings {
        for param in &warning.params {
            assert!(ParamSpec::find(param).is_some(), "{param} of {}", warning.code);
            let named = warning.message.contains(param) || *param == "profile";
            assert!(named, "{param}: {}", warning.message);
        }
    }
    warnings.into_iter().map(|warning| warning.code).collect()
}

fn profile(name: &str) -> (&'static str, ParamValue) {
    ("profile", Str(name.to_owned()))
}

#[test]
fn an_ordinary_request_has_no_warning() {
    assert_eq!(codes(&[]), [""; 0]);
    let ordinary = [
        ("temperature", Float(0.7)),
        ("top_p", Float(0.9)),
        ("seed", Int(3)),
        ("max_tokens", Int(100)),
        ("stop", list(&["END"])),
    ];
    assert_eq!(codes(&ordinary), [""; 0]);
    assert_eq!(codes(&[("temperature", Float(0.0))]), [""; 0]);
}

#[test]
fn cuts_and_heat_do_nothing_under_greedy() {
    let at_zero = [("temperature", Float(0.0)), ("top_p", Float(0.9)), ("seed", Int(1))];
    let found = warnings_with(&at_zero, &[]);
    assert_eq!(found[0].params, ["top_p", "seed", "temperature"]);
    assert_eq!(
        found[0].message,
        "`top_p` and `seed` do nothing: `temperature` 0 always takes the best token; raise \
         `temperature`, or leave them out"
    );
    assert_eq!(codes(&[("do_sample", Bool(false)), ("temperature", Float(0.7))]), ["greedy"]);
    assert_eq!(codes(&[("temperature", Float(0.0)), ("repetition_penalty", Float(1.1))]), [""; 0]);
    let before = [profile("llama.cpp"), ("temperature", Float(0.0)), ("typical_p", Float(0.5))];
    assert_eq!(codes(&before), [""; 0], "llama.cpp cuts before it takes the best");
}

#[test]
fn a_beam_search_draws_nothing() {
    let found = warnings_with(&[("num_beams", Int(4)), ("temperature", Float(0.7))], &[]);
    assert_eq!(found[0].params, ["temperature", "num_beams"]);
    assert!(found[0].message.contains("`num_beams` draws nothing"), "{}", found[0].message);
}

#[test]
fn one_candidate_leaves_nothing_to_others() {
    let found = warnings_with(&[("top_k", Int(1)), ("temperature", Float(0.7))], &[]);
    assert_eq!(found[0].params, ["top_k", "temperature"]);
    assert_eq!(codes(&[("min_p", Float(1.0))]), ["one_candidate"]);
    assert_eq!(codes(&[("top_p", Float(0.0))]), ["one_candidate"]);
}

#[test]
fn neutral_values_are_noticed_unless_they_undo_something() {
    assert_eq!(codes(&[("top_p", Float(1.0)), ("top_k", Int(0))]), ["neutral_value"]);
    let undone = warnings_with(&[("top_p", Float(1.0))], &[("top_p", Float(0.9))]);
    assert_eq!(undone.iter().map(|w| w.code).collect::<Vec<_>>(), ["differs_from_model"]);
    assert_eq!(codes(&[profile("llama.cpp"), ("min_p", Float(0.0))]), [""; 0]);
}

#[test]
fn what_samplers_leave_out_does_nothing() {
    let values = [("samplers", list(&["top_k"])), ("top_k", Int(5)), ("temperature", Float(0.5))];
    let found = warnings_with(&values, &[]);
    assert_eq!(found[0].code, "left_out_by_samplers");
    assert_eq!(found[0].params, ["temperature", "samplers"]);
    let order = [profile("vllm"), ("samplers", list(&["top_k"])), ("top_k", Int(5))];
    assert_eq!(codes(&order), ["order_of_samplers"]);
}

#[test]
fn ends_that_cannot_come() {
    assert_eq!(codes(&[("ignore_eos", Bool(true)), ("min_tokens", Int(3))]), ["ignore_eos"]);
    assert_eq!(codes(&[("min_tokens", Int(3)), ("max_tokens", Int(3))]), ["min_is_max"]);
    assert_eq!(codes(&[("min_tokens", Int(3)), ("stop", list(&["x"]))]), ["stop_waits"]);
    assert_eq!(codes(&[("logit_bias", bias(&[("0", f64::NEG_INFINITY)]))]), ["end_forbidden"]);
    let stops = [("logit_bias", bias(&[("0", f64::NEG_INFINITY)])), ("stop_token_ids", ids(&[4]))];
    assert_eq!(codes(&stops), [""; 0]);
}

#[test]
fn settings_that_fight() {
    let both = [("repetition_penalty", Float(1.2)), ("frequency_penalty", Float(0.8))];
    assert_eq!(codes(&both), ["penalties_add_up"]);
    let apart = [("repetition_penalty", Float(1.1)), ("presence_penalty", Float(-0.5))];
    assert_eq!(codes(&apart), ["penalties_oppose"]);
    let nuclei = [("top_p", Float(0.9)), ("typical_p", Float(0.9))];
    assert_eq!(codes(&nuclei), ["two_nuclei"]);
    let zero = [("do_sample", Bool(true)), ("temperature", Float(0.0))];
    assert_eq!(codes(&zero), ["do_sample_at_zero"]);
}

#[test]
fn profiles_speak_for_their_programs() {
    assert_eq!(codes(&[profile("vllm"), ("temperature", Float(0.005))]), ["changed_by_profile"]);
    assert_eq!(codes(&[profile("vllm"), ("typical_p", Float(0.5))]), ["not_in_profile"]);
    assert_eq!(codes(&[profile("hf"), ("top_p", Float(0.5))]), ["do_sample_missing"]);
    let said = [profile("hf"), ("top_p", Float(0.5)), ("do_sample", Bool(true))];
    assert_eq!(codes(&said), [""; 0]);
}

#[test]
fn advice() {
    assert_eq!(codes(&[("temperature", Float(1.8))]), ["hot_without_cut"]);
    assert_eq!(codes(&[("temperature", Float(1.8)), ("min_p", Float(0.1))]), [""; 0]);
    assert_eq!(codes(&[("repetition_penalty", Float(1.6))]), ["strong_repetition"]);
    assert_eq!(codes(&[("no_repeat_ngram_size", Int(1))]), ["short_runs"]);
    let found = warnings_with(&[("temperature", Float(0.2))], &[("temperature", Float(0.6))]);
    assert_eq!(found[0].code, "differs_from_model");
    assert!(found[0].message.contains("0.2") && found[0].message.contains("0.6"));
    let same = warnings_with(&[("temperature", Int(1))], &[("temperature", Float(1.0))]);
    assert_eq!(same, []);
}

#[test]
fn knobs_without_what_they_shape_do_nothing() {
    assert_eq!(codes(&[("dry_base", Float(2.0))]), ["needs_another"]);
    let found = warnings_with(&[("mirostat_tau", Float(4.0)), ("mirostat_eta", Float(0.2))], &[]);
    assert_eq!(found[0].params, ["mirostat_tau", "mirostat_eta", "mirostat"]);
    let window = warnings_with(&[("penalty_last_n", Int(20))], &[]);
    assert!(window[0].message.contains("one of them as well"), "{}", window[0].message);
    let emptied = [("penalty_last_n", Int(0)), ("presence_penalty", Float(0.4))];
    assert_eq!(codes(&emptied), ["empty_window"]);
    let xtc = [("xtc_probability", Float(0.5)), ("xtc_threshold", Float(0.6))];
    assert_eq!(codes(&xtc), ["xtc_threshold"]);
}

#[test]
fn lists_of_ids_that_exclude_each_other() {
    let both = [("allowed_token_ids", ids(&[0, 3])), ("banned_token_ids", ids(&[3]))];
    assert_eq!(codes(&both), ["allowed_and_forbidden"]);
    let raised = [("logit_bias", bias(&[("4", 2.0)])), ("allowed_token_ids", ids(&[0, 3]))];
    assert_eq!(codes(&raised), ["allowed_and_forbidden"]);
    assert_eq!(codes(&[("allowed_token_ids", ids(&[3]))]), ["end_forbidden"]);
    assert_eq!(codes(&[("banned_token_ids", ids(&[3]))]), [""; 0]);
}

#[test]
fn mirostat_and_cuts() {
    let both = [("mirostat", Int(2)), ("top_k", Int(5))];
    assert_eq!(codes(&both), ["mirostat_with_cuts"]);
    let found = warnings_with(&[profile("llama.cpp"), both[0].clone(), both[1].clone()], &[]);
    assert!(found[0].message.contains("do nothing"), "{}", found[0].message);
    assert_eq!(codes(&both[..1]), [""; 0]);
}

#[test]
fn every_name_in_the_tables_of_knobs_exists() {
    let is_param = |name: &str| ParamSpec::find(name).is_some();
    for (param, stage) in STAGE_OF {
        assert!(is_param(param), "{param}");
        assert!(crate::stages::stage_names().any(|name| name == stage), "{stage}");
    }
    for (names, needed) in NEEDS {
        let known = names.iter().chain(needed).all(|name| is_param(name));
        assert!(known || names[0] == "logprobs_mode", "{names:?}");
    }
    assert!(CUTS.iter().all(|name| is_param(name)));
}
