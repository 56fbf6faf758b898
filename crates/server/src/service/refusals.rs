//! Which refused requests are written down: of a client that does not stop asking not all of them,
//! or the ledger would grow by whatever it sends. The metrics count every one.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// Refused requests of a key that are written down in a minute.
const PER_MINUTE_MAX: u32 = 60;

/// What was written down in this minute, by the id of the key.
#[derive(Debug, Default)]
pub(super) struct Refusals(Mutex<ThisMinute>);

#[derive(Debug, Default)]
struct ThisMinute {
    number: u64,
    count_of_key: HashMap<String, u32>,
}

impl Refusals {
    /// Whether one more of this key, at this time since 1970, is written down.
    pub fn is_kept(&self, key_id: &str, time_ms: u64) -> bool {
        let mut now = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let number = time_ms / 60_000;
        if now.number != number {
            *now = ThisMinute { number, ..ThisMinute::default() };
        }
        let count = now.count_of_key.entry(key_id.to_owned()).or_default();
        *count = count.saturating_add(1);
        *count <= PER_MINUTE_MAX
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_does_not_stop_asking_does_not_fill_the_ledger() {
        let refusals = Refusals::default();
        let kept =
            |key: &str, time_ms| (0..1000).filter(|_| refusals.is_kept(key, time_ms)).count();
        assert_eq!(kept("a", 59_999), 60);
        assert_eq!(kept("b", 59_999), 60, "keys do not take each other's lines");
        assert_eq!(kept("a", 60_000), 60, "the next minute has its own");
    }
}
