//! Names that nobody can guess and that are never used twice.

use std::hash::{BuildHasher, Hasher, RandomState};

const LETTERS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// The id of an answer to a conversation.
pub fn chat_id() -> String {
    format!("chatcmpl-{}", random(29))
}

/// The id of a completion.
pub fn completion_id() -> String {
    format!("cmpl-{}", random(29))
}

/// The id of a call of a tool; nine letters and digits where the template insists on it.
pub fn call_id(is_short: bool) -> String {
    if is_short { random(9) } else { format!("call_{}", random(24)) }
}

/// That many letters and digits, out of the system's randomness as the standard library takes it
/// for its hash maps.
fn random(count: usize) -> String {
    let mut text = String::with_capacity(count);
    while text.len() < count {
        let mut bits = RandomState::new().build_hasher().finish();
        for _ in 0..10.min(count - text.len()) {
            text.push(char::from(LETTERS[(bits % 62) as usize]));
            bits /= 62;
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_well_formed_and_differ() {
        assert_eq!((chat_id().len(), completion_id().len()), (38, 34));
        assert_eq!((call_id(true).len(), call_id(false).len()), (9, 29));
        assert!(call_id(true).bytes().all(|byte| byte.is_ascii_alphanumeric()));
        let ids: std::collections::HashSet<String> = (0..1000).map(|_| chat_id()).collect();
        assert_eq!(ids.len(), 1000);
    }
}
