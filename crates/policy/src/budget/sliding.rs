//! What happened in the last 60 seconds, in buckets of one second.
//!
//! A bucket counts until 60 seconds after its end, so that no 60 seconds whatever hold more than
//! the limit; an event counts for 60 to 61 seconds. At most 61 buckets are kept.

use std::collections::VecDeque;

const SECONDS: u64 = 61;

/// A sum over the last 60 seconds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Sliding {
    /// Second and amount, the oldest first.
    buckets: VecDeque<(u64, u64)>,
    sum: u64,
}

impl Sliding {
    /// Forgets what is over. A clock that went back takes what was counted with it.
    pub fn advance(&mut self, now_ms: u64) {
        let now = now_ms / 1000;
        while let Some(&(second, amount)) = self.buckets.front()
            && second + SECONDS <= now
        {
            self.buckets.pop_front();
            self.sum = self.sum.saturating_sub(amount);
        }
        let is_ahead = self.buckets.back().is_some_and(|&(second, _)| second > now);
        if is_ahead {
            let amount = self.sum;
            self.buckets.clear();
            self.buckets.push_back((now, amount));
        }
    }

    /// Counts an amount; [`advance`](Self::advance) comes before.
    pub fn add(&mut self, now_ms: u64, amount: u64) {
        // What does not fit into the sum is not remembered either, so that they agree.
        let amount = amount.min(u64::MAX - self.sum);
        if amount == 0 {
            return;
        }
        self.sum += amount;
        let now = now_ms / 1000;
        match self.buckets.back_mut() {
            Some((second, before)) if *second == now => *before += amount,
            _ => self.buckets.push_back((now, amount)),
        }
    }

    /// The sum, as of the last [`advance`](Self::advance).
    pub fn sum(&self) -> u64 {
        self.sum
    }

    /// When the sum will have sunk to `most`, if nothing is added; now when it has.
    pub fn sinks_to_ms(&self, most: u64, now_ms: u64) -> u64 {
        let mut left = self.sum;
        let mut at_ms = now_ms;
        for &(second, amount) in &self.buckets {
            if left <= most {
                break;
            }
            left -= amount;
            at_ms = (second + SECONDS).saturating_mul(1000);
        }
        at_ms
    }
}
