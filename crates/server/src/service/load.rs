//! How fast requests end, so that one that is turned away can be told when to come again.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Endings that are looked back on.
const ENDINGS_MAX: usize = 64;
/// Longest wait that is told: by then everything may be different.
const WAIT_MAX: Duration = Duration::from_secs(60);

/// When the last requests ended.
#[derive(Default)]
pub(super) struct Load {
    endings: Mutex<VecDeque<Instant>>,
}

impl Load {
    /// A request ended and its place is free.
    pub fn ended(&self, at: Instant) {
        let mut endings = self.endings.lock().unwrap_or_else(PoisonError::into_inner);
        endings.push_back(at);
        if endings.len() > ENDINGS_MAX {
            endings.pop_front();
        }
    }

    /// How long it takes until a place is free, as things went lately: the mean time between two
    /// endings, and no less than a second.
    pub fn wait_for_place(&self, now: Instant) -> Duration {
        let endings = self.endings.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(first) = endings.front() else { return Duration::from_secs(1) };
        // The time since the last ending counts as well: when nothing ends any more, it grows.
        let mean = now.saturating_duration_since(*first) / endings.len() as u32;
        mean.clamp(Duration::from_secs(1), WAIT_MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_is_the_mean_time_between_endings() {
        let start = Instant::now();
        let at = |seconds: u64| start + Duration::from_secs(seconds);
        let load = Load::default();
        assert_eq!(load.wait_for_place(at(5)), Duration::from_secs(1));
        for ending in [0, 4, 8] {
            load.ended(at(ending));
        }
        assert_eq!(load.wait_for_place(at(12)), Duration::from_secs(4));
        assert_eq!(load.wait_for_place(at(10_000)), WAIT_MAX);
        for ending in 8..8 + ENDINGS_MAX as u64 {
            load.ended(at(ending));
        }
        assert_eq!(load.wait_for_place(at(72)), Duration::from_secs(1));
    }
}
