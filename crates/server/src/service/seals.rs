//! Which saved states came from this server, so that going on from one is charged for its new
//! tokens only. A state of anywhere else goes on as well; its prompt is charged like any other.

use model::sha256_hex;
use serde_json::Value;

/// The field of a state that holds its seal.
const SEAL: &str = "seal";

/// Makes and checks seals, with a secret that lives as long as the process.
pub(super) struct Seals {
    secret: String,
}

impl Seals {
    /// With this secret.
    pub fn new(secret: String) -> Self {
        Seals { secret }
    }

    /// Puts a seal on a state.
    pub fn seal(&self, state: &mut Value) {
        state[SEAL] = Value::from(self.seal_of(state));
    }

    /// Takes the seal off a state; whether it was ours and fits. What was changed in a state
    /// behind its digest is refused when it is read.
    pub fn take_off(&self, state: &mut Value) -> bool {
        let expected = self.seal_of(state);
        let seal = state.as_object_mut().and_then(|fields| fields.shift_remove(SEAL));
        seal.is_some_and(|seal| seal == expected.as_str())
    }

    /// The digest of a state has always the same length, so that nothing can be added behind it.
    fn seal_of(&self, state: &Value) -> String {
        let digest = state["sha256"].as_str().unwrap_or_default();
        sha256_hex(format!("{}{digest:.64}", self.secret).as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_our_own_seal_on_the_same_state_counts() {
        let (ours, others) = (Seals::new("a".repeat(32)), Seals::new("b".repeat(32)));
        let state = || json!({"ids": [1], "sha256": "0".repeat(64)});
        let mut sealed = state();
        ours.seal(&mut sealed);
        let changed = json!({"ids": [1], "sha256": "1".repeat(64), "seal": sealed["seal"]});
        for (mut state, seals, counts) in [
            (sealed.clone(), &ours, true),
            (sealed, &others, false),
            (changed, &ours, false),
            (state(), &ours, false),
            (json!({"seal": ""}), &ours, false),
            (json!([1]), &ours, false),
        ] {
            assert_eq!(seals.take_off(&mut state), counts, "{state}");
            assert!(state.get("seal").is_none());
        }
    }
}
