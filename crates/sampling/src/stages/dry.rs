//! Don't repeat yourself: logit_i -= multiplier base^(n_i - allowed), where n_i is the length of
//! the longest run at the end of the text that occurred earlier with i right after it, and only
//! where n_i >= allowed.
//!
//! A run never reaches over a sequence breaker, and no breaker of one token is penalized. Prompt
//! and output count, or the last `dry_penalty_last_n` tokens of them. Source: p-e-w,
//! text-generation-webui pull request 5677, exactly as llama.cpp's `dry` sampler does it: the run
//! is cut at the breaker nearest to the end, n_i is at most the distance to it, and the exponent is
//! held below where f32 overflows. A step costs time in proportion to the window. No threshold.

use super::{Reach, Stage, StepContext};
use crate::TokenId;
use crate::candidates::Candidates;
use crate::exponential::{ln, power};
use crate::params::{DryBreakers, DryParams, SamplingParams};
use crate::pipeline::SequenceStart;
use std::collections::HashMap;

/// The stage's name.
pub const NAME: &str = "dry";

/// ln of the largest f32, where llama.cpp stops its exponent.
const LARGEST_EXPONENT: f64 = 88.722_839_1;

/// Lowers tokens that would go on with a repetition.
#[derive(Debug, Clone)]
pub struct Dry {
    multiplier: f64,
    base: f64,
    allowed_length: usize,
    /// Tokens of prompt and output that are looked at; none for all.
    window: Option<usize>,
    breakers: DryBreakers,
    /// Working space: the window, last token first, and per distance from the end how long a run
    /// ends there.
    recent: Vec<TokenId>,
    runs: Vec<usize>,
    longest: HashMap<TokenId, usize>,
}

impl Dry {
    /// A stage with settings that are on, and the tokens of their breakers.
    pub fn new(settings: &DryParams, breakers: DryBreakers) -> Self {
        Self {
            multiplier: settings.multiplier,
            base: settings.base,
            allowed_length: settings.allowed_length,
            window: settings.penalty_last_n,
            breakers,
            recent: Vec::new(),
            runs: Vec::new(),
            longest: HashMap::new(),
        }
    }

    fn take_window(&mut self, step: &StepContext<'_>) {
        self.recent.clear();
        self.recent.extend(window(step, self.window));
    }

    /// How long a run at the end may be: up to the nearest breaker, all of it left out.
    fn run_max(&self) -> usize {
        for at in 0..self.recent.len() {
            // A tail follows its head, so in `recent` it stands before it, reversed.
            let follows = |tail: &&[TokenId]| {
                tail.len() <= at && tail.iter().rev().eq(&self.recent[at - tail.len()..at])
            };
            let tails = self.breakers.tails(self.recent[at]);
            if let Some(longest) = tails.filter(follows).map(<[TokenId]>::len).max() {
                return at - longest;
            }
        }
        self.recent.len()
    }

    /// Per candidate the longest run that it would extend.
    fn find_runs(&mut self, run_max: usize) {
        z_lengths(&self.recent, &mut self.runs);
        self.longest.clear();
        for distance in 1..self.recent.len() {
            let run = self.runs[distance].min(run_max);
            if run >= self.allowed_length {
                let next = self.recent[distance - 1];
                let longest = self.longest.entry(next).or_insert(run);
                *longest = run.max(*longest);
            }
        }
    }

    fn penalty(&self, run: usize) -> f64 {
        let mut exponent = run - self.allowed_length;
        if self.base > 1.000_001 {
            exponent = exponent.min((LARGEST_EXPONENT / ln(self.base)) as usize);
        }
        self.multiplier * power(self.base, exponent)
    }
}

/// The tokens that are looked at, the last one first.
fn window<'a>(step: &StepContext<'a>, length: Option<usize>) -> impl Iterator<Item = &'a TokenId> {
    let newest_first = step.generated.iter().rev().chain(step.prompt.iter().rev());
    newest_first.take(length.unwrap_or(usize::MAX))
}

/// For each start the number of items that agree with those from the first on (the Z function),
/// in linear time: a stretch known to repeat the beginning tells the lengths inside of it.
fn z_lengths(items: &[TokenId], lengths: &mut Vec<usize>) {
    lengths.clear();
    lengths.resize(items.len(), 0);
    // The stretch that reaches furthest: from `start` to before `end`.
    let (mut start, mut end) = (0, 0);
    for at in 1..items.len() {
        let mut length = if at < end { lengths[at - start].min(end - at) } else { 0 };
        while at + length < items.len() && items[length] == items[at + length] {
            length += 1;
        }
        lengths[at] = length;
        if at + length > end {
            (start, end) = (at, at + length);
        }
    }
}

pub(super) fn build(params: &SamplingParams, _: &SequenceStart<'_>) -> Option<Box<dyn Stage>> {
    let settings = &params.stages().dry;
    let on = settings.multiplier > 0.0 && settings.penalty_last_n != Some(0);
    on.then(|| Box::new(Dry::new(settings, params.dry_breakers())) as Box<dyn Stage>)
}

impl Stage for Dry {
    fn name(&self) -> &'static str {
        NAME
    }

    fn apply(&mut self, candidates: &mut Candidates, step: &StepContext<'_>) -> Option<f64> {
        self.take_window(step);
        if self.recent.len() <= self.allowed_length {
            return None;
        }
        let run_max = self.run_max();
        if run_max < self.allowed_length {
            return None;
        }
        self.find_runs(run_max);
        for (&id, &run) in &self.longest {
            if !self.breakers.is_breaker(id) {
                let penalty = self.penalty(run);
                candidates.adjust(id, |logit| logit - penalty);
            }
        }
        None
    }

    fn reach(&self) -> Reach {
        Reach::Lowers
    }

    /// Every token that occurred: which of them go on with a run is what `apply` finds out.
    fn named_ids(&self, step: &StepContext<'_>, ids: &mut Vec<TokenId>) {
        ids.extend(window(step, self.window));
    }

    fn fork(&self) -> Box<dyn Stage> {
        Box::new(self.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn z_lengths_are_those_of_plain_comparison() {
        let mut lengths = Vec::new();
        for seed in 0..500u64 {
            let draw = |at| crate::random::uniform(seed, 0, at, crate::random::Purpose::Draw);
            let letters = 1.0 + (seed % 3) as f64;
            let items: Vec<TokenId> = (0..seed % 40).map(|at| (draw(at) * letters) as _).collect();
            z_lengths(&items, &mut lengths);
            for (at, &length) in lengths.iter().enumerate().skip(1) {
                let agree = items[at..].iter().zip(&items).take_while(|(a, b)| a == b).count();
                assert_eq!(length, agree, "{items:?} at {at}");
            }
        }
    }
}
