//! Parameters about a thought before the answer: whether, how long, and what is kept for the rest.

use super::{ParamError, SamplingParams};

/// Words for how much to think, least first.
pub const REASONING_EFFORTS: &[&str] =
    &["none", "minimal", "low", "medium", "high", "xhigh", "max"];

/// What a word of `reasoning_effort` means where nobody says otherwise: a budget that is a share of
/// the limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EffortShare {
    /// The word.
    pub word: &'static str,
    /// The share, in percent.
    pub percent: usize,
    /// The most tokens that it comes to.
    pub tokens_max: Option<usize>,
}

/// The shares of OpenRouter's documentation of reasoning tokens, for every word but `none`.
pub const EFFORT_SHARES: &[EffortShare] = &[
    EffortShare { word: "minimal", percent: 10, tokens_max: Some(1024) },
    EffortShare { word: "low", percent: 20, tokens_max: Some(4096) },
    EffortShare { word: "medium", percent: 50, tokens_max: Some(16_384) },
    EffortShare { word: "high", percent: 80, tokens_max: Some(65_536) },
    EffortShare { word: "xhigh", percent: 95, tokens_max: None },
    EffortShare { word: "max", percent: 100, tokens_max: None },
];

impl EffortShare {
    /// The share of a word; none for `none` and for what is no such word.
    pub fn of(word: &str) -> Option<&'static EffortShare> {
        EFFORT_SHARES.iter().find(|share| share.word == word)
    }
}

/// What a request says about thinking.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct ThinkingParams {
    pub enable: Option<bool>,
    pub budget: Option<usize>,
    pub answer_reserve: usize,
    pub effort: Option<&'static str>,
    pub stop_in_thinking: bool,
}

impl SamplingParams {
    /// Whether the model is asked to think or not to; none leaves it to the model.
    pub fn enable_thinking(&self) -> Option<bool> {
        self.thinking.enable
    }

    /// Most tokens of thought; none bounds it by nothing but the limit.
    pub fn thinking_budget(&self) -> Option<usize> {
        self.thinking.budget
    }

    /// Tokens of `max_tokens` that the thought leaves to the answer; 0 keeps none.
    pub fn answer_reserve(&self) -> usize {
        self.thinking.answer_reserve
    }

    /// One of [`REASONING_EFFORTS`], where the request names one.
    pub fn reasoning_effort(&self) -> Option<&'static str> {
        self.thinking.effort
    }

    /// Whether stop strings are looked for in thoughts as well.
    pub fn stop_in_thinking(&self) -> bool {
        self.thinking.stop_in_thinking
    }

    /// Refuses a budget that is above the limit: whoever asks for both has mixed them up. A bound
    /// that others set may be above it and counts as it is, since one made smaller would end
    /// thoughts elsewhere than under a larger limit.
    ///
    /// # Errors
    /// The budget is above `max_tokens`.
    pub fn check_budget_fits(&self) -> Result<(), ParamError> {
        let Some(budget) = self.thinking.budget else { return Ok(()) };
        match self.max_tokens().filter(|&max_tokens| budget > max_tokens) {
            Some(max_tokens) => Err(does_not_fit("thinking_budget", max_tokens, budget)),
            None => Ok(()),
        }
    }

    /// Refuses numbers that do not fit together, whatever the model.
    pub(super) fn check_thinking(&self) -> Result<(), ParamError> {
        let (budget, reserve) = (self.thinking.budget, self.thinking.answer_reserve);
        let asked = budget.unwrap_or(0).saturating_add(reserve);
        if let Some(max_tokens) = self.max_tokens().filter(|&max| reserve > 0 && asked > max) {
            let (param, given) = match budget {
                Some(budget) => {
                    ("thinking_budget", format!("{budget} + `answer_reserve` {reserve} = {asked}"))
                }
                None => ("answer_reserve", reserve.to_string()),
            };
            return Err(does_not_fit(param, max_tokens, given));
        }
        let off = self.thinking.enable == Some(false);
        if let Some(budget) = budget.filter(|&budget| budget > 0 && off) {
            let message = format!(
                "`thinking_budget` must be 0 or absent where `enable_thinking` is false; \
                 given {budget}"
            );
            return Err(ParamError { param: "thinking_budget".to_owned(), message });
        }
        if let Some(effort) = self.thinking.effort.filter(|&effort| effort != "none" && off) {
            let message = format!(
                "`reasoning_effort` must be \"none\" or absent where `enable_thinking` is false; \
                 given {effort:?}"
            );
            return Err(ParamError { param: "reasoning_effort".to_owned(), message });
        }
        Ok(())
    }
}

fn does_not_fit(param: &str, max_tokens: usize, given: impl std::fmt::Display) -> ParamError {
    let message = format!("`{param}` must fit into `max_tokens` ({max_tokens}); given {given}");
    ParamError { param: param.to_owned(), message }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_effort_but_none_has_a_share() {
        let with_share: Vec<&str> = EFFORT_SHARES.iter().map(|share| share.word).collect();
        assert_eq!(REASONING_EFFORTS[1..], with_share);
        assert!(EffortShare::of("none").is_none());
    }
}
