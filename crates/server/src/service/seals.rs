//! Which saved states came from this server: going on from one is charged for its new tokens only,
//! and what an admin fixed was held to when it was made. Where nothing is fixed a state of anywhere
//! else goes on as well; its prompt is charged like any other.

use ledger::Ledger;
use serde_json::Value;

/// The field of a state that holds its seal.
const SEAL: &str = "seal";

/// Puts a seal on a state that was made under `terms`: what is fixed for everybody.
pub(super) fn put_on(ledger: &Ledger, state: &mut Value, terms: &str) {
    state[SEAL] = Value::from(ledger.seal(&sealed(state, terms)));
}

/// Takes the seal off a state; whether it is ours, fits, and was put on under these terms. What was
/// changed in a state behind its digest is refused when it is read.
pub(super) fn take_off(ledger: &Ledger, state: &mut Value, terms: &str) -> bool {
    let text = sealed(state, terms);
    let seal = state.as_object_mut().and_then(|fields| fields.shift_remove(SEAL));
    seal.as_ref().and_then(Value::as_str).is_some_and(|seal| ledger.is_seal(seal, &text))
}

/// The digest of a state has always the same length, so that the terms begin where they begin.
fn sealed(state: &Value, terms: &str) -> String {
    let digest = state["sha256"].as_str().unwrap_or_default();
    format!("{digest:.64}{terms}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_our_own_seal_on_the_same_state_under_the_same_terms_counts() {
        let ledger = || Ledger::in_memory().expect("memory");
        let (ours, others) = (ledger(), ledger());
        let state = || json!({"ids": [1], "sha256": "0".repeat(64)});
        let mut sealed = state();
        put_on(&ours, &mut sealed, "terms");
        let changed = json!({"ids": [1], "sha256": "1".repeat(64), "seal": sealed["seal"]});
        for (mut state, ledger, terms, counts) in [
            (sealed.clone(), &ours, "terms", true),
            (sealed.clone(), &ours, "", false),
            (sealed, &others, "terms", false),
            (changed, &ours, "terms", false),
            (state(), &ours, "terms", false),
            (json!({"seal": ""}), &ours, "terms", false),
            (json!([1]), &ours, "terms", false),
        ] {
            assert_eq!(take_off(ledger, &mut state, terms), counts, "{state}");
            assert!(state.get("seal").is_none());
        }
    }
}
