//! Parameters about a thought before the answer: whether, how long, and what is kept for the rest.

use super::{ParamError, SamplingParams};

/// Words for how much to think, least first.
pub const REASONING_EFFORTS: &[&str] =
    &["none", "minimal", "low", "medium", "high", "xhigh", "max"];

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

    /// Refuses numbers that do not fit together, whatever the model.
    pub(super) fn check_thinking(&self) -> Result<(), ParamError> {
        let (budget, reserve) = (self.thinking.budget, self.thinking.answer_reserve);
        let asked = budget.unwrap_or(0).saturating_add(reserve);
        if let Some(max_tokens) = self.max_tokens().filter(|&max| asked > max) {
            let (param, given) = match (budget, reserve) {
                (Some(budget), 0) => ("thinking_budget", budget.to_string()),
                (Some(budget), reserve) => {
                    ("thinking_budget", format!("{budget} + `answer_reserve` {reserve} = {asked}"))
                }
                (None, reserve) => ("answer_reserve", reserve.to_string()),
            };
            let message =
                format!("`{param}` must fit into `max_tokens` ({max_tokens}); given {given}");
            return Err(ParamError { param: param.to_owned(), message });
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
