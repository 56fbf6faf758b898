//! logit_i /= T with T = low + (high - low) (H / ln n)^e, where low = max(0, t - range) and
//! high = t + range.
//!
//! H is the entropy of the n candidates, so T is low where the model is sure and high where it is
//! not. With a single candidate nothing happens; a T of 0 keeps the best. It takes the place of the
//! stage `temperature` when `dynatemp_range` is set. Source: llama.cpp `dynatemp_range` and
//! `dynatemp_exponent` (entropy-based dynamic temperature by kalomaze). In place of a threshold
//! traces show T.

use super::{Stage, StepContext, temperature};
use crate::candidates::Candidates;
use crate::exponential::{exp, ln};
use crate::params::TEMPERATURE_MIN;

/// A temperature that follows the entropy.
#[derive(Debug, Clone)]
pub struct DynamicTemperature {
    low: f64,
    high: f64,
    exponent: f64,
}

impl DynamicTemperature {
    /// Temperatures from `temperature` - `range`, at least 0, to `temperature` + `range`. The
    /// exponent is at least 0.
    pub fn new(temperature: f64, range: f64, exponent: f64) -> Self {
        Self { low: (temperature - range).max(0.0), high: temperature + range, exponent }
    }

    /// The temperature for a share of the largest possible entropy, in [0, 1].
    fn at(&self, share: f64) -> f64 {
        let bent = if self.exponent == 0.0 {
            1.0
        } else if share < f64::MIN_POSITIVE {
            0.0
        } else {
            exp(self.exponent * ln(share))
        };
        self.low + (self.high - self.low) * bent
    }
}

impl Stage for DynamicTemperature {
    fn name(&self) -> &'static str {
        temperature::NAME
    }

    fn apply(&mut self, candidates: &mut Candidates, _: &StepContext<'_>) -> Option<f64> {
        if candidates.len() == 1 {
            return None;
        }
        let entropy_max = ln(candidates.len() as f64);
        // Rounding can leave the share a hair outside of its range.
        let share = (candidates.softmax().entropy() / entropy_max).clamp(0.0, 1.0);
        let temperature = self.at(share);
        if temperature < TEMPERATURE_MIN {
            candidates.keep_only(candidates.best());
        } else {
            candidates.divide(temperature);
        }
        Some(temperature)
    }

    fn fork(&self) -> Box<dyn Stage> {
        Box::new(self.clone())
    }
}
