//! Profiles against the programs they stand for: vectors worked out by hand, cases that
//! Transformers and llama.cpp computed, and the vectors of the conformance folder.

use crate::support::{
    Outcome, assert_all_close, assert_close, conformance_file, ids, logits, numbers, own_file,
    params, run, run_after,
};
use sampling::profile::PROFILES;
use serde_json::{Value, json};

fn ln(probabilities: &[f64]) -> Vec<f64> {
    probabilities.iter().map(|p| p.ln()).collect()
}

/// The same wishes under a profile.
fn under(profile: &str, mut wishes: Value) -> Value {
    wishes["profile"] = json!(profile);
    wishes
}

fn kept(profile: &str, wishes: Value, logits: &[f64]) -> Vec<u32> {
    run(&params(under(profile, wishes)), logits, &[]).ids
}

#[test]
fn temperature_stands_before_or_after_the_cuts() {
    let logits = ln(&[0.6, 0.2, 0.12, 0.08]);
    for (profile, count) in [("jeton", 3), ("hf", 3), ("vllm", 3), ("openai", 3), ("llama.cpp", 2)]
    {
        let wishes = json!({"temperature": 2, "top_p": 0.7});
        assert_eq!(kept(profile, wishes, &logits).len(), count, "{profile}");
    }
}

#[test]
fn top_k_keeps_or_cuts_ties() {
    for (profile, expected) in [
        ("jeton", vec![0, 1]),
        ("llama.cpp", vec![0, 1]),
        ("hf", vec![0, 1, 2]),
        ("vllm", vec![0, 1, 2]),
    ] {
        let found = kept(profile, json!({"top_k": 2}), &[1.0, 0.5, 0.5, 0.0]);
        assert_eq!(found, expected, "{profile}");
    }
}

#[test]
fn boundaries_that_every_profile_shares() {
    for profile in &PROFILES {
        let name = profile.name;
        let found = kept(name, json!({"top_p": 0.8}), &ln(&[0.5, 0.3, 0.2]));
        assert_eq!(found, [0, 1], "{name}: top-p at equality");
        let found = kept(name, json!({"min_p": 0.25}), &ln(&[0.5, 0.25, 0.125, 0.125]));
        assert_eq!(found, [0, 1, 2, 3], "{name}: min-p at equality");
        let found = kept(name, json!({"temperature": 0}), &[1.0, 5.0, 5.0]);
        assert_eq!(found, [1], "{name}: the lower of equals is greedy's");
        let wishes = json!({"repetition_penalty": 2, "frequency_penalty": 0.5});
        let outcome = run(&params(under(name, wishes)), &[2.0, 0.0], &[0]);
        assert_eq!(outcome.logits, [0.5, 0.0], "{name}: repetition first");
        let outcome = run(&params(under(name, json!({"top_n_sigma": 1}))), &[3.0, 2.0, 1.0], &[]);
        assert_eq!(outcome.ids, [0], "{name}: sigma over the possible tokens");
    }
}

#[test]
fn equal_logits_at_the_edge_of_top_p() {
    for (profile, expected) in [("jeton", [0, 1, 2, 3, 4]), ("hf", [5, 6, 7, 8, 9])] {
        assert_eq!(kept(profile, json!({"top_p": 0.5}), &[0.0; 10]), expected, "{profile}");
    }
}

#[test]
fn a_temperature_near_zero() {
    let kept = |profile, temperature: f64| {
        let params = params(under(profile, json!({"temperature": temperature})));
        (params.is_greedy(), params.temperature())
    };
    assert_eq!(kept("vllm", 0.000_009), (true, 0.000_009));
    assert_eq!(kept("vllm", 0.005), (false, 0.01));
    assert_eq!(kept("llama.cpp", -0.5), (true, 0.0));
    assert_eq!(kept("llama.cpp", 1e-7), (false, 1e-7));
    assert_eq!(kept("jeton", 1e-7), (true, 1e-7));
    assert_eq!(kept("hf", 0.0), (true, 0.0));
}

/// There it is the temperature stage that takes the best.
#[test]
fn without_a_temperature_stage_llama_cpp_is_never_greedy() {
    let greedy = |profile, mut wishes: Value| {
        wishes["temperature"] = json!(0);
        params(under(profile, wishes)).is_greedy()
    };
    for (wishes, expected) in [
        (json!({}), true),
        (json!({"samplers": ["top_k"]}), false),
        (json!({"samplers": ["temperature"]}), true),
        (json!({"dynatemp_range": 0.5}), false),
        (json!({"samplers": ["top_k"], "mirostat": 2}), true),
        (json!({"samplers": ["top_k"], "do_sample": false}), true),
    ] {
        assert_eq!(greedy("llama.cpp", wishes.clone()), expected, "{wishes}");
        assert!(greedy("jeton", wishes));
    }
}

#[test]
fn mirostat_in_llama_cpp_replaces_every_other_stage() {
    let names = |profile| {
        let wishes = json!({
            "mirostat": 2, "top_k": 2, "repetition_penalty": 2, "temperature": 0.5,
            "logit_bias": {"0": 1}, "samplers": ["top_k", "mirostat"],
        });
        let outcome = run(&params(under(profile, wishes)), &[0.0, 1.0, 2.0], &[1]);
        outcome.trace.stages.iter().map(|stage| stage.name).collect::<Vec<_>>()
    };
    assert_eq!(names("llama.cpp"), ["logit_bias", "temperature", "mirostat"]);
    assert_eq!(names("jeton"), ["top_k", "mirostat"]);
}

#[test]
fn the_window_of_llama_cpp_is_64_tokens_of_prompt_and_output() {
    let prompt: Vec<u32> = [vec![1], vec![0; 62], vec![2]].concat();
    let penalized = |profile, more: Value| {
        let mut wishes = json!({"presence_penalty": 0.5});
        wishes.as_object_mut().expect("an object").extend(more.as_object().expect("one").clone());
        run_after(&params(under(profile, wishes)), &[1.0; 4], &prompt, &[3]).logits
    };
    assert_eq!(penalized("llama.cpp", json!({})), [0.5, 1.0, 0.5, 0.5]);
    assert_eq!(penalized("llama.cpp", json!({"penalty_last_n": -1})), [0.5, 0.5, 0.5, 0.5]);
    assert_eq!(penalized("llama.cpp", json!({"penalty_scope": "output"})), [1.0, 1.0, 1.0, 0.5]);
    assert_eq!(penalized("vllm", json!({})), [1.0, 1.0, 1.0, 0.5]);
}

/// llama.cpp runs its cuts before it takes the best of what they left: typical-p may remove it.
#[test]
fn greedy_in_llama_cpp_comes_after_the_cuts() {
    let logits = ln(&[0.4, 0.15, 0.15, 0.15, 0.15]);
    let wishes = json!({"typical_p": 0.5, "temperature": 0});
    assert_eq!(kept("llama.cpp", wishes.clone(), &logits), [1]);
    assert_eq!(kept("hf", wishes, &logits), [0]);
}

#[test]
fn every_profile_orders_what_it_has_and_keeps_the_rest() {
    for profile in &PROFILES {
        let wishes = json!({
            "repetition_penalty": 1.2, "frequency_penalty": 0.4, "no_repeat_ngram_size": 2,
            "logit_bias": {"3": 1.5}, "top_n_sigma": 2.5, "temperature": 0.9, "top_k": 30,
            "top_p": 0.95, "min_p": 0.01, "typical_p": 0.9, "epsilon_cutoff": 0.001,
            "eta_cutoff": 0.001,
        });
        let outcome = run(&params(under(profile.name, wishes)), &[0.0, 1.0, 2.0, 3.0], &[1]);
        let names: Vec<_> = outcome.trace.stages.iter().map(|stage| stage.name).collect();
        assert_eq!(names.len(), 12, "{}", profile.name);
        let known: Vec<_> = names.iter().copied().filter(|n| profile.has_stage(n)).collect();
        let order: Vec<_> =
            profile.order.iter().copied().filter(|name| names.contains(name)).collect();
        assert!(profile.order.is_empty() || known == order, "{}: {names:?}", profile.name);
    }
}

#[test]
fn what_a_program_refuses_is_refused() {
    for (profile, wishes, param) in [
        ("openai", json!({"temperature": 2.5}), "temperature"),
        ("openai", json!({"logit_bias": {"1": 101}}), "logit_bias"),
        ("vllm", json!({"temperature": 2.5}), "temperature"),
        ("vllm", json!({"presence_penalty": -3}), "presence_penalty"),
        ("jeton", json!({"temperature": 101}), "temperature"),
        ("hf", json!({"top_k": -1}), "top_k"),
    ] {
        let error = crate::support::try_params(under(profile, wishes)).expect_err(profile);
        assert_eq!(error.param, param, "{profile}: {}", error.message);
    }
    for (profile, wishes) in [
        ("vllm", json!({"top_k": -1, "logit_bias": {"1": 500}})),
        ("llama.cpp", json!({"top_k": -7, "temperature": -1})),
        ("hf", json!({"temperature": 5})),
    ] {
        assert!(crate::support::try_params(under(profile, wishes)).is_ok(), "{profile}");
    }
}

#[test]
fn cases_that_the_programs_computed() {
    let counts = check_cases(&own_file("profile_cases.json"));
    assert_eq!(counts, [120, 120, 120]);
}

/// A fresh file of cases, made by hand with another seed, if one is named.
#[test]
fn fresh_cases() {
    let Some(path) = std::env::var_os("JETON_PROFILE_CASES") else {
        eprintln!("skipped: JETON_PROFILE_CASES is not set");
        return;
    };
    let text = std::fs::read_to_string(path).expect("a readable file");
    let counts = check_cases(&serde_json::from_str(&text).expect("JSON"));
    eprintln!("{counts:?} cases of hf, llama.cpp and vllm");
}

/// How many cases of hf, llama.cpp and vllm held.
fn check_cases(file: &Value) -> [usize; 3] {
    let mut counts = [0; 3];
    for (index, case) in file["cases"].as_array().expect("cases").iter().enumerate() {
        let profile = case["profile"].as_str().expect("a name");
        let mut wishes = under(profile, case["params"].clone());
        wishes["eos_token_id"] = file["eos"].clone();
        let row = logits(&file["logit_sets"][case["logits"].as_str().expect("a name")]);
        let (prompt, generated) = (ids(&case["prompt"]), ids(&case["generated"]));
        let outcome = run_after(&params(wishes), &row, &prompt, &generated);
        let what = format!("case {index}: {case}");
        assert_eq!(outcome.ids, ids(&case["tokens"]), "{what}");
        assert_all_close(&outcome.probabilities, &numbers(&case["probs"]), 2e-6, &what);
        let place = ["hf", "llama.cpp", "vllm"].iter().position(|name| *name == profile);
        counts[place.expect("a program")] += 1;
    }
    counts
}

/// Every case of the conformance folder under the profile of the program that computed it. Where
/// equal logits straddle the edge of top-p its sort promises no order: as many are kept, as likely.
#[test]
fn conformance_cases_under_hf() {
    let Some(file) = conformance_file("sampling/cases_seed20261.json") else { return };
    let (mut exact, mut unordered, mut knife_edge) = (0, 0, 0);
    for case in file["cases"].as_array().expect("cases") {
        if case["knife_edge"] == true {
            knife_edge += 1;
            continue;
        }
        let row = logits(&file["logit_sets"][case["logits"].as_str().unwrap()]);
        let wishes = under("hf", crate::cases::wishes_of(&case["steps"]));
        let mut outcome: Outcome = run(&params(wishes), &row, &ids(&case["prev"]));
        let mut expected = numbers(&case["expect"]["probs"]);
        let what = format!("{}: {}", case["id"], case["steps"]);
        let has_top_p = case["steps"].to_string().contains("top_p");
        if has_top_p && case["tie_at_boundary"] == true {
            outcome.probabilities.sort_by(f64::total_cmp);
            expected.sort_by(f64::total_cmp);
            unordered += 1;
        } else {
            assert_eq!(outcome.ids, ids(&case["expect"]["tokens"]), "{what}");
            exact += 1;
        }
        assert_all_close(&outcome.probabilities, &expected, 1e-6, &what);
    }
    eprintln!("{exact} exact, {unordered} with ties at top-p, {knife_edge} on a knife's edge");
    assert_eq!(exact + unordered + knife_edge, 458);
    for case in file["greedy"].as_array().expect("greedy cases") {
        let row = logits(&file["logit_sets"][case["logits"].as_str().unwrap()]);
        for profile in &PROFILES {
            let wishes = under(profile.name, json!({"temperature": 0}));
            let token = run(&params(wishes), &row, &[]).choice.token;
            assert_eq!(json!(token), case["lowest_id"], "{}: {}", profile.name, case["id"]);
        }
    }
}

#[test]
fn llama_cpp_vectors_under_its_profile() {
    let Some(file) = conformance_file("sampling/llamacpp_vectors.json") else { return };
    for case in file["cases"].as_array().expect("cases") {
        let row = ln(&numbers(&case["probs"]));
        let last = if case["last_tokens"].is_null() { vec![] } else { ids(&case["last_tokens"]) };
        let wishes = under("llama.cpp", crate::foreign::wishes(case));
        // Its window spans prompt and output: the tokens may stand in either.
        for (prompt, generated) in [(&last[..], &[][..]), (&[][..], &last[..])] {
            let outcome = run_after(&params(wishes.clone()), &row, prompt, generated);
            let mut found = outcome.probabilities;
            found.sort_by(|a, b| b.total_cmp(a));
            let mut expected = numbers(&case["expected_probs_sorted"]);
            let total: f64 = expected.iter().sum();
            expected.iter_mut().for_each(|p| *p /= total);
            let tolerance = case["tolerance"].as_f64().expect("a number");
            assert_all_close(&found, &expected, tolerance, &format!("{case}"));
        }
    }
}

#[test]
fn probabilities_after_a_cut_are_renormalized_in_every_profile() {
    for profile in &PROFILES {
        let wishes = under(profile.name, json!({"top_k": 2, "top_p": 0.99}));
        let outcome = run(&params(wishes), &ln(&[0.5, 0.3, 0.2]), &[]);
        assert_close(outcome.probabilities.iter().sum(), 1.0, 1e-12, profile.name);
    }
}
