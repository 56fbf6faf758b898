//! Vectors from another engine's own test: logits are ln(probabilities), results best first.

use crate::support::{assert_all_close, conformance_file, ids, number, numbers, params, run};
use serde_json::{Value, json};

#[test]
fn llamacpp_vectors() {
    let Some(file) = conformance_file("sampling/llamacpp_vectors.json") else { return };
    let mut checked = 0;
    for case in file["cases"].as_array().expect("cases") {
        let probabilities = numbers(&case["probs"]);
        let logits: Vec<f64> = probabilities.iter().map(|p| p.ln()).collect();
        let generated =
            if case["last_tokens"].is_null() { vec![] } else { ids(&case["last_tokens"]) };
        let outcome = run(&params(wishes(case)), &logits, &generated);
        let mut found = outcome.probabilities;
        found.sort_by(|a, b| b.total_cmp(a));
        // Some of these vectors keep the probabilities from before the cut; ours are renormalized.
        let mut expected = numbers(&case["expected_probs_sorted"]);
        let total: f64 = expected.iter().sum();
        expected.iter_mut().for_each(|p| *p /= total);
        let what = format!("{case}");
        assert_all_close(&found, &expected, number(&case["tolerance"]), &what);
        checked += 1;
    }
    assert_eq!(checked, 24);
}

/// The request that stands for a case.
pub fn wishes(case: &Value) -> Value {
    let value = &case["value"];
    match case["op"].as_str().expect("an operation") {
        "typical" => json!({"typical_p": value}),
        "repetition_penalties" => json!({
            "repetition_penalty": case["repeat_penalty"],
            "frequency_penalty": case["frequency"],
            "presence_penalty": case["presence"],
        }),
        name => json!({name: value}),
    }
}
