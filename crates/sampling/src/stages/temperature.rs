//! logit_i /= T, so that p_i = exp(logit_i / T) / sum_j exp(logit_j / T).
//!
//! T < 1 sharpens, T > 1 flattens. Source: Ackley, Hinton, Sejnowski 1985; OpenAI `temperature`.
//! T = 0 is no stage but the greedy selector. With `dynatemp_range` the stage of
//! `dynamic_temperature` takes this one's place. No threshold.

use super::dynamic_temperature::DynamicTemperature;
use super::{Reach, Stage, StepContext};
use crate::candidates::Candidates;
use crate::params::SamplingParams;
use crate::pipeline::SequenceStart;

/// The stage's name.
pub const NAME: &str = "temperature";

/// Divides logits.
#[derive(Debug, Clone)]
pub struct Temperature {
    temperature: f64,
}

impl Temperature {
    /// A positive temperature.
    pub fn new(temperature: f64) -> Self {
        Self { temperature }
    }
}

pub(super) fn build(params: &SamplingParams, _: &SequenceStart<'_>) -> Option<Box<dyn Stage>> {
    let temperature = params.temperature();
    let (range, exponent) = (params.stages().dynatemp_range, params.stages().dynatemp_exponent);
    if range > 0.0 {
        return Some(Box::new(DynamicTemperature::new(temperature, range, exponent)));
    }
    (temperature != 1.0).then(|| Box::new(Temperature::new(temperature)) as Box<dyn Stage>)
}

impl Stage for Temperature {
    fn name(&self) -> &'static str {
        NAME
    }

    fn apply(&mut self, candidates: &mut Candidates, _: &StepContext<'_>) -> Option<f64> {
        candidates.divide(self.temperature);
        None
    }

    fn reach(&self) -> Reach {
        Reach::Divides(self.temperature)
    }

    fn fork(&self) -> Box<dyn Stage> {
        Box::new(self.clone())
    }
}
